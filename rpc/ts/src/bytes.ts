/** Bytes, hexadecimal digits, base64 and text: strict in both directions. */

import { base64 } from "@scure/base";

/** 64 lower-case hexadecimal digits: 32 bytes. */
export type Hex32 = string;
/** A blake3 hash. */
export type Hash = Hex32;
/** An ed25519 public key, compressed. */
export type PublicKey = Hex32;
/** An account or a module, without the kind and the network that its address tells. */
export type AccountId = Hex32;

const HEX_DIGITS = "0123456789abcdef";
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX_DIGITS[byte >> 4]! + HEX_DIGITS[byte & 15]!;
  return text;
}

/** Reads lower-case digits only, so that equal bytes are equal texts. Throws `TypeError`. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) {
    throw new TypeError("expected an even number of lower-case hexadecimal digits");
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < bytes.length; index++) {
    bytes[index] = Number.parseInt(text.slice(2 * index, 2 * index + 2), 16);
  }
  return bytes;
}

/** True for 64 lower-case hexadecimal digits. */
export function isHex32(value: unknown): boolean {
  return typeof value === "string" && value.length === 64 && /^[0-9a-f]+$/.test(value);
}

/** The 32 bytes of a hash, key or id. Throws `TypeError` with `what` in it. */
export function bytes32(text: Hex32, what = "a hash, key or id"): Uint8Array {
  if (!isHex32(text)) throw new TypeError(`${what} is 64 lower-case hexadecimal digits`);
  return fromHex(text);
}

export function toBase64(bytes: Uint8Array): string {
  return base64.encode(bytes);
}

/** Reads base64 with padding (RFC 4648, 4). Throws `Error`. */
export function fromBase64(text: string): Uint8Array {
  return base64.decode(text);
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    bytes.set(part, place);
    place += part.length;
  }
  return bytes;
}

export function equal(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

/** True for text that UTF-8 can hold: no half of a surrogate pair alone. */
export function isText(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** UTF-8. Throws `TypeError` for half of a surrogate pair, which UTF-8 cannot hold. */
export function toUtf8(text: string): Uint8Array {
  if (!isText(text)) throw new TypeError("text with half of a surrogate pair");
  return encoder.encode(text);
}

/** Reads UTF-8; throws `TypeError` for anything else. */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** 8 bytes, little-endian. */
export function u64Bytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}
