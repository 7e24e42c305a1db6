/** Key files, age, passphrases: against the published vectors, and against the real command line in both directions. */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { armor } from "age-encryption";
import * as vectors from "cctv-age";
import { KeyPair, newWords, verifyMessage } from "@pollen/client";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { POLLEN_BIN, startNetwork, type Network } from "../../ts/tests/network.js";
import { answer, decrypt } from "../src/wallet/age.js";
import { checkLabel, lockKey, openKey, readKeyFile, writeKeyFile } from "../src/wallet/keystore.js";
import { passphraseFault, suggestPassphrase } from "../src/wallet/passphrase.js";

if (POLLEN_BIN === undefined) console.warn("skipped: POLLEN_BIN names no program `pollen`");
const PASSPHRASE = "staple battery horse";

/** A vector of CCTV (the age testkit): a header, an empty line, the file. */
function vector(file: Uint8Array): { told: Map<string, string>; body: Uint8Array } {
  const end = Buffer.from(file).indexOf("\n\n");
  const lines = Buffer.from(file.subarray(0, end)).toString("utf8").split("\n");
  return { told: new Map(lines.map((line) => line.split(/: (.*)/s) as [string, string])), body: file.subarray(end + 2) };
}

// Keys are encrypted with as much work as a passphrase needs: on a busy machine that is long.
vi.setConfig({ testTimeout: 180_000 });

describe("age files under a passphrase", () => {
  const all = Object.entries(vectors as unknown as Record<string, Uint8Array>).map(([name, file]) => ({ name, ...vector(file) }));
  const scrypt = all.filter(({ told }) => told.has("passphrase") && !told.has("compressed") && !told.has("identity"));

  it("are read, or refused, as the standard's own vectors have it", async () => {
    expect(scrypt.length).toBeGreaterThan(15);
    const counts = { success: 0, refused: 0 };
    for (const { name, told, body } of scrypt) {
      const armoured = told.get("armored") === "yes" ? Buffer.from(body).toString("latin1") : armor.encode(body);
      const read = await decrypt(armoured, told.get("passphrase")!).catch((error: Error) => error);
      if (told.get("expect") === "success") {
        expect(read, name).toBeInstanceOf(Uint8Array);
        expect(createHash("sha256").update(read as Uint8Array).digest("hex"), name).toBe(told.get("payload"));
        counts.success += 1;
      } else {
        expect(read, name).toMatchObject({ name: "WalletError" });
        counts.refused += 1;
      }
    }
    expect(counts.success).toBeGreaterThan(0);
    expect(counts.refused).toBeGreaterThan(10);
  });

  it("open with their passphrase and no other, and a changed letter is told as damage", async () => {
    const key = KeyPair.random();
    const text = await lockKey(key, PASSPHRASE, answer);
    expect(text).not.toContain(Buffer.from(key.seed()).toString("hex"));
    const file = readKeyFile(text);
    expect((await openKey(file, PASSPHRASE, answer)).seed()).toEqual(key.seed());
    await expect(openKey(file, `${PASSPHRASE} `, answer)).rejects.toMatchObject({ code: "WrongPassphrase" });
    if (file.version !== 2) throw new Error("an encrypted file is of version 2");
    const at = file.encryptedKey.length - 50;
    const other = file.encryptedKey[at] === "A" ? "B" : "A";
    const altered = { ...file, encryptedKey: file.encryptedKey.slice(0, at) + other + file.encryptedKey.slice(at + 1) };
    await expect(openKey(altered, PASSPHRASE, answer)).rejects.toMatchObject({ code: "Malformed" });
    const stranger = { ...file, publicKey: KeyPair.random().publicKey };
    await expect(openKey(stranger, PASSPHRASE, answer)).rejects.toThrow("not the public half");
  });
});

describe("key files", () => {
  const { publicKey } = KeyPair.development("file");
  const secretKey = "11".repeat(32);

  it("are refused for whatever the command line refuses", () => {
    const good = { version: 2, publicKey, encryptedKey: "x" };
    expect(readKeyFile(JSON.stringify(good))).toEqual(good);
    for (const [text, why] of [
      ["no json", "no JSON document"],
      ["[]", "no JSON object"],
      ["null", "no JSON object"],
      [JSON.stringify({ ...good, note: "" }), "a field 'note'"],
      [JSON.stringify({ ...good, version: 3 }), "version is not known"],
      [JSON.stringify({ ...good, publicKey: publicKey.slice(2) }), "publicKey"],
      [JSON.stringify({ ...good, secretKey }), "neither the other's"],
      [JSON.stringify({ version: 2, publicKey, secretKey }), "neither the other's"],
      [JSON.stringify({ version: 1, publicKey, secretKey: "11" }), "64 hexadecimal digits"],
      [JSON.stringify({ ...good, encryptedKey: "x".repeat(20_000) }), "too long"],
    ] as const) {
      expect(() => readKeyFile(text), text.slice(0, 80)).toThrow(why);
    }
  });

  it("have names that the command line takes", () => {
    for (const good of ["a", "main", "Till-2", "a.b_c", " spaced "]) expect(checkLabel(good)).toBe(good.trim());
    for (const bad of ["", "2nd", "../main", "a/b", "ä", "a".repeat(65), "a b"]) expect(() => checkLabel(bad), bad).toThrow("a letter first");
  });
});

describe("passphrases", () => {
  it("are judged by what they withstand, not by their signs", () => {
    for (const good of ["staple battery horse", "vier kühe im garten", "correct-horse!", suggestPassphrase(), "日本語の合言葉を使う人"]) {
      expect(passphraseFault(good), good).toBeNull();
    }
    for (const [bad, why] of [
      ["", "choose"],
      ["Tr0ub4d&3", "too short"],
      ["aaaaaaaaaaaa", "too few"],
      ["password12", "first that somebody would try"],
      ["P a s s w o r d 1", "first that somebody would try"],
      ["qwertyuiop1", "first that somebody would try"],
      [" leading spaces ", "space"],
      ["two\nlines of it", "one line"],
    ] as const) {
      expect(passphraseFault(bad), bad).toContain(why);
    }
    expect(passphraseFault("savings2026", ["savings"])).toContain("first that somebody would try");
  });

  it("that are suggested are five words, never the same", () => {
    const made = Array.from({ length: 20 }, suggestPassphrase);
    expect(new Set(made).size).toBe(20);
    for (const one of made) expect(one.split(" ")).toHaveLength(5);
  });
});

describe.skipIf(POLLEN_BIN === undefined)("with the command line", () => {
  let network: Network;
  let home: string;
  beforeAll(async () => {
    network = await startNetwork();
    home = join(network.genesisFile, "../../wallet");
    mkdirSync(join(home, "keys"), { recursive: true, mode: 0o700 });
    writeFileSync(join(home, "passphrase"), `${PASSPHRASE}\nnot this line\n`);
  });
  afterAll(() => network?.stop());

  function pollen(words: string[], input = ""): string {
    const env = { ...process.env, POLLEN_PASSPHRASE_FILE: join(home, "passphrase"), POLLEN_RPC: network.endpoints[0]! };
    return execFileSync(POLLEN_BIN!, ["--home", home, ...words], { encoding: "utf8", env, input, stdio: ["pipe", "pipe", "pipe"] });
  }
  const chainId = async () => {
    const { PollenClient } = await import("@pollen/client");
    return (await new PollenClient(network.endpoints).network()).chainId;
  };
  const put = (name: string, text: string) => {
    const path = join(home, "keys", `${name}.json`);
    writeFileSync(path, text);
    chmodSync(path, 0o600);
  };

  it("what it encrypted opens here, and the text is kept as it is", async () => {
    pollen(["keys", "new", "theirs", "--encrypt", "--no-fund"]);
    const text = readFileSync(join(home, "keys/theirs.json"), "utf8");
    const file = readKeyFile(text);
    if (file.version !== 2) throw new Error("not encrypted");
    expect(writeKeyFile(file.publicKey, file.encryptedKey)).toBe(text);
    const key = await openKey(file, PASSPHRASE, answer);
    const signature = Buffer.from(key.sign(new Uint8Array([1]))).toString("hex");
    expect(signature).toHaveLength(128);
    await expect(openKey(file, "not this line", answer)).rejects.toMatchObject({ code: "WrongPassphrase" });
  });

  it("what it left open opens here", async () => {
    pollen(["keys", "new", "plain", "--no-fund"]);
    const file = readKeyFile(readFileSync(join(home, "keys/plain.json"), "utf8"));
    expect(file.version).toBe(1);
    expect((await openKey(file, "", answer)).publicKey).toBe(file.publicKey);
  });

  it("what is encrypted here signs there", async () => {
    const key = KeyPair.random();
    put("ours", await lockKey(key, PASSPHRASE, answer));
    const said = pollen(["keys", "sign", "ours", "hello from the browser"]).trim().split(/\s+/).at(-1)!;
    expect(verifyMessage(key.publicKey, await chainId(), "hello from the browser", Buffer.from(said, "hex"))).toBe(true);
    writeFileSync(join(home, "passphrase"), "another one\n");
    expect(() => pollen(["keys", "sign", "ours", "hello"])).toThrow(/passphrase/);
    writeFileSync(join(home, "passphrase"), `${PASSPHRASE}\n`);
  });

  it("words that are made here give the same key there, for each number", async () => {
    const words = newWords(128);
    for (const index of [0, 3]) {
      pollen(["keys", "recover", `words-${index}`, "--index", String(index)], `${words}\n`);
      const there = readKeyFile(readFileSync(join(home, `keys/words-${index}.json`), "utf8"));
      expect(there.publicKey).toBe(KeyPair.fromWords(words, { coinType: 1, index }).publicKey);
    }
  });
});
