/** Where the page meets its wallet and its verifier: everything that pages use of them, in one place. */

export { startTrust, TrustBadge, VerifyPanel } from "./verify/index.js";
export { signAndSend, startWallet, walletAccount, WalletButton } from "./wallet/index.js";
