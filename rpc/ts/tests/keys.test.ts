import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../src/bytes.js";
import { InputError } from "../src/errors.js";
import { parseAddress } from "../src/address.js";
import { deriveEd25519, isPublicKey, KeyPair, messageBytes, newWords, readWords, signMessage, verifyMessage, verifySignature } from "../src/keys.js";

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** Encodings of points whose order divides 8, the not canonical ones included. */
function smallOrderPoints(): string[] {
  const ys = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  ];
  return ys.flatMap((y) => {
    const other = fromHex(y);
    other[31]! |= 0x80;
    return [y, toHex(other)];
  });
}

describe("keys", () => {
  it("are told from hashes, cut off digits and points that sign for everybody", () => {
    expect(isPublicKey(KeyPair.random().publicKey)).toBe(true);
    const noPoint = "0200000000000000000000000000000000000000000000000000000000000000";
    for (const text of ["", noPoint, KeyPair.random().publicKey.slice(1), KeyPair.random().publicKey.toUpperCase() + "0", ...smallOrderPoints()]) {
      expect(isPublicKey(text), text).toBe(false);
    }
  });

  it("are those of RFC 8032, section 7.1", () => {
    for (const [seed, key, message, signature] of [
      [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
      ],
      [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
      ],
    ] as const) {
      const pair = KeyPair.fromSeed(seed);
      expect(pair.publicKey).toBe(key);
      expect(toHex(pair.sign(fromHex(message)))).toBe(signature);
      expect(verifySignature(key, fromHex(message), fromHex(signature))).toBe(true);
    }
  });

  it("that were forgotten sign nothing, and keep nothing", () => {
    const pair = KeyPair.random();
    const seed = pair.seed();
    pair.forget();
    expect(() => pair.sign(new Uint8Array())).toThrow(InputError);
    expect(() => pair.seed()).toThrow(InputError);
    expect(KeyPair.fromSeed(seed).publicKey).toBe(pair.publicKey);
  });

  it("of small order are refused, and commitments of small order", () => {
    const pair = KeyPair.development("strict");
    const message = new TextEncoder().encode("message");
    const good = pair.sign(message);
    for (const point of smallOrderPoints()) {
      for (const commitment of smallOrderPoints()) {
        const signature = new Uint8Array(64);
        signature.set(fromHex(commitment));
        for (let nonce = 0; nonce < 3; nonce++) {
          expect(verifySignature(point, Uint8Array.of(nonce), signature)).toBe(false);
        }
      }
      const spoiled = Uint8Array.from(good);
      spoiled.set(fromHex(point));
      expect(verifySignature(pair.publicKey, message, spoiled)).toBe(false);
    }
  });

  it("take one encoding of a signature", () => {
    const pair = KeyPair.development("strict");
    for (let number = 0; number < 8; number++) {
      const message = Uint8Array.of(number);
      const good = pair.sign(message);
      expect(verifySignature(pair.publicKey, message, good)).toBe(true);
      let scalar = BigInt(`0x${toHex(good.slice(32).reverse())}`) + ORDER;
      const other = Uint8Array.from(good);
      for (let place = 32; place < 64; place++, scalar >>= 8n) other[place] = Number(scalar & 255n);
      expect(verifySignature(pair.publicKey, message, other)).toBe(false);
      for (const bit of [0, 100, 255, 256, 300, 511]) {
        const flipped = Uint8Array.from(good);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        expect(verifySignature(pair.publicKey, message, flipped)).toBe(false);
      }
    }
  });

  it("of small torsion added to a good key do not slip through, where cofactors would let them", async () => {
    const { ed25519, ED25519_TORSION_SUBGROUP } = await import("@noble/curves/ed25519.js");
    const { sha512 } = await import("@noble/hashes/sha2.js");
    const { Point } = ed25519;
    const torsion = Point.fromHex(ED25519_TORSION_SUBGROUP[1]!);
    const message = new TextEncoder().encode("torsion");
    const little = (bytes: Uint8Array) => BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`);
    // R = r B + T, A = a B, S = r + k a: the equation times 8 holds, the equation itself does not.
    const [r, a] = [12345n, 67890n];
    const commitment = Point.BASE.multiply(r).add(torsion).toBytes();
    const key = Point.BASE.multiply(a).toBytes();
    const k = little(sha512(Uint8Array.from([...commitment, ...key, ...message]))) % ORDER;
    let scalar = (r + k * a) % ORDER;
    const signature = new Uint8Array(64);
    signature.set(commitment);
    for (let place = 32; place < 64; place++, scalar >>= 8n) signature[place] = Number(scalar & 255n);
    expect(ed25519.verify(signature, message, key)).toBe(true);
    expect(verifySignature(toHex(key), message, signature)).toBe(false);
  });

  it("never show their secret by accident", async () => {
    const { inspect } = await import("node:util");
    const pair = KeyPair.development("quiet");
    const secret = toHex(pair.seed());
    expect(JSON.stringify(pair)).toBe(`{"publicKey":"${pair.publicKey}"}`);
    expect(inspect(pair, { showHidden: true, depth: 9 })).not.toContain(secret.slice(0, 8));
  });
});

describe("words", () => {
  it("give the keys of published vectors (SEP-0005, SLIP-0010)", () => {
    const words = "illness spike retreat truth genius clock brain pass fit cave bargain toe";
    for (const [index, key] of [
      [0, "e3726830a0b60cb5f52c844cffcd4eed65eba5c155e89b26411562724e71e544"],
      [1, "416edcd6746d5293579a7039ac67bcf1a8698efecf81183bbb0ac877da86ada3"],
    ] as const) {
      expect(KeyPair.fromWords(words, { coinType: 148, index }).publicKey).toBe(key);
    }
    const seed = fromHex("000102030405060708090a0b0c0d0e0f");
    for (const [path, key] of [
      [[], "2b4be7f19ee27bbf30c667b642d5f4aa69fd169872f8fc3059c08ebae2eb19e7"],
      [[0], "68e0fe46dfb67e368c75379acec591dad19df3cde26e63b93a8e704f1dade7a3"],
      [[0, 1, 2, 2, 1_000_000_000], "8f94d394a8e8fd6b1bc2f3f49f5c47e385281d5c17e65324b0f62483e37e8793"],
    ] as const) {
      expect(toHex(deriveEd25519(seed, path))).toBe(key);
    }
  });

  it("that are none are told without repeating them", () => {
    const refused = (words: string) => {
      try {
        readWords(words);
      } catch (error) {
        return (error as InputError).message;
      }
      return "taken";
    };
    expect(refused("abandon abandon")).toBe("a mnemonic has 12 or 24 words, these are 2");
    expect(refused(`${"abandon ".repeat(11)}secretz`)).toBe("word 12 is not in the English list of BIP-39");
    expect(refused("abandon ".repeat(12))).toMatch(/do not fit together/);
    expect(refused(`  ${"abandon  ".repeat(11)}\n About `)).toBe("taken");
    expect(newWords().split(" ")).toHaveLength(24);
    expect(newWords(128).split(" ")).toHaveLength(12);
  });
});

describe("addresses", () => {
  const id = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
  const text = "pollend1qqqqzqsrqszsvpcgpy9qkrqdpc83qygjzv2p29shrqv35xcur50p7u2ckhy";

  it("are read for their network only, and with every letter right", () => {
    expect(parseAddress(text, "pollend")).toEqual({ kind: "account", id });
    expect(parseAddress(text.toUpperCase(), "pollend").id).toBe(id);
    expect(() => parseAddress(text, "pollen")).toThrow("for the network 'pollend', not 'pollen'");
    for (let place = 0; place < text.length; place++) {
      const other = text[place] === "q" ? "p" : "q";
      expect(() => parseAddress(text.slice(0, place) + other + text.slice(place + 1), "pollend")).toThrow(InputError);
    }
  });
});

describe("messages", () => {
  it("are signed as no transaction is, for one chain", () => {
    const key = KeyPair.development("messages");
    const [chain, other] = ["11".repeat(32), "22".repeat(32)];
    const bytes = messageBytes(chain, "log in");
    expect(bytes[0]).toBe(0xff);
    const signature = signMessage(key, chain, "log in");
    expect(verifyMessage(key.publicKey, chain, "log in", signature)).toBe(true);
    expect(verifyMessage(key.publicKey, other, "log in", signature)).toBe(false);
    expect(verifyMessage(key.publicKey, chain, "log out", signature)).toBe(false);
    expect(() => signMessage(key, chain, "\ud800")).toThrow(TypeError);
  });
});
