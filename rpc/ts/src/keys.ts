/**
 * Keys: ed25519 by the chain's one rule, from a seed or from words (BIP-39 and SLIP-0010).
 *
 * Source of the rule: ledger/src/crypto.rs. What a key signed for a transaction is never a message and the
 * other way round: messages begin with 0xFF, transactions with ASCII text.
 */

import { ed25519 } from "@noble/curves/ed25519.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { randomBytes } from "@noble/hashes/utils.js";
import { entropyToMnemonic, mnemonicToSeedSync, validateMnemonic } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { accountAddress } from "./address.js";
import { bytes32, concat, equal, fromHex, isHex32, toHex, toUtf8, type AccountId, type Hash, type PublicKey } from "./bytes.js";
import { InputError } from "./errors.js";
import { domainHash } from "./hash.js";

/** Signature scheme byte of ed25519, the first byte of what an account's id is the hash of. */
const SCHEME_ED25519 = 0;
const MESSAGE_DOMAIN = concat(Uint8Array.of(0xff), toUtf8("pollen message v1\n"));
const HARDENED = 0x8000_0000;

/** Which key of some words. The path is `m/44'/coinType'/index'` (SLIP-0010, all of it hardened). */
export interface KeyPath {
  /** `coinType` of `node_info`; 1 on networks for tests. */
  coinType: number;
  /** Number of the key, from 0; 0 unless told. */
  index?: number;
}

/** A signing key. Its secret is shown by {@link KeyPair.seed} alone: not by JSON, logs or inspection. */
export class KeyPair {
  readonly #seed: Uint8Array;
  #isForgotten = false;
  /** The public half. */
  readonly publicKey: PublicKey;
  /** The account that began with this key. */
  readonly account: AccountId;

  private constructor(seed: Uint8Array) {
    this.#seed = Uint8Array.from(seed);
    this.publicKey = toHex(ed25519.getPublicKey(this.#seed));
    this.account = accountOf(this.publicKey);
  }

  /** The key of a secret seed of 32 bytes, or 64 hexadecimal digits. */
  static fromSeed(seed: Uint8Array | string): KeyPair {
    const bytes = typeof seed === "string" ? (isHex32(seed) ? fromHex(seed) : new Uint8Array()) : seed;
    if (bytes.length !== 32) throw new InputError("a seed has 32 bytes, or 64 lower-case hexadecimal digits");
    return new KeyPair(bytes);
  }

  /** A new key from the system's randomness. Prefer {@link newWords} where people should be able to keep it. */
  static random(): KeyPair {
    return new KeyPair(randomBytes(32));
  }

  /** The key of 12 or 24 words of BIP-39 (English). Throws {@link InputError}, which does not repeat the words. */
  static fromWords(words: string, path: KeyPath): KeyPair {
    const seed = mnemonicToSeedSync(readWords(words));
    return new KeyPair(deriveEd25519(seed, [44, path.coinType, path.index ?? 0]));
  }

  /** A key that everybody knows: for development networks and tests only. */
  static development(label: string): KeyPair {
    return new KeyPair(domainHash("developmentKey", toUtf8(label)));
  }

  /** The secret seed, 32 bytes: who has it has the account. */
  seed(): Uint8Array {
    return Uint8Array.from(this.#known());
  }

  /** Wipes the secret: from now on the key signs nothing. For wallets, when they lock. */
  forget(): void {
    this.#seed.fill(0);
    this.#isForgotten = true;
  }

  #known(): Uint8Array {
    if (this.#isForgotten) throw new InputError("the key's secret was forgotten", "unlock the key again");
    return this.#seed;
  }

  /** The address of {@link KeyPair.account} on the network of `prefix`. */
  address(prefix: string): string {
    return accountAddress(this.account, prefix);
  }

  /** Signs bytes as they are: 64 bytes. For transactions and messages there are functions that say which. */
  sign(bytes: Uint8Array): Uint8Array {
    return ed25519.sign(bytes, this.#known());
  }

  toJSON(): { publicKey: PublicKey } {
    return { publicKey: this.publicKey };
  }
}

/** The account whose first key is this one: it stays when its keys change. */
export function accountOf(key: PublicKey): AccountId {
  return toHex(domainHash("account", Uint8Array.of(SCHEME_ED25519), bytes32(key, "a public key")));
}

/**
 * Whether text is a key that can sign: 64 lower-case hexadecimal digits that are a point of the curve, and none of small
 * order. Half of all hashes are none.
 */
export function isPublicKey(text: string): boolean {
  if (!isHex32(text)) return false;
  try {
    return !ed25519.Point.fromBytes(fromHex(text), true).isSmallOrder();
  } catch {
    return false;
  }
}

/** 24 new words (12 from `strength` 128) from the system's randomness. */
export function newWords(strength: 128 | 256 = 256): string {
  return entropyToMnemonic(randomBytes(strength / 8), wordlist);
}

/** 12 or 24 good words, in lower case with single spaces. Throws {@link InputError}, which does not repeat them. */
export function readWords(text: string): string {
  const words = text.toLowerCase().split(/\s+/u).filter((word) => word !== "");
  if (words.length !== 12 && words.length !== 24) {
    throw new InputError(`a mnemonic has 12 or 24 words, these are ${words.length}`);
  }
  const unknown = words.findIndex((word) => !wordlist.includes(word));
  if (unknown >= 0) throw new InputError(`word ${unknown + 1} is not in the English list of BIP-39`);
  const joined = words.join(" ");
  if (!validateMnemonic(joined, wordlist)) {
    throw new InputError("the words do not fit together: one is wrong, or two are exchanged");
  }
  return joined;
}

/** SLIP-0010 for ed25519: the private key at a path, each number of which is hardened. */
export function deriveEd25519(seed: Uint8Array, path: readonly number[]): Uint8Array {
  let node = hmac(sha512, toUtf8("ed25519 seed"), seed);
  for (const number of path) {
    if (!Number.isInteger(number) || number < 0 || number >= HARDENED) {
      throw new InputError("a number in a key's path is 0 to 2147483647");
    }
    const place = new Uint8Array(4);
    new DataView(place.buffer).setUint32(0, number + HARDENED);
    node = hmac(sha512, node.subarray(32), concat(Uint8Array.of(0), node.subarray(0, 32), place));
  }
  return node.slice(0, 32);
}

/**
 * True when `signature` (64 bytes) is this key's on `bytes`, by the chain's one rule: scalar below the group's
 * order, neither key nor commitment of small order, and the commitment's bytes exactly those that the equation
 * without cofactor gives. (`ed25519.verify` of the curve library multiplies by the cofactor, and so takes
 * signatures that no node takes.)
 */
export function verifySignature(key: PublicKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (!isHex32(key) || signature.length !== 64) return false;
  const { Point } = ed25519;
  const [commitment, scalar] = [signature.subarray(0, 32), littleEndian(signature.subarray(32))];
  const order = Point.Fn.ORDER;
  if (scalar >= order) return false;
  try {
    const keyBytes = fromHex(key);
    const point = Point.fromBytes(keyBytes, true);
    if (point.isSmallOrder() || Point.fromBytes(commitment, true).isSmallOrder()) return false;
    const challenge = littleEndian(sha512(concat(commitment, keyBytes, bytes))) % order;
    const left = scalar === 0n ? Point.ZERO : Point.BASE.multiplyUnsafe(scalar);
    const right = challenge === 0n ? Point.ZERO : point.multiplyUnsafe(challenge);
    return equal(left.subtract(right).toBytes(), commitment);
  } catch {
    return false; // no point of the curve
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`);
}

/** What is signed of a message: `0xFF || "pollen message v1\n" || chain id || message`. Never a transaction. */
export function messageBytes(chainId: Hash, message: string | Uint8Array): Uint8Array {
  const content = typeof message === "string" ? toUtf8(message) : message;
  return concat(MESSAGE_DOMAIN, bytes32(chainId, "a chain id"), content);
}

/** Signs a message for a chain, such as the text with which a wallet logs in somewhere: 64 bytes. */
export function signMessage(key: KeyPair, chainId: Hash, message: string | Uint8Array): Uint8Array {
  return key.sign(messageBytes(chainId, message));
}

/** True when the key signed this message for this chain. */
export function verifyMessage(
  key: PublicKey,
  chainId: Hash,
  message: string | Uint8Array,
  signature: Uint8Array,
): boolean {
  return verifySignature(key, messageBytes(chainId, message), signature);
}
