/**
 * Hashes, each bound to a purpose: blake3 with a derived key per purpose, so that a hash made for one
 * purpose is never one for another (ledger/src/crypto.rs).
 */

import { blake3 } from "@noble/hashes/blake3.js";
import { concat, toHex, toUtf8, type Hash } from "./bytes.js";

const CONTEXTS = {
  genesis: "pollen 2026 genesis v1",
  transaction: "pollen 2026 transaction v1",
  checkpoint: "pollen 2026 checkpoint v1",
  listLeaf: "pollen 2026 list leaf v1",
  listInner: "pollen 2026 list inner v1",
  listRoot: "pollen 2026 list root v1",
  account: "pollen 2026 account v1",
  module: "pollen 2026 module v1",
  moduleChild: "pollen 2026 module child v1",
  moduleChange: "pollen 2026 module change v1",
  developmentKey: "pollen 2026 development key, known to all",
} as const;

/** What a hash is for. */
export type Domain = keyof typeof CONTEXTS;

/** The 32 bytes of the hash of the concatenation of `parts`, for a purpose. */
export function domainHash(domain: Domain, ...parts: Uint8Array[]): Uint8Array {
  return blake3(concat(...parts), { context: toUtf8(CONTEXTS[domain]) });
}

/** The plain blake3 hash of some content: what names attachments, code and interfaces. */
export function contentHash(content: Uint8Array): Hash {
  return toHex(blake3(content));
}

/** The 32 bytes of blake3 keyed with 32 bytes. */
export function keyedHash(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  return blake3(concat(...parts), { key });
}
