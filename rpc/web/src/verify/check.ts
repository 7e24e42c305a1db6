/**
 * What a node says, held against what it can prove. Every check asks the node twice: for what it says, as this page shows
 * it, and for the proof; then each fact is compared. A lie is a fact that is not what was proved, or a proof that proves
 * nothing; where a node has no proof to give (yet, or any more), nothing is claimed either way.
 */

import {
  AnswerError, DecodeError, formatAmount, ProofError, quoted, readAccountRecord, RpcError, stateKey, toHex, UnreachableError, verifySignatures,
  type CertifiedCheckpoint, type PollenClient, type Receipt, type TxStatus,
} from "@pollen/client";

/** What there is to verify. */
export type Verifiable =
  /** The newest checkpoint that is certified. */
  | { kind: "head" }
  | { kind: "checkpoint"; height: bigint }
  /** An address, or a module's `@name`. */
  | { kind: "account"; account: string }
  | { kind: "transaction"; hash: string }
  /** An entry of a module: its address or `@name`, and the key as it is stored. */
  | { kind: "state"; module: string; key: Uint8Array };

/** One thing that was said, and what was proved. */
export interface Fact {
  name: string;
  /** As the node says. */
  said: string;
  /** As it was proved. */
  proved: string;
}

export type Finding =
  | { verdict: "verified"; checkpoint: CertifiedCheckpoint; facts: Fact[]; steps: string[] }
  /** The node says what is not so, or gives a proof that is none. */
  | { verdict: "lie"; why: string; facts: Fact[]; checkpoint: CertifiedCheckpoint | null }
  /** There is no proof to be had now. */
  | { verdict: "unproved"; why: string };

const fact = (name: string, said: unknown, proved: unknown): Fact => ({ name, said: String(said), proved: String(proved) });
const amount = (grains: bigint) => formatAmount(grains);

/** Checks one thing of what the node says. Never throws but for faults of our own. */
export async function check(client: PollenClient, of: Verifiable): Promise<Finding> {
  try {
    switch (of.kind) {
      case "head":
        return await checkCheckpoint(client);
      case "checkpoint":
        return await checkCheckpoint(client, of.height);
      case "account":
        return await checkAccount(client, of.account);
      case "transaction":
        return await checkTransaction(client, of.hash);
      case "state":
        return await checkState(client, of.module, of.key);
    }
  } catch (error) {
    return refused(error);
  }
}

/** What an error of a check tells: a lie where something was altered, else that there is no proof. */
export function refused(error: unknown): Finding {
  if (error instanceof ProofError) return { verdict: "lie", why: error.message, facts: [], checkpoint: null };
  if (error instanceof AnswerError || error instanceof DecodeError) {
    return { verdict: "lie", why: `what the node answered cannot be read, so it was altered, or is of another version than this page: ${error.message}`, facts: [], checkpoint: null };
  }
  if (error instanceof RpcError) return { verdict: "unproved", why: `${error.message}${error.hint === null ? "" : `: ${error.hint}`}` };
  if (error instanceof UnreachableError) return { verdict: "unproved", why: error.message };
  throw error;
}

/** Holds facts against each other: one that differs is a lie. */
export function judge(checkpoint: CertifiedCheckpoint, facts: Fact[], steps: string[]): Finding {
  const lies = facts.filter((one) => one.said !== one.proved);
  if (lies.length === 0) return { verdict: "verified", checkpoint, facts, steps };
  const why = lies.map((one) => `it says ${one.name} ${one.said || "(nothing)"}, and ${one.proved || "(nothing)"} is proved`).join("; ");
  return { verdict: "lie", why, facts, checkpoint };
}

async function checkCheckpoint(client: PollenClient, height?: bigint): Promise<Finding> {
  const checkpoint = await client.checkpointProved(height);
  const told = await client.request("chain_checkpoint", { at: checkpoint.height });
  const { stateRoot, timestampMs, previous, transactionsRoot, receiptsRoot } = checkpoint.checkpoint;
  const facts = [
    fact("height", told.at.height, checkpoint.height),
    fact("digest", told.digest, checkpoint.digest),
    fact("state root", told.at.stateRoot, stateRoot),
    fact("ledger time", moment(told.timeMs), moment(timestampMs)),
    fact("checkpoint before", told.previous, previous),
    fact("root of transactions", told.transactionsRoot, transactionsRoot),
    fact("root of receipts", told.receiptsRoot, receiptsRoot),
  ];
  return judge(checkpoint, facts, [signedStep(checkpoint)]);
}

async function checkAccount(client: PollenClient, account: string): Promise<Finding> {
  const id = await client.idOf(account);
  const { checkpoint, value } = await client.stateProved(stateKey.account(id));
  const told = await client.account(account, { at: checkpoint.height });
  const isSame = (await client.idOf(told.account)) === id;
  const record = value === null ? { balance: 0n, deposit: 0n } : readAccountRecord(value);
  const facts = [
    fact("account", told.account, isSame ? told.account : await client.address(id)),
    fact("exists", told.exists ? "yes" : "no", value === null ? "no" : "yes"),
    fact("balance", amount(told.balance), amount(record.balance)),
    fact("deposit", amount(told.deposit), amount(record.deposit)),
  ];
  return judge(checkpoint, facts, [signedStep(checkpoint), stateStep(checkpoint, value)]);
}

async function checkState(client: PollenClient, module: string, key: Uint8Array): Promise<Finding> {
  const id = await client.idOf(module);
  const { checkpoint, value } = await client.stateProved(stateKey.module(id, key));
  const told = await client.request("state_get", { owner: id, key, at: checkpoint.height });
  const facts = [
    fact("state root", told.at.stateRoot, checkpoint.checkpoint.stateRoot),
    fact("value", shown(told.value), shown(value)),
  ];
  return judge(checkpoint, facts, [signedStep(checkpoint), stateStep(checkpoint, value)]);
}

const shown = (value: Uint8Array | null) => (value === null ? "none" : value.length === 0 ? "empty" : `0x${toHex(value)}`);

async function checkTransaction(client: PollenClient, hash: string): Promise<Finding> {
  const { checkpoint, index, receipt, transaction } = await client.transactionProved(hash);
  // Its id does not cover signatures: they are checked against what they sign.
  if (!verifySignatures(transaction, client.light!.chainId)) {
    throw new ProofError("a signature of the transaction is not by its key: it was altered on its way");
  }
  const told = await client.status(hash);
  const facts = [
    fact("height", told.height ?? "none", checkpoint.height),
    fact("place", told.index ?? "none", index),
    fact("outcome", outcomeSaid(told), outcomeProved(receipt)),
    fact("fuel", told.fuelUsed ?? "none", receipt.fuelUsed),
    fact("fee", told.fee === null ? "none" : amount(told.fee), amount(receipt.fee)),
    fact("events", eventsSaid(told), await eventsProved(client, receipt)),
  ];
  if (told.outcome?.kind === "failure" && receipt.outcome.kind === "failure" && receipt.outcome.value.kind === "message") {
    // The node puts words of its own around the module's.
    const { text } = receipt.outcome.value;
    facts.push(fact("message", quoted(told.outcome.message.includes(text) ? text : told.outcome.message), quoted(text)));
  }
  if (told.transaction !== null) {
    const { sender, nonce, maxFuel, fuelPrice, validUntilMs } = transaction.transaction;
    const terms = (of: { nonce: bigint; maxFuel: bigint; fuelPrice: bigint; validUntilMs: bigint }) =>
      `nonce ${of.nonce}, at most ${of.maxFuel} fuel at ${of.fuelPrice}, until ${moment(of.validUntilMs)}`;
    facts.push(fact("sender", told.transaction.sender, await client.address(sender)));
    facts.push(fact("terms", terms(told.transaction), terms({ nonce, maxFuel, fuelPrice, validUntilMs })));
  }
  return judge(checkpoint, facts, [
    signedStep(checkpoint),
    "The transaction is signed by the keys that it names.",
    `The transaction stands in it, at place ${index}: its hash leads to the root of transactions.`,
    "Its receipt stands at the same place: its bytes lead to the root of receipts.",
  ]);
}

function outcomeSaid({ outcome }: TxStatus): string {
  switch (outcome?.kind) {
    case undefined:
      return "none yet";
    case "success":
      return `success, results ${outcome.results.map((one) => `0x${toHex(one.bytes)}`).join(" ")}`;
    case "failure":
      return `failure ${outcome.code} of action ${outcome.action}${outcome.error === null ? "" : `, 0x${toHex(outcome.error.bytes)}`}`;
    case "rejected":
      return `rejected ${outcome.code}`;
    case "expired":
      return "expired";
  }
}

function outcomeProved({ outcome }: Receipt): string {
  switch (outcome.kind) {
    case "success":
      return `success, results ${outcome.results.map((one) => `0x${toHex(one)}`).join(" ")}`;
    case "failure":
      return `failure ${outcome.code} of action ${outcome.action}${outcome.value.kind === "error" ? `, 0x${toHex(outcome.value.bytes)}` : ""}`;
    case "rejected":
      return `rejected ${outcome.code}`;
  }
}

const event = (module: string, name: string, topics: Uint8Array[], data: Uint8Array) =>
  `${module} ${name} [${topics.map(toHex).join(" ")}] 0x${toHex(data)}`;

function eventsSaid({ events }: TxStatus): string {
  return events.length === 0 ? "none" : events.map((one) => event(one.module, one.name, one.topics, one.data)).join("; ");
}

async function eventsProved(client: PollenClient, { events }: Receipt): Promise<string> {
  const lines = await Promise.all(
    events.map(async (one) => event(await client.address(one.module, "module"), one.name, one.topics, one.data)),
  );
  return lines.length === 0 ? "none" : lines.join("; ");
}

function signedStep({ height, digest }: CertifiedCheckpoint): string {
  return `A quorum of the committee signed checkpoint ${height} (${digest.slice(0, 12)}…), or a later one that names it.`;
}

function stateStep({ checkpoint }: CertifiedCheckpoint, value: Uint8Array | null): string {
  const what = value === null ? "that there is no such entry" : `an entry of ${value.length} bytes`;
  return `Under its state root ${checkpoint.stateRoot.slice(0, 12)}… a path of hashes leads to ${what}.`;
}

/** A moment in UTC, to the second. */
export function moment(timeMs: bigint): string {
  return new Date(Number(timeMs)).toISOString().replace(/\.\d+Z$/, "Z");
}
