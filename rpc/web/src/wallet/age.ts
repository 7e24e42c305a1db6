/**
 * Age files under a passphrase (https://age-encryption.org/v1, scrypt), in ASCII armour: what the command line keeps
 * inside its key files. Loaded with the library only when a key is made, imported, exported or unlocked, and run in a
 * worker of its own that ends with the work: scrypt takes a second or more and hundreds of megabytes.
 */

import { armor, Decrypter, Encrypter } from "age-encryption";
import { WalletError } from "./errors.js";

export type AgeQuestion =
  | { kind: "encrypt"; secret: Uint8Array; passphrase: string }
  | { kind: "decrypt"; armoured: string; passphrase: string };

export type AgeAnswer =
  | { kind: "encrypted"; armoured: string }
  | { kind: "decrypted"; secret: Uint8Array }
  | { kind: "failed"; code: WalletError["code"]; message: string };

/** 2^18 rounds, as age takes them unless told: about a second, and 256 MB. */
const WORK_FACTOR = 18;

/** An armoured age file with these bytes. */
export async function encrypt(secret: Uint8Array, passphrase: string): Promise<string> {
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  encrypter.setScryptWorkFactor(WORK_FACTOR);
  return armor.encode(await encrypter.encrypt(secret));
}

/** What is in an armoured age file. Throws {@link WalletError}: another passphrase, or no such file. */
export async function decrypt(armoured: string, passphrase: string): Promise<Uint8Array> {
  const decrypter = new Decrypter();
  decrypter.addPassphrase(passphrase);
  let file: Uint8Array;
  try {
    file = armor.decode(armoured);
  } catch {
    throw new WalletError("Malformed", "the encrypted key is no age file in ASCII armour: it was cut off or altered");
  }
  try {
    return await decrypter.decrypt(file);
  } catch (error) {
    const why = (error as Error).message;
    if (/no identity matched/.test(why)) throw new WalletError("WrongPassphrase", "the passphrase of this key is another one");
    if (/work factor is too high/.test(why)) {
      throw new WalletError("Malformed", "the key was encrypted with more work than a browser should do: encrypt it anew with the command line");
    }
    if (error instanceof RangeError) {
      throw new WalletError("Storage", "this browser has not the memory that opening this key takes (up to 1 GB): open it on another machine, or encrypt it anew with the command line there");
    }
    throw new WalletError("Malformed", `the encrypted key is damaged: ${why}`);
  }
}

/** Answers what a page asks its worker. */
export async function answer(question: AgeQuestion): Promise<AgeAnswer> {
  try {
    if (question.kind === "encrypt") {
      return { kind: "encrypted", armoured: await encrypt(question.secret, question.passphrase) };
    }
    return { kind: "decrypted", secret: await decrypt(question.armoured, question.passphrase) };
  } catch (error) {
    const code = error instanceof WalletError ? error.code : "Malformed";
    return { kind: "failed", code, message: (error as Error).message };
  }
}
