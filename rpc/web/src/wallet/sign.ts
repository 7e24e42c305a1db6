/** What signs: the trusted chain, an unlocked key, what its owner has seen. Only dialogs call this, after a consent. */

import {
  checkShape, encodeSigned, messageBytes, signDraft, type Draft, type Fate, type PublicKey, type Signed, type TxStatus,
} from "@pollen/client";
import { pin, trusted } from "../verify/pin.js";
import { trust } from "../verify/trust.js";
import { WalletError } from "./errors.js";
import { keyOf } from "./session.js";

/** The client that the wallet asks. Throws where the node is of another chain than the one that is trusted. */
export function walletClient() {
  const client = trusted.value;
  if (client === null || pin.value === null) {
    throw new WalletError("WrongChain", "the node has not told its chain yet: wait until it answers");
  }
  if (trust.value.kind === "other chain") {
    throw new WalletError("WrongChain", "this node is of another chain than the one that you trust: open the shield in the header");
  }
  return client;
}

/** Signs what was reviewed, as it was reviewed, with one more unlocked key. */
export async function signReviewed(draft: Draft, publicKey: PublicKey): Promise<Draft> {
  const { parameters } = await walletClient().network();
  checkChain(draft);
  const { transaction, attachments } = draft;
  checkShape({ transaction, signature: new Uint8Array(64), cosignatures: [], attachments }, parameters.transactionFuelMax);
  return signDraft(draft, keyOf(publicKey));
}

/** Refuses what is for another chain than the one that is trusted. */
export function checkChain({ chainId }: Draft): void {
  if (chainId !== pin.value?.chainId) throw new WalletError("WrongChain", `the transaction is for the chain ${chainId}, and this wallet is of ${pin.value?.chainId}`);
}

/** Sends what was signed until it is executed, or the time is over, and tells each stage. */
export function send(signed: Signed, onProgress: (status: TxStatus) => void, signal: AbortSignal): Promise<Fate> {
  return walletClient().submit(signed, { onProgress, signal, stage: "executed", timeoutMs: 60_000 });
}

/** Signs a text or bytes that can never be a transaction. */
export function signText(publicKey: PublicKey, message: Uint8Array): { signature: Uint8Array; signedBytes: Uint8Array } {
  walletClient();
  const signedBytes = messageBytes(pin.value!.chainId, message);
  return { signature: keyOf(publicKey).sign(signedBytes), signedBytes };
}

export function encodedOf(signed: Signed): Uint8Array {
  return encodeSigned(signed.transaction);
}
