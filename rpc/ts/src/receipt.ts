/** Receipts: what became of an ordered transaction (ledger/src/receipt.rs). Consensus data, so it can be proved. */

import type { AccountId, Hash } from "./bytes.js";
import { bool, bytes, decode, hex32, list, nothing, oneOf, option, struct, text, u16, u64, u8, type Codec } from "./codec.js";
import { DecodeError } from "./errors.js";

/** What a module told the world. */
export interface Event {
  /** Who told it. */
  module: AccountId;
  /** A type of the module's `events`. */
  name: string;
  /** Indexed bytes. */
  topics: Uint8Array[];
  /** That type's value, encoded. */
  data: Uint8Array;
}

/** What a failing module had to say. */
export type FailureValue =
  | { kind: "none" }
  /** The error case of the function's `result`, encoded. */
  | { kind: "error"; bytes: Uint8Array }
  /** The message of its abort. */
  | { kind: "message"; text: string };

/** The end of a transaction. `code` is a number of docs/rpc.md. */
export type ReceiptOutcome =
  /** Everything was done: per action its result, encoded. */
  | { kind: "success"; results: Uint8Array[] }
  /** Nothing was done but paying the fee. `action` is the one that failed, from 0. */
  | { kind: "failure"; action: number; code: number; value: FailureValue }
  /** Nothing was done. */
  | { kind: "rejected"; code: number };

/** What became of an ordered transaction. */
export interface Receipt {
  transaction: Hash;
  outcome: ReceiptOutcome;
  /** Fuel used, the intrinsic part included. */
  fuelUsed: bigint;
  /** Grains paid. */
  fee: bigint;
  /** Of a success, in order. */
  events: Event[];
}

/** Numbers of docs/rpc.md by the byte in a receipt, from 1. */
const CODES = [
  1010, 2001, 2002, 2003, 2004, 2005, 2006, 2007, 2009, 2010, 2011, 2012, 2013, 2008, 1013, 2014, 1012, 1014,
] as const;
const RECEIPT_BYTES_MAX = 4 << 20;

const codeCodec: Codec<number> = {
  write: (writer, value) => u8.write(writer, CODES.indexOf(value as (typeof CODES)[number]) + 1),
  read(reader) {
    const code = CODES[u8.read(reader) - 1];
    if (code === undefined) throw new DecodeError("not a valid encoding: a code that is not known");
    return code;
  },
};

const receiptCodec = struct<Receipt>({
  transaction: hex32,
  outcome: oneOf<ReceiptOutcome>({
    success: struct({ results: list(bytes) }),
    failure: struct({
      action: u16,
      code: codeCodec,
      value: oneOf<FailureValue>({ none: nothing, error: struct({ bytes }), message: struct({ text }) }),
    }),
    rejected: struct({ code: codeCodec }),
  }),
  fuelUsed: u64,
  fee: u64,
  events: list(struct<Event>({ module: hex32, name: text, topics: list(bytes), data: bytes })),
});

/** Reads a receipt, strictly. Throws {@link DecodeError}. */
export function decodeReceipt(encoded: Uint8Array): Receipt {
  return decode(receiptCodec, encoded, RECEIPT_BYTES_MAX);
}

/** An account's money, as the state has it. */
export interface AccountRecord {
  /** Grains it may spend, the fee reserve included. */
  balance: bigint;
  /** Grains locked while it exists. */
  deposit: bigint;
  /** Whether its keys are stored; else it has the one that its id is the hash of. */
  hasKeys: boolean;
}

/** Reads the value under `stateKey.account`. Throws {@link DecodeError}. */
export function readAccountRecord(value: Uint8Array): AccountRecord {
  return decode(struct<AccountRecord>({ balance: u64, deposit: u64, hasKeys: bool }), value, 17);
}

/** Who agreed to a change of a module that was not made yet: what is under `stateKey.change`. */
export interface Proposal {
  /** In the order in which they agreed. */
  approvals: AccountId[];
  /** Ledger time from which on it can be made; null while weight is missing. */
  readyMs: bigint | null;
}

/** Accounts in a policy are at most 16; it may have changed since. */
const PROPOSAL_BYTES_MAX = 4_096;

/** Reads the value under `stateKey.change`. Throws {@link DecodeError}. */
export function readProposal(value: Uint8Array): Proposal {
  return decode(struct<Proposal>({ approvals: list(hex32), readyMs: option(u64) }), value, PROPOSAL_BYTES_MAX);
}
