/** Who may sign for an account: as somebody writes it into a form, and what a change of it would mean. Pure. */

import {
  accountOf, checkOwners, checkScopedKey, InputError, isHex32, isPublicKey, SCOPED_KEYS_MAX,
  type AccountId, type AccountKeys, type CallScope, type OwnerKey, type PublicKey, type ScopedKey, type ScopeWindow,
} from "@pollen/client";
import { shortened } from "./format.js";
import { grainsOf, millisecondsOf, pollenText, spanOf, wholeOf, type Span } from "./typed.js";

/** A key that this browser's wallet has. */
export interface OwnKey {
  publicKey: PublicKey;
  label: string;
}

/** Keys as the ledger has them. */
export type KeysNow = Pick<AccountKeys, "stored" | "threshold" | "owners" | "scoped">;

/** An account's owners; of one that the ledger keeps none for the key that it began with, where that is among `known`. */
export function ownersNow(keys: Pick<KeysNow, "stored" | "owners">, account: AccountId, known: readonly PublicKey[]): OwnerKey[] {
  if (keys.stored) return keys.owners;
  const first = known.find((key) => accountOf(key) === account);
  return first === undefined ? [] : [{ key: first, weight: 1 }];
}

/** Finds the key of an address. */
export type FindKey = (address: string) => Promise<PublicKey>;

/** A key as it was typed: its 64 digits, or the address of the account that began with it. Throws {@link InputError}. */
export async function keyOf(text: string, find: FindKey): Promise<PublicKey> {
  const typed = text.replace(/\s/g, "");
  const digits = typed.replace(/^0x/i, "").toLowerCase();
  if (typed === "") throw new InputError("there is no key", "paste its public key: 64 hexadecimal digits");
  if (isPublicKey(digits)) return digits;
  if (isHex32(digits)) throw new InputError(`${short(digits)} is no key that can sign`, "it may be the hash of something: ask for the public key itself");
  if (/^[a-z]+1[a-z0-9]+$/.test(typed)) return find(typed);
  throw new InputError(`'${short(typed)}' is no public key`, "a public key has 64 hexadecimal digits: an account's page shows it, and so does 'pollen keys list'");
}

function short(text: string): string {
  const [head, tail] = shortened(text);
  return tail === "" ? head : `${head}…${tail}`;
}

/** The same error, with what it is about in front. */
async function about<T>(what: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${what}: ${error.message}`, error.hint) : error;
  }
}

// ---- Owners -------------------------------------------------------------------------------------------------------

export interface Owners {
  threshold: number;
  owners: OwnerKey[];
}

/** Owners as they are being written. */
export interface OwnersDraft {
  threshold: string;
  owners: { key: string; weight: string }[];
}

export function ownersDraft({ threshold, owners }: Owners): OwnersDraft {
  return { threshold: String(threshold), owners: owners.map(({ key, weight }) => ({ key, weight: String(weight) })) };
}

/** What was written, as the ledger would have it. Throws {@link InputError} with what to do. */
export async function ownersOf(draft: OwnersDraft, scoped: readonly Pick<ScopedKey, "key" | "label">[], find: FindKey): Promise<Owners> {
  const owners: OwnerKey[] = [];
  for (const [place, { key: text, weight }] of draft.owners.entries()) {
    owners.push(await about(`owner ${place + 1}`, async () => {
      const key = await keyOf(text, find);
      const twin = owners.findIndex((one) => one.key === key);
      if (twin >= 0) throw new InputError(`this is the key of owner ${twin + 1}`, "name each key once, with the weight that it should have");
      const label = scoped.find((one) => one.key === key)?.label;
      if (label !== undefined) throw new InputError(`this is the scoped key “${label}” of the account`, "remove that first: a key is an owner or scoped");
      return { key, weight: wholeOf(weight, "its weight") };
    }));
  }
  const threshold = wholeOf(draft.threshold, "the weight that must sign");
  const sum = weightOf(owners);
  if (owners.length > 0 && threshold > sum) {
    throw new InputError(`weight ${threshold} must sign, and all of these keys together have ${sum}: nobody could ever sign again`, "lower the weight that must sign, or add keys");
  }
  checkOwners(threshold, owners);
  return { threshold, owners };
}

function weightOf(owners: readonly OwnerKey[]): number {
  return owners.reduce((sum, { weight }) => sum + weight, 0);
}

/** Whether the order and the spelling are all that two have of difference. */
export function areSame(one: Owners, other: Owners): boolean {
  const told = ({ threshold, owners }: Owners) => [threshold, ...owners.map(({ key, weight }) => `${key} ${weight}`).sort()].join();
  return told(one) === told(other);
}

/** What a change of owners would take from who makes it, and from everybody: to be agreed to before it is signed. Empty for nothing. */
export function lossesOf(before: Owners, after: Owners, mine: readonly OwnKey[]): string[] {
  const ofMine = ({ owners }: Owners) => owners.filter(({ key }) => mine.some(({ publicKey }) => publicKey === key));
  const named = (owners: readonly OwnerKey[]) => owners.map(({ key }) => `“${mine.find(({ publicKey }) => publicKey === key)?.label ?? short(key)}”`).join(" and ");
  const lost = ofMine(before).filter(({ key }) => !after.owners.some((one) => one.key === key));
  const [had, has] = [weightOf(ofMine(before)), weightOf(ofMine(after))];
  const words: string[] = [];
  if (lost.length > 0) words.push(`${named(lost)} will sign for this account no more.`);
  if (has === 0) words.push("No key of this wallet will: whoever has the new keys has the account, and nobody can give it back to you.");
  else if (has < after.threshold && had >= before.threshold) words.push(`The keys of this wallet will be too light alone: weight ${has} of the ${after.threshold} that must sign. Others have to sign with you.`);
  else if (lost.length > 0 && has >= after.threshold) words.push(`${named(ofMine(after))} of this wallet will.`);
  const [was, needed] = [indispensable(before), indispensable(after)];
  if (after.owners.length > 1 && needed.some(({ key }) => !was.some((one) => one.key === key))) {
    words.push(`Nobody can sign without ${needed.length === after.owners.length ? "all of these keys" : named(needed)}: if one of them is lost, so is the account.`);
  }
  return words;
}

/** Owners without whom the others are too light. */
function indispensable({ threshold, owners }: Owners): OwnerKey[] {
  return owners.filter(({ weight }) => weightOf(owners) - weight < threshold);
}

// ---- Scoped keys --------------------------------------------------------------------------------------------------

type Scoped = AccountKeys["scoped"][number];

/** A scoped key as it is being written. */
export interface ScopedDraft {
  key: string;
  label: string;
  /** Modules by address or `@name`; no functions: all of them. */
  calls: { module: string; functions: string[] }[];
  transfers: boolean;
  sponsors: boolean;
  /** In pollen; empty for no limit, here and below. */
  spend: string;
  window: Span;
  windowSpend: string;
  windowTransactions: string;
  /** `kept`: the moment that it has now. */
  expires: "never" | "after" | "kept";
  after: Span;
}

export const NEW_SCOPED: ScopedDraft = {
  key: "", label: "", calls: [], transfers: false, sponsors: false, spend: "",
  window: { count: "1", unit: "hours" }, windowSpend: "", windowTransactions: "", expires: "after", after: { count: "30", unit: "days" },
};

/** The same as a draft, to be changed. */
export function scopedDraft({ key, label, calls, transfers, sponsors, spendMax, window, expiresMs }: Scoped): ScopedDraft {
  return {
    ...NEW_SCOPED, key, label, calls, transfers, sponsors,
    spend: pollenText(spendMax),
    ...(window === null ? {} : { window: spanOf(window.lengthMs) }),
    windowSpend: pollenText(window?.spendMax ?? null),
    windowTransactions: String(window?.transactionsMax ?? ""),
    expires: expiresMs === null ? "never" : "kept",
  };
}

interface ScopedContext {
  owners: readonly OwnerKey[];
  scoped: readonly Scoped[];
  /** The one that is changed; null for a new one. */
  before: Scoped | null;
  /** Ledger time now. */
  nowMs: bigint;
  findKey: FindKey;
  /** Finds a module by address or `@name`, with the names of its commands. */
  findModule(text: string): Promise<{ id: AccountId; commands: string[] }>;
}

/** What was written, as the ledger would have it. Throws {@link InputError} with what to do. */
export async function scopedOf(draft: ScopedDraft, { owners, scoped, before, nowMs, findKey, findModule }: ScopedContext): Promise<ScopedKey> {
  const key = await about("the key", () => keyOf(draft.key, findKey));
  if (owners.some((one) => one.key === key)) throw new InputError("this key is an owner, which may do everything", "give the scope to another key");
  const twin = before === null ? scoped.find((one) => one.key === key) : undefined;
  if (twin !== undefined) throw new InputError(`this key is scoped already, as “${twin.label}”`, "change that one, or give another key");
  if (before === null && scoped.length >= SCOPED_KEYS_MAX) throw new InputError(`an account has at most ${SCOPED_KEYS_MAX} scoped keys`, "remove one first");
  const label = draft.label.trim();
  if (label === "") throw new InputError("the key has no name", "say what it is for, such as 'till' or 'phone': the list of keys shows it");
  const calls: CallScope[] = [];
  for (const [place, { module, functions }] of draft.calls.entries()) {
    calls.push(await about(`module ${place + 1}`, async () => {
      if (module.trim() === "") throw new InputError("there is no address", "give its address or @name, or remove it");
      const { id, commands } = await findModule(module.trim());
      if (calls.some((one) => one.module === id)) throw new InputError("it is named twice", "name each module once, with all functions");
      const gone = functions.find((name) => !commands.includes(name));
      if (gone !== undefined) throw new InputError(`it has no command '${gone}'`, "choose among those that it has");
      return { module: id, functions };
    }));
  }
  if (calls.length === 0 && !draft.transfers && !draft.sponsors) {
    throw new InputError("such a key may do nothing", "let it call a module, transfer, or pay fees for others");
  }
  const next = { key, label, scope: { calls, transfers: draft.transfers, sponsors: draft.sponsors, expiresMs: expiryOf(draft, before, nowMs), spendMax: grainsOf(draft.spend, "what it may spend in all"), window: windowOf(draft) } };
  checkScopedKey(next);
  return next;
}

function windowOf({ window, windowSpend, windowTransactions }: ScopedDraft): ScopeWindow | null {
  const spendMax = grainsOf(windowSpend, "what it may spend in a window");
  const transactionsMax = windowTransactions.trim() === "" ? null : wholeOf(windowTransactions, "the number of transactions in a window");
  if (spendMax === null && transactionsMax === null) return null;
  return { lengthMs: positive(window, "the length of the window"), spendMax, transactionsMax };
}

function expiryOf({ expires, after }: ScopedDraft, before: Scoped | null, nowMs: bigint): bigint | null {
  if (expires === "never") return null;
  return expires === "kept" ? (before?.expiresMs ?? null) : nowMs + positive(after, "the time that it is good for");
}

function positive(span: Span, what: string): bigint {
  const ms = millisecondsOf(span, what);
  if (ms === 0n) throw new InputError(`${what} is more than 0`);
  return ms;
}

/** Whether it may spend all that the account has at once. */
export function isUnlimited({ calls, transfers, sponsors, spend, windowSpend }: ScopedDraft): boolean {
  return (calls.length > 0 || transfers || sponsors) && spend.trim() === "" && windowSpend.trim() === "";
}
