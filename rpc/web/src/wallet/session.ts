/**
 * The accounts of this browser, and which of them are unlocked now. Secrets live in this module's memory alone, as long
 * as they are unlocked: after a while without a touch, by the lock button, and when the page goes away, they are wiped.
 * Other tabs of the same page hear of changes, and lock together.
 */

import { computed, signal } from "@preact/signals";
import { accountOf, type KeyPair, type PublicKey } from "@pollen/client";
import { WalletError } from "./errors.js";
import { checkLabel, lockKey, openKey, readKeyFile, type AskAge } from "./keystore.js";
import { eraseAccount, eraseSite, readAccounts, readSetting, readSites, writeAccount, writeSetting, writeSite, type KeptAccount } from "./vault.js";

/** After so long without a touch it locks, unless the user chose another time. */
export const LOCK_AFTER_MS = 10 * 60_000;
/** What may be chosen. */
export const LOCK_CHOICES_MS = [60_000, 5 * 60_000, LOCK_AFTER_MS, 60 * 60_000] as const;

/** Accounts of this browser; null until they are read. */
export const accounts = signal<readonly KeptAccount[] | null>(null);
/** Why they could not be read. */
export const storageFault = signal<string | null>(null);
export const unlocked = signal<ReadonlySet<PublicKey>>(new Set());
export const lockAfterMs = signal<number>(LOCK_AFTER_MS);
const chosen = signal<PublicKey | null>(null);
/** The account that signs unless another is asked for. */
export const current = computed<KeptAccount | null>(
  () => accounts.value?.find((one) => one.publicKey === chosen.value) ?? accounts.value?.[0] ?? null,
);

const keys = new Map<PublicKey, KeyPair>();
let touchedMs = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
const tabs = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("pollen-wallet");
tabs?.addEventListener("message", (event: MessageEvent<unknown>) => {
  if (event.data === "lock") wipe();
  if (event.data === "changed") void load();
});

/** Reads what this browser keeps. */
export async function load(): Promise<void> {
  try {
    const [kept, current, after] = await Promise.all([readAccounts(), readSetting("current"), readSetting("lockAfterMs")]);
    for (const key of keys.keys()) if (!kept.some((one) => one.publicKey === key)) forgetKey(key);
    accounts.value = kept;
    chosen.value = typeof current === "string" ? current : null;
    if (typeof after === "number" && (LOCK_CHOICES_MS as readonly number[]).includes(after)) lockAfterMs.value = after;
    storageFault.value = null;
  } catch (error) {
    accounts.value = [];
    storageFault.value = (error as Error).message;
  }
}

async function changed(): Promise<void> {
  await load();
  tabs?.postMessage("changed");
}

export function accountByKey(publicKey: PublicKey): KeptAccount {
  const found = accounts.value?.find((one) => one.publicKey === publicKey);
  if (found === undefined) throw new WalletError("Unauthorized", "this browser has no such account");
  return found;
}

/** The id of the account that a key began. */
export function idOf(account: KeptAccount): string {
  return accountOf(account.publicKey);
}

/** A name that is free, such as `account-2`. */
export function freeLabel(): string {
  const taken = new Set(accounts.value?.map((one) => one.label));
  for (let number = 1; ; number++) {
    const label = number === 1 ? "main" : `account-${number}`;
    if (!taken.has(label)) return label;
  }
}

/** Refuses a name that is none, or taken. */
export function checkNewLabel(label: string): string {
  const name = checkLabel(label);
  if (accounts.value?.some((one) => one.label === name)) {
    throw new WalletError("Exists", `there is an account '${name}' already: choose another name`);
  }
  return name;
}

/** Puts a new key under a passphrase and keeps it; it is the current account from then on, and unlocked. */
export async function keepKey(key: KeyPair, label: string, passphrase: string, isBackedUp: boolean, ask?: AskAge): Promise<KeptAccount> {
  const name = checkNewLabel(label);
  refuseKnown(key.publicKey);
  const keyFile = await lockKey(key, passphrase, ask);
  return keep({ publicKey: key.publicKey, label: name, keyFile, isBackedUp, sinceMs: Date.now() }, key);
}

/** Keeps the text of an encrypted key file as it is, once its passphrase has opened it. */
export async function keepFile(text: string, label: string, passphrase: string, ask?: AskAge): Promise<KeptAccount> {
  const file = readKeyFile(text);
  if (file.version !== 2) throw new WalletError("Malformed", "this key file is not encrypted");
  const name = checkNewLabel(label);
  refuseKnown(file.publicKey);
  const key = await openKey(file, passphrase, ask);
  return keep({ publicKey: file.publicKey, label: name, keyFile: text, isBackedUp: true, sinceMs: Date.now() }, key);
}

async function keep(account: KeptAccount, key: KeyPair): Promise<KeptAccount> {
  await writeAccount(account);
  // Asks the browser not to throw the keys away when its disk is full. It may refuse; the owner has the words.
  await navigator.storage?.persist?.().catch(() => false);
  holdKey(key);
  await choose(account.publicKey);
  return account;
}

function refuseKnown(publicKey: PublicKey): void {
  const known = accounts.value?.find((one) => one.publicKey === publicKey);
  if (known !== undefined) throw new WalletError("Exists", `this key is here already, as '${known.label}'`);
}

/** Makes an account the current one. */
export async function choose(publicKey: PublicKey): Promise<void> {
  await writeSetting({ name: "current", value: publicKey });
  await changed();
}

export async function rename(publicKey: PublicKey, label: string): Promise<void> {
  await writeAccount({ ...accountByKey(publicKey), label: checkNewLabel(label) });
  await changed();
}

/** Remembers that the owner has a copy of this account outside of this browser. */
export async function markBackedUp(publicKey: PublicKey): Promise<void> {
  await writeAccount({ ...accountByKey(publicKey), isBackedUp: true });
  await changed();
}

/** Takes an account out of this browser, and out of what sites may ask for. */
export async function forget(publicKey: PublicKey): Promise<void> {
  forgetKey(publicKey);
  await eraseAccount(publicKey);
  for (const site of await readSites()) {
    const left = site.accounts.filter((one) => one !== publicKey);
    if (left.length === 0) await eraseSite(site.origin);
    else if (left.length !== site.accounts.length) await writeSite({ ...site, accounts: left });
  }
  await changed();
}

export async function setLockAfter(ms: number): Promise<void> {
  await writeSetting({ name: "lockAfterMs", value: ms });
  lockAfterMs.value = ms;
  touch();
  tabs?.postMessage("changed");
}

// ---- Locked and unlocked ----------------------------------------------------------------------------------------

/** Unlocks an account. Throws {@link WalletError} `WrongPassphrase`. */
export async function unlock(publicKey: PublicKey, passphrase: string, ask?: AskAge): Promise<void> {
  if (keys.has(publicKey)) return;
  holdKey(await openKey(readKeyFile(accountByKey(publicKey).keyFile), passphrase, ask));
}

/** The key of an unlocked account. */
export function keyOf(publicKey: PublicKey): KeyPair {
  const key = keys.get(publicKey);
  if (key === undefined) throw new WalletError("Unauthorized", "the account is locked");
  touch();
  return key;
}

function holdKey(key: KeyPair): void {
  keys.get(key.publicKey)?.forget();
  keys.set(key.publicKey, key);
  unlocked.value = new Set(keys.keys());
  touch();
}

function forgetKey(publicKey: PublicKey): void {
  keys.get(publicKey)?.forget();
  keys.delete(publicKey);
  unlocked.value = new Set(keys.keys());
}

/** Locks everything, here and in other tabs of this page. */
export function lock(): void {
  wipe();
  tabs?.postMessage("lock");
}

function wipe(): void {
  clearTimeout(timer);
  for (const key of [...keys.keys()]) forgetKey(key);
}

/** The owner is there: counts the time until it locks anew. */
function touch(): void {
  touchedMs = Date.now();
  clearTimeout(timer);
  if (keys.size > 0) timer = setTimeout(look, lockAfterMs.value);
}

/** Timers stand still while a machine sleeps: what counts is the clock. */
function look(): void {
  if (keys.size === 0) return;
  const left = touchedMs + lockAfterMs.value - Date.now();
  // Here alone: in another tab its owner may be at work.
  if (left <= 0) wipe();
  else {
    clearTimeout(timer);
    timer = setTimeout(look, left);
  }
}

/** Begins to watch for the owner, and reads the accounts; once, when the page opens. */
export function startSession(): void {
  for (const kind of ["pointerdown", "keydown"]) {
    addEventListener(kind, () => {
      look();
      if (keys.size > 0) touch();
    }, { capture: true, passive: true });
  }
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", wipe);
  void load();
}
