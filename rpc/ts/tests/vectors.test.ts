/**
 * What clients in two languages must agree on to the byte: tests/vectors/client-rust.json, made by
 * tests/tests/system/client_vectors.rs, and tests/vectors/client-ts.json, made here from other inputs.
 * POLLEN_UPDATE=1 writes the second anew.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { formatAddress, parseAddress, type AddressKind } from "../src/address.js";
import { fromHex, toHex, toUtf8 } from "../src/bytes.js";
import { PollenError } from "../src/errors.js";
import { readGenesis } from "../src/genesis.js";
import { contentHash } from "../src/hash.js";
import { accountOf, KeyPair, messageBytes, signMessage, verifyMessage } from "../src/keys.js";
import {
  cosign,
  decodeSigned,
  decodeTransaction,
  encodeSigned,
  encodeTransaction,
  fee,
  readSigned,
  signingBytes,
  signTransaction,
  transactionId,
  type Action,
  type Scope,
  type SignedTransaction,
  type Transaction,
  type UpgradePolicy,
} from "../src/transaction.js";
import type { Type } from "../src/types.js";
import { decodeArguments, encodeArguments } from "../src/values.js";
import { flips, repository, vectors } from "./files.js";

const CHAIN = "11".repeat(32);
const PREFIX = "pollend";
const formats = { prefix: PREFIX };

interface SignedVector {
  name: string;
  transaction: unknown;
  encoded: string;
  signingBytes: string;
  id: string;
  maxFee: string;
  seeds: string[];
  signature: string;
  cosignatures: { publicKey: string; signature: string }[];
  attachments: string[];
  signed: string;
}

interface Vectors {
  about: string;
  chainId: string;
  addressPrefix: string;
  addresses: { kind: AddressKind; id: string; prefix: string; text: string }[];
  keys: { words: string; coinType: number; index: number; publicKey: string; account: string; address: string; seed: string }[];
  transactions: SignedVector[];
  messages: { message: string; bytes: string; seed: string; publicKey: string; signature: string }[];
  arguments: { params: [string, Type][]; values: unknown; hex: string | null; refused: string | null }[];
}

/** Bytes as hexadecimal digits, u64 as decimal digits. */
function toJson(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(toJson);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, toJson(part)]));
}

const U64 = new Set(["nonce", "validUntilMs", "maxFuel", "fuelPrice", "amount", "deposit", "delayMs", "lengthMs", "spendMax", "expiresMs"]);

function fromJson(value: unknown, name = ""): unknown {
  if (Array.isArray(value)) return value.map((part) => fromJson(part));
  if (typeof value === "string" && U64.has(name)) return BigInt(value);
  if (typeof value === "string" && name === "arguments") return fromHex(value);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, fromJson(part, name)]));
}

function signedVector(name: string, signed: SignedTransaction, seeds: string[]): SignedVector {
  const { transaction, signature, cosignatures, attachments } = signed;
  return {
    name,
    transaction: toJson(transaction),
    encoded: toHex(encodeTransaction(transaction)),
    signingBytes: toHex(signingBytes(transaction, CHAIN)),
    id: transactionId(transaction, CHAIN),
    maxFee: fee(transaction.maxFuel, transaction.fuelPrice).toString(),
    seeds,
    signature: toHex(signature),
    cosignatures: toJson(cosignatures) as SignedVector["cosignatures"],
    attachments: attachments.map(toHex),
    signed: toHex(encodeSigned(signed)),
  };
}

// ---- What is made here ----

const seed = (byte: number) => byte.toString(16).padStart(2, "0").repeat(32);
const pair = (byte: number) => KeyPair.fromSeed(seed(byte));

function transaction(actions: Action[]): Transaction {
  const key = pair(0x21);
  return {
    version: 1,
    sender: key.account,
    key: key.publicKey,
    nonce: 1_024n,
    validUntilMs: 1_800_000_000_001n,
    maxFuel: 123_456_789n,
    fuelPrice: 3n,
    payer: null,
    actions,
  };
}

function actions(): [string, Action[]][] {
  const [code, module] = [seed(0xc0), seed(0xa0)];
  const policies: UpgradePolicy[] = [
    { kind: "never" },
    { kind: "owner", delayMs: 0n },
    { kind: "keys", threshold: 0xffff_ffff, keys: [{ account: seed(1), weight: 0xffff_fffe }, { account: seed(2), weight: 1 }], delayMs: 1n },
    { kind: "itself" },
  ];
  const scopes: Scope[] = [
    { calls: [], transfers: true, sponsors: false, expiresMs: null, spendMax: 0n, window: null },
    {
      calls: Array.from({ length: 8 }, (_, byte) => ({ module: seed(byte), functions: [`f-${byte}`, "ü"] })),
      transfers: false,
      sponsors: true,
      expiresMs: 0n,
      spendMax: null,
      window: { lengthMs: (1n << 64n) - 1n, spendMax: null, transactionsMax: 0 },
    },
  ];
  const owners = Array.from({ length: 8 }, (_, byte) => ({ key: pair(byte + 1).publicKey, weight: 1 }));
  const one = (action: Action): Action[] => [action];
  return [
    ["transfer", one({ kind: "transfer", to: seed(3), amount: 1n })],
    ["invoke", one({ kind: "invoke", module, function: "é", arguments: new Uint8Array(300).fill(7), deposit: (1n << 64n) - 1n, interface: null })],
    ["invoke with a pin", one({ kind: "invoke", module, function: "f", arguments: new Uint8Array(), deposit: 0n, interface: seed(9) })],
    ["publish", one({ kind: "publish", code })],
    ["upgrade", one({ kind: "change", module, change: { kind: "upgrade", code, arguments: Uint8Array.of(1, 2) } })],
    ["pause", one({ kind: "change", module, change: { kind: "pause" } })],
    ["resume", one({ kind: "change", module, change: { kind: "resume" } })],
    ["cancel", one({ kind: "cancel", module, change: seed(0xdd) })],
    ["owners", one({ kind: "setOwners", threshold: 8, owners })],
    ["remove key", one({ kind: "removeKey", key: pair(9).publicKey })],
    ["one of each few", [{ kind: "publish", code }, { kind: "cancel", module, change: seed(1) }, { kind: "transfer", to: seed(3), amount: 2n }]],
    ...policies.map((policy): [string, Action[]] => ["deploy", one({ kind: "deploy", code, name: "a1", arguments: new Uint8Array(), policy })]),
    ["deploy without a name", one({ kind: "deploy", code, name: null, arguments: Uint8Array.of(0), policy: { kind: "itself" } })],
    ...policies.map((policy): [string, Action[]] => ["policy", one({ kind: "change", module, change: { kind: "policy", policy } })]),
    ...scopes.map((scope, place): [string, Action[]] => ["put key", one({ kind: "putKey", key: { key: pair(0x40).publicKey, label: place === 0 ? "" : "ключ 🔑", scope } })]),
  ];
}

function made(): Vectors & { refused: { name: string; signed: string }[] } {
  const lead = pair(0x21);
  const transactions = actions().map(([name, actions]) =>
    signedVector(name, signTransaction(transaction(actions), CHAIN, lead), [seed(0x21)]),
  );
  const component = toUtf8("another component");
  const others = [0x30, 0x22, 0x77];
  let signed = signTransaction(
    { ...transaction([{ kind: "deploy", code: contentHash(component), name: null, arguments: new Uint8Array(), policy: { kind: "never" } }]), payer: seed(5) },
    CHAIN,
    lead,
    [component],
  );
  for (const byte of others) signed = cosign(signed, CHAIN, pair(byte));
  transactions.push(signedVector("a payer, several keys, an attachment", signed, [0x21, ...others].map(seed)));

  const words = ["legal winner thank year wave sausage worth useful legal winner thank yellow", `${"zoo ".repeat(23)}vote`];
  const keys = words.flatMap((words) =>
    [[1, 1], [2_147_483_647, 0]].map(([coinType, index]) => {
      const key = KeyPair.fromWords(words, { coinType: coinType!, index: index! });
      const { publicKey, account } = key;
      return { words, coinType: coinType!, index: index!, seed: toHex(key.seed()), publicKey, account, address: key.address(PREFIX) };
    }),
  );
  const addresses = (["account", "module", "validator"] as const).flatMap((kind) =>
    ["p", "pollen", PREFIX].map((prefix) => ({ kind, id: seed(0x3c), prefix, text: formatAddress({ kind, id: seed(0x3c) }, prefix) })),
  );
  const messages = [new Uint8Array(), toUtf8("I am me ✓"), Uint8Array.of(0, 255)].map((message) => ({
    message: toHex(message),
    bytes: toHex(messageBytes(CHAIN, message)),
    seed: seed(0x55),
    publicKey: pair(0x55).publicKey,
    signature: toHex(signMessage(pair(0x55), CHAIN, message)),
  }));
  // Signed well, and yet none: shapes that the ledger has bounds for, a signature for another chain, a second encoding.
  const transfer: Action = { kind: "transfer", to: seed(3), amount: 1n };
  const refused = (
    [
      ["no actions", { ...transaction([]) }],
      ["seventeen actions", transaction(new Array<Action>(17).fill(transfer))],
      ["another version", { ...transaction([transfer]), version: 2 }],
      ["its own payer", { ...transaction([transfer]), payer: lead.account }],
      ["no fuel", { ...transaction([transfer]), maxFuel: 0n }],
      ["nothing to transfer", transaction([{ ...transfer, amount: 0n }])],
      ["a name with capitals", transaction([{ kind: "deploy", code: seed(1), name: "Gold", arguments: new Uint8Array(), policy: { kind: "never" } }])],
      ["a threshold above the weights", transaction([{ kind: "setOwners", threshold: 2, owners: [{ key: lead.publicKey, weight: 1 }] }])],
      ["a window of no time", transaction([{ kind: "putKey", key: { key: seed(1), label: "", scope: { calls: [], transfers: true, sponsors: false, expiresMs: null, spendMax: null, window: { lengthMs: 0n, spendMax: null, transactionsMax: null } } } }])],
      ["a label that moves the cursor", transaction([{ kind: "putKey", key: { key: seed(1), label: "\u001b[2J", scope: { calls: [], transfers: true, sponsors: false, expiresMs: null, spendMax: null, window: null } } }])],
    ] as [string, Transaction][]
  ).map(([name, transaction]) => ({ name, signed: toHex(encodeSigned(signTransaction(transaction, CHAIN, lead))) }));
  const good = signTransaction(transaction([transfer]), CHAIN, lead);
  refused.push(
    { name: "for another chain", signed: toHex(encodeSigned(signTransaction(transaction([transfer]), seed(0x12), lead))) },
    { name: "an attachment that nothing names", signed: toHex(encodeSigned({ ...good, attachments: [component] })) },
    { name: "its first key twice", signed: toHex(encodeSigned(cosign(good, CHAIN, lead))) },
    { name: "cosignatures out of order", signed: toHex(encodeSigned({ ...signed, cosignatures: [...signed.cosignatures].reverse() })) },
  );
  const params: [string, Type][] = [
    ["list", { list: { record: [["id", "hash"], ["on", "bool"]] } }],
    ["maybe", { option: { option: "u16" } }],
    ["letter", "char"],
    ["wide", "f64"],
    ["narrow", "f32"],
    ["end", { result: { ok: { tuple: ["s8", "s16", "s32"] }, err: null } }],
  ];
  const base = { list: [{ id: seed(1), on: true }], maybe: null, letter: "ß", wide: 0.1, narrow: "-infinity", end: { ok: [-128, -32768, -2147483648] } };
  const given: unknown[] = [
    base,
    { ...base, list: [], maybe: { some: null }, wide: 5e-324, narrow: 1.1, end: "err" },
    { ...base, maybe: { some: 65535 }, end: { err: null } },
    { ...base, list: [{ id: seed(1) }] },
    { ...base, list: [{ id: "0x", on: true }] },
    { ...base, list: [{ id: seed(1), on: 1 }] },
    { ...base, maybe: 5 },
    { ...base, maybe: { some: 65536 } },
    { ...base, letter: "" },
    { ...base, narrow: 1e39 },
    { ...base, end: { ok: [-129, 0, 0] } },
    { ...base, end: { ok: [0, 0] } },
    { ...base, extra: 1 },
  ];
  const argumentCases = given.map((values) => {
    try {
      return { params, values, hex: toHex(encodeArguments(params, values, formats)), refused: null };
    } catch (error) {
      return { params, values, hex: null, refused: (error as Error).message };
    }
  });
  return {
    about: "Made by rpc/ts/tests/vectors.test.ts: what the ledger must make of the same, and refuse with any byte changed. Bytes are hexadecimal digits, u64 decimal digits.",
    chainId: CHAIN,
    addressPrefix: PREFIX,
    addresses,
    keys,
    transactions,
    messages,
    arguments: argumentCases,
    refused,
  };
}

describe("vectors made here", () => {
  it("are kept", () => {
    const path = repository("tests/vectors/client-ts.json");
    const text = `${JSON.stringify(made(), null, 2)}\n`;
    if (process.env["POLLEN_UPDATE"] !== undefined) writeFileSync(path, text);
    expect(text, "POLLEN_UPDATE=1 writes it anew").toBe(readFileSync(path, "utf8"));
  });

  it("has refusals that are refused here, too", () => {
    for (const { name, signed } of made().refused) {
      expect(() => readSigned(fromHex(signed), CHAIN, 5_000_000_000n), name).toThrow(PollenError);
    }
  });
});

describe("vectors made by Rust", () => {
  const theirs = vectors("tests/vectors/client-rust.json") as Vectors & { genesis: string };

  it("has the same chain of the same genesis", () => {
    expect(readGenesis(readFileSync(repository("genesis.json"), "utf8")).chainId).toBe(theirs.genesis);
  });

  it.each(theirs.transactions)("transaction: $name", (vector) => {
    const bytes = fromHex(vector.signed);
    const signed = readSigned(bytes, CHAIN);
    expect(signedVector(vector.name, signed, vector.seeds)).toEqual(vector);
    expect(encodeSigned(signed)).toEqual(bytes);
    expect(decodeTransaction(fromHex(vector.encoded))).toEqual(signed.transaction);
    // And from its fields on.
    const [lead, ...others] = vector.seeds.map((seed) => KeyPair.fromSeed(seed));
    const fields = fromJson(vector.transaction) as Transaction;
    let again = signTransaction(fields, CHAIN, lead!, vector.attachments.map(fromHex));
    for (const key of others) again = cosign(again, CHAIN, key);
    expect(toHex(encodeSigned(again))).toBe(vector.signed);
  });

  it("keys, addresses and messages", () => {
    for (const { words, coinType, index, seed, publicKey, account, address } of theirs.keys) {
      const key = KeyPair.fromWords(words, { coinType, index });
      expect(toHex(key.seed())).toBe(seed);
      expect([key.publicKey, key.account, key.address(PREFIX)]).toEqual([publicKey, account, address]);
      expect(accountOf(publicKey)).toBe(account);
    }
    for (const { kind, id, prefix, text } of theirs.addresses) {
      expect(parseAddress(text, prefix)).toEqual({ kind, id });
      expect(formatAddress({ kind, id }, prefix)).toBe(text);
    }
    for (const { message, bytes, seed, publicKey, signature } of theirs.messages) {
      expect(toHex(messageBytes(CHAIN, fromHex(message)))).toBe(bytes);
      expect(toHex(signMessage(KeyPair.fromSeed(seed), CHAIN, fromHex(message)))).toBe(signature);
      expect(verifyMessage(publicKey, CHAIN, fromHex(message), fromHex(signature))).toBe(true);
      for (const flipped of flips(fromHex(signature))) {
        expect(verifyMessage(publicKey, CHAIN, fromHex(message), flipped)).toBe(false);
      }
    }
  });

  it("arguments, taken and refused in the same words", () => {
    for (const { params, values, hex, refused } of theirs.arguments) {
      if (hex === null) {
        expect(() => encodeArguments(params, values, formats)).toThrow(refused!);
        continue;
      }
      expect(toHex(encodeArguments(params, values, formats))).toBe(hex);
      const read = decodeArguments(params, fromHex(hex), formats);
      expect(toHex(encodeArguments(params, read, formats))).toBe(hex);
    }
  });

  it("no transaction is taken with a byte changed", () => {
    let count = 0;
    for (const [number, { signed }] of theirs.transactions.entries()) {
      const bytes = fromHex(signed);
      // Every byte of the first and of the one with all parts; of the others one in seven, another one in each.
      const isWhole = number === 0 || number === theirs.transactions.length - 1;
      let place = 0;
      for (const flipped of flips(bytes)) {
        if (!isWhole && place++ % 7 !== number % 7) continue;
        count += 1;
        expect(() => readSigned(flipped, CHAIN)).toThrow(PollenError);
      }
      expect(() => decodeSigned(bytes.slice(0, -1))).toThrow(PollenError);
      expect(() => decodeSigned(Uint8Array.from([...bytes, 0]))).toThrow(PollenError);
    }
    expect(count).toBeGreaterThan(1_500);
  }, 180_000);
});
