/** Where the page meets its wallet and its verifier: everything that pages use of them, in one place. */

export { startTrust, TrustBadge, VerifyPanel } from "./verify/index.js";
export { makeKey, signAndSend, startWallet, walletAccount, WalletButton, walletKeys } from "./wallet/index.js";
