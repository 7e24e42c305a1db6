/**
 * Reads that believe a node only as far as it proves what it says: the answers of one node after another are checked,
 * until one is proved.
 */

import type { Answer, Method, Params, TxAbsence } from "./api.js";
import type { Hash } from "./bytes.js";
import { ProofError, RpcError } from "./errors.js";
import { transactionOf, type CertifiedCheckpoint, type LightClient } from "./light.js";
import type { Receipt } from "./receipt.js";
import { encodeTransaction, type SignedTransaction, type Transaction } from "./transaction.js";
import { pause, type Transport } from "./transport.js";
import type { StateKey } from "./tree.js";

/** A value of the state, proved. */
export interface ProvedState {
  /** The checkpoint after which it was so: it tells height and ledger time. */
  checkpoint: CertifiedCheckpoint;
  /** Null where it was proved that there is none. */
  value: Uint8Array | null;
}

/** A transaction and what became of it, proved. */
export interface ProvedTransaction {
  checkpoint: CertifiedCheckpoint;
  /** Its place in the checkpoint, from 0. */
  index: bigint;
  /** Without its attachments. */
  transaction: SignedTransaction;
  receipt: Receipt;
}

/** How long a certificate that is on its way is waited for. */
const CERTIFICATE_MS = 10_000;
const LOOK_MS = 50;
const NOT_FOUND = -32_040;
const NOT_READY = -32_041;

/** A checkpoint, proved: that of a height, else the last that is certified where the node is. */
export function proveCheckpoint(transport: Transport, light: LightClient, height?: bigint): Promise<CertifiedCheckpoint> {
  return patiently(transport, "chain_certificate", { at: height ?? "certified" }, (answer) =>
    light.verifyCheckpoint(height ?? answer.at.height, answer),
  );
}

/** What the state has under a key, proved. */
export function proveState(transport: Transport, light: LightClient, key: StateKey, height?: bigint): Promise<ProvedState> {
  const params = { owner: key.owner, key: key.key, proof: true, at: height ?? "certified" } as const;
  return patiently(transport, "state_get", params, ({ at, value, proof }) => {
    if (proof === null) throw noProof();
    const checkpoint = light.verifyCheckpoint(height ?? at.height, proof.checkpoint);
    checkpoint.verifyState(key, value, proof.tree);
    return { checkpoint, value };
  });
}

/** A transaction and its receipt, proved to stand in a checkpoint. */
export function proveTransaction(transport: Transport, light: LightClient, hash: Hash): Promise<ProvedTransaction> {
  return patiently(transport, "tx_get", { hash, proof: true }, (answer) => {
    const { proof } = answer;
    if (proof === null) throw noProof();
    const checkpoint = light.verifyCheckpoint(answer.height, proof.checkpoint);
    checkpoint.verifyTransaction(hash, proof.transaction);
    if (proof.receipt.index !== proof.transaction.index) {
      throw new ProofError("the receipt stands at another place than the transaction", "ask another node");
    }
    const receipt = checkpoint.verifyReceipt(hash, answer.receipt, proof.receipt);
    const transaction = transactionOf(hash, answer.transaction, light.chainId);
    return { checkpoint, index: proof.transaction.index, transaction, receipt };
  });
}

/** That a transaction was never executed and never will be, proved. */
export async function proveAbsence(transport: Transport, light: LightClient, transaction: Transaction): Promise<CertifiedCheckpoint> {
  let proved: CertifiedCheckpoint | null = null;
  const check = ({ at, window: { value, proof } }: TxAbsence) => {
    if (proof === null) throw noProof();
    const checkpoint = light.verifyCheckpoint(at.height, proof.checkpoint);
    checkpoint.verifyAbsence(transaction, value, proof.tree);
    proved = checkpoint;
  };
  await transport.call("tx_absence", { unsigned: encodeTransaction(transaction) }, { check });
  if (proved === null) throw noProof();
  return proved;
}

function noProof(): ProofError {
  return new ProofError("the node gave no proof", "ask another node");
}

/** A request whose answer is checked, repeated while a certificate is on its way. */
async function patiently<M extends Method, T>(
  transport: Transport,
  method: M,
  params: Params[M],
  believe: (answer: Answer<M>) => T,
): Promise<T> {
  const deadline = Date.now() + CERTIFICATE_MS;
  for (;;) {
    try {
      let believed: { value: T } | null = null;
      await transport.call(method, params, { check: (answer) => void (believed = { value: believe(answer) }) });
      return (believed as { value: T } | null)!.value;
    } catch (error) {
      const isOnItsWay =
        error instanceof RpcError && (error.code === NOT_READY || (error.code === NOT_FOUND && method === "tx_get"));
      if (!isOnItsWay || Date.now() >= deadline) throw error;
      await pause(LOOK_MS);
    }
  }
}
