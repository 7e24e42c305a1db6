/**
 * What each method takes and answers, as docs/rpc.md gives it. In answers u64 are `bigint`, bytes `Uint8Array`,
 * hashes and keys 64 hexadecimal digits, accounts and modules addresses, times milliseconds since 1970, amounts
 * grains (1 pollen = 10^9 grains), and what is absent null.
 */

import { any, both, bytes, flag, hash, list, nullable, object, oneOf, small, text, u64, word, type Out, type Read } from "./json.js";
import { toBase64 } from "./bytes.js";
import { AnswerError } from "./errors.js";

/** The state that an answer was made from. */
export const at = object({
  /** Height of the checkpoint. */
  height: u64,
  stateRoot: hash,
  /** Whether a quorum has attested to it, as far as the node has seen. */
  certified: flag,
});
export type At = Out<typeof at>;

/** What every answer has. */
const answered = object({ at });
const answer = <S extends Record<string, Read<unknown>>>(fields: S) => both(answered, object(fields));

/** Which state to read, and how long to wait for it. */
export interface ReadOptions extends HeightOptions {
  /** The last checkpoint that the node executed (unless told), the last that a quorum attested to, or one by height. */
  at?: "latest" | "certified" | bigint;
}

/** How long to wait for the node to come up to a height. */
export interface HeightOptions {
  /** Least height that the node must have executed. The client remembers the highest that it saw. */
  atLeast?: bigint;
  /** How long the node waits for that, in milliseconds; at most 60 000. */
  waitMs?: number;
}

export const stage = word("accepted", "included", "ordered", "executed", "certified");
/** How far a transaction has come. `accepted` and `included` are progress, no promise; `executed` is acknowledged. */
export type Stage = Out<typeof stage>;
export const STAGES: readonly Stage[] = ["accepted", "included", "ordered", "executed", "certified"];

const validator = object({ author: small, name: text, publicKey: hash, stake: u64 });

const parameters = object({
  /** Least grains per 1 000 fuel. */
  fuelPriceFloor: u64,
  transactionFuelMax: u64,
  callFuelMax: u64,
  transactionFuelBase: u64,
  signatureFuel: u64,
  signedByteFuel: u64,
  attachmentByteFuel: u64,
  /** Grains locked in a new account. */
  accountDeposit: u64,
  /** Grains locked for a byte of a module's storage. */
  storageByteDeposit: u64,
  codeActivationMs: u64,
  /** Grains of a balance that only fees may touch. */
  feeReserve: u64,
  /** How far ahead of ledger time `validUntilMs` may lie. */
  transactionLifetimeMaxMs: u64,
  transactionBytesMax: small,
});

const nodeInfo = answer({
  /** Version of the node's program. */
  version: text,
  /** The chain's name, for people. */
  chainName: text,
  /** The chain: hash of its genesis. */
  chainId: hash,
  /** Prefix of the chain's addresses. */
  addressPrefix: text,
  /** Coin type in the paths of wallets (SLIP-0044). */
  coinType: small,
  protocolVersion: small,
  /** What the node keeps of the past: `validator`, `full` or `archive`. */
  role: text,
  /** Optional indexes that it keeps: `accounts`, `keys`, `events`. */
  indexes: list(text),
  author: nullable(small),
  name: nullable(text),
  peerId: nullable(text),
  listenAddresses: list(text),
  committee: list(validator),
  /** Numbers that who builds transactions must know. */
  parameters,
  /** Groups of methods served. */
  groups: list(text),
  /** Bounds of the interface. */
  /** Of a node of a development network (`pollen dev`): how often it went back. */
  dev: nullable(object({ reverts: small })),
  limits: object({ bodyBytes: small, responseBytes: small, batch: small, waitMs: small, page: small, list: small, dagRounds: small }),
});
export type NodeInfo = Out<typeof nodeInfo>;

const nodeHealth = answer({
  /** Whether it should be asked: started, caught up, and going on. */
  ready: flag,
  reasons: list(text),
  ledgerTimeMs: u64,
  lagMs: u64,
  round: small,
  peers: small,
  /** Transactions that wait in its pool. */
  pool: small,
});
export type NodeHealth = Out<typeof nodeHealth>;

const nodePeers = answer({
  peers: list(
    object({ peerId: text, address: text, author: nullable(small), name: nullable(text), inbound: flag, roundTripUs: nullable(u64) }),
  ),
});
export type NodePeers = Out<typeof nodePeers>;

const chainHead = answer({
  digest: hash,
  /** Ledger time. */
  timeMs: u64,
  /** The last height that a quorum attested to, as far as the node has seen. */
  certifiedHeight: u64,
  commitIndex: u64,
  committedRound: small,
  round: small,
  transactions: nullable(u64),
});
export type ChainHead = Out<typeof chainHead>;

const chainCheckpoint = answer({
  digest: hash,
  epoch: u64,
  commitIndex: u64,
  commitDigest: hash,
  previous: hash,
  timeMs: u64,
  transactionsRoot: hash,
  receiptsRoot: hash,
  orderingRoot: hash,
  transactions: nullable(list(hash)),
});
export type CheckpointView = Out<typeof chainCheckpoint>;

const checkpointListed = object({ height: u64, digest: hash, stateRoot: hash, timeMs: u64, commitIndex: u64, certified: flag });
/** A checkpoint of a list. */
export type CheckpointListed = Out<typeof checkpointListed>;

const chainCheckpoints = answer({
  checkpoints: list(checkpointListed),
  /** What to give as `from` to go on; null at the end. */
  next: nullable(u64),
  oldestHeight: u64,
  certifiedHeight: u64,
});
export type ChainCheckpoints = Out<typeof chainCheckpoints>;

const chainParams = answer({ protocolVersion: small, parameters });
export type ChainParams = Out<typeof chainParams>;

const chainCommittee = answer({ epoch: u64, totalStake: u64, quorumStake: u64, members: list(validator) });
export type ChainCommittee = Out<typeof chainCommittee>;

/** What proves a checkpoint. Nothing in it is believed before a `LightClient` has checked it. */
const certificate = object({
  /** The height that the certificate is of: the proved one, or a later one. */
  certifiedHeight: u64,
  certificate: bytes,
  path: list(bytes),
  signers: list(small),
});
export type CertificateView = Out<typeof certificate>;
const chainCertificate = both(answered, certificate);

const chainWrites = answer({
  writes: list(
    object({ keyHash: hash, owner: nullable(hash), key: nullable(bytes), before: nullable(bytes), after: nullable(bytes) }),
  ),
  next: nullable(hash),
});
export type ChainWrites = Out<typeof chainWrites>;

const blockName = object({ author: small, round: small, digest: hash });
const dagRound = object({
  round: small,
  blocks: list(
    object({ author: small, digest: hash, timeMs: u64, parents: list(blockName), transactions: small, committed: flag }),
  ),
  slots: list(object({ author: small, status: word("undecided", "committed", "skipped"), onProbation: flag })),
});
/** A round of the DAG. */
export type DagRound = Out<typeof dagRound>;

const dagRounds = answer({
  rounds: list(dagRound),
  committedRound: small,
  round: small,
  oldestRound: small,
  evidence: list(object({ author: small, round: small, blocks: list(hash) })),
});
export type DagRounds = Out<typeof dagRounds>;

const dagBlock = answer({
  /** One; none where the node has none; several of an author that signed several. */
  blocks: list(
    both(
      blockName,
      object({
        timeMs: u64,
        parents: list(blockName),
        transactions: list(hash),
        bodyBytes: small,
        attested: list(object({ height: u64, digest: hash })),
      }),
    ),
  ),
});
export type DagBlocks = Out<typeof dagBlock>;

/** A place in the chain's one list of events, the same on every node: `height.transaction.event`, or a height alone. */
export type Cursor = string;

const cursor: Read<Cursor> = (json, path) => {
  const told = text(json, path);
  if (readCursor(told) === null) throw new AnswerError(path, "expected a cursor `height.transaction.event`, or a height");
  return told;
};

/** The three numbers of a cursor; of a height alone the place after all its events. Null for a text that is none. */
export function readCursor(told: Cursor): [bigint, number, number] | null {
  const match = /^([0-9]{1,20})(?:\.([0-9]{1,10})\.([0-9]{1,10}))?$/.exec(told);
  if (match === null) return null;
  const [end, height] = [2 ** 32 - 1, BigInt(match[1]!)];
  const [transaction, event] = match[2] === undefined ? [end, end] : [Number(match[2]), Number(match[3])];
  return height < 1n << 64n && transaction <= end && event <= end ? [height, transaction, event] : null;
}

/** Below 0, 0 or above 0, as `left` lies before, at or after `right`. Throws `TypeError` for texts that are none. */
export function compareCursors(left: Cursor, right: Cursor): number {
  const [a, b] = [readCursor(left), readCursor(right)];
  if (a === null || b === null) throw new TypeError("a cursor is `height.transaction.event`, or a height");
  if (a[0] !== b[0]) return a[0] < b[0] ? -1 : 1;
  return a[1] - b[1] || a[2] - b[2];
}

export const eventView = object({
  /** Its place. */
  cursor,
  /** The transaction that it came from. */
  transaction: hash,
  /** Ledger time. */
  timeMs: u64,
  /** Who told it. */
  module: text,
  moduleName: nullable(text),
  name: text,
  /** Indexed bytes. */
  topics: list(bytes),
  /** Its value, encoded. */
  data: bytes,
  /** The same by the module's interface, where the node could read it. */
  json: any,
});
export type EventView = Out<typeof eventView>;

const actionResult = object({
  /** Encoded. */
  bytes,
  /** The same by the module's interface, where the node could read it. */
  json: any,
});

const outcome = oneOf("kind", {
  /** Everything was done; one result an action. */
  success: { results: list(actionResult) },
  /** Nothing was done but paying the fee. `error` is the module's own error value. */
  failure: { action: small, code: small, name: text, message: text, error: nullable(actionResult) },
  /** Nothing was done: refused in its place in the order. */
  rejected: { code: small, name: text, message: text },
  /** It was not ordered while it was valid, and never will be. */
  expired: { validUntilMs: u64 },
});
/** How a transaction ended; `kind` tells which. */
export type TxOutcome = Out<typeof outcome>;

const owner = object({ key: hash, weight: small });
const scopedKey = object({
  key: hash,
  label: text,
  /** Commands that it may call; no functions: all of the module. */
  calls: list(object({ module: text, functions: list(text) })),
  transfers: flag,
  sponsors: flag,
  expiresMs: nullable(u64),
  spendMax: nullable(u64),
  window: nullable(object({ lengthMs: u64, spendMax: nullable(u64), transactionsMax: nullable(small) })),
});
const policy = oneOf("kind", {
  never: {},
  owner: { delayMs: u64 },
  keys: { threshold: small, keys: list(object({ account: text, weight: small })), delayMs: u64 },
  itself: {},
});
export type PolicyView = Out<typeof policy>;
const change = oneOf("kind", {
  upgrade: { code: hash, arguments: bytes },
  policy: { policy },
  pause: {},
  resume: {},
});
const action = oneOf("kind", {
  transfer: { to: text, amount: u64 },
  deploy: { code: hash, name: nullable(text), module: text, arguments: bytes, policy },
  invoke: { module: text, function: text, arguments: bytes, deposit: u64, interface: nullable(hash) },
  publish: { code: hash },
  change: { module: text, change },
  cancel: { module: text, change: hash },
  setOwners: { threshold: small, owners: list(owner) },
  putKey: { key: scopedKey },
  removeKey: { key: hash },
});
export type ActionView = Out<typeof action>;

const transactionView = object({
  sender: text,
  key: hash,
  payer: nullable(text),
  nonce: u64,
  validUntilMs: u64,
  maxFuel: u64,
  fuelPrice: u64,
  actions: list(action),
});

const txStatusView = object({
  /** Its id. */
  hash,
  /** The furthest stage that it reached. */
  stage,
  /** Whether `outcome` stands and changes no more. */
  ended: flag,
  outcome: nullable(outcome),
  block: nullable(blockName),
  height: nullable(u64),
  index: nullable(small),
  fuelUsed: nullable(u64),
  /** Grains paid. */
  fee: nullable(u64),
  events: list(eventView),
  /** The node's own words for people, such as a backtrace. */
  note: nullable(text),
  /** When this node saw each stage, by its clock. */
  times: object({
    acceptedMs: nullable(u64),
    includedMs: nullable(u64),
    orderedMs: nullable(u64),
    executedMs: nullable(u64),
    certifiedMs: nullable(u64),
  }),
  /** What it asked for, where the node still has it. */
  transaction: nullable(transactionView),
});
const txStatus = both(answered, txStatusView);
export type TxStatus = Out<typeof txStatus>;
/** A status as `tx_subscribe` tells it. */
export type TxStage = Out<typeof txStatusView>;

/** A transaction in words: a sentence per action, then who asks, what it costs at most, until when it is valid. */
const preview = object({ actions: list(text), terms: list(text) });

const txPreview = answer({
  hash,
  preview,
  transaction: transactionView,
  /** Who signed it; `good` tells whether the signature fits. */
  signatures: list(object({ key: hash, good: flag })),
  attachments: list(object({ hash, bytes: small })),
});
export type TxPreview = Out<typeof txPreview>;

/** A value in a simulation; `bytes` is null where it is longer than 1 024. */
const simulatedValue = object({ length: small, bytes: nullable(bytes) });

const effects = object({
  hash,
  /** Why a node would not take it in now, its signatures apart; null when it would. */
  refusal: nullable(object({ code: small, name: text, message: text, hint: text })),
  /** How it would end; null when it would leave no trace. */
  outcome: nullable(outcome),
  fuelUsed: u64,
  /** Grains that it would pay. */
  fee: u64,
  /** Their cursors are made up: there is no place yet. */
  events: list(eventView),
  note: nullable(text),
  /** Calls of modules, in the order in which they begin. */
  calls: list(
    object({ depth: small, module: text, moduleName: nullable(text), function: text, fuelUsed: u64, failed: nullable(text) }),
  ),
  reads: list(object({ owner: hash, key: bytes, value: nullable(simulatedValue) })),
  changes: list(object({ owner: hash, key: bytes, before: nullable(simulatedValue), after: nullable(simulatedValue) })),
  preview,
});
const txSimulate = both(answered, effects);
export type TxSimulation = Out<typeof txSimulate>;

const txTrace = answer({
  height: u64,
  /** Its place in the checkpoint, from 0. */
  index: small,
  /** Where and when it ran: what its modules could ask for. */
  context: object({ timeMs: u64, round: small, commit: hash, position: u64 }),
  /** What it did; the node held the outcome against the receipt. */
  effects,
  /** The signed transaction without its attachments, encoded. */
  transaction: bytes,
  /** Where it was asked for: what it and those before it in its checkpoint had to do with, as it met it. */
  before: nullable(list(object({ owner: hash, key: bytes, value: nullable(bytes) }))),
});
/** What an executed transaction did. */
export type TxTrace = Out<typeof txTrace>;

const txFeeEstimate = answer({
  /** Least grains per 1 000 fuel that the chain takes. */
  fuelPriceFloor: u64,
  /** What to offer now, in grains per 1 000 fuel. */
  fuelPrice: u64,
  /** Fuel that it would use now; null of one that cannot run. */
  fuelUsed: nullable(u64),
  /** What to offer as `maxFuel`. */
  maxFuel: nullable(u64),
  /** Grains that it would pay now, and at most. */
  fee: nullable(u64),
  maxFee: nullable(u64),
});
export type FeeEstimate = Out<typeof txFeeEstimate>;

const listProof = object({ count: u64, index: u64, siblings: list(hash) });
const txGet = answer({
  hash,
  height: u64,
  index: small,
  /** The signed transaction without its attachments, encoded. */
  transaction: bytes,
  /** Encoded, events included. */
  receipt: bytes,
  proof: nullable(object({ transaction: listProof, receipt: listProof, checkpoint: certificate })),
});
export type TxRecord = Out<typeof txGet>;

const stateRecord = object({
  owner: hash,
  key: bytes,
  /** Null where there is none. */
  value: nullable(bytes),
  proof: nullable(object({ tree: bytes, checkpoint: certificate })),
});
const txAbsence = answer({
  hash,
  /** The nonce window of its key, with its proof. */
  window: stateRecord,
});
export type TxAbsence = Out<typeof txAbsence>;

const txList = answer({
  transactions: list(
    object({
      hash,
      height: u64,
      index: small,
      timeMs: u64,
      sender: text,
      outcome: word("success", "failure", "rejected"),
      code: nullable(small),
      codeName: nullable(text),
      fuelUsed: u64,
      fee: u64,
      /** As in a status, without code and arguments. */
      actions: list(both(object({ kind: text }), any as Read<Record<string, unknown>>)),
    }),
  ),
  /** What to give as `after` to go on; null at the end. */
  next: nullable(text),
  oldestHeight: u64,
});
export type TxList = Out<typeof txList>;

const accountGet = answer({
  account: text,
  exists: flag,
  /** Grains, the reserve included. */
  balance: u64,
  /** Grains of the balance that only fees may touch. */
  reserve: u64,
  /** Grains locked beside the balance. */
  deposit: u64,
  /** Of the key that was asked for: the highest nonce used, the first above it, the last that is good now. */
  nonces: nullable(object({ highest: nullable(u64), next: u64, last: u64 })),
  /** The entries that it is made of, proved, where that was asked for. */
  proof: nullable(object({ record: stateRecord, window: nullable(stateRecord) })),
});
export type Account = Out<typeof accountGet>;

const accountKeys = answer({
  account: text,
  /** False for an account that has the one key that it began with, which the ledger does not know. */
  stored: flag,
  threshold: small,
  owners: list(owner),
  scoped: list(both(scopedKey, object({ used: object({ spent: u64, windowSpent: u64, windowTransactions: small }) }))),
});
export type AccountKeys = Out<typeof accountKeys>;

const stateGet = both(answered, stateRecord);
export type StateRecord = Out<typeof stateGet>;

const stateGetMany = answer({ entries: list(stateRecord) });
export type StateRecords = Out<typeof stateGetMany>;

const stateScan = answer({
  owner: hash,
  entries: list(object({ key: bytes, value: bytes })),
  next: nullable(bytes),
});
export type StateScan = Out<typeof stateScan>;

const moduleGet = answer({
  module: text,
  name: nullable(text),
  codeHash: hash,
  codeBytes: small,
  creator: text,
  interfaceHash: hash,
  /** What its build said of itself, which nobody checked. */
  build: any,
  policy,
  paused: flag,
  revision: small,
  versions: list(object({ version: small, codeHash: hash, sinceMs: u64, transaction: hash })),
  deployedMs: u64,
  balance: u64,
  storageBytes: u64,
  deposit: u64,
});
export type ModuleView = Out<typeof moduleGet>;

const moduleInterface = answer({
  module: text,
  name: nullable(text),
  codeHash: hash,
  /** WIT text, with docs. */
  wit: text,
  /** The same as JSON: read it by `readInterface`. */
  interface: any,
  /** The binary WIT package: its plain blake3 is the interface's hash. */
  package: bytes,
});
export type ModuleInterface = Out<typeof moduleInterface>;

const moduleCode = answer({
  codeHash: hash,
  codeBytes: small,
  /** Ledger time from which on modules may run it. */
  activeMs: u64,
  interfaceHash: hash,
  /** The component; null when it was not asked for. Its plain blake3 is `codeHash`. */
  code: nullable(bytes),
});
export type ModuleCode = Out<typeof moduleCode>;

const moduleList = answer({
  modules: list(
    object({ module: text, name: nullable(text), codeHash: hash, creator: text, paused: flag, deployedMs: u64 }),
  ),
  /** What to give as `after` to go on; null at the end. */
  next: nullable(hash),
});
export type ModuleList = Out<typeof moduleList>;

const moduleCall = answer({
  /** By the module's interface. */
  result: any,
  /** Encoded. */
  resultBytes: bytes,
  /** Fuel that it took; nobody pays for it. */
  fuelUsed: u64,
  /** What it read, with proofs, where it was asked for (`witness`). */
  witness: nullable(object({ checkpoint: certificate, entries: list(object({ owner: hash, key: bytes, value: nullable(bytes), tree: bytes })) })),
});
export type ModuleCall = Out<typeof moduleCall>;

const eventsQuery = answer({
  events: list(eventView),
  /** What to give as `after` to go on, also when nothing was found. */
  next: cursor,
  more: flag,
  oldestHeight: u64,
});
export type EventsPage = Out<typeof eventsQuery>;

const end = { code: small, name: text, message: text };

/** What `events_subscribe` tells. */
export const eventNotice = oneOf("type", { event: { event: eventView }, gap: { after: cursor, resume: cursor }, end });
export type EventNotice = Out<typeof eventNotice>;

/** What `chain_subscribe` tells. */
export const chainNotice = oneOf("type", {
  checkpoint: { checkpoint: checkpointListed, certifiedHeight: u64 },
  gap: { after: u64, resume: u64 },
  end,
});
export type ChainNotice = Out<typeof chainNotice>;

/** What `dag_subscribe` tells. */
export const dagNotice = oneOf("type", { round: { round: dagRound }, gap: { after: small, resume: small }, end });
export type DagNotice = Out<typeof dagNotice>;

/** What `tx_subscribe` tells. A status in it has no `at`: it is told as it happens. */
export const txNotice = oneOf("type", { status: { status: txStatusView }, end });
export type TxNotice = Out<typeof txNotice>;

const method = object({ name: text, summary: text, params: list(any), result: any });
const rpcDiscover = object({
  openrpc: text,
  info: object({ title: text, version: text }),
  methods: list(both(method, any as Read<Record<string, unknown>>)),
  components: object({ schemas: any as Read<Record<string, unknown>> }),
});
/** What a node says of its interface: an OpenRPC document, with JSON Schema of all types. */
export type RpcDocument = Out<typeof rpcDiscover>;

const devFund = answer({ transaction: hash });
const devAdvanceTime = answer({ timeMs: u64, aheadMs: u64 });
const devSnapshot = answer({ snapshot: small });
const devRevert = answer({ reverts: small });

/** An entry of the state: `module` with `key`, or `account` alone, or `owner` with `key`. */
export interface StateEntry {
  module?: string;
  key?: Uint8Array;
  account?: string;
  owner?: string;
}

interface ListOptions<C> {
  after?: C;
  limit?: number;
}

/** Parameters of each method. */
export interface Params {
  "rpc.discover": object;
  node_info: object;
  node_health: object;
  node_peers: object;
  chain_head: ReadOptions;
  chain_checkpoint: ReadOptions;
  chain_checkpoints: { from?: bigint; limit?: number; descending?: boolean } & ReadOptions;
  chain_certificate: ReadOptions;
  chain_params: ReadOptions;
  chain_committee: ReadOptions;
  chain_writes: { height: bigint; after?: string } & HeightOptions;
  dag_rounds: { from?: number; to?: number; last?: number } & HeightOptions;
  dag_block: { round: number; author: number } & HeightOptions;
  tx_submit: { transaction: Uint8Array; wait?: Stage | "none"; timeoutMs?: number; chainId?: string };
  tx_status: { hash?: string; transaction?: Uint8Array; wait?: Stage; timeoutMs?: number } & HeightOptions;
  tx_preview: { transaction?: Uint8Array; unsigned?: Uint8Array } & ReadOptions;
  tx_simulate: { transaction?: Uint8Array; unsigned?: Uint8Array } & ReadOptions;
  tx_feeEstimate: { transaction?: Uint8Array; unsigned?: Uint8Array } & ReadOptions;
  tx_absence: { transaction?: Uint8Array; unsigned?: Uint8Array } & ReadOptions;
  tx_get: { hash: string; proof?: boolean } & ReadOptions;
  tx_trace: { hash: string; before?: boolean } & HeightOptions;
  tx_list: { account: string; descending?: boolean } & ListOptions<string> & ReadOptions;
  account_get: { account: string; publicKey?: string; proof?: boolean } & ReadOptions;
  account_keys: { account: string } & ReadOptions;
  state_get: StateEntry & { proof?: boolean } & ReadOptions;
  state_getMany: { entries: StateEntry[]; proof?: boolean } & ReadOptions;
  state_scan: { module?: string; prefix?: Uint8Array; owner?: string } & ListOptions<Uint8Array> & ReadOptions;
  module_get: { module: string } & ReadOptions;
  module_interface: { module: string } & ReadOptions;
  module_code: { module?: string; code?: string; factsOnly?: boolean } & ReadOptions;
  module_list: ListOptions<string> & ReadOptions;
  module_call: { module: string; function: string; arguments?: unknown; argumentsBytes?: Uint8Array; caller?: string; witness?: boolean } & ReadOptions;
  /** `waitMs` waits for the first event, too. */
  events_query: { module?: string; name?: string } & ListOptions<Cursor> & ReadOptions;
  dev_fund: { account: string; amount: bigint };
  dev_advanceTime: { ms: bigint };
  dev_snapshot: object;
  dev_revert: { snapshot: number };
}

/** How the answer of each method is read. */
export const METHODS = {
  "rpc.discover": rpcDiscover,
  node_info: nodeInfo,
  node_health: nodeHealth,
  node_peers: nodePeers,
  chain_head: chainHead,
  chain_checkpoint: chainCheckpoint,
  chain_checkpoints: chainCheckpoints,
  chain_certificate: chainCertificate,
  chain_params: chainParams,
  chain_committee: chainCommittee,
  chain_writes: chainWrites,
  dag_rounds: dagRounds,
  dag_block: dagBlock,
  tx_submit: txStatus,
  tx_status: txStatus,
  tx_preview: txPreview,
  tx_simulate: txSimulate,
  tx_feeEstimate: txFeeEstimate,
  tx_absence: txAbsence,
  tx_get: txGet,
  tx_trace: txTrace,
  tx_list: txList,
  account_get: accountGet,
  account_keys: accountKeys,
  state_get: stateGet,
  state_getMany: stateGetMany,
  state_scan: stateScan,
  module_get: moduleGet,
  module_interface: moduleInterface,
  module_code: moduleCode,
  module_list: moduleList,
  module_call: moduleCall,
  events_query: eventsQuery,
  dev_fund: devFund,
  dev_advanceTime: devAdvanceTime,
  dev_snapshot: devSnapshot,
  dev_revert: devRevert,
} satisfies { [M in keyof Params]: Read<{ at: At } | RpcDocument> };

export type Method = keyof Params;
/** What a method answers. */
export type Answer<M extends Method> = Out<(typeof METHODS)[M]>;

/** Methods that take `atLeast` and `waitMs`. */
export const READS: ReadonlySet<Method> = new Set([
  "chain_head", "chain_checkpoint", "chain_certificate", "chain_params", "chain_committee", "tx_list", "account_get", "account_keys", "state_get",
  "state_getMany", "state_scan", "module_get", "module_interface", "module_code", "module_list", "module_call", "tx_preview", "tx_simulate", "tx_feeEstimate",
  "tx_absence", "tx_trace", "tx_status", "tx_get", "chain_checkpoints", "chain_writes", "dag_rounds", "dag_block", "events_query",
]);

/** Parameters as they are sent: bigint as digits, bytes as base64, nothing that is undefined. */
export function sent(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return toBase64(value);
  if (Array.isArray(value)) return value.map(sent);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, part]) => part !== undefined)
      .map(([name, part]) => [name, sent(part)]),
  );
}
