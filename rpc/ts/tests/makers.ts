/**
 * What nodes make and clients only check: lists, the state tree, checkpoints, certificates, and the proofs in them.
 * For tests. Written from docs/storage.md and protocol.md 8, not from the ledger's sources, and with none of the
 * verifier's hashes, so that a mistake in one of the three shows. Slow and simple on purpose.
 */

import { ed25519 } from "@noble/curves/ed25519.js";
import { blake3 } from "@noble/hashes/blake3.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { bytes32, concat, equal, toHex, toUtf8, u64Bytes, type Hash } from "../src/bytes.js";
import { bytes, encode, fixed, hex32, list, nothing, oneOf, option, struct, text, u16, u64, u8, type Codec } from "../src/codec.js";
import type { Validator } from "../src/genesis.js";
import type { KeyPair } from "../src/keys.js";
import type { Checkpoint } from "../src/light.js";
import type { ListProof } from "../src/list.js";
import type { Event, FailureValue, Receipt, ReceiptOutcome } from "../src/receipt.js";
import type { StateKey } from "../src/tree.js";

const ZERO = new Uint8Array(32);

/** blake3 with a key derived from a purpose's words. */
function purpose(words: string, ...parts: Uint8Array[]): Uint8Array {
  return blake3(concat(...parts), { context: toUtf8(words) });
}

// ---- Lists: RFC 6962, 2.1, as it is written there, from the top down ----

const leaf = (item: Uint8Array) => purpose("pollen 2026 list leaf v1", item);
const inner = (left: Uint8Array, right: Uint8Array) => purpose("pollen 2026 list inner v1", left, right);

/** The largest power of two below `count`, which is 2 or more. */
function split(count: number): number {
  let power = 1;
  while (2 * power < count) power *= 2;
  return power;
}

function top(items: Uint8Array[]): Uint8Array {
  if (items.length < 2) return items.length === 0 ? ZERO : leaf(items[0]!);
  const half = split(items.length);
  return inner(top(items.slice(0, half)), top(items.slice(half)));
}

/** The root of a list of items. */
export function listRoot(items: Uint8Array[]): Hash {
  return toHex(purpose("pollen 2026 list root v1", u64Bytes(BigInt(items.length)), top(items)));
}

/** The proof of the item at a place. */
export function proveItem(items: Uint8Array[], index: number): ListProof {
  const path = (items: Uint8Array[], index: number): Uint8Array[] => {
    if (items.length < 2) return [];
    const half = split(items.length);
    const [left, right] = [items.slice(0, half), items.slice(half)];
    return index < half ? [...path(left, index), top(right)] : [...path(right, index - half), top(left)];
  };
  return { count: BigInt(items.length), index: BigInt(index), siblings: path(items, index).map(toHex) };
}

// ---- The state tree ----

const keyed = (word: string) => {
  const key = blake3(new Uint8Array(), { context: toUtf8(`pollen 2026 state ${word} v1`) });
  return (...parts: Uint8Array[]) => blake3(concat(...parts), { key });
};
const treeHash = { key: keyed("key"), value: keyed("value"), leaf: keyed("leaf"), inner: keyed("inner") };

/** Where the tree has a key. */
export const placeOf = ({ owner, key }: StateKey): Uint8Array => treeHash.key(bytes32(owner), key);

const bit = (hash: Uint8Array, index: number) => (hash[Math.floor(index / 8)]! & (128 >> index % 8)) !== 0;

interface Leaf {
  /** The key hash. */
  place: Uint8Array;
  /** The value hash. */
  value: Uint8Array;
}

/** Entries of a state, by key hash. */
export class StateTree {
  readonly #leaves: Leaf[];

  constructor(entries: { place: Uint8Array; value: Uint8Array }[]) {
    this.#leaves = entries.map(({ place, value }) => ({ place, value: treeHash.value(value) }));
    // Hexadecimal digits sort as the bytes do.
    this.#leaves.sort((one, other) => (toHex(one.place) < toHex(other.place) ? -1 : 1));
  }

  get root(): Hash {
    return toHex(over(this.#leaves, 0));
  }

  /** Key hash and value hash of each entry, ascending. */
  entries(): string[] {
    return this.#leaves.map(({ place, value }) => toHex(place) + toHex(value));
  }

  /** The proof of what is under a key hash: the encoding that docs/storage.md draws. */
  prove(place: Uint8Array): Uint8Array {
    let leaves = this.#leaves;
    const siblings: Uint8Array[] = [];
    while (leaves.length > 1) {
      const depth = siblings.length;
      siblings.push(over(leaves.filter((one) => bit(one.place, depth) !== bit(place, depth)), depth + 1));
      leaves = leaves.filter((one) => bit(one.place, depth) === bit(place, depth));
    }
    const [last] = leaves;
    const end = last === undefined ? 0 : equal(last.place, place) ? 1 : 2;
    const bitmap = new Uint8Array(Math.ceil(siblings.length / 8));
    const there = siblings.filter((sibling, level) => {
      if (equal(sibling, ZERO)) return false;
      bitmap[Math.floor(level / 8)]! += 2 ** (level % 8);
      return true;
    });
    const other = end === 2 ? [last!.place, last!.value] : [];
    const levels = Uint8Array.of(siblings.length % 256, Math.floor(siblings.length / 256));
    return concat(Uint8Array.of(end), levels, bitmap, ...there, ...other);
  }
}

/** The hash over the entries that share their first `depth` bits. */
function over(leaves: Leaf[], depth: number): Uint8Array {
  if (leaves.length < 2) return leaves.length === 0 ? ZERO : treeHash.leaf(leaves[0]!.place, leaves[0]!.value);
  const side = (isOne: boolean) => over(leaves.filter(({ place }) => bit(place, depth) === isOne), depth + 1);
  return treeHash.inner(side(false), side(true));
}

// ---- Records ----

const receiptCodec: Codec<Receipt> = struct<Receipt>({
  transaction: hex32,
  outcome: oneOf<ReceiptOutcome>({
    success: struct({ results: list(bytes) }),
    failure: struct({
      action: u16,
      code: u8,
      value: oneOf<FailureValue>({ none: nothing, error: struct({ bytes }), message: struct({ text }) }),
    }),
    rejected: struct({ code: u8 }),
  }),
  fuelUsed: u64,
  fee: u64,
  events: list(struct<Event>({ module: hex32, name: text, topics: list(bytes), data: bytes })),
});

/** A receipt's encoding. Here its `code` is the byte of docs/storage.md, 1 to 18. */
export const encodeReceipt = (receipt: Receipt): Uint8Array => encode(receiptCodec, receipt);

/** The encoding of a window with these nonces used, none so far above another that any is lost. */
export function encodeWindow(used: number[]): Uint8Array {
  let floor = 0;
  while (used.includes(floor)) floor += 1;
  const words: bigint[] = [];
  for (const nonce of used.filter((nonce) => nonce > floor)) {
    const place = nonce - floor - 1;
    while (words.length <= Math.floor(place / 64)) words.push(0n);
    words[Math.floor(place / 64)]! |= 1n << BigInt(place % 64);
  }
  const codec = struct({ highest: option(u64), floor: u64, used: list(u64) });
  const highest = used.length === 0 ? null : BigInt(Math.max(...used));
  return encode(codec, { highest, floor: BigInt(floor), used: words });
}

// ---- Checkpoints and certificates ----

const checkpointCodec = struct<Checkpoint>({
  chainId: hex32,
  epoch: u64,
  height: u64,
  commitIndex: u64,
  commitDigest: hex32,
  previous: hex32,
  timestampMs: u64,
  transactionsRoot: hex32,
  receiptsRoot: hex32,
  stateRoot: hex32,
  orderingRoot: hex32,
});

export const encodeCheckpoint = (checkpoint: Checkpoint): Uint8Array => encode(checkpointCodec, checkpoint);

/** What the next checkpoint names it by, and validators sign. */
export const digestOf = (checkpoint: Checkpoint): Hash =>
  toHex(purpose("pollen 2026 checkpoint v1", encodeCheckpoint(checkpoint)));

/** The bytes that a validator signs. */
export const attested = (chainId: Hash, height: bigint, digest: Hash): Uint8Array =>
  purpose("pollen 2026 checkpoint v1", bytes32(chainId), u64Bytes(height), bytes32(digest));

/** A validator with its secret. */
export interface Member extends Validator {
  key: KeyPair;
}

/** The certificate's encoding as it is given: the bitmap, and signatures in their order. */
export function encodeCertificate(checkpoint: Checkpoint, signers: Uint8Array, signatures: Uint8Array[]): Uint8Array {
  const tail = struct({ signers: bytes, signatures: list(fixed(64)) });
  return concat(encodeCheckpoint(checkpoint), encode(tail, { signers, signatures }));
}

/** One bit a member, author 0 the lowest of the first byte. */
export function bitmapOf(members: number, authors: number[]): Uint8Array {
  const bitmap = new Uint8Array(Math.ceil(members / 8));
  for (const author of authors) bitmap[Math.floor(author / 8)]! += 2 ** (author % 8);
  return bitmap;
}

/** A member's signature of a checkpoint. */
export const attest = (checkpoint: Checkpoint, member: Member): Uint8Array =>
  ed25519.sign(attested(checkpoint.chainId, checkpoint.height, digestOf(checkpoint)), member.key.seed());

/** The certificate that these members sign; `authors` ascend. */
export function certify(checkpoint: Checkpoint, committee: Member[], authors: number[]): Uint8Array {
  const signatures = authors.map((author) => attest(checkpoint, committee[author]!));
  return encodeCertificate(checkpoint, bitmapOf(committee.length, authors), signatures);
}

/** The same signature with its scalar one order of the group higher: no canonical number, though the equation holds. */
export function withHighScalar(signature: Uint8Array): Uint8Array {
  const scalar = littleEndian(signature.subarray(32)) + ed25519.Point.Fn.ORDER;
  return concat(signature.subarray(0, 32), bytesOf(scalar));
}

/**
 * A signature whose commitment has a part of small order: the equation holds multiplied by the cofactor, and not
 * without it. Whoever checks by the first and whoever checks by the second do not agree.
 */
export function withTorsion(message: Uint8Array, key: KeyPair): Uint8Array {
  const { Point, utils } = ed25519;
  const order = Point.Fn.ORDER;
  const { scalar, pointBytes } = utils.getExtendedPublicKey(key.seed());
  // Any number that is always the same.
  const chosen = littleEndian(purpose("a test's commitment", message)) % order;
  // Of order 2: (0, -1).
  const torsion = Point.fromAffine({ x: 0n, y: Point.Fp.ORDER - 1n });
  const commitment = Point.BASE.multiply(chosen).add(torsion).toBytes();
  const challenge = littleEndian(sha512Of(commitment, pointBytes, message)) % order;
  return concat(commitment, bytesOf((chosen + challenge * scalar) % order));
}

const sha512Of = (...parts: Uint8Array[]) => sha512(concat(...parts));
const littleEndian = (bytes: Uint8Array) => BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`);
const bytesOf = (number: bigint) => concat(...[0n, 64n, 128n, 192n].map((shift) => u64Bytes(BigInt.asUintN(64, number >> shift))));
