/** Which nonces a key of an account has used (docs/storage.md, "A nonce window"): a sliding window, not a counter. */

import { decode, list, option, struct, u64 } from "./codec.js";

const WINDOW = 1_024n;
const WINDOW_BYTES_MAX = 4_096;

/** What the state has under `stateKey.window`. */
export interface NonceWindow {
  /** The highest used nonce. */
  highest: bigint | null;
  /** The lowest that is neither used nor lost. */
  floor: bigint;
  /** Bit `i` of word `w`: `floor + 1 + 64 w + i` is used. */
  used: bigint[];
}

const windowCodec = struct<NonceWindow>({ highest: option(u64), floor: u64, used: list(u64) });

/** Reads a window; null is that of a key that has signed nothing. Throws {@link DecodeError}. */
export function readNonceWindow(value: Uint8Array | null): NonceWindow {
  return value === null ? { highest: null, floor: 0n, used: [] } : decode(windowCodec, value, WINDOW_BYTES_MAX);
}

/**
 * Whether a nonce was never used. False too where that cannot be told any more: below the window everything is lost.
 * One that is too high for now was not used either.
 */
export function isUnusedNonce({ highest, floor, used }: NonceWindow, nonce: bigint): boolean {
  const lowest = highest === null || highest < WINDOW ? 0n : highest - WINDOW;
  if (nonce < lowest || nonce < floor) return false;
  if (nonce === floor) return true;
  const place = nonce - floor - 1n;
  const word = used[Number(place / 64n)] ?? 0n;
  return ((word >> (place % 64n)) & 1n) === 0n;
}
