/** Client of Pollen. README.md has the way in; docs/rpc.md of the repository every method and error. */

export * from "./address.js";
export { STAGES, compareCursors } from "./api.js";
export type {
  Account, AccountKeys, ActionView, Answer, At, CertificateView, ChainCheckpoints, ChainCommittee, ChainHead,
  ChainNotice, ChainParams, ChainWrites, CheckpointListed, CheckpointView, Cursor,
  DagBlocks, DagNotice, DagRound, DagRounds, EventNotice, FeeEstimate, EventsPage, EventView, Method, ModuleCall, ModuleCode, ModuleInterface, ModuleList, ModuleView, NodeHealth,
  NodeInfo, NodePeers, Params, HeightOptions, PolicyView, ReadOptions, RpcDocument, Stage, StateEntry, StateRecord, StateRecords, StateScan, TxAbsence, TxList, TxNotice, TxOutcome, TxPreview,
  TxRecord, TxStage, TxSimulation, TxStatus, TxTrace,
} from "./api.js";
export { fromBase64, fromHex, isHex32, toBase64, toHex } from "./bytes.js";
export type { AccountId, Hash, PublicKey } from "./bytes.js";
export { PollenClient } from "./client.js";
export type { ClientOptions, CommandOptions, DeployOptions, IntentOptions, KnownModule, Network, SendOptions, Signer, SigningKey } from "./client.js";
export * from "./errors.js";
export { signedOf, TransactionFailed } from "./fate.js";
export type { Executed, Fate, Signed, WaitOptions } from "./fate.js";
export type { EventsOptions, EventStream } from "./events.js";
export type { CheckpointsOptions, FollowedCheckpoint, RoundsOptions } from "./follow.js";
export type { Socket, SocketConstructor } from "./socket.js";
export { Stream } from "./stream.js";
export type { FollowOptions } from "./stream.js";
export { DevNetwork } from "./dev.js";
export { readDraft, signDraft, signedDraft, writeDraft } from "./draft.js";
export type { Draft } from "./draft.js";
export { readGenesis } from "./genesis.js";
export type { ChainParameters, Genesis, Validator } from "./genesis.js";
export { contentHash } from "./hash.js";
export { accountOf, deriveEd25519, isPublicKey, KeyPair, messageBytes, newWords, readWords, signMessage, verifyMessage, verifySignature } from "./keys.js";
export type { KeyPath } from "./keys.js";
export * from "./light.js";
export { verifyListProof } from "./list.js";
export type { ListProof } from "./list.js";
export { Module } from "./module.js";
export type { ModuleDefinition, QueryOptions, TypedEvent } from "./module.js";
export { isUnusedNonce, readNonceWindow } from "./nonce.js";
export type { NonceWindow } from "./nonce.js";
export * from "./receipt.js";
export {
  changeDigest, checkOwners, checkPolicy, checkScopedKey, checkShape, childModule, cosign, decodeSigned, decodeTransaction,
  deployedModule, encodeSigned, encodeTransaction, fee, isModuleName, OWNERS_MAX, readSigned, SCOPED_KEYS_MAX, signingBytes,
  signTransaction, transactionId, verifySignatures,
} from "./transaction.js";
export type {
  Action, CallScope, Cosignature, ModuleChange, OwnerKey, PolicyKey, Scope, ScopedKey, ScopeWindow, SignedTransaction,
  Transaction, UpgradePolicy,
} from "./transaction.js";
export { keyHash, stateKey, verifyTreeProof } from "./tree.js";
export type { StateKey } from "./tree.js";
export { definitionText, failureType, readInterface, signatureText, successType, typeText } from "./types.js";
export type { EventType, FunctionKind, FunctionType, Interface, Scalar, Type } from "./types.js";
export { compareInterfaces, isCompatible } from "./compare.js";
export type { Difference } from "./compare.js";
export { formatAmount, parseAmount } from "./numbers.js";
export { decodeArguments, decodeValue, encodeArguments, encodeValue } from "./values.js";
export type { Formats } from "./values.js";
export type { ProvedState, ProvedTransaction } from "./proved.js";
export { previewTransaction } from "./preview.js";
export type { FindModule, Preview, PreviewModule } from "./preview.js";
export { quoted, showArguments, showBytes, showMoment, showValue } from "./show.js";
export { checkPackage, readComponent, readPackage } from "./wit.js";
