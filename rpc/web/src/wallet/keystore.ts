/**
 * Key files as the command line has them (node/src/keys.rs): one JSON document a key, the public half open, the secret
 * as it is (version 1) or as an age file under a passphrase (version 2). This wallet writes version 2 only, and what it
 * keeps in the browser is that very text, so that an export is a copy and nothing is encoded twice.
 */

import { fromHex, isHex32, KeyPair, type PublicKey } from "@pollen/client";
import type { AgeAnswer, AgeQuestion } from "./age.js";
import { WalletError } from "./errors.js";

/** A key file, read. */
export type KeyFile =
  | { version: 1; publicKey: PublicKey; secret: Uint8Array }
  | { version: 2; publicKey: PublicKey; encryptedKey: string };

/** How an age question is answered: in a worker, unless a test says otherwise. */
export type AskAge = (question: AgeQuestion) => Promise<AgeAnswer>;

const FILE_CHARS_MAX = 16_384;
const FIELDS = ["version", "publicKey", "secretKey", "encryptedKey"];

/** Reads a key file as strictly as the command line does. Throws {@link WalletError}. */
export function readKeyFile(text: string): KeyFile {
  if (text.length > FILE_CHARS_MAX) malformed("it is too long");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    malformed("it is no JSON document");
  }
  if (json === null || typeof json !== "object" || Array.isArray(json)) malformed("it is no JSON object");
  const file = json as Record<string, unknown>;
  const unknown = Object.keys(file).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) malformed(`it has a field '${unknown.slice(0, 40)}', which no key file has`);
  const { version, publicKey, secretKey, encryptedKey } = file;
  if (version !== 1 && version !== 2) malformed("its version is not known, 1 and 2 are");
  if (!isHex32(publicKey)) malformed("its publicKey is not 64 hexadecimal digits");
  const key = publicKey as PublicKey;
  if (version === 1 && encryptedKey === undefined && isHex32(secretKey)) {
    return { version, publicKey: key, secret: fromHex(secretKey as string) };
  }
  if (version === 2 && secretKey === undefined && typeof encryptedKey === "string") {
    return { version, publicKey: key, encryptedKey };
  }
  return malformed("version 1 has secretKey (64 hexadecimal digits), version 2 encryptedKey, and neither the other's");
}

function malformed(reason: string): never {
  throw new WalletError("Malformed", `this is no key file: ${reason}`);
}

/** The text of an encrypted key file, byte for byte as the command line writes it. */
export function writeKeyFile(publicKey: PublicKey, encryptedKey: string): string {
  return JSON.stringify({ version: 2, publicKey, encryptedKey }, null, 2);
}

/** Puts a key under a passphrase: the text of its file. */
export async function lockKey(key: KeyPair, passphrase: string, ask: AskAge = askWorker): Promise<string> {
  const secret = key.seed();
  try {
    const answer = await ask({ kind: "encrypt", secret, passphrase });
    if (answer.kind !== "encrypted") throw failed(answer);
    return writeKeyFile(key.publicKey, age(answer.armoured));
  } finally {
    secret.fill(0);
  }
}

/** The armour as the Rust library writes it: with a line feed at its end. */
function age(armoured: string): string {
  return armoured.endsWith("\n") ? armoured : `${armoured}\n`;
}

/** Takes a key out of its file. Of version 1 no passphrase is needed. Throws {@link WalletError}. */
export async function openKey(file: KeyFile, passphrase: string, ask: AskAge = askWorker): Promise<KeyPair> {
  let secret: Uint8Array;
  if (file.version === 1) {
    secret = file.secret;
  } else {
    const answer = await ask({ kind: "decrypt", armoured: file.encryptedKey, passphrase });
    if (answer.kind !== "decrypted") throw failed(answer);
    secret = answer.secret;
  }
  try {
    if (secret.length !== 32) malformed("the encrypted key has not 32 bytes");
    const key = KeyPair.fromSeed(secret);
    if (key.publicKey !== file.publicKey) {
      key.forget();
      malformed("its publicKey is not the public half of its secret");
    }
    return key;
  } finally {
    secret.fill(0);
  }
}

function failed(answer: AgeAnswer): WalletError {
  return answer.kind === "failed"
    ? new WalletError(answer.code, answer.message)
    : new WalletError("Malformed", "the worker answered something else than it was asked");
}

/** Asks a worker that is made for this question, and ended with it: what it had in memory goes with it. */
function askWorker(question: AgeQuestion): Promise<AgeAnswer> {
  const worker = new Worker(new URL("./age.worker.ts", import.meta.url), { type: "module" });
  return new Promise<AgeAnswer>((resolve, reject) => {
    worker.addEventListener("message", (event: MessageEvent<AgeAnswer>) => resolve(event.data), { once: true });
    worker.addEventListener("error", () => reject(new WalletError("Storage", "the browser could not start the part of the wallet that encrypts keys: load the page again")), { once: true });
    worker.postMessage(question);
  }).finally(() => worker.terminate());
}

/** Names of keys are names of files of the command line, so that an export can be put where it looks. */
export function checkLabel(label: string): string {
  const name = label.trim();
  if (!/^[A-Za-z][A-Za-z0-9._-]{0,63}$/.test(name)) {
    throw new WalletError("Malformed", "a name has 1 to 64 letters, digits, hyphens and dots, a letter first");
  }
  return name;
}
