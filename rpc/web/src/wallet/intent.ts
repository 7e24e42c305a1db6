/**
 * From what somebody wants to what is signed: a transaction is made, described from its own bytes and the modules'
 * interfaces, tried at the node, and everything that its owner should know before they sign is told. What builds it (a
 * form of this page, a site of another origin) has no say in the words.
 */

import {
  accountOf, contentHash, fee, formatAmount, isHex32, moduleAddress, PollenError, readComponent, RpcError, showArguments, signedOf,
  type AccountId, type Action, type Answer, type Draft, type Hash, type KnownModule, type PollenClient, type PublicKey, type Signed, type Transaction,
} from "@pollen/client";
import { said, WalletError } from "./errors.js";
import { isComplete, othersOf, partiesOf, standingOf, weightOf, type Party } from "./signers.js";

/** What somebody asks to be signed. */
export interface Intent {
  actions: Action[];
  /** Bytes that actions name by hash. */
  attachments?: Uint8Array[];
  /** Most fuel; what the node estimates unless told. */
  maxFuel?: bigint;
  /** Address of the account that asks, of which the key is one; unless told the account that the key began. */
  sender?: string;
  /** Address of another account that pays the fee, and signs too. */
  payer?: string;
}

/** A module that a transaction names, and whether the call holds it to the interface that the words are made from. */
export interface Pinned {
  module: string;
  name: string | null;
  /** What the call pins; null where it pins nothing. */
  hash: string | null;
  isPinned: boolean;
}

export interface Warning {
  tone: "bad" | "warn";
  words: string;
}

/** How it would end now, as the node says: not proved. */
export type Forecast =
  | { kind: "success"; fuelUsed: bigint; fee: bigint; events: number }
  | { kind: "failure"; words: string }
  | { kind: "none"; why: string };

/** All that its owner is shown. */
export interface Review {
  transaction: Transaction;
  attachments: Uint8Array[];
  /** A sentence per action. */
  actions: string[];
  /** Address of the account that asks. */
  sender: string;
  /** Address of who pays the fee, where that is another one. */
  payer: string | null;
  feeMax: bigint;
  balance: bigint;
  pins: Pinned[];
  warnings: Warning[];
  forecast: Forecast;
  /** The accounts that must sign. */
  parties: Party[];
  /** Address of the account that has too little for it; null where there is enough, as far as can be told. */
  short: string | null;
}

const TRANSFER_FUEL = 1_000_000n;
const CALL_FUEL = 100_000_000n;
/** How long a transaction that was reviewed may wait to be sent: people read. */
const VALID_FOR_MS = 5 * 60_000;
/** The same of one that others sign, too: it goes from hand to hand. */
const HANDED_ON_FOR_MS = 60 * 60_000;

function fuelFor(actions: readonly Action[], most: bigint): bigint {
  if (actions.some(({ kind }) => kind === "deploy" || kind === "publish" || kind === "change")) return most;
  const all = actions.reduce((sum, { kind }) => sum + (kind === "invoke" ? CALL_FUEL : TRANSFER_FUEL), 0n);
  return all < most ? all : most;
}

/** Makes the transaction of an intent, for a key's own account unless it names another, with what the node estimates as its fuel. */
export async function build(client: PollenClient, key: PublicKey, account: AccountId, intent: Intent): Promise<Transaction> {
  const { parameters } = await client.network();
  const payer = intent.payer === undefined ? {} : { payer: { account: intent.payer, keys: [] } };
  const signer = { account: intent.sender ?? account, keys: [{ publicKey: key, sign: neverSigns }], ...payer };
  const maxFuel = intent.maxFuel ?? fuelFor(intent.actions, parameters.transactionFuelMax);
  const ids = { sender: await client.idOf(signer.account), payer: intent.payer === undefined ? null : await client.idOf(intent.payer) };
  const isMine = isComplete(await partiesOf(client, ids), key, [key]);
  return client.build(signer, intent.actions, { maxFuel, validForMs: isMine ? VALID_FOR_MS : HANDED_ON_FOR_MS });
}

/** A transaction as a document, to be signed here and elsewhere: with the interfaces that its calls are held to. */
export async function draftOf(client: PollenClient, transaction: Transaction, attachments: Uint8Array[]): Promise<Draft> {
  const { chainId, addressPrefix } = await client.network();
  const pinned = transaction.actions.flatMap((action) => (action.kind === "invoke" && action.interface !== null ? [action.module] : []));
  // Of a module that is not known there is none to hand on: the review says so.
  const packageOf = (module: AccountId) =>
    client.request("module_interface", { module: moduleAddress(module, addressPrefix) }).then((told) => [told.package], () => []);
  const interfaces = (await Promise.all([...new Set(pinned)].map(packageOf))).flat();
  return { chainId, addressPrefix, transaction, signatures: [], attachments, interfaces };
}

function neverSigns(): never {
  throw new WalletError("Unauthorized", "nothing is signed before its owner has agreed");
}

/**
 * Describes a transaction, and tries it. `known` are keys that are known to be somebody's: of an account that began with
 * one key the ledger does not tell which it is. `own` of them are this wallet's.
 */
export async function review(client: PollenClient, transaction: Transaction, attachments: Uint8Array[], known: readonly PublicKey[] = [], own = known): Promise<Review> {
  const { addressPrefix } = await client.network();
  const parties = await partiesOf(client, transaction);
  const given = await Promise.all(transaction.actions.map((action) => givenWords(client, action, attachments, addressPrefix)));
  const [{ pins, warnings }, forecast, account, paying] = await Promise.all([
    examine(client, transaction, given, own, addressPrefix),
    forecastOf(client, transaction, attachments, parties, known),
    client.account(transaction.sender),
    transaction.payer === null ? null : client.account(transaction.payer),
  ]);
  // After interfaces were read anew: the words are of what the modules are now.
  const preview = await client.preview(transaction);
  const feeMax = fee(transaction.maxFuel, transaction.fuelPrice);
  const all = [...warnings];
  const [sender] = parties;
  const hasSay = weightOf(sender!, transaction.key) > 0 || sender!.keys.scoped.some(({ key }) => key === transaction.key);
  const isOther = transaction.sender !== accountOf(transaction.key);
  const whose = isOther ? `This is for another account than the one that the key began: ${account.account}.` : `The key began the account ${account.account}, which has other owners by now.`;
  if (!hasSay) all.push({ tone: "bad", words: `${whose} The key has no say in it, so the ledger will refuse it.` });
  else if (isOther) all.push({ tone: "warn", words: whose });
  let short: string | null = null;
  if (paying !== null && paying.balance < feeMax) {
    short = paying.account;
    all.push({ tone: "warn", words: `The fee may be ${formatAmount(feeMax)}, and who pays it has ${formatAmount(paying.balance)}.` });
  }
  const leaves = spent(transaction) + (transaction.payer === null ? feeMax : 0n);
  if (account.balance < leaves) {
    short = account.account;
    all.push({ tone: "warn", words: `This may take ${formatAmount(leaves)} with its fee, and the account has ${formatAmount(account.balance)}.` });
  }
  if (forecast.kind === "failure") all.push({ tone: "warn", words: `Tried now, it fails: ${forecast.words}` });
  const actions = preview.actions.map((words, place) => {
    const told = given[place] ?? null;
    return told === null ? words : `${words}. Its ${told.called} is given ${told.words}`;
  });
  // What is worst is read first.
  all.sort((a, b) => Number(b.tone === "bad") - Number(a.tone === "bad"));
  const payer = paying?.account ?? null;
  return { transaction, attachments, actions, sender: account.account, payer, feeMax, balance: account.balance, pins, warnings: all, forecast, parties, short };
}

/** What is given to code when it begins. */
interface Given {
  called: "init" | "migrate";
  words: string;
}

/** The arguments of `init` or `migrate`, by the interface that the component has inside; null where there are none, or nobody can read them. */
async function givenWords(client: PollenClient, action: Action, attachments: Uint8Array[], prefix: string): Promise<Given | null> {
  const begun = begunBy(action);
  if (begun === null || begun.arguments.length === 0) return null;
  const { called, code } = begun;
  try {
    const component = attachments.find((one) => contentHash(one) === code) ?? (await published(client, code));
    const found = component === null ? undefined : readComponent(component)?.commands.find((one) => one.name === called);
    if (found === undefined) return null;
    const shown = showArguments(found.params, begun.arguments, { prefix });
    return { called, words: found.params.map(([name], place) => `${name} ${shown[place]}`).join(", ") };
  } catch (error) {
    if (!(error instanceof PollenError)) throw error;
    return null;
  }
}

/** The code that an action begins to run, and with what. */
function begunBy(action: Action): { called: Given["called"]; code: Hash; arguments: Uint8Array } | null {
  if (action.kind === "deploy") return { called: "init", code: action.code, arguments: action.arguments };
  return action.kind === "change" && action.change.kind === "upgrade" ? { called: "migrate", code: action.change.code, arguments: action.change.arguments } : null;
}

/**
 * Whether it begins with code that comes along and is not on the ledger yet: a node that tries it runs no such code, so
 * neither how it would end is known nor the fuel.
 */
async function beginsUntried(client: PollenClient, { actions }: Transaction, attachments: Uint8Array[]): Promise<boolean> {
  const { parameters } = await client.network();
  if (parameters.codeActivationMs > 0n) return false;
  const begun = await Promise.all(actions.map(async (action) => {
    const { called, code } = begunBy(action) ?? {};
    const component = attachments.find((one) => contentHash(one) === code);
    if (code === undefined || component === undefined || !runs(component, called!)) return false;
    return client.request("module_code", { code, factsOnly: true }).then(() => false, () => true);
  }));
  return begun.includes(true);
}

/** Whether a component has such a function, or does not tell. */
function runs(component: Uint8Array, name: string): boolean {
  try {
    return readComponent(component)?.commands.some((one) => one.name === name) ?? true;
  } catch (error) {
    if (!(error instanceof PollenError)) throw error;
    return true;
  }
}

/** Code that is on the ledger, which its hash proves; null where it is not. */
async function published(client: PollenClient, code: Hash): Promise<Uint8Array | null> {
  const told = await client.request("module_code", { code });
  return told.code !== null && contentHash(told.code) === code ? told.code : null;
}

function spent({ actions }: Transaction): bigint {
  return actions.reduce((sum, one) => sum + (one.kind === "transfer" ? one.amount : one.kind === "invoke" ? one.deposit : 0n), 0n);
}

/** What gives away more than it seems, or cannot be told. */
async function examine(client: PollenClient, transaction: Transaction, given: readonly (Given | null)[], own: readonly PublicKey[], prefix: string): Promise<{ pins: Pinned[]; warnings: Warning[] }> {
  const pins: Pinned[] = [];
  const warnings: Warning[] = [];
  const bad = (words: string) => warnings.push({ tone: "bad", words });
  const warn = (words: string) => warnings.push({ tone: "warn", words });
  for (const [place, action] of transaction.actions.entries()) {
    if (given[place] === null && (begunBy(action)?.arguments.length ?? 0) > 0) {
      warn(`What \`${begunBy(action)!.called}\` is given is shown as bytes: the code is not at hand, or does not describe itself.`);
    }
    switch (action.kind) {
      case "invoke": {
        const address = moduleAddress(action.module, prefix);
        const known = await find(client, address);
        pins.push({ module: address, name: known?.name ?? null, hash: action.interface, isPinned: action.interface !== null });
        if (known === null) {
          bad("The interface of the module is not known: nobody can say what this call does.");
          break;
        }
        if (!known.interface.commands.some((one) => one.name === action.function)) bad(`The module has no command '${action.function.slice(0, 80)}'.`);
        if (action.interface === null) warn(`The call does not name the interface of ${known.name ?? "the module"} that these words are made from: after an upgrade it may do something else.`);
        else if (action.interface !== known.interfaceHash) bad("The call was made from another interface than the module has: the ledger will refuse it.");
        break;
      }
      case "setOwners":
        bad(`This changes who owns the account. ${ownersWords(action, transaction.key, own)}`);
        break;
      case "putKey":
        bad("This gives another key a say over the account, within the limits above.");
        break;
      case "change":
        if (action.change.kind === "policy" && (action.change.policy.kind === "never" || action.change.policy.kind === "itself")) {
          bad("No account can change the module any more after this, nor take this back.");
          break;
        }
        warn("This takes part in changing a module that others may rely on.");
        break;
      case "cancel":
        warn("This takes part in changing a module that others may rely on.");
        break;
      default:
    }
  }
  return { pins, warnings };
}

function ownersWords({ threshold, owners }: Action & { kind: "setOwners" }, lead: PublicKey, own: readonly PublicKey[]): string {
  const has = owners.reduce((sum, { key, weight }) => (own.includes(key) ? sum + weight : sum), 0);
  if (has === 0) return "No key of this wallet is among them: whoever has those keys has the account, and it is not yours any more.";
  const goes = owners.some(({ key }) => key === lead) ? "" : " The key that signs this now is not among them.";
  if (has < threshold) return `The keys of this wallet are too light alone from then on: weight ${has} of ${threshold}.${goes}`;
  return `${owners.every(({ key }) => own.includes(key)) ? "All of them are keys of this wallet." : "Keys of this wallet go on signing for it, and whoever has the others has a say."}${goes}`;
}

async function find(client: PollenClient, address: string): Promise<KnownModule | null> {
  try {
    return await client.interfaceOf(address, true);
  } catch (error) {
    if (error instanceof RpcError && !error.retryable) return null;
    throw error;
  }
}

/** As it would be sent, with signatures of zeros: what tries a transaction looks at whose they are, and at none of them. */
async function unsigned(client: PollenClient, transaction: Transaction, attachments: Uint8Array[], others: PublicKey[]): Promise<Signed> {
  const { chainId } = await client.network();
  const signature = new Uint8Array(64);
  const cosignatures = others.map((publicKey) => ({ publicKey, signature }));
  return signedOf({ transaction, signature, cosignatures, attachments }, chainId);
}

async function forecastOf(client: PollenClient, transaction: Transaction, attachments: Uint8Array[], parties: Party[], known: readonly PublicKey[]): Promise<Forecast> {
  const others = othersOf(parties, transaction.key, known);
  const payer = parties.find(({ role }) => role === "payer");
  if (payer !== undefined && !standingOf(payer, transaction.key, [transaction.key, ...others]).isEnough) return { kind: "none", why: "It is not tried: whose key signs for who pays is not known yet." };
  try {
    const trial = await client.simulate(await unsigned(client, transaction, attachments, others));
    const isUntried = trial.outcome?.kind === "failure" && trial.outcome.name === "CodeNotActive" && (await beginsUntried(client, transaction, attachments));
    return isUntried ? { kind: "none", why: UNTRIED } : told(trial);
  } catch (error) {
    if (!(error instanceof PollenError)) throw error;
    return { kind: "none", why: `The node did not try it: ${said(error)}` };
  }
}

const UNTRIED = "It is not tried to its end: it begins with code that is not on the ledger yet, and a node runs no such code before. If it fails, nothing is done but paying the fee.";

function told({ refusal, outcome, fuelUsed, fee, events }: Answer<"tx_simulate">): Forecast {
  if (refusal !== null) return { kind: "failure", words: `${refusal.message}: ${refusal.hint}.` };
  switch (outcome?.kind) {
    case "success":
      return { kind: "success", fuelUsed, fee, events: events.length };
    case "failure":
    case "rejected": {
      const error = outcome.kind === "failure" ? outcome.error?.json : null;
      const value = error === undefined || error === null ? "" : ` ${JSON.stringify(error).slice(0, 300)}`;
      return { kind: "failure", words: `${outcome.message} (${outcome.code} ${outcome.name})${value}.` };
    }
    default:
      return { kind: "none", why: "The node does not say how it would end." };
  }
}

/** Puts the fuel that the node estimates in place of the most that it could need, so that less is locked. */
export async function withEstimate(client: PollenClient, transaction: Transaction, attachments: Uint8Array[], known: readonly PublicKey[] = []): Promise<Transaction> {
  try {
    if (await beginsUntried(client, transaction, attachments)) return transaction;
    const others = othersOf(await partiesOf(client, transaction), transaction.key, known);
    const { maxFuel } = await client.estimateFee(await unsigned(client, transaction, attachments, others));
    // Of an account that cannot pay the node estimates 0, which no transaction may offer.
    return maxFuel === null || maxFuel === 0n || maxFuel > transaction.maxFuel ? transaction : { ...transaction, maxFuel };
  } catch (error) {
    if (!(error instanceof PollenError)) throw error;
    return transaction;
  }
}

/** Refuses a transaction that is not for this key. */
export function checkOwn(transaction: Transaction, key: PublicKey): void {
  if (!isHex32(transaction.key) || transaction.key !== key) {
    throw new WalletError("Unauthorized", "the transaction is for another key than the account's");
  }
}
