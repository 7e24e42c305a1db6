/** tests/vectors/values.json, the native form, and errors as the ledger words them. */

import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../src/bytes.js";
import { ValueError } from "../src/errors.js";
import type { Type } from "../src/types.js";
import { formatAmount, parseAmount, widened } from "../src/numbers.js";
import { decodeArguments, decodeValue, encodeArguments, encodeValue } from "../src/values.js";
import { vectors } from "./files.js";

const { values, refused } = vectors("tests/vectors/values.json") as {
  values: { name: string; type: Type; json: unknown; hex: string }[];
  refused: { name: string; type: Type; hex: string }[];
};
const formats = { prefix: "pollend" };
const native = { prefix: "pollend", form: "native" } as const;

describe("values", () => {
  it.each(values)("$name", ({ type, json, hex }) => {
    expect(toHex(encodeValue(type, json, formats))).toBe(hex);
    expect(decodeValue(type, fromHex(hex), formats)).toEqual(json);
    const value = decodeValue(type, fromHex(hex), native);
    expect(toHex(encodeValue(type, value, native))).toBe(hex);
  });

  it.each(refused)("refused: $name", ({ type, hex }) => {
    expect(() => decodeValue(type, fromHex(hex), formats)).toThrow(ValueError);
  });

  it("have one encoding: a changed byte is another value, or none", () => {
    for (const { type, hex } of values) {
      const bytes = fromHex(hex);
      for (let place = 0; place < bytes.length; place++) {
        const flipped = Uint8Array.from(bytes);
        flipped[place]! ^= 1;
        let value: unknown;
        try {
          value = decodeValue(type, flipped, formats);
        } catch (error) {
          expect(error).toBeInstanceOf(ValueError);
          continue;
        }
        expect(toHex(encodeValue(type, value, formats))).toBe(toHex(flipped));
      }
    }
  });

  const box: Type = {
    name: "commands.box",
    record: [
      ["items", { list: "u64" }],
      ["max-celsius", "f64"],
      ["note", { option: "string" }],
    ],
  };

  it("are read from numbers of any kind, if they are exact", () => {
    for (const value of [7n, 7, "7"]) expect(toHex(encodeValue("u64", value, formats))).toBe("0700000000000000");
    for (const value of [2 ** 53, 1.5, "7.0", "+7", " 7", "", -1, 1n << 64n, null, true, NaN]) {
      expect(() => encodeValue("u64", value, formats)).toThrow(ValueError);
    }
  });

  it("have native forms for programs", () => {
    const value = { items: [1n, 18446744073709551615n], maxCelsius: -Infinity, note: null };
    const encoded = encodeValue(box, value, native);
    expect(decodeValue(box, encoded, native)).toEqual(value);
    expect(decodeValue(box, encoded, formats)).toEqual({
      items: ["1", "18446744073709551615"],
      "max-celsius": "-infinity",
      note: null,
    });
    expect(decodeValue("bytes", fromHex("020000000102"), native)).toEqual(Uint8Array.of(1, 2));
  });

  it("are refused with path, type and what came", () => {
    const params: [string, Type][] = [["box", box], ["times", { option: "u8" }]];
    const message = (values: unknown) => {
      try {
        encodeArguments(params, values, formats);
      } catch (error) {
        return (error as ValueError).message;
      }
      return "taken";
    };
    expect(message({ box: { items: [1, 2, -1], "max-celsius": 1 } })).toBe(
      "arguments.box.items[2]: expected u64: a whole number from 0 to 18446744073709551615, found -1",
    );
    expect(message({ box: { items: [], "max-celsius": NaN } })).toBe(
      "arguments.box.max-celsius: expected f64: a number, not NaN, found NaN",
    );
    expect(message({ box: { items: [], "max-celsios": 1 } })).toBe(
      "arguments.box: expected 'max-celsius', found the unknown name 'max-celsios'",
    );
    expect(message({ box: { items: [] } })).toBe("arguments.box.max-celsius: expected f64: a number, not NaN, found nothing");
    expect(message([{ items: {}, "max-celsius": 1 }])).toBe("arguments.box.items: expected list<u64>: a list, found an object with ");
    expect(message({ boks: 1 })).toBe("arguments: expected 'box', found the unknown name 'boks'");
    expect(message("x")).toBe('arguments: expected the parameters box, times, found "x"');
    expect(message([1, 2, 3])).toBe("arguments: expected the parameters box, times, found a list of 3");
    expect(message({ box: { items: [], "max-celsius": 1 }, times: 256 })).toBe(
      "arguments.times: expected u8: a whole number from 0 to 255, found 256",
    );
    expect(message([{ items: [], "max-celsius": 1 }])).toBe("taken");
  });

  it("have their bounds", () => {
    expect(() => encodeValue({ list: "u8" }, new Array(65_537).fill(0), formats)).toThrow("at most 65536 bytes");
    expect(() => encodeValue({ list: { tuple: ["u8"] } }, new Array(40_000).fill([0]), formats)).toThrow("at most 65536 values");
    const deep = new Uint8Array(4 + 40_000);
    new DataView(deep.buffer).setUint32(0, 40_000, true);
    expect(() => decodeValue({ list: { tuple: ["u8"] } }, deep, formats)).toThrow("at most 65536 values");
    expect(() => decodeValue("bytes", new Uint8Array(70_000), formats)).toThrow("at most 65536 bytes");
    expect(() => encodeValue("string", "\ud800", formats)).toThrow(ValueError);
    expect(() => encodeValue("bytes", "AB==", formats)).toThrow(ValueError);
  });

  it("decode arguments by name", () => {
    const params: [string, Type][] = [["box-name", "string"], ["times", { option: "u8" }]];
    const encoded = encodeArguments(params, { "box-name": "b" }, formats);
    expect(decodeArguments(params, encoded, formats)).toEqual({ "box-name": "b", times: null });
    expect(decodeArguments(params, encoded, native)).toEqual({ boxName: "b", times: null });
  });

  it("have amounts as people write them", () => {
    for (const [text, grains] of [
      ["1.5 pollen", 1_500_000_000n], ["1.5pollen", 1_500_000_000n], ["7", 7n], ["0.000000001 pollen", 1n],
      ["18446744073.709551615 pollen", (1n << 64n) - 1n], ["18446744073.709551616 pollen", null], ["1. pollen", null],
      [".5 pollen", null], ["1.0000000001 pollen", null], ["-1", null], ["", null], ["pollen", null],
    ] as const) {
      expect(parseAmount(text)).toBe(grains);
    }
    for (const [grains, text] of [[0n, "0 pollen"], [1n, "0.000000001 pollen"], [1_500_000_000n, "1.5 pollen"]] as const) {
      expect(formatAmount(grains)).toBe(text);
    }
    for (const value of [8.1, 0.1, 16777216, 3.4028235e38, 1.1754944e-38, 1e-45, 9.5, 1.2621774e-29]) {
      expect(widened(Math.fround(value))).toBe(value);
    }
  });
});
