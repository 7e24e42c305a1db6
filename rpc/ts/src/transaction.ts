/**
 * Transactions: what accounts ask of the ledger, how they are encoded (borsh), signed and named.
 *
 * Shapes and bounds are those of ledger/src/transaction.rs, policy.rs and keys.rs. u64 are `bigint`: amounts in
 * grains (1 pollen = 10^9 grains), times in milliseconds since 1970, fuel prices in grains per 1 000 fuel.
 */

import { bytes32, concat, toHex, toUtf8, u64Bytes, type AccountId, type Hash, type PublicKey } from "./bytes.js";
import { bool, bytes, decode, encode, fixed, hex32, list, nothing, oneOf, option, struct, text, u16, u32, u64, type Codec } from "./codec.js";
import { InputError, ProofError } from "./errors.js";
import { contentHash, domainHash } from "./hash.js";
import { verifySignature, type KeyPair } from "./keys.js";

/** An account with a say in a module's changes. */
export interface PolicyKey {
  account: AccountId;
  /** How much its agreement counts: 1 or more. */
  weight: number;
}

/** Who may change a module. `delayMs`: from agreement to change, at most a year. */
export type UpgradePolicy =
  | { kind: "never" }
  | { kind: "owner"; delayMs: bigint }
  | { kind: "keys"; threshold: number; keys: PolicyKey[]; delayMs: bigint }
  | { kind: "itself" };

/** A change of a module. */
export type ModuleChange =
  | { kind: "upgrade"; code: Hash; arguments: Uint8Array }
  | { kind: "policy"; policy: UpgradePolicy }
  | { kind: "pause" }
  | { kind: "resume" };

/** A key with a say in everything that its account does. */
export interface OwnerKey {
  key: PublicKey;
  /** How much its signature counts: 1 or more. */
  weight: number;
}

/** A module, and which of its commands a scoped key may call; no functions: all of them. */
export interface CallScope {
  module: AccountId;
  functions: string[];
}

/** Limits that hold anew in each window of ledger time; windows begin at multiples of their length. */
export interface ScopeWindow {
  /** 1 or more. */
  lengthMs: bigint;
  /** Most grains spent in a window; null for no limit. */
  spendMax: bigint | null;
  /** Most transactions signed in a window; null for no limit. */
  transactionsMax: number | null;
}

/** What a scoped key may do. */
export interface Scope {
  /** At most 8 modules, each once, and 16 functions in all. */
  calls: CallScope[];
  /** Whether it may send grains to anybody. */
  transfers: boolean;
  /** Whether it may pay the fees of other accounts' transactions. */
  sponsors: boolean;
  /** Ledger time from which on it may do nothing; null for never. */
  expiresMs: bigint | null;
  /** Most grains that it may ever spend; null for no limit. */
  spendMax: bigint | null;
  window: ScopeWindow | null;
}

/** A key that may do what its scope says, alone. */
export interface ScopedKey {
  key: PublicKey;
  /** What people call it: at most 64 bytes, no control characters. */
  label: string;
  scope: Scope;
}

/** One thing to do. Actions run in order, all or nothing. */
export type Action =
  /** Moves grains (1 or more); creates the receiving account when there is none, for a deposit. */
  | { kind: "transfer"; to: AccountId; amount: bigint }
  /** Makes a module of a component that is attached, or on the ledger; `code` is its {@link contentHash}. */
  | { kind: "deploy"; code: Hash; name: string | null; arguments: Uint8Array; policy: UpgradePolicy }
  /** Calls a command. With `interface` it fails as 1014 if the module has another interface by then. */
  | { kind: "invoke"; module: AccountId; function: string; arguments: Uint8Array; deposit: bigint; interface: Hash | null }
  /** Puts an attached component on the ledger. */
  | { kind: "publish"; code: Hash }
  /** Agrees to a change of a module; everybody who agrees sends the same. */
  | { kind: "change"; module: AccountId; change: ModuleChange }
  /** Takes an agreement back; `change` is {@link changeDigest}. */
  | { kind: "cancel"; module: AccountId; change: Hash }
  /** Gives the sender's account other owners. */
  | { kind: "setOwners"; threshold: number; owners: OwnerKey[] }
  /** Gives the sender's account a scoped key, in place of the one with the same key. */
  | { kind: "putKey"; key: ScopedKey }
  /** Takes a scoped key from the sender's account. */
  | { kind: "removeKey"; key: PublicKey };

/** The signed part. */
export interface Transaction {
  /** {@link TRANSACTION_VERSION}. */
  version: number;
  /** Who asks, and pays unless there is a payer. */
  sender: AccountId;
  /** The sender's key that signs first, and whose window has the nonce. */
  key: PublicKey;
  /** Unused in the key's window: a sliding window, not a counter. */
  nonce: bigint;
  /** Ledger time from which on it can no longer run. */
  validUntilMs: bigint;
  /** Most fuel that it may use; what is not used is not paid. */
  maxFuel: bigint;
  /** Grains per 1 000 fuel; at least the chain's floor. */
  fuelPrice: bigint;
  /** Another account that pays the fee, and signs too. */
  payer: AccountId | null;
  /** 1 to 16. */
  actions: Action[];
}

/** A further key's signature on a transaction. */
export interface Cosignature {
  publicKey: PublicKey;
  /** 64 bytes. */
  signature: Uint8Array;
}

/** A transaction with what it needs to run. */
export interface SignedTransaction {
  transaction: Transaction;
  /** By `transaction.key`, on {@link signingBytes}: 64 bytes. */
  signature: Uint8Array;
  /** By other owners of the sender, and by the payer; ascending by key. */
  cosignatures: Cosignature[];
  /** Bytes that actions name by their {@link contentHash}: at most 4, of at most 1 MiB. */
  attachments: Uint8Array[];
}

export const TRANSACTION_VERSION = 1;
export const ACTIONS_MAX = 16;
export const OWNERS_MAX = 8;
export const SCOPED_KEYS_MAX = 16;
export const SIGNATURES_MAX = 2 * OWNERS_MAX;
export const ATTACHMENTS_MAX = 4;
export const COMPONENT_BYTES_MAX = 1 << 20;
export const TRANSACTION_SIGNED_BYTES_MAX = 96 * 1024;
export const VALUE_BYTES_MAX = 64 * 1024;
const FUNCTION_NAME_BYTES_MAX = 128;
const MODULE_NAME_BYTES_MAX = 64;
const SCOPE_MODULES_MAX = 8;
const SCOPE_FUNCTIONS_MAX = 16;
const KEY_LABEL_BYTES_MAX = 64;
const POLICY_KEYS_MAX = 16;
const POLICY_DELAY_MAX_MS = 365n * 24n * 3_600_000n;
const U32_MAX = 2 ** 32 - 1;
/** No transaction of any chain is longer: a block's bound. */
const TRANSACTION_BYTES_MAX = 4 << 20;
const SIGNING_DOMAIN = toUtf8("pollen transaction v1\n");

const policyCodec: Codec<UpgradePolicy> = oneOf<UpgradePolicy>({
  never: nothing,
  owner: struct({ delayMs: u64 }),
  keys: struct({ threshold: u32, keys: list(struct<PolicyKey>({ account: hex32, weight: u32 })), delayMs: u64 }),
  itself: nothing,
});

// In Rust the new policy is the case's one field, so a record of it has the same bytes.
const changeCodec: Codec<ModuleChange> = oneOf<ModuleChange>({
  upgrade: struct({ code: hex32, arguments: bytes }),
  policy: struct({ policy: policyCodec }),
  pause: nothing,
  resume: nothing,
});

const ownersCodec = list(struct<OwnerKey>({ key: hex32, weight: u32 }));

const scopedKeyCodec = struct<ScopedKey>({
  key: hex32,
  label: text,
  scope: struct<Scope>({
    calls: list(struct<CallScope>({ module: hex32, functions: list(text) })),
    transfers: bool,
    sponsors: bool,
    expiresMs: option(u64),
    spendMax: option(u64),
    window: option(struct<ScopeWindow>({ lengthMs: u64, spendMax: option(u64), transactionsMax: option(u32) })),
  }),
});

const actionCodec: Codec<Action> = oneOf<Action>({
  transfer: struct({ to: hex32, amount: u64 }),
  deploy: struct({ code: hex32, name: option(text), arguments: bytes, policy: policyCodec }),
  invoke: struct({ module: hex32, function: text, arguments: bytes, deposit: u64, interface: option(hex32) }),
  publish: struct({ code: hex32 }),
  change: struct({ module: hex32, change: changeCodec }),
  cancel: struct({ module: hex32, change: hex32 }),
  setOwners: struct({ threshold: u32, owners: ownersCodec }),
  putKey: struct({ key: scopedKeyCodec }),
  removeKey: struct({ key: hex32 }),
});

const transactionCodec = struct<Transaction>({
  version: u16,
  sender: hex32,
  key: hex32,
  nonce: u64,
  validUntilMs: u64,
  maxFuel: u64,
  fuelPrice: u64,
  payer: option(hex32),
  actions: list(actionCodec),
});

const signedCodec = struct<SignedTransaction>({
  transaction: transactionCodec,
  signature: fixed(64),
  cosignatures: list(struct<Cosignature>({ publicKey: hex32, signature: fixed(64) })),
  attachments: list(bytes),
});

/** The borsh encoding of the signed part. Throws `TypeError` for a field that is none. */
export function encodeTransaction(transaction: Transaction): Uint8Array {
  return encode(transactionCodec, transaction);
}

/** Reads a signed part, strictly. Throws `DecodeError`. */
export function decodeTransaction(encoded: Uint8Array): Transaction {
  return decode(transactionCodec, encoded, TRANSACTION_SIGNED_BYTES_MAX);
}

/** What is submitted: the borsh encoding of a signed transaction. */
export function encodeSigned(signed: SignedTransaction): Uint8Array {
  return encode(signedCodec, signed);
}

/** Reads a signed transaction, strictly: one encoding a transaction, nothing left over. Checks nothing else. */
export function decodeSigned(encoded: Uint8Array): SignedTransaction {
  return decode(signedCodec, encoded, TRANSACTION_BYTES_MAX);
}

/** The transaction's id: what `tx_status` and all answers name it by. Signatures and attachments are not in it. */
export function transactionId(transaction: Transaction, chainId: Hash): Hash {
  return toHex(domainHash("transaction", bytes32(chainId, "a chain id"), encodeTransaction(transaction)));
}

/** What every key signs: `"pollen transaction v1\n" || chain id || borsh(transaction)`. */
export function signingBytes(transaction: Transaction, chainId: Hash): Uint8Array {
  return concat(SIGNING_DOMAIN, bytes32(chainId, "a chain id"), encodeTransaction(transaction));
}

/** Signs with the key that the transaction names. Others sign with {@link cosign}. Throws {@link InputError}. */
export function signTransaction(
  transaction: Transaction,
  chainId: Hash,
  key: KeyPair,
  attachments: Uint8Array[] = [],
): SignedTransaction {
  if (key.publicKey !== transaction.key) {
    throw new InputError("the transaction names another key as its first", "sign with it, or cosign");
  }
  const signature = key.sign(signingBytes(transaction, chainId));
  return { transaction, signature, cosignatures: [], attachments };
}

/** The same with the signature of a further key; in place of the one that it may have made before. */
export function cosign(signed: SignedTransaction, chainId: Hash, key: KeyPair): SignedTransaction {
  const signature = key.sign(signingBytes(signed.transaction, chainId));
  const others = signed.cosignatures.filter((one) => one.publicKey !== key.publicKey);
  const cosignatures = [...others, { publicKey: key.publicKey, signature }];
  cosignatures.sort((left, right) => (left.publicKey < right.publicKey ? -1 : 1));
  return { ...signed, cosignatures };
}

/** True when every signature is by its key. Whose keys they are, the chain's state tells. */
export function verifySignatures(signed: SignedTransaction, chainId: Hash): boolean {
  const covered = signingBytes(signed.transaction, chainId);
  return (
    verifySignature(signed.transaction.key, covered, signed.signature) &&
    signed.cosignatures.every((one) => verifySignature(one.publicKey, covered, one.signature))
  );
}

/**
 * Reads a signed transaction that is to be believed: its encoding, bounds and signatures. Throws `DecodeError`,
 * {@link InputError} or {@link ProofError}.
 */
export function readSigned(encoded: Uint8Array, chainId: Hash, transactionFuelMax?: bigint): SignedTransaction {
  const signed = decodeSigned(encoded);
  checkShape(signed, transactionFuelMax);
  if (!verifySignatures(signed, chainId)) {
    throw new ProofError(
      "the signature does not fit: signed by another key, changed after signing, or for another chain",
      "sign with the sender's key, for this chain, after the last change",
    );
  }
  return signed;
}

/** Grains for an amount of fuel at a price per 1 000, rounded up; at most 2^64 - 1. */
export function fee(fuel: bigint, price: bigint): bigint {
  const grains = (fuel * price + 999n) / 1000n;
  return grains < 2n ** 64n ? grains : 2n ** 64n - 1n;
}

/** The address of the module that a transaction's action deploys, by the transaction's id. */
export function deployedModule(id: Hash, action: number): AccountId {
  return toHex(domainHash("module", bytes32(id), Uint8Array.of(action & 255, action >> 8)));
}

/** The address of a module that another one makes. */
export function childModule(parent: AccountId, salt: Uint8Array): AccountId {
  return toHex(domainHash("moduleChild", bytes32(parent), salt));
}

/** What those who agree to a change agree to: this change, of the module as it is after `revision` changes. */
export function changeDigest(module: AccountId, revision: number, change: ModuleChange): Hash {
  const revisionBytes = u64Bytes(BigInt(revision)).subarray(0, 4);
  return toHex(domainHash("moduleChange", bytes32(module), revisionBytes, encode(changeCodec, change)));
}

/** The code that must be attached, or on the ledger, for an action to run. */
function codeOf(action: Action): Hash | null {
  if (action.kind === "deploy" || action.kind === "publish") return action.code;
  return action.kind === "change" && action.change.kind === "upgrade" ? action.change.code : null;
}

/** True for a name that a module may register: 2 to 64 lower-case letters, digits and inner hyphens, a letter first. */
export function isModuleName(name: string): boolean {
  return name.length <= MODULE_NAME_BYTES_MAX && /^[a-z][a-z0-9-]*[a-z0-9]$/.test(name);
}

/**
 * Checks all that bytes alone tell: bounds and shapes, as nodes do before anything else. Throws
 * {@link InputError} with what is wrong and what is allowed. `transactionFuelMax` is of the chain's parameters.
 */
export function checkShape(signed: SignedTransaction, transactionFuelMax?: bigint): void {
  const { transaction, cosignatures, attachments } = signed;
  must(
    transaction.version === TRANSACTION_VERSION,
    `transaction version ${transaction.version} is not known, ${TRANSACTION_VERSION} is`,
  );
  must(transaction.payer !== transaction.sender, "the payer is another account than the sender, or none");
  const count = transaction.actions.length;
  must(count >= 1 && count <= ACTIONS_MAX, `a transaction has 1 to ${ACTIONS_MAX} actions, not ${count}`);
  const keys = cosignatures.map((one) => one.publicKey);
  must(
    keys.length < SIGNATURES_MAX &&
      keys.every((key, index) => index === 0 || keys[index - 1]! < key) &&
      !keys.includes(transaction.key),
    `a transaction has at most ${SIGNATURES_MAX} signatures, of distinct keys, those beside the first ascending by key`,
  );
  const fuelMax = transactionFuelMax ?? 2n ** 64n - 1n;
  must(
    transaction.maxFuel > 0n && transaction.maxFuel <= fuelMax,
    `max_fuel is 1 to ${fuelMax}, not ${transaction.maxFuel}`,
  );
  fits("the signed part", encodeTransaction(transaction).length, TRANSACTION_SIGNED_BYTES_MAX);
  must(attachments.length <= ATTACHMENTS_MAX, `${attachments.length} attachments, ${ATTACHMENTS_MAX} are allowed`);
  for (const attachment of attachments) fits("an attachment", attachment.length, COMPONENT_BYTES_MAX);
  transaction.actions.forEach(checkAction);
  const named = transaction.actions.map(codeOf);
  for (const hash of attachments.map(contentHash)) {
    must(named.includes(hash), `no action names the attachment ${hash}`);
  }
}

function checkAction(action: Action): void {
  switch (action.kind) {
    case "transfer":
      return must(action.amount > 0n, "a transfer moves at least 1 grain");
    case "deploy":
      checkPolicy(action.policy);
      if (action.name !== null) {
        must(
          isModuleName(action.name),
          `'${[...action.name].slice(0, 80).join("")}' is no module name: 2 to ${MODULE_NAME_BYTES_MAX} lower-case ` +
            "letters, digits and inner hyphens, a letter first",
        );
      }
      return fits("the arguments", action.arguments.length, VALUE_BYTES_MAX);
    case "invoke":
      must(isFunctionName(action.function), `a function's name has 1 to ${FUNCTION_NAME_BYTES_MAX} bytes`);
      return fits("the arguments", action.arguments.length, VALUE_BYTES_MAX);
    case "change":
      if (action.change.kind === "policy") checkPolicy(action.change.policy);
      if (action.change.kind === "upgrade") fits("the arguments", action.change.arguments.length, VALUE_BYTES_MAX);
      return;
    case "setOwners":
      return checkOwners(action.threshold, action.owners);
    case "putKey":
      return checkScopedKey(action.key);
    case "publish":
    case "cancel":
    case "removeKey":
      return;
  }
}

/** Checks a policy: its bounds, and that it can be met. Throws {@link InputError}. */
export function checkPolicy(policy: UpgradePolicy): void {
  if (policy.kind === "never" || policy.kind === "itself") return;
  must(policy.delayMs <= POLICY_DELAY_MAX_MS, `a policy's delay is at most ${POLICY_DELAY_MAX_MS} ms, a year`);
  if (policy.kind === "owner") return;
  must(
    isDistinct(policy.keys.map((key) => key.account), POLICY_KEYS_MAX),
    `a policy names 1 to ${POLICY_KEYS_MAX} accounts, each once`,
  );
  checkWeights(policy.threshold, policy.keys);
}

/** Checks owners: their bounds, and that the threshold can be met. Throws {@link InputError}. */
export function checkOwners(threshold: number, owners: OwnerKey[]): void {
  must(isDistinct(owners.map((owner) => owner.key), OWNERS_MAX), `an account has 1 to ${OWNERS_MAX} owners, each once`);
  checkWeights(threshold, owners);
}

function checkWeights(threshold: number, weighted: { weight: number }[]): void {
  const sum = weighted.reduce((total, one) => total + one.weight, 0);
  must(
    threshold >= 1 && threshold <= sum && sum <= U32_MAX && weighted.every((one) => one.weight >= 1),
    `weights are at least 1 and sum up to at most ${U32_MAX}, and a threshold is 1 to their sum: ${threshold} of ${sum}`,
  );
}

/** Checks a scoped key's bounds. Throws {@link InputError}. */
export function checkScopedKey({ label, scope }: ScopedKey): void {
  must(
    toUtf8(label).length <= KEY_LABEL_BYTES_MAX && !/\p{Cc}/u.test(label),
    `a key's label has at most ${KEY_LABEL_BYTES_MAX} bytes and no control characters`,
  );
  const modules = scope.calls.map((call) => call.module);
  must(
    modules.length === 0 || isDistinct(modules, SCOPE_MODULES_MAX),
    `a scope names at most ${SCOPE_MODULES_MAX} modules, each once`,
  );
  const functions = scope.calls.flatMap((call) => call.functions);
  must(
    functions.length <= SCOPE_FUNCTIONS_MAX && functions.every(isFunctionName),
    `a scope names at most ${SCOPE_FUNCTIONS_MAX} functions, each of 1 to ${FUNCTION_NAME_BYTES_MAX} bytes`,
  );
  must(scope.window === null || scope.window.lengthMs > 0n, "a window of limits is at least 1 ms long");
}

function isDistinct(names: string[], max: number): boolean {
  return names.length >= 1 && names.length <= max && new Set(names).size === names.length;
}

function isFunctionName(name: string): boolean {
  const length = toUtf8(name).length;
  return length >= 1 && length <= FUNCTION_NAME_BYTES_MAX;
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new InputError(what);
}

function fits(what: string, bytes: number, max: number): void {
  must(bytes <= max, `${what} has ${bytes} bytes, ${max} are allowed`);
}
