/**
 * What becomes of a transaction: submitted, submitted again, waited for, until there is an end or the time is over.
 */

import { STAGES, type Stage, type TxOutcome, type TxStatus } from "./api.js";
import type { Hash } from "./bytes.js";
import { AnswerError, InputError, PollenError, RpcError } from "./errors.js";
import { encodeSigned, transactionId, type SignedTransaction } from "./transaction.js";
import { pause, type Transport } from "./transport.js";

/** How a transaction is waited for. */
export interface WaitOptions {
  /** The stage to wait for; `executed` unless told. */
  stage?: Stage;
  /** How long, in milliseconds; 30 000 unless told. A timeout is a result, not an error. */
  timeoutMs?: number;
  /** Told of every stage that is reached, once each, as a node saw it. */
  onProgress?: (status: TxStatus) => void;
  signal?: AbortSignal;
}

/** A signed transaction on its way: submit it, and submit it again, as often as it takes. */
export interface Signed {
  chainId: Hash;
  /** Its id. */
  hash: Hash;
  /** What is submitted. */
  bytes: Uint8Array;
  transaction: SignedTransaction;
}

/** What became of a transaction, as far as it is known. */
export interface Fate {
  hash: Hash;
  /** The furthest stage that a node told; null when none answered. */
  stage: Stage | null;
  /** Whether `status.outcome` stands and changes no more. */
  ended: boolean;
  /** The last answer. */
  status: TxStatus | null;
  /** What to submit again to go on waiting. */
  signed: Signed;
  /** Of a timeout: the last error on the way. */
  lastError: PollenError | null;
}

/** A transaction that was executed, or is still on its way when the time is over. */
export type Executed<T> =
  | { ended: true; value: T; hash: Hash; status: TxStatus; signed: Signed }
  | { ended: false; value?: undefined; hash: Hash; status: TxStatus | null; signed: Signed; stage: Stage | null; lastError: PollenError | null };

/** A transaction that ended without a success: `status.outcome` has all of it. */
export class TransactionFailed extends PollenError {
  override name = "TransactionFailed";
  readonly hash: Hash;
  /** Number of docs/rpc.md. */
  readonly code: number;
  /** Its stable name. */
  readonly codeName: string;
  /** The action that failed, from 0; null for a rejection and an expiry. */
  readonly action: number | null;
  /** The module's own error value, where it gave one and its interface is known. */
  readonly error: unknown;
  readonly status: TxStatus;

  constructor(status: TxStatus, outcome: Exclude<TxOutcome, { kind: "success" }>, error: unknown) {
    const expired = outcome.kind === "expired";
    const code = expired ? 1007 : outcome.code;
    const name = expired ? "Expired" : outcome.name;
    const message = expired ? "the transaction expired before it was ordered" : outcome.message;
    const hint = expired ? "the network was too busy or had no quorum: nothing was done, send it anew" : new RpcError(code, "").hint;
    super(`${message} (${code} ${name})`, hint);
    this.hash = status.hash;
    this.code = code;
    this.codeName = name;
    this.action = outcome.kind === "failure" ? outcome.action : null;
    this.error = error;
    this.status = status;
  }
}

const TIMEOUT_MS = 30_000;
/** What one request of a submission waits at most before it asks again. */
const WAIT_AT_ONCE_MS = 10_000;
const NOT_FOUND = -32_040;
/** Refusals that other state may lift: not the end of a transaction that a node may have taken before. */
const MAY_CHANGE: ReadonlySet<number> = new Set([1006, 1010, 1011, 1012, 1013]);

/**
 * Submits a signed transaction and waits until it has reached a stage, can no longer, or the time is over. Safe to
 * repeat, here and at other nodes. Goes on through lost nodes and full pools. Throws `RpcError` only where no node
 * can have taken it: 1001 to 1014.
 */
export async function submit(transport: Transport, signed: Signed, options: WaitOptions = {}): Promise<Fate> {
  const stage = options.stage ?? "executed";
  const deadline = Date.now() + (options.timeoutMs ?? TIMEOUT_MS);
  const fate: Fate = { hash: signed.hash, stage: null, ended: false, status: null, signed, lastError: null };
  let isAccepted = false;
  let isUncertain = false;
  for (;;) {
    const left = Math.max(deadline - Date.now(), 0);
    const wanted = options.onProgress === undefined ? stage : after(fate.stage, stage);
    const ask = { wait: wanted, timeoutMs: Math.min(left, WAIT_AT_ONCE_MS) };
    const call = {
      check: (status: TxStatus) => sameHash(status.hash, signed.hash),
      onUnanswered: () => void (isUncertain = true),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    };
    let wait = 0;
    try {
      const status = isAccepted
        ? await transport.call("tx_status", { hash: signed.hash, ...ask }, call)
        : await transport.call("tx_submit", { transaction: signed.bytes, chainId: signed.chainId, ...ask }, call);
      isAccepted = true;
      if (fate.stage !== status.stage || status.ended) options.onProgress?.(status);
      Object.assign(fate, { stage: status.stage, ended: status.ended, status, lastError: null });
      if (satisfies(status, stage)) return fate;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof PollenError) || error instanceof InputError) throw error;
      fate.lastError = error;
      wait = 250;
      if (error instanceof RpcError) {
        wait = Math.max(error.retryAfterMs, 50);
        if (isAccepted && error.code === NOT_FOUND) isAccepted = false;
        else if (!error.retryable && !(isUncertain && MAY_CHANGE.has(error.code))) throw error;
      } else {
        isAccepted = false;
      }
    }
    if (Date.now() + wait >= deadline) return fate;
    if (wait > 0) await pause(wait, options.signal);
  }
}

/** A transaction that was signed elsewhere, ready to be submitted. */
export function signedOf(transaction: SignedTransaction, chainId: Hash): Signed {
  const hash = transactionId(transaction.transaction, chainId);
  return { chainId, hash, bytes: encodeSigned(transaction), transaction };
}

/** The value of a transaction that was executed; what is known of another. */
export function executed<T>(fate: Fate, value: () => T): Executed<T> {
  const { hash, status, signed, stage, lastError } = fate;
  const isDone = status?.outcome?.kind === "success";
  if (isDone) return { ended: true, value: value(), hash, status: status!, signed };
  return { ended: false, hash, status, signed, stage, lastError };
}

/** True when who waits for `stage` need wait no longer: it is reached, or never will be. */
function satisfies(status: TxStatus, stage: Stage): boolean {
  const reached = STAGES.indexOf(status.stage);
  return reached >= STAGES.indexOf(stage) || (status.ended && reached < STAGES.indexOf("executed"));
}

/** The next stage to wait for, up to the wanted one. */
function after(stage: Stage | null, wanted: Stage): Stage {
  const next = stage === null ? 0 : STAGES.indexOf(stage) + 1;
  return STAGES[Math.min(next, STAGES.indexOf(wanted))]!;
}

/** Refuses the status of another transaction. */
export function sameHash(found: Hash, wanted: Hash): void {
  if (found !== wanted) throw new AnswerError("result.hash", "of another transaction than was asked for");
}
