/** Texts, drafts of forms, searches and the description of methods: everything that needs neither a browser nor a node. */

import { accountAddress, encodeArguments, InputError, KeyPair, moduleAddress, type AccountKeys, type Type } from "@pollen/client";
import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { emptyDraft, emptyFields, fieldOf, fieldsOf, valueOf, type Draft } from "../src/draft.js";
import { ago, counted, duration, grouped, measured, readableText, shortened, size, words } from "../src/format.js";
import { areSame, lossesOf, isUnlimited, keyOf, NEW_SCOPED, ownersDraft, ownersNow, ownersOf, scopedDraft, scopedOf, type Owners, type ScopedDraft } from "../src/keys.js";
import { draftOf, NO_DELAY, policyOf, policyWords } from "../src/policy.js";
import { paramsOf, readDocument, typedOf } from "../src/openrpc.js";
import { guesses } from "../src/search.js";
import { grainsOf, millisecondsOf, pollenText, spanOf, wholeOf } from "../src/typed.js";

const PREFIX = "pollend";
const ID = "5d4ed525d861734e26b63f3d04a9a1a27ab52ce585ddbe27c08a246148e168ae";

describe("format", () => {
  it("groups digits, whole ones and those before a point", () => {
    expect(grouped(1_234_567n)).toBe("1\u202f234\u202f567");
    expect(grouped(999)).toBe("999");
    expect(grouped(1234.5)).toBe("1\u202f234.5");
    expect(measured(0)).toBe("0");
    expect(measured(3.14159)).toBe("3.14");
    expect(measured(1_500)).toBe("1\u202f500");
    expect(measured(Number.NaN)).toBe("-");
  });

  it("tells times in the unit that fits", () => {
    expect(duration(0.28)).toBe("0.3 ms");
    expect(duration(14)).toBe("14 ms");
    expect(duration(1_500)).toBe("1.5 s");
    expect(duration(59_000)).toBe("59 s");
    expect(duration(3_600_000)).toBe("1 h");
    expect(ago(1_000, 1_400)).toBe("just now");
    expect(ago(0, 12_900)).toBe("12 s ago");
    expect(ago(0, 120_000)).toBe("2 min ago");
    expect(ago(60_000, 0)).toBe("in 1 min");
  });

  it("shortens in the middle, and only what is long", () => {
    expect(shortened(ID)).toEqual(["5d4ed525", "e168ae"]);
    expect(shortened("counter")).toEqual(["counter", ""]);
    expect(counted(1, "block")).toBe("1 block");
    expect(counted(2n, "block")).toBe("2 blocks");
    expect(size(1_048_576)).toBe("1.05 MB");
    expect(words("ModuleError")).toBe("module error");
  });

  it("reads bytes as text where most of them are some", () => {
    const bytes = (text: string) => new TextEncoder().encode(text);
    expect(readableText(bytes("fees"))).toBe("fees");
    expect(readableText(new Uint8Array([0x62, 5, 0, 0, 0, ...bytes("box-1")]))).toBe("b····box-1");
    expect(readableText(new Uint8Array([3, 0, 0, 0, 0, 0, 0, 0]))).toBeNull();
    expect(readableText(new Uint8Array())).toBeNull();
  });
});

describe("drafts", () => {
  const record: Type = { record: [["box", "string"], ["limit", "f64"], ["to", { option: "account" }], ["kind", { variant: [["plain", null], ["sized", "u32"]] }]], name: "x.record" };
  const formats = { prefix: PREFIX };

  it("begins empty, and says of an empty number where it is missing", () => {
    const fields: [string, Type][] = [["record", record]];
    const draft = emptyFields(fields);
    expect(fieldsOf(fields, draft)).toEqual({ record: { box: "", limit: "", to: null, kind: "plain" } });
    expect(() => encodeArguments(fields, fieldsOf(fields, draft), formats)).toThrowError(/arguments\.record\.limit/);
    expect(fieldOf("arguments.record.limit")).toBe("record.limit");
  });

  it("makes of what was typed what the encoder reads", () => {
    const address = accountAddress(ID, PREFIX);
    const draft: Draft = { fields: { box: "box-1", limit: " 9.5 ", to: { some: true, value: address }, kind: { chosen: "sized", payload: "7" } } };
    const value = valueOf(record, draft);
    expect(value).toEqual({ box: "box-1", limit: 9.5, to: address, kind: { sized: "7" } });
    expect(encodeArguments([["record", record]], { record: value }, formats).length).toBe(4 + 5 + 8 + 1 + 32 + 1 + 4);
  });

  it("keeps an option in an option apart from none", () => {
    const type: Type = { option: { option: "u8" } };
    const some = (value: Draft): Draft => ({ some: true, value });
    expect(valueOf(type, emptyDraft(type))).toBeNull();
    expect(valueOf(type, some({ some: false, value: "" }))).toEqual({ some: null });
    expect(valueOf(type, some(some("3")))).toEqual({ some: "3" });
  });

  it("reads bytes as text, hexadecimal digits and base64", () => {
    const of = (bytes: string, form: "text" | "hex" | "base64") => valueOf("bytes", { bytes, form });
    expect(of("hi", "text")).toBe("aGk=");
    expect(of("0x6869", "hex")).toBe("aGk=");
    expect(of(" aGk= ", "base64")).toBe("aGk=");
    expect(() => encodeArguments([["b", "bytes"]], { b: of("xyz", "hex") }, formats)).toThrowError(/arguments\.b/);
  });

  it("has a case of every type", () => {
    const types: Type[] = ["bool", "u64", "string", "bytes", "amount", { list: "u8" }, { tuple: ["u8", "bool"] }, { enum: ["a", "b"] }, { flags: ["r", "w"] }, { result: { ok: "u8", err: null } }];
    expect(types.map((type) => valueOf(type, emptyDraft(type)))).toEqual([false, "", "", "", "", [], ["", false], "a", [], { ok: "" }]);
  });
});

describe("search", () => {
  const known = {
    addressPrefix: PREFIX,
    committee: [{ author: 0, name: "validator 0", publicKey: "ab".repeat(32) }],
    names: ["counter", "coldchain"],
    methods: ["chain_head", "dag_rounds"],
  };
  const kinds = (text: string) => guesses(text, known).map((guess) => guess.kind);

  it("takes a number for a height, then for a round", () => {
    expect(guesses("1 234", known)).toEqual([{ kind: "checkpoint", height: 1_234n }, { kind: "round", round: 1_234 }]);
    expect(kinds("99999999999")).toEqual(["checkpoint"]);
    expect(guesses("812.3.0", known)).toEqual([{ kind: "checkpoint", height: 812n }]);
  });

  it("takes 64 digits for a hash, of a validator's key for the validator first", () => {
    expect(guesses(`0x${ID.toUpperCase()}`, known)).toEqual([{ kind: "hash", hash: ID }]);
    expect(kinds("ab".repeat(32))).toEqual(["validator", "hash"]);
  });

  it("tells accounts from modules, and no mistyped address", () => {
    const [account, module] = [accountAddress(ID, PREFIX), moduleAddress(ID, PREFIX)];
    expect(guesses(account, known)).toEqual([{ kind: "account", address: account }]);
    expect(guesses(module, known)).toEqual([{ kind: "module", address: module }]);
    expect(kinds(`${account.slice(0, -1)}q`)).toEqual([]);
  });

  it("finds names of modules, validators and methods by a part of them", () => {
    expect(guesses("@counter", known)).toEqual([{ kind: "name", name: "counter" }]);
    expect(guesses("@not-yet", known)).toEqual([{ kind: "name", name: "not-yet" }]);
    expect(kinds("co")).toEqual(["name", "name"]);
    expect(kinds("validator")).toEqual(["validator"]);
    expect(kinds("chain")).toEqual(["name", "method"]);
    expect(kinds("  ")).toEqual([]);
  });
});

describe("the node's own description", () => {
  const methods = readDocument(JSON.parse(readFileSync(new URL("../../../docs/openrpc.json", import.meta.url), "utf8")));

  it("has every method with docs, and an example for each that can be run", () => {
    expect(methods.length).toBeGreaterThan(30);
    for (const { name, docs, example, isSubscription } of methods) {
      expect(docs, name).not.toBe("");
      if (!isSubscription && name !== "rpc.discover") expect(example, name).not.toBeNull();
    }
  });

  it("knows what is needed, what can be chosen and how a field becomes JSON", () => {
    const of = (name: string) => methods.find((method) => method.name === name)!.params;
    expect(of("account_get").find(({ name }) => name === "account")).toMatchObject({ isRequired: true, kind: "text" });
    expect(of("tx_submit").find(({ name }) => name === "wait")?.choices).toContain("executed");
    expect(of("dag_rounds").find(({ name }) => name === "last")).toMatchObject({ kind: "number", isRequired: false });
    expect(of("module_call").find(({ name }) => name === "arguments")?.kind).toBe("json");
  });

  it("gives back the parameters of its examples from what they look like typed", () => {
    for (const { name, params, example } of methods) {
      if (example !== null) expect(paramsOf(params, typedOf(example.params)), name).toEqual(example.params);
    }
  });

  it("leaves empty fields out, and refuses broken JSON by the field's name", () => {
    const params = methods.find(({ name }) => name === "module_call")!.params;
    expect(paramsOf(params, { module: " @counter ", function: "get", arguments: "" })).toEqual({ module: "@counter", function: "get" });
    expect(() => paramsOf(params, { arguments: "{" })).toThrowError(/arguments/);
  });
});

describe("addresses of places", () => {
  it("are read as they are made", async () => {
    vi.stubGlobal("location", { hash: "" });
    vi.stubGlobal("addEventListener", () => undefined);
    const { readRoute, to } = await import("../src/route.js");
    expect(to()).toBe("#/");
    expect(to("modules", "@counter")).toBe("#/modules/@counter");
    expect(readRoute(to("search", "a/b c")).parts).toEqual(["search", "a/b c"]);
    const { parts, query } = readRoute("#/checkpoints?from=12&tab=raw");
    expect([parts, query.get("from"), query.get("tab")]).toEqual([["checkpoints"], "12", "raw"]);
    expect(readRoute("#/%E0%A4%A").parts).toEqual(["%E0%A4%A"]);
    vi.unstubAllGlobals();
  });
});

describe("policies", () => {
  const idOf = (address: string) => Promise.resolve(address.replace("account ", "").repeat(64));

  it("are read as they are written, and come back as the form had them", async () => {
    expect(await policyOf(NO_DELAY, idOf)).toEqual({ kind: "owner", delayMs: 0n });
    expect(await policyOf({ ...NO_DELAY, delay: "1.5", unit: "days" }, idOf)).toEqual({ kind: "owner", delayMs: 129_600_000n });
    const keys = { kind: "keys" as const, threshold: 2, keys: [{ account: "account a", weight: 1 }, { account: "account b", weight: 2 }], delayMs: 60_000n };
    expect(draftOf(keys)).toMatchObject({ delay: "1", unit: "minutes", threshold: "2" });
    expect(await policyOf(draftOf(keys), idOf)).toMatchObject({ kind: "keys", threshold: 2, keys: [{ account: "a".repeat(64) }, { weight: 2 }], delayMs: 60_000n });
    expect([policyWords({ kind: "never" }), policyWords(keys)]).toEqual(["nobody, ever", "weight 2 of 2 accounts, after 1 min"]);
  });

  it("that nobody could ever meet are refused, before anything is signed", async () => {
    const one = { ...NO_DELAY, kind: "keys" as const, keys: [{ account: "account a", weight: "1" }] };
    for (const draft of [{ ...one, threshold: "2" }, { ...one, threshold: "0" }, { ...one, keys: [] }, { ...one, keys: [...one.keys, ...one.keys] }, { ...one, threshold: "x" }, { ...NO_DELAY, delay: "2000", unit: "days" as const }, { ...NO_DELAY, delay: "-1" }]) {
      await expect(policyOf(draft, idOf), JSON.stringify(draft)).rejects.toThrow();
    }
  });
});

describe("what is typed", () => {
  it("is a length of time in any unit, and comes back in the largest that fits", () => {
    expect(millisecondsOf({ count: " 1.5 ", unit: "hours" }, "it")).toBe(5_400_000n);
    expect([spanOf(86_400_000n), spanOf(5_400_000n), spanOf(0n), spanOf(1n)].map(({ count, unit }) => `${count} ${unit}`)).toEqual(["1 days", "90 minutes", "0 hours", "0.001 seconds"]);
    for (const count of ["", "-1", "1e3", "0x10", "1,5", "Infinity"]) expect(() => millisecondsOf({ count, unit: "days" }, "it"), count).toThrow("it is a number");
  });

  it("is an amount of pollen with its unit or without, never of grains", () => {
    expect([grainsOf("20", "it"), grainsOf(" 1.5 pollen", "it"), grainsOf("", "it"), grainsOf("0", "it")]).toEqual([20_000_000_000n, 1_500_000_000n, null, 0n]);
    expect([pollenText(1_500_000_000n), pollenText(null)]).toEqual(["1.5", ""]);
    for (const text of ["-1", "1.0000000001", "2 grains", "1,5", "99999999999"]) expect(() => grainsOf(text, "it"), text).toThrow("it is an amount of pollen");
    expect(wholeOf("007", "it")).toBe(7);
    for (const text of ["0", "", "1.5", "-1", "99999999999"]) expect(() => wholeOf(text, "it"), text).toThrow("1 or more");
  });
});

describe("owners", () => {
  const [a, b, c] = ["a", "b", "c"].map((name) => KeyPair.development(name).publicKey) as [string, string, string];
  const mine = [{ publicKey: a, label: "main" }, { publicKey: b, label: "phone" }];
  const owners = (threshold: number, ...keys: [string, number][]): Owners => ({ threshold, owners: keys.map(([key, weight]) => ({ key, weight })) });
  const find = (address: string) => (address === "pollend1known" ? Promise.resolve(c) : Promise.reject(new InputError("nobody knows it")));
  const read = (of: Owners, scoped: { key: string; label: string }[] = []) => ownersOf(ownersDraft(of), scoped, find);

  it("of an account that the ledger keeps no keys of are the key that its id is the hash of, and no other", () => {
    const { account } = KeyPair.development("a");
    expect(ownersNow({ stored: false, owners: [] }, account, [b, a])).toEqual([{ key: a, weight: 1 }]);
    expect(ownersNow({ stored: false, owners: [] }, account, [b])).toEqual([]);
    expect(ownersNow({ stored: true, owners: [{ key: b, weight: 2 }] }, account, [a])).toEqual([{ key: b, weight: 2 }]);
  });

  it("are read as they are written: keys in any spelling, and addresses", async () => {
    const draft = { threshold: "2", owners: [{ key: ` 0x${a.toUpperCase().slice(0, 32)}\n${a.toUpperCase().slice(32)}`, weight: "1" }, { key: "pollend1known", weight: "2" }] };
    const found = await ownersOf(draft, [], find);
    expect(found).toEqual(owners(2, [a, 1], [c, 2]));
    expect(areSame(found, owners(2, [c, 2], [a, 1]))).toBe(true);
    expect(areSame(found, owners(2, [c, 1], [a, 1]))).toBe(false);
  });

  it("that would lock the account are refused, and say which and what to do", async () => {
    await expect(read(owners(3, [a, 1], [b, 1]))).rejects.toThrow("weight 3 must sign, and all of these keys together have 2: nobody could ever sign again");
    await expect(read(owners(1, [a, 1], [a, 2]))).rejects.toThrow("owner 2: this is the key of owner 1");
    await expect(read(owners(1, [a, 1], [b, 1]), [{ key: b, label: "till" }])).rejects.toThrow("owner 2: this is the scoped key “till”");
    await expect(read(owners(1, [a, 0]))).rejects.toThrow("owner 1: its weight is a whole number, 1 or more");
    await expect(read(owners(0, [a, 1]))).rejects.toThrow("1 or more");
    await expect(read(owners(1, [a, 2 ** 32 - 1], [b, 1]))).rejects.toThrow("at most 4294967295");
    await expect(read(owners(1))).rejects.toThrow("1 to 8 owners");
    await expect(read(owners(1, ["pollend1other", 1]))).rejects.toThrow("owner 1: nobody knows it");
  });

  it("have keys that can sign: no hash, no point of small order, nothing cut off", async () => {
    const noPoint = "0200000000000000000000000000000000000000000000000000000000000000";
    for (const text of ["", "main", a.slice(1), `${a}00`, noPoint, "01".padEnd(64, "0"), "ed25519:abc", "<script>"]) await expect(keyOf(text, find), text).rejects.toBeInstanceOf(InputError);
  });

  it("that take something from the wallet are told before, and asked about", () => {
    const told = (before: Owners, after: Owners) => lossesOf(before, after, mine).join(" ");
    const alone = owners(1, [a, 1]);
    expect(told(alone, owners(1, [b, 1]))).toBe("“main” will sign for this account no more. “phone” of this wallet will.");
    expect(told(alone, owners(1, [c, 1]))).toMatch(/“main” will sign .* no more\. No key of this wallet will/);
    expect(told(alone, owners(2, [a, 1], [c, 1]))).toMatch(/weight 1 of the 2 that must sign.*Nobody can sign without all of these keys/);
    expect(told(owners(2, [a, 1], [b, 1], [c, 1]), owners(3, [a, 1], [b, 1], [c, 1]))).toMatch(/too light alone.*all of these keys/);
    expect(told(alone, owners(3, [a, 1], [b, 2], [c, 1]))).toMatch(/^Nobody can sign without “phone”/);
    for (const [before, after] of [
      [owners(2, [a, 1], [c, 1]), owners(2, [a, 1], [c, 1], [b, 1])], // one more
      [alone, owners(1, [a, 1], [c, 1])], // each alone
      [alone, owners(3, [a, 3], [c, 1])], // as needed as it was
      [owners(2, [a, 1], [c, 1]), owners(2, [a, 1], [c, 2])], // too light as before
    ] as const) expect(told(before, after)).toBe("");
  });
});

describe("scoped keys", () => {
  const [owner, till, phone] = ["owner", "till", "phone"].map((name) => KeyPair.development(name).publicKey) as [string, string, string];
  const used = { spent: 0n, windowSpent: 0n, windowTransactions: 0 };
  const scoped: AccountKeys["scoped"] = [{ key: till, label: "till", calls: [{ module: "pollend1shop", functions: ["sell"] }], transfers: true, sponsors: false, expiresMs: 5_000n, spendMax: 1_500_000_000n, window: { lengthMs: 3_600_000n, spendMax: null, transactionsMax: 3 }, used }];
  const modules: Record<string, { id: string; commands: string[] }> = { "@shop": { id: ID, commands: ["sell", "buy"] }, pollend1shop: { id: ID, commands: ["sell", "buy"] } };
  const findModule = (text: string) => (modules[text] === undefined ? Promise.reject(new InputError("there is no such module")) : Promise.resolve(modules[text]));
  const context = { owners: [{ key: owner, weight: 1 }], scoped, before: null, nowMs: 1_000n, findKey: () => Promise.reject(new Error("unused")), findModule };
  const draft = (change: Partial<ScopedDraft>): ScopedDraft => ({ ...NEW_SCOPED, key: phone, label: "phone", ...change });

  it("are read as they are written, and come back as the form had them", async () => {
    const calls = [{ module: "@shop", functions: ["sell"] }];
    const written = draft({ calls, spend: "20", windowSpend: "5", windowTransactions: "100", after: { count: "1", unit: "seconds" } });
    expect(await scopedOf(written, context)).toEqual({
      key: phone, label: "phone",
      scope: { calls: [{ module: ID, functions: ["sell"] }], transfers: false, sponsors: false, expiresMs: 2_000n, spendMax: 20_000_000_000n, window: { lengthMs: 3_600_000n, spendMax: 5_000_000_000n, transactionsMax: 100 } },
    });
    const { key, label, calls: _, used: __, ...kept } = scoped[0]!;
    expect(await scopedOf(scopedDraft(scoped[0]!), { ...context, before: scoped[0]! })).toEqual({ key, label, scope: { ...kept, calls: [{ module: ID, functions: ["sell"] }] } });
    expect((await scopedOf(draft({ transfers: true, expires: "never" }), context)).scope).toMatchObject({ expiresMs: null, window: null, spendMax: null });
  });

  it("that could do nothing, or that nobody could mean, are refused with what to do", async () => {
    const calls = (...modules: [string, ...string[]][]) => ({ calls: modules.map(([module, ...functions]) => ({ module, functions })) });
    for (const [change, words] of [
      [{}, "such a key may do nothing"],
      [{ transfers: true, label: " " }, "the key has no name"],
      [{ transfers: true, label: "a".repeat(65) }, "at most 64 bytes"],
      [{ transfers: true, key: owner }, "this key is an owner"],
      [{ transfers: true, key: till }, "scoped already, as “till”"],
      [{ transfers: true, key: "x" }, "the key: 'x' is no public key"],
      [calls([""]), "module 1: there is no address"],
      [calls(["@none"]), "module 1: there is no such module"],
      [calls(["@shop"], ["pollend1shop"]), "module 2: it is named twice"],
      [calls(["@shop", "steal"]), "module 1: it has no command 'steal'"],
      [{ transfers: true, spend: "much" }, "what it may spend in all is an amount of pollen"],
      [{ transfers: true, windowTransactions: "0" }, "1 or more"],
      [{ transfers: true, windowSpend: "1", window: { count: "0", unit: "hours" } }, "the length of the window is more than 0"],
      [{ transfers: true, after: { count: "soon", unit: "days" } }, "the time that it is good for is a number"],
    ] as [Partial<ScopedDraft>, string][]) await expect(scopedOf(draft(change), context), words).rejects.toThrow(words);
    const many = Array.from({ length: 16 }, (_, place) => ({ ...scoped[0]!, key: KeyPair.development(String(place)).publicKey }));
    await expect(scopedOf(draft({ transfers: true }), { ...context, scoped: many })).rejects.toThrow("at most 16 scoped keys");
  });

  it("without a limit of pollen are told apart", () => {
    expect([isUnlimited(draft({})), isUnlimited(draft({ transfers: true })), isUnlimited(draft({ transfers: true, windowSpend: "1" }))]).toEqual([false, true, false]);
  });
});
