/** certificates.json, state.json and tree.json of tests/vectors, made by Rust, good and bad; and every byte of the good ones changed. */

import { describe, expect, it } from "vitest";
import { bytes32, fromHex, toHex, toUtf8 } from "../src/bytes.js";
import { DecodeError, ProofError } from "../src/errors.js";
import { LightClient, type CheckpointProof } from "../src/light.js";
import { emptyListRoot, verifyListProof } from "../src/list.js";
import { isUnusedNonce, readNonceWindow } from "../src/nonce.js";
import { decodeReceipt } from "../src/receipt.js";
import { innerHash, keyHash, leafHash, valueHash, verifyTreeProof } from "../src/tree.js";
import { flips, vectors } from "./files.js";

const certificates = vectors("tests/vectors/certificates.json");
const states = vectors("tests/vectors/state.json");
const tree = vectors("tests/vectors/tree.json");

const light = LightClient.of(
  certificates.chainId,
  certificates.committee.map((one: { publicKey: string; stake: string }) => ({
    publicKey: one.publicKey,
    stake: BigInt(one.stake),
  })),
  BigInt(certificates.epoch),
);

interface CertificateCase {
  name: string;
  height: string;
  certificate: string;
  path: string[];
  digest: string | null;
  refused: string | null;
}

const proofOf = (one: CertificateCase): CheckpointProof => ({
  certificate: fromHex(one.certificate),
  path: one.path.map(fromHex),
});

/** The words with which something is refused. */
function refusal(run: () => unknown): string | null {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ProofError);
    return (error as ProofError).message;
  }
  return null;
}

describe("certificates", () => {
  it.each(certificates.certificates as CertificateCase[])("$name", (one) => {
    const verify = () => light.verifyCheckpoint(BigInt(one.height), proofOf(one));
    if (one.refused === null) expect(verify().digest).toBe(one.digest);
    else expect(refusal(verify)).toBe(one.refused);
    expect(() => light.verifyCheckpoint(BigInt(one.height) + 1n, proofOf(one))).toThrow(ProofError);
  });

  it("are refused with any byte changed, in them or on the path to them", () => {
    for (const one of certificates.certificates as CertificateCase[]) {
      if (one.refused !== null) continue;
      const { certificate, path } = proofOf(one);
      for (const flipped of flips(certificate)) {
        expect(() => light.verifyCheckpoint(BigInt(one.height), { certificate: flipped, path })).toThrow(ProofError);
      }
      path.forEach((checkpoint, place) => {
        for (const flipped of flips(checkpoint)) {
          const altered = [...path];
          altered[place] = flipped;
          expect(() => light.verifyCheckpoint(BigInt(one.height), { certificate, path: altered })).toThrow(ProofError);
        }
      });
      expect(() => light.verifyCheckpoint(BigInt(one.height), { certificate: certificate.slice(0, -1), path })).toThrow(ProofError);
      expect(() =>
        light.verifyCheckpoint(BigInt(one.height), { certificate: Uint8Array.from([...certificate, 0]), path }),
      ).toThrow(ProofError);
    }
  }, 120_000);
});

describe("lists", () => {
  interface ListCase {
    item: string;
    root: string;
    proof: { count: string; index: string; siblings: string[] };
  }
  const read = ({ count, index, siblings }: ListCase["proof"]) => ({ count: BigInt(count), index: BigInt(index), siblings });

  it("prove each of their items, and nothing else", () => {
    expect(emptyListRoot()).toBe(certificates.emptyListRoot);
    for (const one of certificates.lists as ListCase[]) {
      const proof = read(one.proof);
      const item = fromHex(one.item);
      verifyListProof(one.root, item, proof);
      expect(decodeReceipt(item).transaction).toHaveLength(64);
      for (const flipped of flips(item)) expect(() => verifyListProof(one.root, flipped, proof)).toThrow(ProofError);
      for (const flipped of flips(fromHex(one.root))) {
        expect(() => verifyListProof(toHex(flipped), item, proof)).toThrow(ProofError);
      }
      proof.siblings.forEach((sibling, place) => {
        for (const flipped of flips(fromHex(sibling))) {
          const siblings = [...proof.siblings];
          siblings[place] = toHex(flipped);
          expect(() => verifyListProof(one.root, item, { ...proof, siblings })).toThrow(ProofError);
        }
      });
      for (const wrong of [
        { ...proof, index: proof.index + 1n },
        { ...proof, count: proof.count + 1n },
        { ...proof, siblings: [...proof.siblings, one.root] },
        { ...proof, siblings: [...proof.siblings].slice(1) },
      ]) {
        if (wrong.siblings.length === proof.siblings.length && wrong.index === proof.index && wrong.count === proof.count) continue;
        expect(() => verifyListProof(one.root, item, wrong)).toThrow(ProofError);
      }
    }
  });
});

describe("the state", () => {
  interface StateCase {
    name: string;
    owner: string;
    key: string;
    keyHash: string;
    proof: string;
    value: string | null;
    refused: string | null;
  }
  const value = (one: { value: string | null }) => (one.value === null ? null : fromHex(one.value));

  it.each(states.states as StateCase[])("$name", (one) => {
    const key = keyHash({ owner: one.owner, key: fromHex(one.key) });
    if (one.keyHash !== undefined) expect(toHex(key)).toBe(one.keyHash);
    const verify = (proof: Uint8Array) => verifyTreeProof(states.stateRoot, key, value(one), proof);
    if (one.refused !== null) {
      expect(refusal(() => verify(fromHex(one.proof)))).toBe(one.refused);
      return;
    }
    verify(fromHex(one.proof));
    for (const flipped of flips(fromHex(one.proof))) expect(() => verify(flipped)).toThrow(ProofError);
    // (Of an absent key those beside it are absent too, by the same proof.)
    for (const flipped of value(one) === null ? [] : flips(key)) {
      expect(() => verifyTreeProof(states.stateRoot, flipped, value(one), fromHex(one.proof))).toThrow(ProofError);
    }
    for (const flipped of flips(value(one) ?? new Uint8Array())) {
      expect(() => verifyTreeProof(states.stateRoot, key, flipped, fromHex(one.proof))).toThrow(ProofError);
    }
  });

  it("has the hashes and proofs of tests/vectors/tree.json", () => {
    const owner = "05".repeat(32);
    const key = keyHash({ owner, key: toUtf8("key 0") });
    const { hashes } = tree;
    expect(toHex(key)).toBe(hashes.key);
    expect(toHex(valueHash(toUtf8("value 0")))).toBe(hashes.value);
    expect(toHex(valueHash(new Uint8Array()))).toBe(hashes.emptyValue);
    const [ones, twos] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    expect(toHex(leafHash(ones, twos))).toBe(hashes.leaf);
    expect(toHex(innerHash(ones, twos))).toBe(hashes.inner);
    let count = 0;
    for (const one of tree.trees) {
      for (const proof of one.proofs) {
        verifyTreeProof(one.root, bytes32(proof.keyHash), value(proof), fromHex(proof.proof));
        count += 1;
        for (const flipped of flips(fromHex(proof.proof))) {
          expect(() => verifyTreeProof(one.root, bytes32(proof.keyHash), value(proof), flipped)).toThrow(ProofError);
        }
      }
    }
    expect(count).toBeGreaterThan(20);
  });
});

describe("a nonce window", () => {
  it("tells what was never used, and nothing of what is below it", () => {
    const fresh = readNonceWindow(null);
    for (const nonce of [0n, 5n, 4_095n, 1n << 63n]) expect(isUnusedNonce(fresh, nonce)).toBe(true);
    // 0 to 2, 4 and 69 are used.
    const some = { highest: 69n, floor: 3n, used: [1n, 2n] };
    const used = [0n, 1n, 2n, 4n, 69n];
    for (let nonce = 0n; nonce < 200n; nonce++) expect(isUnusedNonce(some, nonce), String(nonce)).toBe(!used.includes(nonce));
    const late = { highest: 2_000n, floor: 976n, used: [...Array<bigint>(15).fill(0n), 1n << 63n] };
    expect(isUnusedNonce(late, 975n)).toBe(false);
    expect(isUnusedNonce(late, 976n)).toBe(true);
    expect(isUnusedNonce(late, 2_000n)).toBe(false);
    expect(isUnusedNonce(late, 1_999n)).toBe(true);
    expect(isUnusedNonce(late, 2_001n)).toBe(true);
    // Option 1 and 69, floor 3, two words.
    const encoded = Uint8Array.of(1, 69, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0);
    expect(readNonceWindow(encoded)).toEqual(some);
    expect(() => readNonceWindow(encoded.subarray(1))).toThrow(DecodeError);
  });
});
