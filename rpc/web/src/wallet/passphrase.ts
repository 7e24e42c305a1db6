/**
 * Rules for passphrases that people can live with: length counts, not signs of every kind. What protects a key file
 * that somebody stole is how long guessing takes; scrypt makes each guess dear, and a passphrase of four words out of
 * a list of 2 048 more than anybody will pay for at play, five at work.
 */

import { newWords } from "@pollen/client";

/** Least letters of a passphrase. */
export const LENGTH_MIN = 10;
/** Words of a passphrase that is made here: 55 bits. */
const WORDS = 5;

/** What most people would try first, in lower case without spaces. */
const COMMON = ["password", "passphrase", "passwort", "qwertyuiop", "1234567890", "0123456789", "letmein", "iloveyou", "abcdefghij", "pollen"];

/** Why a passphrase is none; null for a good one. `avoid` are texts that somebody would try: the account's name. */
export function passphraseFault(passphrase: string, avoid: readonly string[] = []): string | null {
  const letters = [...passphrase];
  if (letters.length === 0) return "choose a passphrase: it protects the key in this browser";
  if (letters.length < LENGTH_MIN) return `too short: ${LENGTH_MIN} letters at least, several words are best`;
  if (/[\r\n]/.test(passphrase)) return "a passphrase is one line";
  if (passphrase !== passphrase.trim()) return "it begins or ends with a space, which nobody remembers: take it away";
  if (new Set(letters).size < 5) return "too few different letters: it would be guessed at once";
  const flat = passphrase.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  const tried = [...COMMON, ...avoid.map((text) => text.toLowerCase()).filter((text) => text.length >= 4)];
  const rest = tried.reduce((left, text) => left.replaceAll(text, ""), flat);
  if ([...rest].length < 5) return "this is one of the first that somebody would try: take several words instead";
  return null;
}

/** A passphrase of random words. */
export function suggestPassphrase(): string {
  // Of 24 words the last has a checksum in it; the first ones are 11 random bits each.
  return newWords(256).split(" ").slice(0, WORDS).join(" ");
}
