/**
 * What is under one key of the state, for whoever knows the state root (docs/storage.md, "The state tree"): only
 * verification. Hashes are blake3 keyed with `derive_key("pollen 2026 state x v1", "")`.
 */

import { bytes32, concat, equal, fromHex, toHex, toUtf8, type AccountId, type Hash, type PublicKey } from "./bytes.js";
import { ProofError } from "./errors.js";
import { keyedHash } from "./hash.js";

const KEY = fromHex("13660887d18a82c26928065e1ac40f4d7363ebe8ad4a15a5c4caf4c1bf80c06a");
const VALUE = fromHex("952157d085633d92c2dbb05f99eb16b7d89d35dff8e2d6efc2e404e416a48e50");
const LEAF = fromHex("a80effa5c9aa2cb4d790ec5a3973b93ee8442e24dffd03c0b62c9d0f4c6fb426");
const INNER = fromHex("0952de83587c1744dba40c08357f68466d94af45c4b0aebcc84a567a674fbf47");
const EMPTY = new Uint8Array(32);
const LEVELS_MAX = 256;
const ASK_ANOTHER = "ask another node for it";

/** Where a value of the state lives: an owner, and a key under it. */
export interface StateKey {
  /** A module, or a namespace of the ledger's own: its number in the last byte, zeros before. */
  owner: AccountId;
  key: Uint8Array;
}

/** The ledger's own namespaces (docs/storage.md). */
export const NAMESPACES = { accounts: 1, windows: 2, modules: 3, names: 4, system: 5, code: 6, versions: 7, changes: 8, keys: 9, keyUses: 10 } as const;

/** Keys of entries that clients ask for. */
export const stateKey = {
  /** A module's entry under a key of its own. */
  module: (module: AccountId, key: Uint8Array): StateKey => ({ owner: module, key }),
  /** A record of the ledger's own. */
  ledger: (namespace: keyof typeof NAMESPACES, key: Uint8Array): StateKey => ({
    owner: NAMESPACES[namespace].toString(16).padStart(64, "0"),
    key,
  }),
  /** An account's balance and deposit: read it by {@link readAccountRecord}. */
  account: (id: AccountId): StateKey => stateKey.ledger("accounts", bytes32(id)),
  /** The owners and scoped keys of an account that has other than it began with. */
  keys: (id: AccountId): StateKey => stateKey.ledger("keys", bytes32(id)),
  /** The nonces that a key of an account has used. */
  window: (id: AccountId, key: PublicKey): StateKey => stateKey.ledger("windows", concat(bytes32(id), bytes32(key))),
  /** The record of a module. */
  moduleRecord: (module: AccountId): StateKey => stateKey.ledger("modules", bytes32(module)),
  /** Who agreed to a change of a module ({@link changeDigest}): read it by {@link readProposal}. */
  change: (module: AccountId, change: Hash): StateKey => stateKey.ledger("changes", concat(bytes32(module), bytes32(change))),
  /** Whose a registered name is (without the `@`): the 32 bytes of a module's id. */
  name: (name: string): StateKey => stateKey.ledger("names", toUtf8(name)),
};

/** Where the tree has an entry. */
export function keyHash(key: StateKey): Uint8Array {
  return keyedHash(KEY, bytes32(key.owner, "an owner"), key.key);
}

/** What the tree holds of a value. */
export function valueHash(value: Uint8Array): Uint8Array {
  return keyedHash(VALUE, value);
}

/** The hash of an entry. */
export function leafHash(key: Uint8Array, value: Uint8Array): Uint8Array {
  return keyedHash(LEAF, key, value);
}

/** The hash over two subtrees. */
export function innerHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return keyedHash(INNER, left, right);
}

interface TreeProof {
  end: "empty" | "leaf" | { key: Uint8Array; value: Uint8Array };
  /** From the root down; 32 zero bytes where nothing is on the other side. */
  siblings: Uint8Array[];
}

function malformed(): never {
  throw new ProofError("the proof is malformed: ask another node for it", ASK_ANOTHER);
}

/** Reads a proof: refuses whatever no prover would have made. */
function readProof(bytes: Uint8Array): TreeProof {
  let place = 0;
  const take = (count: number): Uint8Array => {
    if (place + count > bytes.length) malformed();
    place += count;
    return bytes.subarray(place - count, place);
  };
  const end = take(1)[0]!;
  const [low, high] = take(2) as unknown as [number, number];
  const levels = low + 256 * high;
  if (levels > LEVELS_MAX || end > 2) malformed();
  const bitmap = take(Math.ceil(levels / 8));
  if (levels % 8 !== 0 && bitmap.at(-1)! >> (levels % 8) !== 0) malformed();
  const siblings: Uint8Array[] = [];
  for (let level = 0; level < levels; level++) {
    if (((bitmap[level >> 3]! >> (level & 7)) & 1) === 0) {
      siblings.push(EMPTY);
      continue;
    }
    const sibling = take(32);
    if (equal(sibling, EMPTY)) malformed();
    siblings.push(sibling);
  }
  const other = end === 2 ? { key: take(32), value: take(32) } : null;
  if (place !== bytes.length) malformed();
  return { end: other ?? (end === 0 ? "empty" : "leaf"), siblings };
}

function bit(hash: Uint8Array, index: number): number {
  return (hash[index >> 3]! >> (7 - (index & 7))) & 1;
}

/**
 * Checks that under `root` the key with this hash has this value, or with null that it has none. `proof` is the
 * `tree` of a state proof. Throws {@link ProofError}.
 */
export function verifyTreeProof(root: Hash, key: Uint8Array, value: Uint8Array | null, proof: Uint8Array): void {
  const { end, siblings } = readProof(proof);
  let found: Uint8Array;
  if (end === "leaf" && value !== null) {
    found = leafHash(key, valueHash(value));
  } else if (end === "empty" && value === null) {
    found = EMPTY;
  } else if (typeof end === "object" && value === null && !equal(end.key, key) && siblings.every((_, at) => bit(end.key, at) === bit(key, at))) {
    found = leafHash(end.key, end.value);
  } else {
    throw new ProofError("the proof does not show what is claimed: ask another node for it", ASK_ANOTHER);
  }
  for (let level = siblings.length - 1; level >= 0; level--) {
    const sibling = siblings[level]!;
    found = bit(key, level) === 0 ? innerHash(found, sibling) : innerHash(sibling, found);
  }
  if (toHex(found) !== root) {
    throw new ProofError(`the proof leads to the root ${toHex(found)}, not to ${root}: ask another node for it`, ASK_ANOTHER);
  }
}
