/** Where the page meets its wallet and its verifier: everything that pages use of them, in one place. */

export { startTrust, TrustBadge, VerifyPanel } from "./verify/index.js";
export { signAndSend, startWallet, walletAccount, WalletButton } from "./wallet/index.js";

/** What there is to verify. */
export type Verifiable =
  | { kind: "head" }
  | { kind: "account"; account: string }
  | { kind: "transaction"; hash: string }
  | { kind: "state"; module: string; key: Uint8Array };
