/**
 * What asks for the wallet, one at a time: a form of this page, or a site of another origin. Each request becomes a
 * dialog; its promise is kept until the owner has decided, and what came meanwhile waits.
 */

import { signal } from "@preact/signals";
import type { Draft, Hash, PublicKey, Stage, Transaction, TxStatus } from "@pollen/client";
import { WalletError } from "./errors.js";
import type { Intent } from "./intent.js";

/** Who asks: null for this page itself. */
export type Asker = string | null;

/** What is to be signed. */
export type Wanted =
  | { kind: "intent"; intent: Intent }
  | { kind: "transaction"; transaction: Transaction; attachments: Uint8Array[] }
  /** One that somebody handed on, maybe signed by others. */
  | { kind: "draft"; draft: Draft };

export interface SignResult {
  hash: Hash;
  /** The signed transaction, encoded. */
  signed: Uint8Array;
  /** Of one that was sent. */
  stage: Stage | null;
  status: TxStatus | null;
}

/** What the owner decides. */
export type Request =
  | { kind: "sign"; from: Asker; key: PublicKey | null; wanted: Wanted; isSent: boolean }
  | { kind: "message"; from: Asker; key: PublicKey | null; message: Uint8Array }
  | { kind: "connect"; from: string }
  /** That another key is made in this browser: only this page asks for that. */
  | { kind: "key" };

export interface Results {
  sign: SignResult;
  message: { publicKey: PublicKey; signature: Uint8Array; signedBytes: Uint8Array };
  connect: { accounts: PublicKey[] };
  key: { publicKey: PublicKey };
}

/** A request with what ends it. Who asked hears of the end at once; the dialog stays until it is closed. */
export interface Pending {
  id: number;
  request: Request;
  resolve(result: Results[Request["kind"]]): void;
  reject(error: unknown): void;
  /** Takes the dialog away. What has no end by then was refused. */
  close(): void;
}

/** More than so many at once are refused: somebody floods. */
const WAITING_MAX = 8;
const waiting = signal<readonly Pending[]>([]);
let numbered = 0;

/** What is shown now. */
export function presented(): Pending | null {
  return waiting.value[0] ?? null;
}

/** Asks the owner. Throws {@link WalletError} `Refused` where they say no. */
export function askOwner<R extends Request>(request: R): Promise<Results[R["kind"]]> {
  if (globalThis.top !== globalThis.self) {
    return Promise.reject(new WalletError("Unauthorized", "the wallet signs nothing inside a frame of another page"));
  }
  if (waiting.peek().length >= WAITING_MAX) return Promise.reject(new WalletError("Busy", "too many requests wait for the wallet's owner"));
  return new Promise((resolve, reject) => {
    const id = ++numbered;
    const close = () => {
      waiting.value = waiting.value.filter((one) => one.id !== id);
      reject(new WalletError("Refused", "the wallet's owner said no: nothing was signed"));
    };
    waiting.value = [
      ...waiting.value,
      { id, request, close, reject, resolve: (result) => resolve(result as Results[R["kind"]]) },
    ];
  });
}
