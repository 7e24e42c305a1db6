/**
 * Transactions on their way from who builds them over those who sign them to a node: the JSON document of
 * `pollen tx build | show | sign | send` (rpc/src/client/draft.rs), which any machine can read, show and sign.
 */

import { fromBase64, isHex32, toBase64, type Hash, type PublicKey } from "./bytes.js";
import { InputError } from "./errors.js";
import { signedOf, type Signed } from "./fate.js";
import { verifySignature } from "./keys.js";
import {
  ACTIONS_MAX, ATTACHMENTS_MAX, COMPONENT_BYTES_MAX, decodeTransaction, encodeTransaction, SIGNATURES_MAX, signingBytes, type SignedTransaction,
  type Transaction,
} from "./transaction.js";

/** A transaction before all have signed it. */
export interface Draft {
  /** The chain that it is for. */
  chainId: Hash;
  /** Prefix of that chain's addresses. */
  addressPrefix: string;
  transaction: Transaction;
  /** Who signed it so far, each key once. */
  signatures: { key: PublicKey; signature: Uint8Array }[];
  /** Bytes that the transaction names by hash. */
  attachments: Uint8Array[];
  /** Binary WIT packages of modules that it calls, so that a machine without a network can tell what the arguments are. */
  interfaces: Uint8Array[];
}

/** Bytes of a draft's text: all of its parts at their largest. */
const DRAFT_CHARS_MAX = 16 << 20;
const FIELDS = ["pollen", "version", "chainId", "addressPrefix", "transaction", "signatures", "attachments", "interfaces"];

/** The document's text, as the command line writes it. */
export function writeDraft(draft: Draft): string {
  const { chainId, addressPrefix, transaction, signatures, attachments, interfaces } = draft;
  return JSON.stringify({
    pollen: "transaction",
    version: 1,
    chainId,
    addressPrefix,
    transaction: toBase64(encodeTransaction(transaction)),
    signatures: signatures.map(({ key, signature }) => ({ key, signature: toBase64(signature) })),
    attachments: attachments.map(toBase64),
    interfaces: interfaces.map(toBase64),
  });
}

/** Reads a document, strictly: what is signed can be decoded, and each signature is by its key. Throws {@link InputError}. */
export function readDraft(text: string): Draft {
  if (text.length > DRAFT_CHARS_MAX) malformed("it is too long");
  const json = object(parsed(text), FIELDS);
  if (json["pollen"] !== "transaction" || json["version"] !== 1) malformed("it is of another kind or version");
  const { chainId, addressPrefix } = json;
  if (!isHex32(chainId) || typeof addressPrefix !== "string") malformed("it names no chain");
  const draft: Draft = {
    chainId: chainId as Hash,
    addressPrefix,
    transaction: transactionOf(bytes(json["transaction"])),
    signatures: list(json["signatures"], SIGNATURES_MAX).map((one) => {
      const { key, signature } = object(one, ["key", "signature"]);
      if (!isHex32(key)) malformed("a signature is by no key");
      return { key: key as PublicKey, signature: bytes(signature) };
    }),
    attachments: list(json["attachments"], ATTACHMENTS_MAX).map(bytes),
    interfaces: list(json["interfaces"], ACTIONS_MAX).map(bytes),
  };
  if (draft.attachments.some(({ length }) => length > COMPONENT_BYTES_MAX)) malformed("it has more than a transaction may have");
  if (new Set(draft.signatures.map(({ key }) => key)).size < draft.signatures.length) malformed("a key signed twice");
  const signed = signingBytes(draft.transaction, draft.chainId);
  for (const { key, signature } of draft.signatures) {
    if (!verifySignature(key, signed, signature)) throw new InputError(`the signature of ${key} does not fit: the transaction was changed after signing`);
  }
  return draft;
}

/** The draft with the signature of one more key; in place of the one that it may have made before. */
export function signDraft(draft: Draft, key: { publicKey: PublicKey; sign(bytes: Uint8Array): Uint8Array }): Draft {
  const signature = key.sign(signingBytes(draft.transaction, draft.chainId));
  const others = draft.signatures.filter((one) => one.key !== key.publicKey);
  return { ...draft, signatures: [...others, { key: key.publicKey, signature }] };
}

/** What can be sent. Throws {@link InputError} where the key that leads has not signed. */
export function signedDraft(draft: Draft): Signed {
  const { transaction, signatures, attachments, chainId } = draft;
  const lead = signatures.find(({ key }) => key === transaction.key);
  if (lead === undefined) throw new InputError(`the key that leads has not signed: ${transaction.key}`, "sign with it, too");
  const others = signatures.filter((one) => one !== lead).map(({ key, signature }) => ({ publicKey: key, signature }));
  const cosignatures = others.sort((a, b) => (a.publicKey < b.publicKey ? -1 : 1));
  const signed: SignedTransaction = { transaction, signature: lead.signature, cosignatures, attachments };
  return signedOf(signed, chainId);
}

function malformed(reason: string): never {
  throw new InputError(`this is no transaction of \`pollen tx build\`: ${reason}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return malformed("it is no JSON document");
  }
}

function object(json: unknown, fields: string[]): Record<string, unknown> {
  if (json === null || typeof json !== "object" || Array.isArray(json)) malformed("an object is missing");
  const other = Object.keys(json).find((name) => !fields.includes(name));
  if (other !== undefined) malformed(`it has a field '${other.slice(0, 40)}', which is not known`);
  return json as Record<string, unknown>;
}

function list(json: unknown, max: number): unknown[] {
  if (!Array.isArray(json)) malformed("a list is missing");
  if (json.length > max) malformed("it has more than a transaction may have");
  return json as unknown[];
}

function bytes(json: unknown): Uint8Array {
  try {
    return fromBase64(json as string);
  } catch {
    return malformed("bytes are no base64");
  }
}

function transactionOf(encoded: Uint8Array): Transaction {
  try {
    return decodeTransaction(encoded);
  } catch (error) {
    return malformed((error as Error).message);
  }
}
