/**
 * The client: every method of docs/rpc.md, and what people do with them: transfer, call, query, deploy, follow
 * what happens, and read what is proved.
 *
 * With the genesis document it trusts no node for anything but nonces, ledger time and what it asks unproved: chain
 * id, prices and committee come from genesis, and `proved` reads are believed only as far as they are proved.
 */

import { METHODS, type Answer, type At, type DagRound, type HeightOptions, type Method, type Params, type ReadOptions, type TxStage, type TxStatus } from "./api.js";
import { formatAddress, parseAddress, type AddressKind } from "./address.js";
import { isHex32, toHex, type AccountId, type Hash, type PublicKey } from "./bytes.js";
import { AnswerError, InputError, ProofError, RpcError, ValueError } from "./errors.js";
import { eventsFeed, type EventsOptions, type EventStream } from "./events.js";
import { executed, sameHash, signedOf, submit, TransactionFailed, type Executed, type Fate, type Signed, type WaitOptions } from "./fate.js";
import {
  checkpointsFeed,
  roundsFeed,
  stagesFeed,
  type CheckpointsOptions,
  type FollowedCheckpoint,
  type RoundsOptions,
} from "./follow.js";
import { readGenesis, type ChainParameters, type Genesis } from "./genesis.js";
import { contentHash } from "./hash.js";
import type { KeyPair } from "./keys.js";
import { LightClient, type CertifiedCheckpoint } from "./light.js";
import { previewTransaction, type Preview } from "./preview.js";
import { proveAbsence, proveCheckpoint, proveState, proveTransaction, type ProvedState, type ProvedTransaction } from "./proved.js";
import { readAccountRecord, type AccountRecord, type Event } from "./receipt.js";
import type { SocketConstructor } from "./socket.js";
import { Stream, type FollowOptions } from "./stream.js";
import {
  checkShape,
  deployedModule,
  encodeTransaction,
  signingBytes,
  TRANSACTION_VERSION,
  type Action,
  type Cosignature,
  type Transaction,
  type UpgradePolicy,
} from "./transaction.js";
import { pause, Transport, type CallOptions, type TransportOptions } from "./transport.js";
import { stateKey, type StateKey } from "./tree.js";
import { failureType, readInterface, similar, successType, type FunctionKind, type FunctionType, type Interface } from "./types.js";
import { parseAmount } from "./numbers.js";
import { decodeValue, encodeArguments, type Formats } from "./values.js";
import { checkPackage, readComponent } from "./wit.js";

/** A key that signs: a {@link KeyPair}, or a wallet that asks its user. `bytes` are what docs/accounts.md says. */
export interface SigningKey {
  readonly publicKey: PublicKey;
  sign(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** Which keys sign for which account, and who pays. */
export interface Signer {
  /** Who asks: an address, or 64 hexadecimal digits. The account that began with the first key unless told. */
  account?: string;
  /** Keys of that account, at least one; the first leads: its nonces are used. */
  keys: SigningKey[];
  /** Another account that pays the fee, with keys of its own. */
  payer?: { account: string; keys: SigningKey[] };
}

/** How a transaction is made. */
export interface IntentOptions {
  /** Most fuel that it may use; what is not used is not paid. */
  maxFuel?: bigint;
  /** Grains per 1 000 fuel; the chain's floor unless told. */
  fuelPrice?: bigint;
  /** How long it is valid after the chain's head, in milliseconds; 60 000 unless told. */
  validForMs?: number;
  /** Bytes that actions name by hash. */
  attachments?: Uint8Array[];
}

/** Who does it, and how it is made and waited for. */
export interface SendOptions extends IntentOptions, WaitOptions {
  from: KeyPair | Signer;
}

/** A call's options. */
export interface CommandOptions extends SendOptions {
  /** Grains to send along: a bigint, or text such as `"1.5 pollen"`. */
  deposit?: bigint | string;
}

/** A deployment's options. */
export interface DeployOptions extends SendOptions {
  /** Name to register. */
  name?: string;
  /** Arguments of `init`: an object by parameter names, or a list; encoded ones ({@link encodeArguments}) as bytes. */
  arguments?: Record<string, unknown> | readonly unknown[] | Uint8Array;
  policy?: UpgradePolicy;
}

/** The chain, as transactions and addresses need it. */
export interface Network {
  chainId: Hash;
  addressPrefix: string;
  coinType: number;
  parameters: ChainParameters;
}

/** A module whose interface is known. */
export interface KnownModule {
  id: AccountId;
  address: string;
  /** The name that it is registered under. */
  name: string | null;
  interface: Interface;
  /** What calls name, so that they fail where the module has another interface by then. */
  interfaceHash: Hash;
}

/** How a client is made. */
export interface ClientOptions extends TransportOptions {
  /** The text of the chain's `genesis.json`, from whom you trust: what makes proofs possible. */
  genesis?: string;
  /** In place of `genesis`, for who keeps chain id and committee only (`LightClient.of`): prices are then the node's word. */
  light?: LightClient;
  /** In place of the platform's `WebSocket`, for events; without any they come by long polling. */
  WebSocket?: SocketConstructor;
}

const VALID_FOR_MS = 60_000;
const CALL_FUEL = 100_000_000n;
const TRANSFER_FUEL = 1_000_000n;
/** Nonces above the next free one among which the first is chosen, so that two programs with one key rarely meet. */
const NONCE_SPREAD = 256;
const NONCE_USED = 1005;

/** See the file's documentation. */
export class PollenClient {
  /** What checks proofs; null without a genesis document. */
  readonly light: LightClient | null;
  readonly #transport: Transport;
  readonly #genesis: Genesis | null;
  readonly #socket: SocketConstructor | undefined;
  #network: Network | null = null;
  readonly #modules = new Map<string, KnownModule>();
  /** Per account and key the last nonce that was given out here. */
  readonly #nonces = new Map<string, bigint>();

  /** A client of the nodes at `urls` (`http://host:port`), preferred first. Connects when it is used. */
  constructor(urls: string | readonly string[], options: ClientOptions = {}) {
    this.#transport = new Transport(urls, options);
    this.#genesis = options.genesis === undefined ? null : readGenesis(options.genesis);
    this.light = this.#genesis === null ? (options.light ?? null) : LightClient.fromGenesis(this.#genesis);
    this.#socket = options.WebSocket ?? (globalThis as { WebSocket?: SocketConstructor }).WebSocket;
  }

  /** The node that is asked first now. */
  get url(): string {
    return this.#transport.endpoints[this.#transport.current]!;
  }

  /** All nodes, preferred first. */
  get urls(): readonly string[] {
    return this.#transport.endpoints;
  }

  /** The highest height that an answer told. Every read waits until its node has executed it. */
  get height(): bigint {
    return this.#transport.seen;
  }

  /** Forgets {@link height}: a development network went back. */
  forgetHeight(): void {
    this.#transport.forgetHeight();
  }

  /** Calls a method as docs/rpc.md has it. Throws `RpcError`, `UnreachableError` or `AnswerError`. */
  request<M extends Method>(method: M, params: Params[M], options: CallOptions<M> = {}): Promise<Answer<M>> {
    if (!Object.hasOwn(METHODS, method)) throw new InputError(`'${method}' is no method of docs/rpc.md`);
    return this.#transport.call(method, params, options);
  }

  /** The chain's identity and numbers: of genesis where it was given, else as the node says, asked once. */
  async network(): Promise<Network> {
    if (this.#network === null) {
      this.#network = this.#genesis ?? (await this.request("node_info", {}, { check: (info) => this.#isOurs(info.chainId) }));
    }
    return this.#network;
  }

  /** Refuses a node of another chain than the one that is trusted. */
  #isOurs(chainId: Hash): void {
    if (this.light === null || this.light.chainId === chainId) return;
    throw new ProofError(`the node is of the chain ${chainId}, not of ${this.light.chainId}`, "ask a node of your chain");
  }

  /** What the node is. */
  nodeInfo(): Promise<Answer<"node_info">> {
    return this.request("node_info", {});
  }

  /** Where the chain is. */
  head(options: ReadOptions = {}): Promise<Answer<"chain_head">> {
    return this.request("chain_head", options);
  }

  /** An account: an address, or the `@name` of a module. One that does not exist is an answer too. */
  account(account: string | KeyPair, options: ReadOptions & { publicKey?: PublicKey } = {}): Promise<Answer<"account_get">> {
    return this.#named(account).then((account) => this.request("account_get", { account, ...options }));
  }

  /** Who may sign for an account, and what its scoped keys have used. */
  accountKeys(account: string | KeyPair, options: ReadOptions = {}): Promise<Answer<"account_keys">> {
    return this.#named(account).then((account) => this.request("account_keys", { account, ...options }));
  }

  /** A module by address or `@name`. */
  module(module: string, options: ReadOptions = {}): Promise<Answer<"module_get">> {
    return this.request("module_get", { module, ...options });
  }

  /** What became of a transaction, by its hash. */
  status(hash: Hash): Promise<TxStatus> {
    return this.request("tx_status", { hash }, { check: (status) => sameHash(status.hash, hash) });
  }

  /** The address of a key's account, or of an id. */
  async address(of: KeyPair | AccountId, kind: AddressKind = "account"): Promise<string> {
    const { addressPrefix } = await this.network();
    return formatAddress({ kind, id: typeof of === "string" ? of : of.account }, addressPrefix);
  }

  /** The id of an account or module: of an address, of 64 hexadecimal digits, or of a `@name`. */
  async idOf(text: string): Promise<AccountId> {
    if (isHex32(text)) return text;
    if (text.startsWith("@")) return (await this.interfaceOf(text)).id;
    const address = parseAddress(text, (await this.network()).addressPrefix);
    if (address.kind === "validator") throw new InputError("this is the address of a validator, not of an account or module");
    return address.id;
  }

  async #named(account: string | KeyPair): Promise<string> {
    if (typeof account !== "string") return this.address(account);
    return isHex32(account) ? this.address(account) : account;
  }

  // ---- Modules ------------------------------------------------------------------------------------------------

  /**
   * What a module offers, asked once; with `fresh` asked again. Checked against the package that calls name by its
   * hash, so a node cannot give arguments another meaning; with genesis, that its name is its own is proved.
   */
  async interfaceOf(module: string, fresh = false): Promise<KnownModule> {
    const known = this.#modules.get(module);
    if (known !== undefined && !fresh) return known;
    const { addressPrefix } = await this.network();
    let found: KnownModule | null = null;
    const believe = (answer: Answer<"module_interface">) => {
      const { kind, id } = parseAddress(answer.module, addressPrefix);
      if (kind !== "module") throw new AnswerError("result.module", "expected the address of a module");
      if (!module.startsWith("@") && parseAddress(module, addressPrefix).id !== id) {
        throw new AnswerError("result.module", "another module than was asked for");
      }
      const told = readInterface(answer.interface);
      // A component without a description of itself has an empty package: then nothing says more than the node.
      if (answer.package.length > 0) checkPackage(told, answer.package);
      const { module: address, name } = answer;
      found = { id, address, name, interface: told, interfaceHash: contentHash(answer.package) };
    };
    const { at } = await this.request("module_interface", { module }, { check: believe });
    if (found === null) throw new AnswerError("result", "no interface");
    await this.#checkName(module, found, at.height);
    this.#modules.set(module, found);
    return found;
  }

  /** With genesis, that a module's name is its own: whoever calls, or reads a preview, goes by names. */
  async #checkName(asked: string, { id, name }: KnownModule, height: bigint): Promise<void> {
    const called = asked.startsWith("@") ? asked.slice(1) : name;
    if (this.light === null || called === null) return;
    const { value } = await this.stateProved(stateKey.name(called), height);
    if (value === null || toHex(value) !== id) {
      throw new ProofError(`the node tells of a module that the name '${called.slice(0, 64)}' does not belong to`, "ask another node");
    }
  }

  /** How values of this network are read and shown. */
  async formats(form: "json" | "native" = "json"): Promise<Formats> {
    return { prefix: (await this.network()).addressPrefix, form };
  }

  /**
   * Runs a query of a module: `args` is an object by parameter names, or a list. The result is JSON as
   * docs/modules-encoding.md has it. Nothing is paid. Throws `ValueError` for arguments that do not fit,
   * `RpcError` 2001 to 2014 for a call that fails.
   */
  async query(module: string, name: string, args: unknown = {}, options: ReadOptions & { caller?: string } = {}): Promise<unknown> {
    const known = await this.interfaceOf(module);
    const called = functionOf(known.interface, "query", name);
    return (await this.queryTyped(known.address, called, args, await this.formats(), options)).value;
  }

  /** {@link query} of a function whose types are known; tells the state that was read, too. */
  async queryTyped(
    module: string,
    called: FunctionType,
    args: unknown,
    formats: Formats,
    options: ReadOptions & { caller?: string } = {},
  ): Promise<{ value: unknown; at: At }> {
    const argumentsBytes = encodeArguments(called.params, args, formats);
    let value: unknown;
    const read = (answer: Answer<"module_call">) => {
      value = believed(called, answer.resultBytes, formats);
    };
    const { at } = await this.request("module_call", { module, function: called.name, argumentsBytes, ...options }, { check: read });
    return { value, at };
  }

  /**
   * Calls a command of a module and waits for its end: `args` as for {@link query}. The call names the interface
   * that its arguments were made from, so it fails (1014) rather than do something else after an upgrade. Throws
   * {@link TransactionFailed} where it ended without a success; a timeout is a result.
   */
  async call(module: string, name: string, args: unknown, options: CommandOptions): Promise<Executed<unknown>> {
    const known = await this.interfaceOf(module);
    const called = functionOf(known.interface, "command", name);
    try {
      return await this.callTyped(known, called, args, await this.formats(), options);
    } catch (error) {
      // Read again next time: what was known is of another interface.
      if (error instanceof TransactionFailed && error.code === 1014) this.#modules.delete(module);
      throw error;
    }
  }

  /** {@link call} of a function whose types are known. */
  async callTyped(
    module: { id: AccountId; interfaceHash: Hash | null },
    called: FunctionType,
    args: unknown,
    formats: Formats,
    options: CommandOptions,
  ): Promise<Executed<unknown>> {
    const action: Action = {
      kind: "invoke",
      module: module.id,
      function: called.name,
      arguments: encodeArguments(called.params, args, formats),
      deposit: grains(options.deposit ?? 0n, "deposit"),
      interface: module.interfaceHash,
    };
    const fate = await this.send([action], { maxFuel: CALL_FUEL, ...options }, (bytes) => {
      const failure = failureType(called);
      return failure === null ? undefined : decodeValue(failure, bytes, formats);
    });
    return executed(fate, () => believed(called, resultOf(fate), formats));
  }

  /** Sends grains (a bigint, or text such as `"1.5 pollen"`) to an account or module. */
  async transfer(to: string | KeyPair, amount: bigint | string, options: SendOptions): Promise<Executed<null>> {
    const id = typeof to === "string" ? await this.idOf(to) : to.account;
    const action: Action = { kind: "transfer", to: id, amount: grains(amount, "amount") };
    const fate = await this.send([action], { maxFuel: TRANSFER_FUEL, ...options });
    return executed(fate, () => null);
  }

  /**
   * Deploys a component. `arguments` are those of `init`: as for {@link call}, by the interface that the component
   * has inside, or encoded. The policy tells who may change the module, its owner at once unless told. Where the chain
   * lets new code wait, the component is published first and the wait is waited out. The value is the module's address.
   * Throws `ValueError` for arguments that do not fit, before anything is sent, and what {@link call} throws.
   */
  async deploy(component: Uint8Array, options: DeployOptions): Promise<Executed<string>> {
    const { parameters } = await this.network();
    const formats = await this.formats();
    const init = initOf(component, options.arguments, formats);
    const code = contentHash(component);
    let attachments = [component];
    if (parameters.codeActivationMs > 0n) {
      const published = await this.send([{ kind: "publish", code }], { maxFuel: parameters.transactionFuelMax, ...options, attachments });
      if (!published.ended) return executed(published, () => "");
      const activeMs = (await this.head()).timeMs + parameters.codeActivationMs;
      while ((await this.head()).timeMs < activeMs) await pause(200, options.signal);
      attachments = [];
    }
    const action: Action = {
      kind: "deploy",
      code,
      name: options.name ?? null,
      arguments: init.encoded,
      policy: options.policy ?? { kind: "owner", delayMs: 0n },
    };
    const fate = await this.send([action], { maxFuel: parameters.transactionFuelMax, ...options, attachments }, (bytes) => {
      const failure = init.called === null ? null : failureType(init.called);
      return failure === null ? undefined : decodeValue(failure, bytes, formats);
    });
    const address = await this.address(deployedModule(fate.hash, 0), "module");
    return executed(fate, () => address);
  }

  // ---- Transactions -------------------------------------------------------------------------------------------

  /** Makes a transaction, unsigned: asks the node for the first key's next nonce and the chain's time. */
  async build(from: KeyPair | Signer, actions: Action[], options: IntentOptions = {}): Promise<Transaction> {
    const signer = signerOf(from);
    const lead = signer.keys[0];
    if (lead === undefined) throw new InputError("a signer has at least one key");
    if (signer.account === undefined) throw new InputError("a key that is no KeyPair needs the account that it signs for");
    const { parameters } = await this.network();
    const sender = await this.idOf(signer.account);
    const [nonce, head] = [await this.#nonce(sender, lead.publicKey), await this.head()];
    // A chain that has executed nothing yet is still at the time of its genesis, maybe years ago.
    const now = BigInt(Date.now());
    const timeMs = head.at.height === 0n && now > head.timeMs ? now : head.timeMs;
    const lifetime = BigInt(options.validForMs ?? VALID_FOR_MS);
    const lifetimeMax = parameters.transactionLifetimeMaxMs;
    return {
      version: TRANSACTION_VERSION,
      sender,
      key: lead.publicKey,
      nonce,
      validUntilMs: timeMs + (lifetime < lifetimeMax ? lifetime : lifetimeMax),
      maxFuel: options.maxFuel ?? CALL_FUEL,
      fuelPrice: options.fuelPrice ?? parameters.fuelPriceFloor,
      payer: signer.payer === undefined ? null : await this.idOf(signer.payer.account),
      actions,
    };
  }

  /** Makes a transaction and signs it by all keys of the signer. */
  async sign(from: KeyPair | Signer, actions: Action[], options: IntentOptions = {}): Promise<Signed> {
    const { chainId, parameters } = await this.network();
    const transaction = await this.build(from, actions, options);
    const { keys, payer } = signerOf(from);
    const bytes = signingBytes(transaction, chainId);
    const signature = await keys[0]!.sign(bytes);
    const cosignatures = new Map<PublicKey, Cosignature>();
    for (const key of [...keys.slice(1), ...(payer?.keys ?? [])]) {
      if (key.publicKey === transaction.key || cosignatures.has(key.publicKey)) continue;
      cosignatures.set(key.publicKey, { publicKey: key.publicKey, signature: await key.sign(bytes) });
    }
    const ascending = [...cosignatures.values()].sort((a, b) => (a.publicKey < b.publicKey ? -1 : 1));
    const signed = { transaction, signature, cosignatures: ascending, attachments: options.attachments ?? [] };
    checkShape(signed, parameters.transactionFuelMax);
    return signedOf(signed, chainId);
  }

  /** What an executed transaction did: calls with their fuel, reads and changes, events. */
  trace(hash: string, options: { before?: boolean } & HeightOptions = {}): Promise<Answer<"tx_trace">> {
    return this.request("tx_trace", { hash, ...options });
  }

  /** What a transaction would do now, as the node says: outcome, events, fuel, fee, what it reads and changes. */
  simulate(transaction: Transaction | Signed, options: ReadOptions = {}): Promise<Answer<"tx_simulate">> {
    return this.request("tx_simulate", { ...trial(transaction), ...options });
  }

  /** What to offer for a transaction, as the node says. */
  estimateFee(transaction: Transaction | Signed, options: ReadOptions = {}): Promise<Answer<"tx_feeEstimate">> {
    return this.request("tx_feeEstimate", { ...trial(transaction), ...options });
  }

  /**
   * A transaction in words, for who is asked to sign it: from its bytes and the interfaces of the modules that it
   * names. A module that no node knows is shown by its address, its arguments as bytes.
   */
  async preview(transaction: Transaction): Promise<Preview> {
    const { addressPrefix } = await this.network();
    const known = new Map<AccountId, KnownModule>();
    const named = transaction.actions.flatMap((action) =>
      action.kind === "putKey" ? action.key.scope.calls.map((call) => call.module) : "module" in action ? [action.module] : [],
    );
    for (const id of new Set(named)) {
      try {
        known.set(id, await this.interfaceOf(formatAddress({ kind: "module", id }, addressPrefix)));
      } catch (error) {
        if (!(error instanceof RpcError) || error.retryable) throw error;
      }
    }
    return previewTransaction(transaction, addressPrefix, (id) => known.get(id) ?? null);
  }

  /** A nonce that is free as the node says, and that no other call of this client has. */
  async #nonce(account: AccountId, publicKey: PublicKey): Promise<bigint> {
    const { nonces } = await this.account(account, { publicKey });
    if (nonces === null) throw new AnswerError("result.nonces", "the node told no nonces of the key");
    const name = `${account} ${publicKey}`;
    const before = this.#nonces.get(name);
    const spread = nonces.next + BigInt(Math.floor(Math.random() * NONCE_SPREAD));
    let nonce = before !== undefined && before >= nonces.next ? before + 1n : spread;
    if (nonce > nonces.last) {
      if (before !== undefined && before >= nonces.last) {
        throw new InputError(
          "too many transactions of this key are on their way",
          "wait until some have ended, or send with another key",
        );
      }
      nonce = nonces.last;
    }
    this.#nonces.set(name, nonce);
    return nonce;
  }

  /**
   * Signs, submits and waits for the end. Where another program took the nonce meanwhile, another is chosen: the
   * refused transaction can never run. Throws {@link TransactionFailed} where it ended without a success.
   */
  async send(actions: Action[], options: SendOptions, readError?: (bytes: Uint8Array) => unknown): Promise<Fate> {
    for (let tries = 1; ; tries++) {
      const signed = await this.sign(options.from, actions, options);
      try {
        const fate = await this.submit(signed, options);
        const outcome = fate.ended ? fate.status?.outcome : null;
        if (outcome && outcome.kind !== "success") {
          const value = outcome.kind === "failure" && outcome.error !== null ? outcome.error.bytes : null;
          throw new TransactionFailed(fate.status!, outcome, value === null ? undefined : readable(readError, value));
        }
        return fate;
      } catch (error) {
        if (!(error instanceof RpcError && error.code === NONCE_USED) || tries === 4) throw error;
      }
    }
  }

  /**
   * Submits a signed transaction and waits until it has reached a stage, can no longer, or the time is over. Safe to
   * repeat, here and at other nodes. Goes on through lost nodes and full pools. Throws `RpcError` only where no node
   * can have taken it: 1001 to 1014.
   */
  submit(signed: Signed, options: WaitOptions = {}): Promise<Fate> {
    return submit(this.#transport, signed, options);
  }

  // ---- What happens -------------------------------------------------------------------------------------------

  /**
   * Events as they happen, as an async iterator: after `after`, or from now on. None is lost or told twice, whatever
   * becomes of connections and nodes. Over WebSocket where there is one, else by long polling.
   */
  events(options: EventsOptions = {}): EventStream {
    return new Stream(this, eventsFeed(options), options.after, this.#socket, options);
  }

  /** Checkpoints as they are executed, after a height or from now on, none left out: as {@link events}. */
  checkpoints(options: CheckpointsOptions = {}): Stream<bigint, FollowedCheckpoint> {
    return new Stream(this, checkpointsFeed(), options.after, this.#socket, options);
  }

  /** Rounds of the DAG as soon as the order has passed them, none left out untold: as {@link events}. */
  rounds(options: RoundsOptions = {}): Stream<number, DagRound> {
    return new Stream(this, roundsFeed(options), options.after, this.#socket, options);
  }

  /**
   * The stages of a transaction as they are reached, each at most once: the stream ends when it is certified, or will
   * never be executed. Of one that no node knows it ends with an `RpcError` (-32040): `submit` waits for those.
   */
  stages(hash: Hash, options: FollowOptions = {}): Stream<number, TxStage> {
    return new Stream(this, stagesFeed(hash), undefined, this.#socket, options);
  }

  // ---- What is proved -----------------------------------------------------------------------------------------

  #lightClient(): LightClient {
    if (this.light === null) {
      throw new InputError("proofs begin with the genesis document", "give its text as `genesis` to the client");
    }
    return this.light;
  }

  /** A checkpoint, proved: that of a height, else the last that is certified where the node is. */
  async checkpointProved(height?: bigint): Promise<CertifiedCheckpoint> {
    return proveCheckpoint(this.#transport, this.#lightClient(), height);
  }

  /**
   * What the state has under a key ({@link stateKey}), proved: after the checkpoint of a height, else after the last
   * that is certified where the node is. How fresh that is, no proof tells: compare `checkpoint.checkpoint.timestampMs`
   * with your clock.
   */
  async stateProved(key: StateKey, height?: bigint): Promise<ProvedState> {
    return proveState(this.#transport, this.#lightClient(), key, height);
  }

  /** An account's balance and deposit, proved; null where it is proved that there is no such account. */
  async accountProved(account: string | KeyPair, height?: bigint): Promise<{ checkpoint: CertifiedCheckpoint; record: AccountRecord | null }> {
    const id = typeof account === "string" ? await this.idOf(account) : account.account;
    const { checkpoint, value } = await this.stateProved(stateKey.account(id), height);
    return { checkpoint, record: value === null ? null : readAccountRecord(value) };
  }

  /** A transaction and its receipt, proved to stand in a checkpoint. Waits for a certificate that is on its way. */
  async transactionProved(hash: Hash): Promise<ProvedTransaction> {
    return proveTransaction(this.#transport, this.#lightClient(), hash);
  }

  /**
   * That a transaction was never executed and never will be, proved; the value is the checkpoint that shows it. Throws
   * `RpcError` -32041 while it can still run, -32040 where it may have run: `status` tells.
   */
  async absenceProved(transaction: Transaction): Promise<CertifiedCheckpoint> {
    return proveAbsence(this.#transport, this.#lightClient(), transaction);
  }

  /** An event of a transaction by its number, from 0, proved. */
  async eventProved(hash: Hash, number: number): Promise<{ checkpoint: CertifiedCheckpoint; event: Event }> {
    const { checkpoint, receipt } = await this.transactionProved(hash);
    const event = receipt.events[number];
    if (event === undefined) {
      throw new ProofError(`the receipt has ${receipt.events.length} events, none with the number ${number}: they are counted from 0`);
    }
    return { checkpoint, event };
  }
}

function trial(transaction: Transaction | Signed): { transaction: Uint8Array } | { unsigned: Uint8Array } {
  return "bytes" in transaction ? { transaction: transaction.bytes } : { unsigned: encodeTransaction(transaction) };
}

function signerOf(from: KeyPair | Signer): Signer {
  if ("keys" in from) {
    const lead = from.keys[0] as Partial<KeyPair> | undefined;
    if (from.account !== undefined || lead?.account === undefined) return from;
    return { ...from, account: lead.account };
  }
  return { account: from.account, keys: [from] };
}

/** The component's `init` and its arguments. Throws {@link ValueError} and {@link InputError}. */
function initOf(
  component: Uint8Array,
  given: DeployOptions["arguments"],
  formats: Formats,
): { called: FunctionType | null; encoded: Uint8Array } {
  const known = readComponent(component);
  const called = known?.commands.find((one) => one.name === "init") ?? null;
  if (given instanceof Uint8Array) return { called, encoded: given };
  if (called !== null) return { called, encoded: encodeArguments(called.params, given ?? {}, formats) };
  if (given !== undefined && Object.keys(given).length > 0) {
    throw known === null
      ? new InputError("the component does not describe itself: it has no section `pollen-wit`", "give the arguments encoded: encodeArguments")
      : new InputError("the module has no `init`, so it takes no arguments");
  }
  return { called, encoded: new Uint8Array() };
}

/** A function by its name. Throws {@link InputError} with what is there instead. */
export function functionOf(known: Interface, kind: FunctionKind, name: string): FunctionType {
  const [functions, others] = kind === "command" ? [known.commands, known.queries] : [known.queries, known.commands];
  const found = functions.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = functions.map((one) => one.name);
  const near = similar(name, names)[0];
  const instead = others.some((one) => one.name === name)
    ? `, but a ${kind === "command" ? "query" : "command"} of that name`
    : near !== undefined
      ? `; did you mean '${near}'?`
      : names.length === 0
        ? " (it has none at all)"
        : `; it has: ${names.join(", ")}`;
  throw new InputError(`the module has no ${kind} '${name.slice(0, 128)}'${instead}`, "module_interface lists the functions");
}

function grains(amount: bigint | string, path: string): bigint {
  const read = typeof amount === "string" ? parseAmount(amount) : amount;
  if (read === null) throw new ValueError("amount: grains as a whole number, or such as '1.5 pollen'", `"${amount}"`, path);
  return read;
}

/** A result by the function's type. Throws {@link AnswerError} for bytes that are none. */
function believed(called: FunctionType, bytes: Uint8Array, formats: Formats): unknown {
  const type = successType(called);
  if (type === null) {
    if (bytes.length > 0) throw new AnswerError("result", `${called.name} returns nothing, and here are ${bytes.length} bytes`);
    return null;
  }
  try {
    return decodeValue(type, bytes, formats);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new AnswerError("result", `no result of ${called.name}: ${error.message}`);
  }
}

function resultOf(fate: Fate): Uint8Array {
  const outcome = fate.status?.outcome;
  const result = outcome?.kind === "success" ? outcome.results[0] : undefined;
  if (result === undefined) throw new AnswerError("result.outcome", "a success without the action's result");
  return result.bytes;
}

function readable(read: ((bytes: Uint8Array) => unknown) | undefined, bytes: Uint8Array): unknown {
  try {
    return read?.(bytes);
  } catch {
    return undefined; // of another interface than is known here: the status has the bytes
  }
}
