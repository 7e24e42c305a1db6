/** What the page uses of its verifier. */

export { TrustBadge } from "./badge.js";
export type { Verifiable } from "./check.js";
export { VerifyPanel } from "./panel.js";
export { startTrust, trust, type Trust } from "./trust.js";
export { pin, trusted } from "./pin.js";
