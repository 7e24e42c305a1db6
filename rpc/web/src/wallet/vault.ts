/**
 * What the wallet keeps in this browser (IndexedDB, of this page's origin alone): key files under their passphrases, the
 * sites that may ask, the chosen account and the time until it locks. Nothing here is secret without a passphrase.
 */

import type { PublicKey } from "@pollen/client";
import { WalletError } from "./errors.js";

/** An account in this browser. */
export interface KeptAccount {
  publicKey: PublicKey;
  /** What its owner calls it; the name of its file when it is exported. */
  label: string;
  /** The text of its key file, as the command line would have it. */
  keyFile: string;
  /** Whether it was restored or made from words that the owner wrote down, or was exported. */
  isBackedUp: boolean;
  /** When it came here, in milliseconds since 1970. */
  sinceMs: number;
}

/** A site of another origin that may ask for some accounts. */
export interface KeptSite {
  origin: string;
  accounts: PublicKey[];
  sinceMs: number;
  usedMs: number;
}

interface Setting {
  name: "current" | "lockAfterMs";
  value: string | number;
}

type StoreName = "accounts" | "sites" | "settings";
const DATABASE = "pollen-wallet";
const VERSION = 1;

let opened: Promise<IDBDatabase> | null = null;

function database(): Promise<IDBDatabase> {
  opened ??= new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(DATABASE, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("accounts", { keyPath: "publicKey" });
      request.result.createObjectStore("sites", { keyPath: "origin" });
      request.result.createObjectStore("settings", { keyPath: "name" });
    };
    request.onsuccess = () => {
      // Another tab with a newer version of the page must not wait for this one.
      request.result.onversionchange = () => {
        request.result.close();
        opened = null;
      };
      resolve(request.result);
    };
    request.onerror = () => reject(storage(request.error));
    request.onblocked = () => reject(storage(null));
  });
  opened.catch(() => (opened = null));
  return opened;
}

function storage(error: DOMException | null): WalletError {
  const why = error === null ? "another tab holds an older version open" : error.message;
  return new WalletError("Storage", `this browser keeps nothing for this page (${why}): allow it to store data, and leave private mode`);
}

async function run<T>(name: StoreName, mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const kept = await database();
  return new Promise<T>((resolve, reject) => {
    const transaction = kept.transaction(name, mode, { durability: "strict" });
    const request = work(transaction.objectStore(name));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = () => reject(storage(transaction.error));
    transaction.onabort = () => reject(storage(transaction.error));
  });
}

/** All accounts, the oldest first. */
export async function readAccounts(): Promise<KeptAccount[]> {
  const all = await run("accounts", "readonly", (store) => store.getAll() as IDBRequest<KeptAccount[]>);
  return all.sort((a, b) => a.sinceMs - b.sinceMs || (a.publicKey < b.publicKey ? -1 : 1));
}

export async function writeAccount(account: KeptAccount): Promise<void> {
  await run("accounts", "readwrite", (store) => store.put(account));
}

export async function eraseAccount(publicKey: PublicKey): Promise<void> {
  await run("accounts", "readwrite", (store) => store.delete(publicKey));
}

/** Sites that may ask, the last one that did first. */
export async function readSites(): Promise<KeptSite[]> {
  const all = await run("sites", "readonly", (store) => store.getAll() as IDBRequest<KeptSite[]>);
  return all.sort((a, b) => b.usedMs - a.usedMs);
}

export async function readSite(origin: string): Promise<KeptSite | null> {
  return (await run("sites", "readonly", (store) => store.get(origin) as IDBRequest<KeptSite | undefined>)) ?? null;
}

export async function writeSite(site: KeptSite): Promise<void> {
  await run("sites", "readwrite", (store) => store.put(site));
}

export async function eraseSite(origin: string): Promise<void> {
  await run("sites", "readwrite", (store) => store.delete(origin));
}

export async function readSetting(name: Setting["name"]): Promise<string | number | null> {
  const found = await run("settings", "readonly", (store) => store.get(name) as IDBRequest<Setting | undefined>);
  return found?.value ?? null;
}

export async function writeSetting(setting: Setting): Promise<void> {
  await run("settings", "readwrite", (store) => store.put(setting));
}
