/** Files that `pollen bind ts` made (node/src/cli/bind): that they mean what the interface says, and can be used. */

import { describe, expect, it } from "vitest";
import { decodeArguments, decodeValue, encodeArguments, encodeValue, readInterface, type Interface } from "../src/index.js";
import { definition as coldchain } from "./bound/coldchain.js";
import { definition, EveryKind, type Choice, type EveryKindEvent, type KeyPair } from "./bound/every-kind.js";
import { repository, vectors } from "./files.js";
import { readFileSync } from "node:fs";

const native = { prefix: "pollend", form: "native" } as const;
const account = "pollend1qqqqzqsrqszsvpcgpy9qkrqdpc83qygjzv2p29shrqv35xcur50p7u2ckhy";

/** An interface without what a definition leaves out. */
function bare({ package: name, commands, queries, events }: Interface): unknown {
  const functions = (half: Interface["commands"]) => half.map(({ name, params, result }) => ({ name, params, result }));
  return { package: name, commands: functions(commands), queries: functions(queries), events: events.map(({ name, type }) => ({ name, type })) };
}

describe("bindings", () => {
  it("have the types of the interface", () => {
    expect(bare(definition)).toEqual(bare(readInterface(vectors("rpc/ts/tests/bound/every-kind.json"))));
    const known = vectors("tests/vectors/previews.json") as { modules: { name: string | null; interface: unknown }[] };
    const told = readInterface(known.modules.find(({ name }) => name === "coldchain")!.interface);
    expect(bare(coldchain)).toEqual(bare(told));
  });

  it("have types for the compiler that fit those of values", () => {
    const pair: KeyPair = { leftSide: 18446744073709551615n, right: { some: null } };
    const choice: Choice = { "a-pair": pair };
    const args = {
      listOf: [pair, null],
      choice,
      color: "dark-green" as const,
      may: ["read" as const, "grant" as const],
      both: [7, { data: Uint8Array.of(1, 2) }] as [number, { data: Uint8Array }],
      maybe: null,
      end: { err: 5 },
    };
    // The method takes exactly this, by the compiler's word.
    type Taken = Parameters<EveryKind["madeOfOthers"]>[0];
    const taken: Taken = args;
    const params = definition.commands.find(({ name }) => name === "made-of-others")!.params;
    const encoded = encodeArguments(params, taken, native);
    expect(decodeArguments(params, encoded, native)).toEqual(args);
  });

  it("read every kind of scalar back as it was given", () => {
    const called = definition.commands.find(({ name }) => name === "scalars")!;
    const id = "ab".repeat(32);
    const args: Parameters<EveryKind["scalars"]>[0] = {
      a: true, b: 255, c: 65535, d: 4294967295, e: 1n, f: -128, g: -32768, h: -2147483648, i: -1n, j: 8.1, k: -Infinity, l: "é",
      m: "text", n: 1_500_000_000n, o: Uint8Array.of(0, 255), p: account, q: id, r: id, s: id,
    };
    const encoded = encodeArguments(called.params, args, native);
    expect(decodeArguments(called.params, encoded, native)).toEqual(args);
    expect(Object.values(args)).toEqual(decodeValue(called.result!, encodeValue(called.result!, Object.values(args), native), native));
  });

  it("tell events apart by their names", () => {
    const told = (event: EveryKindEvent): string => (event.name === "count" ? `${event.value + 1n}` : JSON.stringify(event.value));
    const place = { cursor: "1.0.0", transaction: "ab".repeat(32), timeMs: 1n, topics: [] };
    expect(told({ name: "count", value: 41n, ...place })).toBe("42");
    expect(told({ name: "chosen", value: "nothing", ...place })).toBe('"nothing"');
  });

  it("have methods of names that are free", () => {
    const names = Object.getOwnPropertyNames(EveryKind.prototype);
    expect(names).toEqual(expect.arrayContaining(["scalars", "madeOfOthers", "constructorCommand", "get", "getQuery", "idQuery", "events"]));
    expect(names).not.toContain("init");
    const start = EveryKind.initArguments({ start: 5n }, "pollend");
    expect(decodeValue("u64", start, native)).toBe(5n);
  });

  it("have docs that end no comment", () => {
    const text = readFileSync(repository("rpc/ts/tests/bound/every-kind.ts"), "utf8");
    expect(text).toContain("Ends the comment * / process.exit(1) /*");
  });
});
