/** What the wallet refuses, in words for people; `code` for programs. No secret is ever part of a message. */

export type WalletErrorCode =
  /** The user said no, or closed the window. */
  | "Refused"
  | "WrongPassphrase"
  /** A file, a name or a request that is none. */
  | "Malformed"
  /** The account is there already. */
  | "Exists"
  /** No such account here, or not allowed to this site. */
  | "Unauthorized"
  /** Of another chain than the one that this browser trusts. */
  | "WrongChain"
  /** The browser keeps nothing, or not enough. */
  | "Storage"
  | "Busy";

export class WalletError extends Error {
  readonly code: WalletErrorCode;

  constructor(code: WalletErrorCode, message: string) {
    super(message);
    this.name = "WalletError";
    this.code = code;
  }
}

/** A message for people, of whatever was thrown: its own words, and what to do. */
export function said(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const hint = (error as { hint?: unknown }).hint;
  return typeof hint === "string" ? `${error.message}. ${hint[0]!.toUpperCase()}${hint.slice(1)}.` : error.message;
}
