/**
 * The light client: what a node says, believed only as far as it is proved, with nothing trusted but genesis.
 *
 * The way is genesis, its committee, a certificate, the checkpoint, then by its roots a transaction, a receipt, an
 * event, an entry of the state or that there is none (ledger/src/light.rs). Pure: no clock and no network, so it
 * does not know whether there is a later checkpoint. Who needs fresh answers compares `timestampMs` with a clock.
 *
 * Everything here throws {@link ProofError} where a proof does not show what it should.
 */

import { bytes32, toHex, u64Bytes, type Hash } from "./bytes.js";
import { bytes, decode, encode, fixed, hex32, list, struct, u64 } from "./codec.js";
import { DecodeError, ProofError } from "./errors.js";
import { checkCommittee, readGenesis, type Genesis, type Validator } from "./genesis.js";
import { domainHash } from "./hash.js";
import { verifySignature } from "./keys.js";
import { verifyListProof, type ListProof } from "./list.js";
import { isUnusedNonce, readNonceWindow } from "./nonce.js";
import { decodeReceipt, type Event, type Receipt } from "./receipt.js";
import { decodeSigned, transactionId, verifySignatures, type SignedTransaction, type Transaction } from "./transaction.js";
import { keyHash, stateKey, verifyTreeProof, type StateKey } from "./tree.js";

/** The state of the ledger after some commits: what validators attest to. */
export interface Checkpoint {
  chainId: Hash;
  /** The committee's epoch. */
  epoch: bigint;
  /** 0 is genesis, then one more each. */
  height: bigint;
  commitIndex: bigint;
  commitDigest: Hash;
  /** Digest of the checkpoint before. */
  previous: Hash;
  /** Ledger time, in milliseconds since 1970. */
  timestampMs: bigint;
  transactionsRoot: Hash;
  receiptsRoot: Hash;
  stateRoot: Hash;
  orderingRoot: Hash;
}

/** A checkpoint with the signatures of a quorum. Nothing in it is believed before it is verified. */
export interface Certificate {
  checkpoint: Checkpoint;
  signatures: {
    /** One bit per member, author 0 the lowest of the first byte. */
    signers: Uint8Array;
    /** One per bit that is set, ascending by author: 64 bytes each. */
    signatures: Uint8Array[];
  };
}

/** What proves a checkpoint, encoded: `certificate` and `path` of `chain_certificate`, and of all proofs. */
export interface CheckpointProof {
  /** Borsh of a {@link Certificate}: of the checkpoint itself, or of a later one. */
  certificate: Uint8Array;
  /** Borsh of the checkpoints from the proved one up to the one before the certificate's. */
  path: Uint8Array[];
}

const CHECKPOINT_BYTES_MAX = 512;
const CERTIFICATE_BYTES_MAX = 512 + 4 + 512 / 8 + 4 + 512 * 64;
const PATH_CHECKPOINTS_MAX = 1024;
const ANOTHER_NODE = "ask another node";

const checkpointCodec = struct<Checkpoint>({
  chainId: hex32,
  epoch: u64,
  height: u64,
  commitIndex: u64,
  commitDigest: hex32,
  previous: hex32,
  timestampMs: u64,
  transactionsRoot: hex32,
  receiptsRoot: hex32,
  stateRoot: hex32,
  orderingRoot: hex32,
});

const certificateCodec = struct<Certificate>({
  checkpoint: checkpointCodec,
  signatures: struct({ signers: bytes, signatures: list(fixed(64)) }),
});

/** Reads a certificate, strictly. Throws `DecodeError`. */
export function decodeCertificate(encoded: Uint8Array): Certificate {
  return decode(certificateCodec, encoded, CERTIFICATE_BYTES_MAX);
}

/** What attestations of a checkpoint name it by. */
export function checkpointDigest(checkpoint: Checkpoint): Hash {
  return toHex(domainHash("checkpoint", encode(checkpointCodec, checkpoint)));
}

/** See the file's documentation. */
export class LightClient {
  readonly chainId: Hash;
  readonly committee: readonly Validator[];
  /** The epoch that the committee is of. */
  readonly epoch: bigint;

  private constructor(chainId: Hash, committee: readonly Validator[], epoch: bigint) {
    bytes32(chainId, "a chain id");
    checkCommittee(committee);
    this.chainId = chainId;
    this.committee = committee;
    this.epoch = epoch;
  }

  /** Trusts this genesis document: the text of `genesis.json`, or what was read of it. */
  static fromGenesis(genesis: string | Genesis): LightClient {
    const read = typeof genesis === "string" ? readGenesis(genesis) : genesis;
    return new LightClient(read.chainId, read.committee, 0n);
  }

  /** Trusts this committee of this chain: for who keeps them instead of the genesis document. */
  static of(chainId: Hash, committee: readonly Validator[], epoch = 0n): LightClient {
    return new LightClient(chainId, committee, epoch);
  }

  /** The stake that must sign: S - f, with f = floor((S - 1) / 3) of the stake S. */
  get quorum(): bigint {
    const total = this.committee.reduce((sum, one) => sum + one.stake, 0n);
    return total - (total - 1n) / 3n;
  }

  /** Checks the proof of the checkpoint at `height`. */
  verifyCheckpoint(height: bigint, proof: CheckpointProof): CertifiedCheckpoint {
    if (proof.path.length > PATH_CHECKPOINTS_MAX) {
      refuse(`${proof.path.length} checkpoints lead to the certificate, more than ${PATH_CHECKPOINTS_MAX}: ask another node`);
    }
    const certificate = readable("certificate", () => decodeCertificate(proof.certificate));
    const path = proof.path.map((one) => readable("checkpoint", () => decode(checkpointCodec, one, CHECKPOINT_BYTES_MAX)));
    const checkpoint = path[0] ?? certificate.checkpoint;
    if (checkpoint.height !== height) refuse(`the proof is of checkpoint ${checkpoint.height}, not of ${height}`);
    // Hashes first: they cost less than signatures.
    let next = certificate.checkpoint;
    for (const before of path.reverse()) {
      this.#checkIdentity(before);
      if (before.height + 1n !== next.height || next.previous !== checkpointDigest(before)) {
        refuse(`checkpoint ${before.height} is not the one that its successor names: one of the two was altered`);
      }
      next = before;
    }
    this.#checkCertificate(certificate);
    return new CertifiedCheckpoint(CERTIFIED, checkpoint);
  }

  #checkIdentity({ chainId, epoch }: Checkpoint): void {
    if (chainId !== this.chainId) {
      refuseCertificate(`the checkpoint is of the chain ${chainId}, not of ${this.chainId}: ask a node of your chain`);
    }
    if (epoch !== this.epoch) {
      refuseCertificate(
        `the checkpoint is of epoch ${epoch}; this is the committee of epoch ${this.epoch}: give the committee of its epoch`,
      );
    }
  }

  #checkCertificate({ checkpoint, signatures }: Certificate): void {
    this.#checkIdentity(checkpoint);
    const members = this.committee.length;
    const bits = signatures.signers;
    const authors: number[] = [];
    for (let author = 0; author < 8 * bits.length; author++) {
      if (((bits[author >> 3]! >> (author & 7)) & 1) === 1) authors.push(author);
    }
    if (bits.length !== Math.ceil(members / 8) || (authors.at(-1) ?? 0) >= members) {
      refuseCertificate(`the list of signers does not fit the ${members} members of the committee: the certificate is malformed`);
    }
    const count = signatures.signatures.length;
    if (authors.length !== count) {
      refuseCertificate(`${count} signatures for ${authors.length} signers: each signs once, the certificate is malformed`);
    }
    const stake = authors.reduce((sum, author) => sum + this.committee[author]!.stake, 0n);
    if (stake < this.quorum) {
      refuseCertificate(
        `signed by stake ${stake}, a quorum is ${this.quorum}: this proves nothing yet, ask again later or another node`,
      );
    }
    const digest = bytes32(checkpointDigest(checkpoint));
    const signed = domainHash("checkpoint", bytes32(this.chainId), u64Bytes(checkpoint.height), digest);
    authors.forEach((author, index) => {
      if (!verifySignature(this.committee[author]!.publicKey, signed, signatures.signatures[index]!)) {
        refuseCertificate(`the signature of validator ${author} is not on this checkpoint: one of the two was altered`);
      }
    });
  }
}

const CERTIFIED = Symbol("certified");

/** A checkpoint that a quorum vouches for: what is checked against one is proved. */
export class CertifiedCheckpoint {
  readonly checkpoint: Readonly<Checkpoint>;
  readonly digest: Hash;

  /** Only {@link LightClient.verifyCheckpoint} makes one. */
  constructor(certified: symbol, checkpoint: Checkpoint) {
    if (certified !== CERTIFIED) throw new TypeError("LightClient.verifyCheckpoint makes certified checkpoints");
    this.checkpoint = Object.freeze({ ...checkpoint });
    this.digest = checkpointDigest(checkpoint);
  }

  get height(): bigint {
    return this.checkpoint.height;
  }

  /** Checks that after this checkpoint the state had this value under a key, or with null that it had none. */
  verifyState(key: StateKey, value: Uint8Array | null, tree: Uint8Array): void {
    try {
      verifyTreeProof(this.checkpoint.stateRoot, keyHash(key), value, tree);
    } catch (error) {
      throw said("the state is not proved", error);
    }
  }

  /**
   * Checks that a transaction was never executed and never will be: after this checkpoint, which is not before the end
   * of its validity, its nonce was free. `window` is what the state has under `stateKey.window` of its sender and key.
   */
  verifyAbsence(transaction: Transaction, window: Uint8Array | null, tree: Uint8Array): void {
    if (this.checkpoint.timestampMs < transaction.validUntilMs) {
      throw new ProofError("the transaction was still valid at this checkpoint: it can still run", "ask again later");
    }
    this.verifyState(stateKey.window(transaction.sender, transaction.key), window, tree);
    let isUnused: boolean;
    try {
      isUnused = isUnusedNonce(readNonceWindow(window), transaction.nonce);
    } catch (error) {
      throw said("the nonce window is none", error);
    }
    if (!isUnused) throw new ProofError("the nonce was used, or lies below the window: the transaction may have run");
  }

  /** Checks that the transaction with this id was executed at the proof's place. */
  verifyTransaction(id: Hash, proof: ListProof): void {
    try {
      verifyListProof(this.checkpoint.transactionsRoot, bytes32(id), proof);
    } catch (error) {
      throw said("the transaction is refused", error);
    }
  }

  /** Checks that this encoded receipt is that of a transaction, at the proof's place. */
  verifyReceipt(id: Hash, encoded: Uint8Array, proof: ListProof): Receipt {
    try {
      verifyListProof(this.checkpoint.receiptsRoot, encoded, proof);
    } catch (error) {
      throw said("the receipt is refused", error);
    }
    const receipt = readable("receipt", () => decodeReceipt(encoded));
    if (receipt.transaction !== id) {
      refuse(`what came is of the transaction ${receipt.transaction}, not of ${id}`);
    }
    return receipt;
  }

  /** Checks that a transaction's receipt has an event of this number, from 0. */
  verifyEvent(id: Hash, encoded: Uint8Array, proof: ListProof, number: number): Event {
    const { events } = this.verifyReceipt(id, encoded, proof);
    const event = events[number];
    if (event === undefined) {
      refuse(`the receipt has ${events.length} events, none with the number ${number}: they are counted from 0`);
    }
    return event;
  }
}

/** Reads transaction bytes of which only the id is trusted. Attachments may be left out: the id does not cover them. */
export function transactionOf(id: Hash, encoded: Uint8Array, chainId: Hash): SignedTransaction {
  const signed = readable("transaction", () => decodeSigned(encoded));
  const found = transactionId(signed.transaction, chainId);
  if (found !== id) refuse(`what came is of the transaction ${found}, not of ${id}`);
  // The id does not cover them: others beside an executed transaction would look as good.
  if (!verifySignatures(signed, chainId)) refuse(`the signatures beside the transaction ${id} are not good`);
  return signed;
}

function readable<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new ProofError(`the ${what} cannot be read: ${error.message}`, ANOTHER_NODE, error);
  }
}

function said(what: string, error: unknown): unknown {
  return error instanceof ProofError ? new ProofError(`${what}: ${error.message}`, error.hint, error) : error;
}

function refuse(message: string): never {
  throw new ProofError(message, ANOTHER_NODE);
}

function refuseCertificate(message: string): never {
  throw new ProofError(`the certificate is refused: ${message}`, ANOTHER_NODE);
}
