/** Interfaces out of the packages of real modules, and that a node cannot tell another one. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fromUtf8 } from "../src/bytes.js";
import { AnswerError, InputError, PollenError, ProofError } from "../src/errors.js";
import type { Type } from "../src/types.js";
import { checkPackage, readComponent, readPackage } from "../src/wit.js";
import { repository, vectors } from "./files.js";
import { readInterface } from "../src/types.js";

function component(name: string): Uint8Array {
  return Uint8Array.from(readFileSync(repository(`vm/vectors/${name}.wasm`)));
}

/** The section `pollen-wit` of a component. */
function packageOf(name: string): Uint8Array {
  const bytes = component(name);
  let place = 8;
  const number = () => {
    for (let value = 0, shift = 0; ; shift += 7) {
      const part = bytes[place++]!;
      value += (part & 0x7f) * 2 ** shift;
      if (part < 0x80) return value;
    }
  };
  while (place < bytes.length) {
    const kind = bytes[place++];
    const end = number() + place;
    if (kind === 0) {
      const length = number();
      if (fromUtf8(bytes.subarray(place, place + length)) === "pollen-wit") return bytes.slice(place + length, end);
    }
    place = end;
  }
  throw new Error(`${name} has no package`);
}

describe("components", () => {
  it("have their interface inside", () => {
    for (const name of ["coldchain", "counter", "probe", "token"]) {
      expect(readComponent(component(name))).toEqual(readPackage(packageOf(name)));
    }
    expect(readComponent(component("counter"))!.commands.find(({ name }) => name === "init")!.params).toEqual([["start", "u64"]]);
  });

  it("may have none, and are refused where they are none", () => {
    const empty = Uint8Array.of(0, 97, 115, 109, 13, 0, 1, 0);
    expect(readComponent(empty)).toBeNull();
    const twice = Buffer.concat([component("counter"), component("counter").subarray(8)]);
    expect(() => readComponent(Uint8Array.from(twice))).toThrow("two sections pollen-wit");
    const module = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
    for (const bytes of [new Uint8Array(), module, component("counter").subarray(0, 5_000), Uint8Array.of(...empty, 0, 200)]) {
      expect(() => readComponent(bytes)).toThrow(InputError);
    }
  });
});

describe("packages", () => {
  it("have what the ledger reads in them", () => {
    const coldchain = readPackage(packageOf("coldchain"));
    const known = vectors("tests/vectors/previews.json") as { modules: { name: string | null; interface: unknown }[] };
    const told = readInterface(known.modules.find(({ name }) => name === "coldchain")!.interface);
    checkPackage(told, packageOf("coldchain"));
    expect(coldchain.package).toBe("pollen:coldchain@0.1.0");
    expect(coldchain.commands.map(({ name }) => name)).toEqual(["open-box", "record", "close-box"]);
    const token = readPackage(packageOf("token"));
    expect(token.commands.find(({ name }) => name === "transfer")!.params).toEqual([["to", "account"], ["amount", "u64"]]);
    const probe = readPackage(packageOf("probe"));
    expect(probe.commands.find(({ name }) => name === "random")!.result).toEqual({ tuple: ["bytes", "bytes"] });
    expect(readPackage(packageOf("counter")).events).toEqual([
      { name: "incremented", docs: null, type: { name: "events.incremented", record: [["by", "u64"], ["value", "u64"]] } },
    ]);
  });

  it("give a node away that tells another interface", () => {
    const told = readPackage(packageOf("token"));
    const transfer = told.commands.find(({ name }) => name === "transfer")!;
    for (const params of [
      [["to", "account"], ["fee", "u64"]],
      [["amount", "u64"], ["to", "account"]],
      [["to", "account"], ["amount", "amount"]],
    ] as [string, Type][][]) {
      const commands = told.commands.map((one) => (one === transfer ? { ...transfer, params } : one));
      expect(() => checkPackage({ ...told, commands }, packageOf("token"))).toThrow(ProofError);
    }
    expect(() => checkPackage(told, packageOf("counter"))).toThrow(ProofError);
  });

  it("of few words that mean very many types are refused", () => {
    const name = (level: number) => `commands.t${level}`;
    const types: Record<string, unknown> = { [name(0)]: { wit: "record t0 {\n  a: u8,\n}\n", schema: { properties: { a: {} } } } };
    for (let level = 1; level < 31; level++) {
      const inner = { $ref: `#/types/${name(level - 1)}/schema` };
      const wit = `record t${level} {\n  a: t${level - 1},\n  b: t${level - 1},\n}\n`;
      types[name(level)] = { wit, schema: { properties: { a: inner, b: inner } } };
    }
    const called = { name: "f", docs: null, params: [{ name: "a", type: "t30", schema: { $ref: `#/types/${name(30)}/schema` } }], result: null };
    const told = { package: "a:b", docs: null, commands: [called], queries: [], events: [], types };
    expect(() => readInterface(told)).toThrow("a type of more than 16384 parts");
    types[name(0)] = { wit: "record t0 {\n  a: t30,\n}\n", schema: { properties: { a: { $ref: `#/types/${name(30)}/schema` } } } };
    expect(() => readInterface(told)).toThrow("contains itself");
  });

  it("are read strictly, and end no other way than by an error of ours", () => {
    for (const name of ["counter", "coldchain"]) {
      const good = packageOf(name);
      for (let place = 0; place < good.length; place++) {
        const flipped = Uint8Array.from(good);
        flipped[place]! ^= 1 << (place % 8);
        try {
          readPackage(flipped);
        } catch (error) {
          expect(error).toBeInstanceOf(PollenError);
        }
        if (place % 5 === 0) {
          try {
            readPackage(good.slice(0, place));
          } catch (error) {
            expect(error).toBeInstanceOf(AnswerError);
          }
        }
      }
    }
    expect(() => readPackage(new Uint8Array())).toThrow(AnswerError);
  });
});
