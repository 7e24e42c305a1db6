/**
 * Where the page meets its wallet and its verifier: everything that pages use of them, in one place.
 */

import type { ComponentChild } from "preact";
import type { Action } from "@pollen/client";

/** What `src/wallet/index.ts` gives. */
export interface WalletSeam {
  /** Of the header: unlock, choose an account. */
  WalletButton(): ComponentChild;
  /** Shows the preview, asks, signs and sends; the transaction's id, or null where the user said no. */
  signAndSend(intent: { actions: Action[]; attachments?: Uint8Array[]; maxFuel?: bigint }): Promise<string | null>;
}

/** What there is to verify. */
export type Verifiable =
  | { kind: "head" }
  | { kind: "account"; account: string }
  | { kind: "transaction"; hash: string }
  | { kind: "state"; module: string; key: Uint8Array };
