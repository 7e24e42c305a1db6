/**
 * tests/vectors/proofs-ts.json: certificates and proofs that are made here, with makers.ts, and believed by the light
 * client of this package and by the ledger's (tests/tests/system/proof_vectors.rs). Both refuse them with any byte
 * changed, and under another chain or committee. POLLEN_UPDATE=1 writes the file anew. The other way round, made
 * by Rust: proofs.test.ts.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { ed25519 } from "@noble/curves/ed25519.js";
import { describe, expect, it } from "vitest";
import { bytes32, concat, fromHex, toHex, toUtf8, u64Bytes, type Hash } from "../src/bytes.js";
import { DecodeError, InputError, ProofError } from "../src/errors.js";
import { contentHash } from "../src/hash.js";
import { KeyPair, verifySignature } from "../src/keys.js";
import { transactionOf, LightClient, type CertifiedCheckpoint, type Checkpoint } from "../src/light.js";
import { verifyListProof, type ListProof } from "../src/list.js";
import type { Event, Receipt, ReceiptOutcome } from "../src/receipt.js";
import { decodeTransaction, encodeSigned, encodeTransaction, signTransaction, transactionId, type Transaction } from "../src/transaction.js";
import { keyHash, stateKey, verifyTreeProof, type StateKey } from "../src/tree.js";
import { flips, repository, vectors } from "./files.js";
import {
  attest, attested, bitmapOf, certify, digestOf, encodeCertificate, encodeCheckpoint, encodeReceipt, encodeWindow, listRoot, placeOf,
  proveItem, StateTree, withHighScalar, withTorsion, type Member,
} from "./makers.js";

const FILE = "tests/vectors/proofs-ts.json";
const U64_MAX = (1n << 64n) - 1n;

interface ProofJson {
  count: string;
  index: string;
  siblings: string[];
}

interface ChainVector {
  name: string;
  genesis: unknown;
  chainId: string;
  epoch: string;
  committee: { publicKey: string; stake: string }[];
}

interface Certified {
  name: string;
  chain: string;
  height: string;
  certificate: string;
  path: string[];
}

interface StateVector {
  name: string;
  owner: string;
  key: string;
  value: string | null;
  /** How often the value's bytes come. */
  times: number;
  proof: string;
}

interface CheckpointVector extends Certified {
  digest: string;
  checkpoint: Record<string, string>;
  transactions: { id: string; encoded: string | null; proof: ProofJson }[];
  receipts: { id: string; encoded: string; receipt: unknown; proof: ProofJson }[];
  entries: string[] | null;
  states: StateVector[];
  absences: { name: string; transaction: string; window: string | null; proof: string; isAbsent: boolean }[];
}

interface TreeProofVector {
  name: string;
  keyHash: string;
  value: string | null;
  proof: string;
}

interface TreeVector {
  name: string;
  root: string;
  entries: string[];
  proofs: TreeProofVector[];
  refused: (TreeProofVector & { refused: string })[];
}

interface Vectors {
  about: string;
  chains: ChainVector[];
  checkpoints: CheckpointVector[];
  refusedCertificates: (Certified & { refused: string })[];
  trees: TreeVector[];
}

/** u64 as decimal digits, bytes as hexadecimal ones. */
function toJson(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(toJson);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, toJson(part)]));
}

const proofJson = (proof: ListProof) => toJson(proof) as ProofJson;
const id = (byte: number) => byte.toString(16).padStart(2, "0").repeat(32);
const said = (text: string) => contentHash(toUtf8(text));
const range = (count: number) => Array.from({ length: count }, (_, number) => number);

// ---- Chains ----

interface Chain {
  name: string;
  genesis: unknown;
  chainId: Hash;
  epoch: bigint;
  committee: Member[];
}

const members = (name: string, stakes: bigint[]): Member[] =>
  stakes.map((stake, author) => {
    const key = KeyPair.development(`proof vectors, ${name}, validator ${author}`);
    return { key, publicKey: key.publicKey, stake };
  });

/** A chain with a genesis document, and others with a committee alone. */
function chains(): Chain[] {
  // S = 17, f = 5, Q = 12.
  const seven = members("seven", [5n, 1n, 1n, 4n, 2n, 1n, 3n]);
  const genesis = {
    ...(JSON.parse(readFileSync(repository("genesis.json"), "utf8")) as object),
    name: "pollen-vectors",
    committee: seven.map(({ publicKey, stake }, author) => ({ name: `validator ${author}`, public_key: publicKey, stake: Number(stake) })),
  };
  // S is the greatest that there may be; authors 3 to 13 have Q, and author 13 the last grain of it.
  const [quorum, rest] = [(1n << 60n) - ((1n << 60n) - 1n) / 3n, ((1n << 60n) - 1n) / 3n];
  const equal = (total: bigint, count: bigint) => range(Number(count)).map((at) => (at === 0 ? total - (count - 1n) * (total / count) : total / count));
  const great = [...equal(rest, 6n).slice(0, 3), ...equal(quorum - 1n, 10n), 1n, ...equal(rest, 6n).slice(3)];
  const of = (name: string, epoch: bigint, stakes: bigint[]): Chain => ({ name, genesis: null, chainId: said(name), epoch, committee: members(name, stakes) });
  return [
    { name: "seven", genesis, chainId: LightClient.fromGenesis(JSON.stringify(genesis)).chainId, epoch: 0n, committee: seven },
    of("one", 0n, [1n]),
    of("great stakes", 3n, great),
    of("the largest committee", U64_MAX, new Array<bigint>(512).fill(1n)),
  ];
}

// ---- What a checkpoint is over ----

interface Item {
  id: Hash;
  /** As nodes give it, or null where only its id is told. */
  encoded: Uint8Array | null;
}

function transactions(chain: Chain, count: number): Item[] {
  const key = KeyPair.development("proof vectors, sender");
  return range(count).map((number) => {
    const transaction: Transaction = {
      version: 1,
      sender: key.account,
      key: key.publicKey,
      nonce: BigInt(number),
      validUntilMs: 1_800_000_000_000n,
      maxFuel: 1_000_000n,
      fuelPrice: 1n,
      payer: null,
      actions: [{ kind: "transfer", to: id(number + 1), amount: BigInt(number + 1) }],
    };
    return { id: transactionId(transaction, chain.chainId), encoded: encodeSigned(signTransaction(transaction, chain.chainId, key)) };
  });
}

/** The byte of docs/storage.md for codes of docs/rpc.md. */
const CODE_BYTES: Record<number, number> = { 1010: 1, 2006: 7, 1012: 17, 1014: 18 };

function receipt(transaction: Hash, number: number): Receipt {
  const event = (place: number): Event => ({
    module: id(0xe0 + place),
    name: ["alarm", "ein-ärgernis", ""][place % 3]!,
    topics: range(place % 5).map((topic) => new Uint8Array(16 * topic).fill(topic)),
    data: new Uint8Array(37 * place).fill(place),
  });
  const outcomes: ReceiptOutcome[] = [
    { kind: "success", results: [] },
    { kind: "success", results: [new Uint8Array(), Uint8Array.of(number, 0, 255), new Uint8Array(300).fill(7)] },
    { kind: "failure", action: 0xffff, code: 1014, value: { kind: "none" } },
    { kind: "failure", action: 1, code: 2006, value: { kind: "error", bytes: Uint8Array.of(1, 2, 3) } },
    { kind: "failure", action: 0, code: 2006, value: { kind: "message", text: "zu warm: 9.5 °C 🌡" } },
    { kind: "rejected", code: 1010 },
    { kind: "rejected", code: 1012 },
  ];
  const outcome = outcomes[number % outcomes.length]!;
  const events = outcome.kind === "success" ? range(number % 8).map(event) : [];
  return { transaction, outcome, fuelUsed: number === 0 ? U64_MAX : BigInt(1_000 * number), fee: number === 0 ? 0n : U64_MAX - 1n, events };
}

function encodedReceipt(receipt: Receipt): Uint8Array {
  const { outcome } = receipt;
  return encodeReceipt(outcome.kind === "success" ? receipt : { ...receipt, outcome: { ...outcome, code: CODE_BYTES[outcome.code]! } });
}

interface Entry {
  key: StateKey;
  value: Uint8Array;
  times: number;
}

const module = (byte: number, key: string | Uint8Array): StateKey => stateKey.module(id(byte), typeof key === "string" ? toUtf8(key) : key);
const entry = (key: StateKey, value: string | Uint8Array, times = 1): Entry => ({ key, value: typeof value === "string" ? toUtf8(value) : value, times });
const repeated = ({ value, times }: { value: Uint8Array; times: number }) => concat(...new Array<Uint8Array>(times).fill(value));
const treeOf = (entries: Entry[]) => new StateTree(entries.map((one) => ({ place: placeOf(one.key), value: repeated(one) })));

/** Found by search: the first two key hashes share 39 bits, the third 21 with the second, the fourth 16 with it. */
const DEEP = [673_185, 635_989, 138_001, 47_593].map((number) => module(0xd0, `deep ${number}`));

const sender = KeyPair.development("proof vectors, sender");
const ordinary = range(1_000).map((number) => entry(module(0x05, `entry ${number}`), `value ${number}`));
/** 1 024 is the size of the window: here no nonce is lost. */
const USED = [0, 1, 2, 4, 69, 700];

/** Entries, absent keys, whether all entries are proved. */
function states(): Record<string, { entries: Entry[]; proved: [string, StateKey][] }> {
  const some = (entries: Entry[]) => entries.map(({ key }): [string, StateKey] => ["an entry", key]);
  const absent = (...keys: StateKey[]) => keys.map((key): [string, StateKey] => ["no entry", key]);
  const nobodies = range(4).map((number) => module(0x05, `nobody ${number}`));
  const account = concat(u64Bytes(5_000_000_000n), u64Bytes(1_000_000n), Uint8Array.of(0));
  const classes = [
    entry(module(0xff, new Uint8Array()), "the shortest key"),
    entry(module(0xff, "the shortest value"), ""),
    entry(module(0xff, new Uint8Array(256).fill(0xab)), "the longest key"),
    entry(module(0xff, "the longest value"), Uint8Array.of(0xc0, 0xff, 0xee, 0x00), 16 * 1024),
    entry(module(0xff, new Uint8Array(256)), Uint8Array.of(0x5a), 64 * 1024),
    entry(stateKey.account(id(0x31)), account),
    entry(stateKey.window(sender.account, sender.publicKey), encodeWindow(USED)),
    entry(stateKey.name("a-name"), bytes32(id(0x77))),
    entry(stateKey.ledger("system", toUtf8("fees")), u64Bytes(U64_MAX)),
  ];
  return {
    nothing: { entries: [], proved: absent(...nobodies.slice(0, 2)) },
    one: { entries: ordinary.slice(0, 1), proved: [...some(ordinary.slice(0, 1)), ...absent(...nobodies.slice(0, 2))] },
    two: { entries: ordinary.slice(0, 2), proved: [...some(ordinary.slice(0, 2)), ...absent(...nobodies)] },
    many: { entries: ordinary, proved: [...some([0, 1, 500, 999].map((place) => ordinary[place]!)), ...absent(...nobodies)] },
    deep: {
      entries: [DEEP[0]!, DEEP[1]!, module(0xd0, "shallow")].map((key) => entry(key, "deep")),
      proved: [["39 bits shared", DEEP[0]!], ["39 bits shared", DEEP[1]!], ["the way ends below 22 nodes at nothing", DEEP[2]!], ["the way ends at nothing", DEEP[3]!]],
    },
    beside: {
      entries: [DEEP[1]!, DEEP[3]!].map((key) => entry(key, "beside")),
      proved: [["16 bits shared", DEEP[1]!], ["the way ends below 17 nodes at another", DEEP[0]!], ["the way ends below 17 nodes at another", DEEP[2]!]],
    },
    classes: {
      entries: classes,
      proved: [
        ...some(classes),
        ...absent(module(0xff, Uint8Array.of(0)), module(0xff, new Uint8Array(255)), stateKey.account(id(0x32)), stateKey.keys(id(0x31))),
      ],
    },
  };
}

// ---- Checkpoints ----

interface Made {
  chain: Chain;
  checkpoint: Checkpoint;
  items: Item[];
  receipts: Receipt[];
  entries: Entry[];
  proved: [string, StateKey][];
}

function make(chain: Chain, height: bigint, previous: Hash, items: Item[], state: { entries: Entry[]; proved: [string, StateKey][] }, other: Partial<Checkpoint> = {}): Made {
  const receipts = items.map((item, number) => receipt(item.id, number));
  const checkpoint: Checkpoint = {
    chainId: chain.chainId,
    epoch: chain.epoch,
    height,
    commitIndex: 7n * height,
    commitDigest: said(`commit ${height}`),
    previous,
    timestampMs: 1_800_000_000_000n + 1_000n * height,
    transactionsRoot: listRoot(items.map((item) => bytes32(item.id))),
    receiptsRoot: listRoot(receipts.map(encodedReceipt)),
    stateRoot: treeOf(state.entries).root,
    orderingRoot: said(`ordering ${height}`),
    ...other,
  };
  return { chain, checkpoint, items, receipts, ...state };
}

/** `places`: which items of a list are proved; all unless told. */
function vector(name: string, made: Made, certificate: Uint8Array, path: Checkpoint[] = [], places = range(made.items.length)): CheckpointVector {
  const { chain, checkpoint, items, receipts, entries, proved } = made;
  const [ids, encoded, tree] = [items.map((item) => bytes32(item.id)), receipts.map(encodedReceipt), treeOf(entries)];
  const window = stateKey.window(sender.account, sender.publicKey);
  const hasWindow = entries.some(({ key }) => key.owner === window.owner);
  const absence = (name: string, nonce: bigint, validUntilMs: bigint, isAbsent: boolean) => {
    const transaction: Transaction = { ...decodeTransaction(ABSENT), nonce, validUntilMs };
    return { name, transaction: toHex(encodeTransaction(transaction)), window: hasWindow ? toHex(encodeWindow(USED)) : null, proof: toHex(tree.prove(placeOf(window))), isAbsent };
  };
  const now = checkpoint.timestampMs;
  return {
    name,
    chain: chain.name,
    height: checkpoint.height.toString(),
    certificate: toHex(certificate),
    path: path.map((one) => toHex(encodeCheckpoint(one))),
    digest: digestOf(checkpoint),
    checkpoint: toJson(checkpoint) as Record<string, string>,
    transactions: places.map((place) => ({ id: items[place]!.id, encoded: toJson(items[place]!.encoded) as string | null, proof: proofJson(proveItem(ids, place)) })),
    receipts: places.map((place) => ({
      id: items[place]!.id,
      encoded: toHex(encoded[place]!),
      receipt: toJson(receipts[place]),
      proof: proofJson(proveItem(encoded, place)),
    })),
    entries: entries.length > 300 ? null : tree.entries(),
    states: proved.map(([name, key]) => {
      const found = entries.find((one) => one.key.owner === key.owner && toHex(one.key.key) === toHex(key.key));
      return {
        name,
        owner: key.owner,
        key: toHex(key.key),
        value: found === undefined ? null : toHex(found.value),
        times: found?.times ?? 1,
        proof: toHex(tree.prove(placeOf(key))),
      };
    }),
    absences: hasWindow
      ? [
          absence("a free nonce", 3n, now, true),
          absence("a free nonce below others", 68n, now - 1n, true),
          absence("above all used", 701n, 0n, true),
          absence("far above all used", U64_MAX, now, true),
          absence("the first used", 0n, now, false),
          absence("a used nonce", 69n, now, false),
          absence("the highest used", 700n, now, false),
          absence("still valid", 3n, now + 1n, false),
        ]
      : entries.length === 0
        ? [absence("a key that never signed", 0n, now, true), absence("a key that never signed, still valid", 0n, now + 1n, false)]
        : [],
  };
}

const ABSENT = encodeTransaction({
  version: 1,
  sender: sender.account,
  key: sender.publicKey,
  nonce: 0n,
  validUntilMs: 0n,
  maxFuel: 1n,
  fuelPrice: 1n,
  payer: null,
  actions: [{ kind: "transfer", to: id(1), amount: 1n }],
});

function made(): Vectors {
  const all = chains();
  const [seven, one, great, largest] = all as [Chain, Chain, Chain, Chain];
  const state = states();
  // A chain of checkpoints from genesis on.
  const line: Made[] = [];
  const shapes: [number, keyof typeof state][] = [[0, "nothing"], [1, "one"], [2, "two"], [3, "deep"], [0, "two"], [5, "beside"], [7, "many"]];
  for (const [count, name] of shapes) {
    const before = line.at(-1);
    const height = BigInt(line.length);
    line.push(make(seven, height, before === undefined ? "00".repeat(32) : digestOf(before.checkpoint), transactions(seven, count), state[name]!));
  }
  const path = (from: number, to: number) => line.slice(from, to).map(({ checkpoint }) => checkpoint);
  const by = (height: number, authors: number[]) => certify(line[height]!.checkpoint, seven.committee, authors);
  // 5 + 4 + 3 of 17.
  const exact = [0, 3, 6];
  const alone = make(one, 12n, said("before"), [...range(1_000)].map((number) => ({ id: said(`transaction ${number}`), encoded: null })), state["classes"]!);
  const odd = make(great, U64_MAX, said("before"), transactions(great, 6), state["deep"]!, { commitIndex: U64_MAX, timestampMs: U64_MAX });
  const small = make(largest, 0n, "00".repeat(32), transactions(largest, 1), state["one"]!, { commitIndex: 0n, timestampMs: 0n });
  const authors = range(11).map((author) => author + 3);
  const checkpoints = [
    vector("genesis, by the checkpoint after it", line[0]!, by(1, exact), path(0, 1)),
    vector("a quorum exactly", line[1]!, by(1, exact)),
    vector("everybody", line[2]!, by(2, range(7))),
    vector("a path of three checkpoints", line[3]!, by(6, [0, 1, 2, 4, 5, 6]), path(3, 6)),
    vector("a path of one, without transactions", line[4]!, by(5, [0, 3, 4, 5]), path(4, 5)),
    vector("a path of five", line[1]!, by(6, exact), path(1, 6)),
    vector("five transactions", line[5]!, by(5, [0, 1, 2, 3, 4])),
    vector("seven transactions, many entries", line[6]!, by(6, exact)),
    vector("one validator", alone, certify(alone.checkpoint, one.committee, [0]), [], [0, 1, 511, 512, 998, 999]),
    vector("great numbers, a quorum exactly", odd, certify(odd.checkpoint, great.committee, authors)),
    vector("the largest committee, everybody", small, certify(small.checkpoint, largest.committee, range(512))),
  ];

  // Signed well, most of them, and yet no certificates.
  const { checkpoint } = line[6]!;
  const { committee } = seven;
  const sign = (author: number) => attest(checkpoint, committee[author]!);
  const good = exact.map(sign);
  const encodedBy = (authors: number[], signatures: Uint8Array[], bitmap = bitmapOf(7, authors)) => encodeCertificate(checkpoint, bitmap, signatures);
  const own = (certificate: Uint8Array, path: Checkpoint[] = [], height = path[0]?.height ?? 6n, chain = seven) => ({
    chain: chain.name,
    height: height.toString(),
    certificate: toHex(certificate),
    path: path.map((one) => toHex(encodeCheckpoint(one))),
  });
  const first = (signature: Uint8Array) => own(encodedBy(exact, [signature, ...good.slice(1)]));
  const otherwise = (message: Uint8Array) => own(encodedBy(exact, exact.map((author) => committee[author]!.key.sign(message))));
  const changed = (height: number, change: Partial<Checkpoint>) => ({ ...line[height]!.checkpoint, ...change });
  const named = (before: Checkpoint) => certify({ ...checkpoint, previous: digestOf(before) }, committee, exact);
  const digest = digestOf(checkpoint);
  const wrapped = { ...odd.checkpoint, height: 0n, previous: digestOf(odd.checkpoint) };
  const sorts: [string, ReturnType<typeof own>][] = [
    ["stake Q - 1", own(by(6, [0, 3, 4]))],
    ["stake Q - 1 of the greatest", own(certify(odd.checkpoint, great.committee, authors.slice(0, -1)), [], U64_MAX, great)],
    ["nobody", own(by(6, []))],
    ["a bitmap that is too short", own(encodedBy([], good, new Uint8Array()))],
    ["a bitmap that is too long", own(encodedBy(exact, good, concat(bitmapOf(7, exact), Uint8Array.of(0))))],
    ["a signer beyond the committee", own(encodedBy([...exact, 7], [...good, good[0]!], bitmapOf(8, [...exact, 7])))],
    ["a signature too many", own(encodedBy(exact, [...good, good[2]!]))],
    ["a signature too few", own(encodedBy(exact, good.slice(1)))],
    ["signatures in another order", own(encodedBy(exact, [...good].reverse()))],
    ["one signature for all", own(encodedBy(exact, exact.map(() => good[0]!)))],
    ["a signature of another validator", own(encodedBy(exact, [good[0]!, good[1]!, sign(5)]))],
    ["no signature at all", first(new Uint8Array(64))],
    ["a scalar above the order", first(withHighScalar(good[0]!))],
    ["a commitment of mixed order", first(withTorsion(attested(seven.chainId, 6n, digest), committee[0]!.key))],
    ["signed without the purpose", otherwise(concat(bytes32(seven.chainId), u64Bytes(6n), bytes32(digest)))],
    ["signed the digest alone", otherwise(bytes32(digest))],
    ["signed the checkpoint itself", otherwise(encodeCheckpoint(checkpoint))],
    ["signed for another chain", otherwise(attested(one.chainId, 6n, digest))],
    ["signed for another height", otherwise(attested(seven.chainId, 7n, digest))],
    ["another checkpoint than was signed", own(encodeCertificate(changed(6, { stateRoot: id(1) }), bitmapOf(7, exact), good))],
    ["another chain", own(certify(changed(6, { chainId: one.chainId }), committee, exact))],
    ["another epoch", own(certify(changed(6, { epoch: 1n }), committee, exact))],
    ["of another height", own(by(6, exact), [], 5n)],
    ["a path that was altered", own(by(6, exact), [changed(5, { timestampMs: 0n })])],
    ["a path with a gap", own(by(6, exact), [line[3]!.checkpoint, line[5]!.checkpoint])],
    ["a path that leaves out its end", own(by(6, exact), path(3, 5))],
    ["a path backwards", own(by(6, exact), [line[5]!.checkpoint, line[4]!.checkpoint])],
    ["a path with the certificate's own checkpoint", own(by(6, exact), path(5, 7))],
    ["a path from another chain", own(named(changed(5, { chainId: one.chainId })), [changed(5, { chainId: one.chainId })])],
    ["a path from another epoch", own(named(changed(5, { epoch: 1n })), [changed(5, { epoch: 1n })])],
    ["a height that skips one", own(named(changed(5, { height: 4n })), [changed(5, { height: 4n })])],
    ["a height behind the greatest", own(certify(wrapped, great.committee, authors), [odd.checkpoint], U64_MAX, great)],
  ];
  const refusedCertificates = sorts.map(([name, one]) => ({ name, ...one, refused: refusal(() => verified(clientOf(all.find((chain) => chain.name === one.chain)!), one)) }));

  return {
    about:
      "Made by rpc/ts/tests/proof-vectors.test.ts: certificates and proofs that the ledger's light client must believe, and refuse with any byte changed. " +
      "Bytes are hexadecimal digits, u64 decimal digits. A value's bytes come `times` times. An entry of `entries` is key hash and value hash; null: there are too many.",
    chains: all.map(({ name, genesis, chainId, epoch, committee }) => ({
      name,
      genesis,
      chainId,
      epoch: epoch.toString(),
      committee: committee.map(({ publicKey, stake }) => ({ publicKey, stake: stake.toString() })),
    })),
    checkpoints,
    refusedCertificates,
    trees: trees(),
  };
}

// ---- Trees over key hashes that no key is known to have ----

function trees(): TreeVector[] {
  const withBits = (place: Uint8Array, ...bits: number[]) => {
    const changed = Uint8Array.from(place);
    for (const bit of bits) changed[bit >> 3]! ^= 128 >> (bit & 7);
    return changed;
  };
  const base = bytes32(said("a key hash"));
  const [low, high] = [new Uint8Array(32), new Uint8Array(32).fill(0xff)];
  const value = (place: Uint8Array) => toUtf8(`value of ${toHex(place).slice(0, 8)}`);
  const tree = (name: string, places: Uint8Array[], proved: [string, Uint8Array][], wrong: (tree: StateTree) => [string, Uint8Array, Uint8Array | null, Uint8Array][] = () => []): TreeVector => {
    const made = new StateTree(places.map((place) => ({ place, value: value(place) })));
    const { root } = made;
    const valueOf = (place: Uint8Array) => (places.some((one) => toHex(one) === toHex(place)) ? toHex(value(place)) : null);
    return {
      name,
      root,
      entries: made.entries(),
      proofs: proved.map(([name, place]) => ({ name, keyHash: toHex(place), value: valueOf(place), proof: toHex(made.prove(place)) })),
      refused: wrong(made).map(([name, place, claimed, proof]) => ({
        name,
        keyHash: toHex(place),
        value: toJson(claimed) as string | null,
        proof: toHex(proof),
        refused: refusal(() => verifyTreeProof(root, place, claimed, proof)),
      })),
    };
  };
  const last = withBits(base, 255);
  const comb = [base, ...range(256).map((bit) => withBits(base, bit))];
  return [
    tree("nothing", [], [["no entry", low], ["no entry", high]], (tree) => [
      ["an entry where nothing is", low, value(low), tree.prove(low)],
      ["end 1 where nothing is", low, value(low), Uint8Array.of(1, 0, 0)],
      ["an unknown end", low, null, Uint8Array.of(3, 0, 0)],
      ["257 levels", low, null, concat(Uint8Array.of(0, 1, 1), new Uint8Array(33))],
      ["a bitmap that is not there", low, null, Uint8Array.of(0, 1, 0)],
      ["a byte too many", low, null, Uint8Array.of(0, 0, 0, 0)],
      ["no bytes", low, null, new Uint8Array()],
    ]),
    tree("one, of zeros", [low], [["an entry", low], ["no entry", high]], (tree) => {
      const other = concat(Uint8Array.of(2, 0, 0), fromHex(tree.entries()[0]!));
      return [
        ["its own leaf as another", low, null, other],
        ["an entry as none", low, null, tree.prove(low)],
        ["an entry as nothing", low, null, Uint8Array.of(0, 0, 0)],
        ["another leaf with a value", high, value(high), other],
        ["another leaf without its value hash", high, null, other.slice(0, -32)],
        ["a level more than there is", low, value(low), Uint8Array.of(1, 1, 0, 0)],
      ];
    }),
    tree("the lowest and the highest", [low, high], [["the lowest", low], ["the highest", high], ["beside the lowest", withBits(low, 255)], ["beside the highest", withBits(high, 1)]], (tree) => {
      const proof = tree.prove(low);
      const zero = concat(proof.slice(0, 4), new Uint8Array(32));
      const unused = Uint8Array.from(proof);
      unused[3]! |= 2;
      return [
        ["a sibling of zeros", low, value(low), zero],
        ["an unused bit", low, value(low), unused],
        ["another leaf on the other side", withBits(low, 255), null, concat(Uint8Array.of(2), tree.prove(high).slice(1), fromHex(tree.entries()[1]!))],
      ];
    }),
    tree("two that differ in the last bit", [base, last], [
      ["a way of 256 nodes", base],
      ["a way of 256 nodes", last],
      ["a way that ends at nothing below 101", withBits(base, 100)],
      ["a way that ends at nothing below the first", withBits(base, 0)],
    ]),
    tree("two that differ in the last bit but one", [base, withBits(base, 254)], [["a way of 255 nodes", base], ["a way that ends at another below 255", last]]),
    tree("all that differ in one bit", comb, [["256 siblings", base], ["the last", last], ["the middle", withBits(base, 128)], ["no entry", withBits(base, 3, 200)], ["no entry deep below", withBits(base, 254, 255)]]),
  ];
}

// ---- What they are checked with ----

const clientOf = (chain: Pick<ChainVector, "chainId"> & { committee: { publicKey: string; stake: string | bigint }[]; epoch: string | bigint }) =>
  LightClient.of(
    chain.chainId,
    chain.committee.map(({ publicKey, stake }) => ({ publicKey, stake: BigInt(stake) })),
    BigInt(chain.epoch),
  );

const verified = (client: LightClient, { height, certificate, path }: Pick<Certified, "height" | "certificate" | "path">): CertifiedCheckpoint =>
  client.verifyCheckpoint(BigInt(height), { certificate: fromHex(certificate), path: path.map(fromHex) });

/** The words with which something is refused. */
function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ProofError);
    return (error as ProofError).message;
  }
  throw new Error("it was believed");
}

const replaced = (texts: string[], place: number, text: string) => texts.map((one, at) => (at === place ? text : one));

const listProof = ({ count, index, siblings }: ProofJson): ListProof => ({ count: BigInt(count), index: BigInt(index), siblings });

/** One byte of a proof changed, for every byte of its count, place and siblings. */
function* flippedProofs(proof: ListProof): Generator<ListProof> {
  const number = (flipped: Uint8Array) => new DataView(flipped.buffer).getBigUint64(0, true);
  for (const flipped of flips(u64Bytes(proof.count))) yield { ...proof, count: number(flipped) };
  for (const flipped of flips(u64Bytes(proof.index))) yield { ...proof, index: number(flipped) };
  for (const [place, sibling] of proof.siblings.entries()) {
    for (const flipped of flips(fromHex(sibling))) yield { ...proof, siblings: replaced(proof.siblings, place, toHex(flipped)) };
  }
}

/** Of what is long, or long to check, only some flips: the ledger's test has them all, but of the largest certificate. */
function* some(bytes: Uint8Array, step: number, isLong = bytes.length > 2_048): Generator<Uint8Array> {
  let place = 0;
  for (const flipped of flips(bytes)) if (!isLong || place++ % step === 0) yield flipped;
}

const text = `${JSON.stringify(made(), null, 2)}\n`;
if (process.env["POLLEN_UPDATE"] !== undefined) writeFileSync(repository(FILE), text);
const kept = vectors(FILE) as Vectors;
const ours = new Map(kept.chains.map((chain) => [chain.name, clientOf(chain)]));
const believed = (one: CheckpointVector) => verified(ours.get(one.chain)!, one);
const valueOf = ({ value, times }: StateVector) => (value === null ? null : repeated({ value: fromHex(value), times }));

describe("proofs made here", () => {
  it("are kept", () => {
    expect(text === readFileSync(repository(FILE), "utf8"), "POLLEN_UPDATE=1 writes it anew").toBe(true);
  });

  it("have a chain of the same genesis", () => {
    const { genesis, chainId, committee } = kept.chains[0]!;
    const client = LightClient.fromGenesis(JSON.stringify(genesis));
    expect(client.chainId).toBe(chainId);
    expect(toJson(client.committee)).toEqual(committee);
  });
});

describe("makers", () => {
  // What Rust made, made again from the same inputs: the same bytes.
  const certificates = vectors("tests/vectors/certificates.json");
  const tree = vectors("tests/vectors/tree.json");

  it("make the trees and proofs that the ledger makes", () => {
    for (const one of tree.trees as { count: number; root: string; proofs: { keyHash: string; proof: string }[] }[]) {
      const made = treeOf(range(one.count).map((number) => entry(module(0x05, `key ${number}`), `value ${number}`)));
      expect(made.root).toBe(one.root);
      for (const { keyHash, proof } of one.proofs) expect(toHex(made.prove(fromHex(keyHash)))).toBe(proof);
    }
  });

  it("make the lists that the ledger makes", () => {
    expect(listRoot([])).toBe(certificates.emptyListRoot);
    const lists = certificates.lists as { item: string; root: string; proof: ProofJson }[];
    for (const { root, proof } of lists) {
      const items = lists.filter((one) => one.root === root).map(({ item }) => fromHex(item));
      expect(listRoot(items)).toBe(root);
      expect(proofJson(proveItem(items, Number(proof.index)))).toEqual(proof);
    }
  });

  it("make the certificates that the ledger makes", () => {
    const one = certificates.certificates[0] as { name: string; height: string; certificate: string; digest: string };
    const stakes = (certificates.committee as { stake: string }[]).map(({ stake }) => BigInt(stake));
    const committee = stakes.map((stake, author) => {
      const key = KeyPair.development(`light validator ${author}`);
      return { key, publicKey: key.publicKey, stake };
    });
    expect(committee.map(({ publicKey }) => publicKey)).toEqual(certificates.committee.map((one: { publicKey: string }) => one.publicKey));
    const client = LightClient.of(certificates.chainId, committee);
    const { checkpoint } = client.verifyCheckpoint(BigInt(one.height), { certificate: fromHex(one.certificate), path: [] });
    expect(digestOf(checkpoint)).toBe(one.digest);
    expect(toHex(certify(checkpoint, committee, [1, 2, 4]))).toBe(one.certificate);
  });
});

describe.each(kept.checkpoints)("$name", (one) => {
  const certified = believed(one);

  it("is believed, with all that stands in it", () => {
    expect(certified.digest).toBe(one.digest);
    expect(toJson(certified.checkpoint)).toEqual(one.checkpoint);
    for (const { id, encoded, proof } of one.transactions) {
      certified.verifyTransaction(id, listProof(proof));
      if (encoded !== null) expect(toHex(encodeSigned(transactionOf(id, fromHex(encoded), certified.checkpoint.chainId)))).toBe(encoded);
    }
    for (const { id, encoded, receipt, proof } of one.receipts) {
      const read = certified.verifyReceipt(id, fromHex(encoded), listProof(proof));
      expect(toJson(read)).toEqual(receipt);
      read.events.forEach((event, number) => expect(certified.verifyEvent(id, fromHex(encoded), listProof(proof), number)).toEqual(event));
      expect(() => certified.verifyEvent(id, fromHex(encoded), listProof(proof), read.events.length)).toThrow(ProofError);
      // A receipt is no transaction, and not that of another one.
      expect(() => certified.verifyReceipt(said("another"), fromHex(encoded), listProof(proof))).toThrow(ProofError);
    }
    for (const state of one.states) certified.verifyState({ owner: state.owner, key: fromHex(state.key) }, valueOf(state), fromHex(state.proof));
    for (const { name, transaction, window, proof, isAbsent } of one.absences) {
      const verify = () => certified.verifyAbsence(decodeTransaction(fromHex(transaction)), window === null ? null : fromHex(window), fromHex(proof));
      if (isAbsent) verify();
      else expect(verify, name).toThrow(ProofError);
    }
  });

  it("is refused with a byte changed in the certificate or on the path to it", () => {
    for (const flipped of some(fromHex(one.certificate), one.certificate.length > 8_192 ? 8_009 : 7, one.certificate.length > 1_600)) {
      expect(() => verified(ours.get(one.chain)!, { ...one, certificate: toHex(flipped) })).toThrow(ProofError);
    }
    one.path.forEach((checkpoint, place) => {
      for (const flipped of flips(fromHex(checkpoint))) {
        expect(() => verified(ours.get(one.chain)!, { ...one, path: replaced(one.path, place, toHex(flipped)) })).toThrow(ProofError);
      }
    });
    for (const certificate of [one.certificate.slice(0, -2), `${one.certificate}00`]) {
      expect(() => verified(ours.get(one.chain)!, { ...one, certificate })).toThrow(ProofError);
    }
  }, 180_000);

  it("is refused by another chain, epoch or committee", () => {
    const chain = kept.chains.find(({ name }) => name === one.chain)!;
    const others = chain.committee.map(({ stake }, author) => ({ publicKey: KeyPair.development(`another ${author}`).publicKey, stake }));
    const another = [
      { ...chain, chainId: said("another chain") },
      { ...chain, epoch: (BigInt(chain.epoch) ^ 1n).toString() },
      { ...chain, committee: others },
      { ...chain, committee: chain.committee.map((member, author) => (isSigner(one, author) ? others[author]! : member)) },
      { ...chain, committee: [...chain.committee.slice(1), chain.committee[0]!] },
    ];
    for (const other of another) {
      if (JSON.stringify(other) === JSON.stringify(chain)) continue;
      expect(() => verified(clientOf(other), one)).toThrow(ProofError);
    }
    for (const other of ours.values()) if (other !== ours.get(one.chain)) expect(() => verified(other, one)).toThrow(ProofError);
  });

  it("has proofs that are refused with a byte changed, in them or in what they prove", () => {
    const { transactionsRoot, receiptsRoot, stateRoot } = certified.checkpoint;
    for (const { id, proof } of one.transactions) {
      const read = listProof(proof);
      for (const flipped of flips(fromHex(id))) expect(() => certified.verifyTransaction(toHex(flipped), read)).toThrow(ProofError);
      for (const flipped of flippedProofs(read)) expect(() => certified.verifyTransaction(id, flipped)).toThrow(ProofError);
      for (const flipped of flips(fromHex(transactionsRoot))) expect(() => verifyListProof(toHex(flipped), bytes32(id), read)).toThrow(ProofError);
    }
    for (const { id, encoded, proof } of one.receipts) {
      const [read, item] = [listProof(proof), fromHex(encoded)];
      for (const flipped of some(item, 61)) expect(() => certified.verifyReceipt(id, flipped, read)).toThrow(ProofError);
      for (const flipped of flippedProofs(read)) expect(() => certified.verifyReceipt(id, item, flipped)).toThrow(ProofError);
      for (const flipped of flips(fromHex(receiptsRoot))) expect(() => verifyListProof(toHex(flipped), item, read)).toThrow(ProofError);
    }
    for (const state of one.states) {
      const [key, value, proof] = [{ owner: state.owner, key: fromHex(state.key) }, valueOf(state), fromHex(state.proof)];
      const isLong = value !== null && value.length > 2_048;
      for (const flipped of some(proof, 31, isLong)) expect(() => certified.verifyState(key, value, flipped)).toThrow(ProofError);
      for (const flipped of some(value ?? new Uint8Array(), 8_191)) expect(() => certified.verifyState(key, flipped, proof)).toThrow(ProofError);
      expect(() => certified.verifyState(key, value === null ? new Uint8Array() : null, proof)).toThrow(ProofError);
      for (const flipped of some(fromHex(stateRoot), 31, isLong)) expect(() => verifyTreeProof(toHex(flipped), keyHash(key), value, proof)).toThrow(ProofError);
      const others = [...some(fromHex(key.owner), 31, isLong)].map((owner) => ({ ...key, owner: toHex(owner) }));
      others.push(...[...some(key.key, 31, isLong)].map((flipped) => ({ ...key, key: flipped })));
      for (const other of others) {
        const verify = () => certified.verifyState(other, value, proof);
        if (value === null && isAsAbsent(keyHash(key), keyHash(other), proof)) verify();
        else expect(verify).toThrow(ProofError);
      }
    }
    for (const { transaction, window, proof, isAbsent } of one.absences) {
      if (!isAbsent) continue;
      const [read, found] = [decodeTransaction(fromHex(transaction)), window === null ? null : fromHex(window)];
      for (const flipped of flips(fromHex(proof))) expect(() => certified.verifyAbsence(read, found, flipped)).toThrow(ProofError);
      for (const flipped of flips(found ?? new Uint8Array())) expect(() => certified.verifyAbsence(read, flipped, fromHex(proof))).toThrow(ProofError);
    }
  }, 180_000);
});

/** Of an absent key those beside it are absent too, by the same proof: all that go the same way. */
function isAsAbsent(key: Uint8Array, other: Uint8Array, proof: Uint8Array): boolean {
  const levels = proof[1]! + 256 * proof[2]!;
  const bits = (hash: Uint8Array) => BigInt(`0x${toHex(hash)}`) >> BigInt(256 - levels);
  return bits(key) === bits(other) && toHex(other) !== toHex(proof.slice(-64, -32));
}

function isSigner(one: Certified, author: number): boolean {
  return ((fromHex(one.certificate)[260 + (author >> 3)]! >> (author & 7)) & 1) === 1;
}

describe("certificates that are none", () => {
  it.each(kept.refusedCertificates)("$name", (one) => {
    expect(refusal(() => verified(ours.get(one.chain)!, one))).toBe(one.refused);
  });

  it("has one that the equation with the cofactor takes", () => {
    const [key, message] = [KeyPair.development("proof vectors, torsion"), toUtf8("message")];
    const signature = withTorsion(message, key);
    // The curve library's own check multiplies by the cofactor; the chain's rule does not.
    expect(ed25519.verify(signature, message, fromHex(key.publicKey), { zip215: true })).toBe(true);
    expect(verifySignature(key.publicKey, message, signature)).toBe(false);
    expect(verifySignature(key.publicKey, message, key.sign(message))).toBe(true);
  });

  it("cannot be read", () => {
    const short = kept.checkpoints[0]!.certificate.slice(0, 300);
    expect(() => verified(ours.get("seven")!, { ...kept.checkpoints[0]!, certificate: short })).toThrow(/cannot be read/);
    expect(() => clientOf({ ...kept.chains[0]!, committee: [] })).toThrow(InputError);
    expect(() => decodeTransaction(fromHex("00"))).toThrow(DecodeError);
  });
});

describe.each(kept.trees)("a tree: $name", ({ root, proofs, refused }) => {
  it("proves what is in it and what is not", () => {
    for (const { keyHash, value, proof } of proofs) {
      const [key, found, read] = [fromHex(keyHash), value === null ? null : fromHex(value), fromHex(proof)];
      verifyTreeProof(root, key, found, read);
      for (const flipped of some(read, 31)) expect(() => verifyTreeProof(root, key, found, flipped)).toThrow(ProofError);
      for (const flipped of flips(found ?? new Uint8Array())) expect(() => verifyTreeProof(root, key, flipped, read)).toThrow(ProofError);
      for (const other of flips(key)) {
        const verify = () => verifyTreeProof(root, other, found, read);
        if (found === null && isAsAbsent(key, other, read)) verify();
        else expect(verify).toThrow(ProofError);
      }
    }
  }, 60_000);

  it("refuses what is wrong, with its reason", () => {
    for (const { name, keyHash, value, proof, refused: words } of refused) {
      const verify = () => verifyTreeProof(root, fromHex(keyHash), value === null ? null : fromHex(value), fromHex(proof));
      expect(refusal(verify), name).toBe(words);
    }
  });
});
