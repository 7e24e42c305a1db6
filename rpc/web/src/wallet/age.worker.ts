/** Runs {@link encrypt} and {@link decrypt} beside the page. One question, one answer; then the page ends the worker. */

import { decrypt, encrypt } from "./age.js";
import { WalletError } from "./errors.js";

export type AgeQuestion =
  | { kind: "encrypt"; secret: Uint8Array; passphrase: string }
  | { kind: "decrypt"; armoured: string; passphrase: string };

export type AgeAnswer =
  | { kind: "encrypted"; armoured: string }
  | { kind: "decrypted"; secret: Uint8Array }
  | { kind: "failed"; code: WalletError["code"]; message: string };

async function answer(question: AgeQuestion): Promise<AgeAnswer> {
  try {
    if (question.kind === "encrypt") {
      return { kind: "encrypted", armoured: await encrypt(question.secret, question.passphrase) };
    }
    return { kind: "decrypted", secret: await decrypt(question.armoured, question.passphrase) };
  } catch (error) {
    const code = error instanceof WalletError ? error.code : "Malformed";
    return { kind: "failed", code, message: (error as Error).message };
  }
}

addEventListener("message", (event: MessageEvent<AgeQuestion>) => {
  void answer(event.data).then((told) => postMessage(told));
});
