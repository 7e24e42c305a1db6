/**
 * The genesis document: what a client trusts, and nothing else. Its hash is the chain's identity; its committee
 * signs checkpoints (ledger/src/genesis.rs).
 */

import { isHex32, toHex, type Hash, type PublicKey } from "./bytes.js";
import { encode, hex32, list, struct, text, u16, u32, u64, u8, type Codec } from "./codec.js";
import { InputError } from "./errors.js";
import { domainHash } from "./hash.js";

/** A member of the committee; its place is its index. */
export interface Validator {
  publicKey: PublicKey;
  /** Weight: 1 or more. */
  stake: bigint;
}

/** What the genesis document says to clients. */
export interface Genesis {
  /** The chain's identity. */
  chainId: Hash;
  /** The chain's name, for people. */
  name: string;
  /** Prefix of its addresses. */
  addressPrefix: string;
  /** Coin type in the paths of wallets. */
  coinType: number;
  /** Validators of epoch 0, in order. */
  committee: Validator[];
  /** Numbers that who builds transactions must know, as `parameters` of `node_info`. */
  parameters: ChainParameters;
}

/** What a chain asks of transactions. */
export interface ChainParameters {
  /** Least grains per 1 000 fuel. */
  fuelPriceFloor: bigint;
  /** Most fuel of a transaction. */
  transactionFuelMax: bigint;
  /** Ledger time from the publication of code until modules may run it. */
  codeActivationMs: bigint;
  /** How far ahead of ledger time `validUntilMs` may lie. */
  transactionLifetimeMaxMs: bigint;
}

const COMMITTEE_MAX = 512;
const STAKE_TOTAL_MAX = 1n << 60n;
const PROTOCOL_VERSION = 1;
const COMMIT_ORDERS = ["all-slots", "first-commit"];

/** How the fields of a document are read from JSON and written to borsh, in the order of the ledger. */
interface Field {
  codec: Codec<never>;
  read: (json: unknown, path: string) => unknown;
}

const whole = (codec: Codec<number>, max: number): Field => ({
  codec: codec as Codec<never>,
  read(json, path) {
    if (typeof json !== "number" || !Number.isInteger(json) || json < 0 || json > max) wrong(path, `a whole number up to ${max}`);
    return json;
  },
});
const small = whole(u16, 0xffff);
const middle = whole(u32, 0xffff_ffff);
/** A number, or digits where the document has text. */
const large = (form: "number" | "text"): Field => ({
  codec: u64 as Codec<never>,
  read(json, path) {
    const digits = form === "number" && Number.isSafeInteger(json) ? String(json) : form === "number" && typeof json === "bigint" ? json.toString() : form === "text" ? json : null;
    if (typeof digits !== "string" || !/^[0-9]{1,20}$/.test(digits) || BigInt(digits) >= 1n << 64n) {
      wrong(path, `a whole number from 0 to 2^64 - 1${form === "text" ? " as text" : ""}`);
    }
    return BigInt(digits as string);
  },
});
const words: Field = {
  codec: text as Codec<never>,
  read(json, path) {
    if (typeof json !== "string") wrong(path, "text");
    return json;
  },
};
const id: Field = {
  codec: hex32 as Codec<never>,
  read(json, path) {
    const digits = typeof json === "string" ? json.toLowerCase() : json;
    if (!isHex32(digits)) wrong(path, "64 hexadecimal digits");
    return digits;
  },
};
const commitOrder: Field = {
  codec: u8 as Codec<never>,
  read(json, path) {
    const place = COMMIT_ORDERS.indexOf(json as string);
    if (place < 0) wrong(path, `one of ${COMMIT_ORDERS.join(", ")}`);
    return place;
  },
};
const record = (fields: Record<string, Field>): Field => ({
  codec: struct(Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.codec]))) as Codec<never>,
  read(json, path) {
    if (json === null || typeof json !== "object" || Array.isArray(json)) wrong(path, "an object");
    const given = json as Record<string, unknown>;
    const unknown = Object.keys(given).find((name) => !Object.hasOwn(fields, name));
    if (unknown !== undefined) wrong(`${path}.${unknown}`, "no such field");
    return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.read(given[name], `${path}.${name}`)]));
  },
});
const many = (item: Field): Field => ({
  codec: list(item.codec) as Codec<never>,
  read(json, path) {
    if (!Array.isArray(json)) wrong(path, "a list");
    return (json as unknown[]).map((one, index) => item.read(one, `${path}[${index}]`));
  },
});

const number64 = large("number");
const DOCUMENT = record({
  name: words,
  addressPrefix: words,
  coinType: middle,
  protocolVersion: small,
  timeMs: number64,
  committee: many(record({ name: words, public_key: id, stake: number64 })),
  accounts: many(record({ name: words, id, balance: large("text") })),
  parameters: record({
    gcDepth: middle,
    blockBytesMax: middle,
    blockTransactionsMax: middle,
    blockFuelMax: number64,
    transactionBytesMax: middle,
    transactionFuelMax: number64,
    callFuelMax: number64,
    fuelPriceFloor: number64,
    transactionFuelBase: number64,
    signatureFuel: number64,
    signedByteFuel: number64,
    attachmentByteFuel: number64,
    accountDeposit: number64,
    storageByteDeposit: number64,
    codeActivationMs: number64,
    feeReserve: number64,
    checkpointIntervalMs: number64,
    checkpointIntervalMaxMs: number64,
    commitOrder,
    probationWindowRounds: middle,
    probationSplitPercent: middle,
    probationDoublingsMax: middle,
    transactionLifetimeMaxMs: number64,
  }),
});

function wrong(path: string, expected: string): never {
  throw new InputError(`${path}: expected ${expected}`, "use the chain's genesis.json as it was published");
}

/**
 * Reads a genesis document (the text of `genesis.json`). Throws {@link InputError} with the field that is wrong.
 * Get it from whom you trust: a node's own word of it proves nothing.
 */
export function readGenesis(json: string): Genesis {
  let parsed: unknown;
  try {
    // Numbers that a double cannot hold are read as bigint.
    const exact = json.replaceAll(/"(?:[^"\\]|\\.)*"|(?<![\d.eE+-])\d{16,20}(?![\d.eE])/g, (token) => (token.startsWith('"') ? token : `"\u0000${token}"`));
    parsed = JSON.parse(exact, (_, value: unknown) => (typeof value === "string" && value.startsWith("\u0000") ? BigInt(value.slice(1)) : value));
  } catch (error) {
    throw new InputError(`genesis: ${(error as Error).message}`, "use the chain's genesis.json as it was published");
  }
  const document = DOCUMENT.read(parsed, "genesis") as Pick<Genesis, "name" | "addressPrefix" | "coinType"> & {
    protocolVersion: number;
    committee: { public_key: PublicKey; stake: bigint }[];
    parameters: ChainParameters;
  };
  if (document.protocolVersion !== PROTOCOL_VERSION) {
    wrong("genesis.protocolVersion", `${PROTOCOL_VERSION}, which this client knows`);
  }
  if (!/^[a-z]{1,20}$/.test(document.addressPrefix)) wrong("genesis.addressPrefix", "1 to 20 lower-case letters");
  const committee = document.committee.map((one) => ({ publicKey: one.public_key, stake: one.stake }));
  checkCommittee(committee);
  const chainId = toHex(domainHash("genesis", encode(DOCUMENT.codec, document as never)));
  const { name, addressPrefix, coinType, parameters } = document;
  return { chainId, name, addressPrefix, coinType, committee, parameters };
}

/** Checks that a committee is one: 1 to 512 members with keys of their own, each with stake. Throws {@link InputError}. */
export function checkCommittee(committee: readonly Validator[]): void {
  if (committee.length < 1 || committee.length > COMMITTEE_MAX) {
    throw new InputError(`a committee has 1 to ${COMMITTEE_MAX} validators, not ${committee.length}`);
  }
  const keys = new Set<PublicKey>();
  committee.forEach(({ publicKey, stake }, index) => {
    if (stake < 1n) throw new InputError(`validator ${index} has no stake: give it at least 1`);
    if (!isHex32(publicKey)) throw new InputError(`the key of validator ${index} is not 64 lower-case hexadecimal digits`);
    if (keys.has(publicKey)) throw new InputError(`validator ${index} has the key of another: every validator needs its own`);
    keys.add(publicKey);
  });
  if (committee.reduce((sum, one) => sum + one.stake, 0n) > STAKE_TOTAL_MAX) {
    throw new InputError("the stakes sum up to more than 2^60");
  }
}
