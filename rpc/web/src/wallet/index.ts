/** What the page uses of its wallet. */

import { computed } from "@preact/signals";
import { accountAddress, type PublicKey } from "@pollen/client";
import { pin } from "../verify/pin.js";
import type { Intent } from "./intent.js";
import { errorOf, serve } from "./connect/serve.js";
import { PollenWallet, register, type Ask } from "./connect/standard.js";
import { startPopup } from "./connect/popup.js";
import { askOwner } from "./requests.js";
import { accounts, current, idOf, startSession } from "./session.js";
import { WalletError } from "./errors.js";

/** The account that signs unless another is chosen; null while this browser has none. */
export const walletAccount = computed(() => {
  const account = current.value;
  return account === null || pin.value === null ? null : { address: accountAddress(idOf(account), pin.value.addressPrefix), publicKey: account.publicKey };
});

/** All keys of this browser, with what their owner calls them; the one that signs unless another is chosen comes first. */
export const walletKeys = computed(() => {
  const kept = (accounts.value ?? []).map(({ publicKey, label }) => ({ publicKey, label }));
  return kept.sort((one, other) => Number(other.publicKey === current.value?.publicKey) - Number(one.publicKey === current.value?.publicKey));
});

export { WalletButton } from "./button.js";
export { WalletError, type WalletErrorCode } from "./errors.js";
export type { Intent } from "./intent.js";

/**
 * Shows what would be done, asks, signs, sends and tells the stages; the transaction's id, or null where the user said
 * no. Signed first by `key` of the wallet, unless that is null: then by the one that the user chooses. Throws where no
 * node took it.
 */
export async function signAndSend(intent: Intent, key: PublicKey | null = null): Promise<string | null> {
  const signed = await unlessRefused(askOwner({ kind: "sign", from: null, key, wanted: { kind: "intent", intent }, isSent: true }));
  return signed?.hash ?? null;
}

/** Has the user make another key in this browser; null where they do not. */
export async function makeKey(): Promise<PublicKey | null> {
  const made = await unlessRefused(askOwner({ kind: "key" }));
  return made?.publicKey ?? null;
}

async function unlessRefused<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof WalletError && error.code === "Refused") return null;
    throw error;
  }
}

/** Scripts of this page are told errors as sites are: by a code. */
const askHere: Ask = (request) =>
  serve(location.origin, request).catch((error: unknown) => {
    const { code, message } = errorOf(error);
    throw Object.assign(new Error(message), { code });
  });

/** Begins: reads the accounts, listens to a site that opened this window, and is found by the Wallet Standard. */
export function startWallet(): void {
  startSession();
  startPopup();
  register(new PollenWallet("Pollen (this page)", askHere, [], null, () => {}));
}
