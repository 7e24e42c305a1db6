/** Proofs that an item stands at its place of a checkpoint's list (ledger/src/list.rs; the tree is RFC 6962's). */

import { bytes32, toHex, u64Bytes, type Hash } from "./bytes.js";
import { ProofError } from "./errors.js";
import { domainHash } from "./hash.js";

/** That an item stands at a place of a list. */
export interface ListProof {
  /** Items in the list. */
  count: bigint;
  /** The place, from 0. */
  index: bigint;
  /** From the item's own level up, those that it has: at most 64. */
  siblings: Hash[];
}

const ALTERED = "ask another node";

/** The root of a list without items. */
export function emptyListRoot(): Hash {
  return toHex(domainHash("listRoot", u64Bytes(0n), new Uint8Array(32)));
}

/** Checks that `item` stands at the proof's place of the list with this root. Throws {@link ProofError}. */
export function verifyListProof(root: Hash, item: Uint8Array, proof: ListProof): void {
  const { count, index, siblings } = proof;
  if (index >= count) {
    throw new ProofError(`the proof is for place ${index} of a list of ${count}: there is no such place`, ALTERED);
  }
  let [width, place, hash] = [count, index, domainHash("listLeaf", item)];
  let used = 0;
  while (width > 1n) {
    if ((place ^ 1n) < width) {
      const sibling = siblings[used++];
      if (sibling !== undefined) {
        const other = bytes32(sibling, "a sibling");
        hash = (place & 1n) === 0n ? domainHash("listInner", hash, other) : domainHash("listInner", other, hash);
      }
    }
    width = (width + 1n) / 2n;
    place /= 2n;
  }
  if (siblings.length !== used) {
    throw new ProofError(`the proof has ${siblings.length} siblings, not the ${used} of its place`, ALTERED);
  }
  if (toHex(domainHash("listRoot", u64Bytes(count), hash)) !== root) {
    throw new ProofError(
      "the item and its proof give another root than the checkpoint's: one of them was altered",
      ALTERED,
    );
  }
}
