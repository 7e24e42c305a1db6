/** What these protect: an upgrade that breaks callers is told so before it is signed, as the command line tells it. */

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compareInterfaces, isCompatible, readComponent, type FunctionType, type Interface, type Type } from "../src/index.js";
import { repository } from "./files.js";
import { POLLEN_BIN, startNetwork, type Network } from "./network.js";

const called = (name: string, params: [string, Type][], result: Type | null = null): FunctionType => ({ name, docs: "Docs.", params, result });
const shop = (commands: FunctionType[], more: Partial<Interface> = {}): Interface => ({ package: "my:shop@0.1.0", docs: null, commands, queries: [], events: [], ...more });
const fits = (before: Interface, after: Interface) => isCompatible(compareInterfaces(before, after));
const ofParam = (before: Type, after: Type) => fits(shop([called("f", [["it", before]])]), shop([called("f", [["it", after]])]));
const ofResult = (before: Type, after: Type) => fits(shop([called("f", [], before)]), shop([called("f", [], after)]));
const ofEvent = (before: Type, after: Type) => {
  const of = (type: Type) => shop([], { events: [{ name: "e", docs: null, type }] });
  return fits(of(before), of(after));
};
const labels = (...names: string[]): Type => ({ enum: names, name: "commands.mode" });
const record = (fields: [string, Type][]): Type => ({ record: fields, name: "commands.box" });
const component = (name: string) => readComponent(Uint8Array.from(readFileSync(repository(`vm/vectors/${name}.wasm`))))!;

describe("two interfaces", () => {
  it("are compatible where functions were added, and not where one is gone", () => {
    const [get, put] = [called("get", [], "u64"), called("put", [["it", "u8"]])];
    const more = compareInterfaces(shop([get]), shop([get, put]));
    expect(more).toEqual([{ part: "command", kind: "added", name: "put", before: null, after: "put: func(it: u8)", breaks: false }]);
    expect(compareInterfaces(shop([get, put]), shop([get]))).toMatchObject([{ kind: "removed", name: "put", breaks: true }]);
    // A command that became a query: calls of it are refused.
    expect(fits(shop([get]), shop([], { queries: [get] }))).toBe(false);
  });

  it("break callers by parameters, results and events of another shape", () => {
    expect(ofParam("u64", "u32")).toBe(false);
    expect(ofParam("u64", "amount")).toBe(false);
    expect(ofResult("u64", { option: "u64" })).toBe(false);
    expect(ofResult(record([["a", "u8"]]), record([["a", "u8"], ["b", "u8"]]))).toBe(false);
    expect(ofParam(record([["a", "u8"]]), record([["b", "u8"]]))).toBe(false);
    expect(ofEvent(record([["a", "u8"]]), record([["a", "u16"]]))).toBe(false);
    // Arguments go by name.
    expect(fits(shop([called("f", [["a", "u8"]])]), shop([called("f", [["b", "u8"]])]))).toBe(false);
  });

  it("may have new cases where the module reads, and in errors", () => {
    const [few, many] = [labels("on", "off"), labels("on", "off", "eco")];
    const failing = (err: Type, ok: Type = "u8"): Type => ({ result: { ok, err } });
    expect([ofParam(few, many), ofParam(many, few), ofParam(few, labels("on", "eco", "off"))]).toEqual([true, false, false]);
    expect([ofResult(failing(few), failing(many)), ofResult(failing(many), failing(few))]).toEqual([true, false]);
    expect([ofResult(failing("u8", few), failing("u8", many)), ofResult(few, many), ofEvent(few, many)]).toEqual([false, false, false]);
    const flags = (count: number): Type => ({ flags: Array.from({ length: count }, (_, place) => `f${place}`), name: "commands.set" });
    expect([ofParam(flags(3), flags(8)), ofParam(flags(8), flags(9)), ofResult(flags(3), flags(4))]).toEqual([true, false, false]);
  });

  it("may differ in init, migrate, docs and names of types", () => {
    expect(compareInterfaces(shop([called("init", [["start", "u64"]])]), shop([called("migrate", [])])).map(({ breaks }) => breaks)).toEqual([false, false]);
    expect(ofResult(labels("on"), { enum: ["on"], name: "commands.state" })).toBe(true);
    expect(compareInterfaces(shop([called("f", [])]), shop([{ ...called("f", []), docs: null }]))).toEqual([]);
  });
});

describe.skipIf(POLLEN_BIN === undefined)("beside the command line", () => {
  let network: Network;
  beforeAll(async () => {
    network = await startNetwork();
  });
  afterAll(() => network?.stop());

  it("the same differences are told of real modules, word by word", () => {
    network.pollen("keys", "new", "alice");
    network.pollen("devnet", "fund", "alice", "100");
    const file = (name: string) => repository(`vm/vectors/${name}.wasm`);
    const steps = ["probe", "token", "coldchain"];
    network.pollen("deploy", file(steps[0]!), "--name", "mine", "--from", "alice");
    for (const [place, after] of steps.slice(1).entries()) {
      const told = JSON.parse(network.pollen("--json", "upgrade", "mine", file(after), "--from", "alice", "--allow-breaking")) as { difference: { differences: unknown } };
      expect(compareInterfaces(component(steps[place]!), component(after))).toEqual(told.difference.differences);
    }
  });
});
