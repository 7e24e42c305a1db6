/**
 * A transaction in words, for who is asked to sign it.
 *
 * The words come from the signed bytes and the module's own interface, and from nothing that whoever built the
 * transaction says of it. The ledger's own programs write the very same text (vm/src/preview.rs): a wallet and
 * `pollen` say the same of the same bytes. What a stranger chose is shown so that it can move no cursor and hide
 * nothing.
 */

import { accountAddress, moduleAddress } from "./address.js";
import type { AccountId, Hash } from "./bytes.js";
import { ValueError } from "./errors.js";
import { quoted, showArguments, showBytes, showMoment } from "./show.js";
import { fee, type Action, type ModuleChange, type ScopedKey, type Transaction, type UpgradePolicy } from "./transaction.js";
import type { Interface } from "./types.js";
import { formatAmount } from "./numbers.js";

/** What is known of a module that a transaction names. */
export interface PreviewModule {
  /** The name that it is registered under; null for none. */
  name: string | null;
  interface: Interface;
  /** What a call pins. */
  interfaceHash: Hash;
}

/** A transaction in words. */
export interface Preview {
  /** What it does: a sentence per action, in order, without a full stop. */
  actions: string[];
  /** Who asks, what it costs at most and who pays, until when it is valid. */
  terms: string[];
}

/** Finds what is known of a module; null where nothing is. */
export type FindModule = (id: AccountId) => PreviewModule | null;

/** The words of a transaction on the network of `prefix`. */
export function previewTransaction(transaction: Transaction, prefix: string, find: FindModule): Preview {
  const words = new Words(prefix, find, transaction.sender);
  const cost = formatAmount(fee(transaction.maxFuel, transaction.fuelPrice));
  return {
    actions: transaction.actions.map((action) => words.action(action)),
    terms: [
      `For ${words.account(transaction.sender)}`,
      `Fee at most ${cost}, paid by ${words.account(transaction.payer ?? transaction.sender)}`,
      `Valid until ${showMoment(transaction.validUntilMs)}`,
    ],
  };
}

class Words {
  readonly #prefix: string;
  readonly #find: FindModule;
  readonly #sender: AccountId;

  constructor(prefix: string, find: FindModule, sender: AccountId) {
    this.#prefix = prefix;
    this.#find = find;
    this.#sender = sender;
  }

  account(id: AccountId): string {
    return accountAddress(id, this.#prefix);
  }

  /** Its registered name, which is its own for good; else its address. */
  #module(id: AccountId): string {
    return this.#find(id)?.name ?? moduleAddress(id, this.#prefix);
  }

  action(action: Action): string {
    const sender = this.account(this.#sender);
    switch (action.kind) {
      case "transfer":
        return `Send ${formatAmount(action.amount)} from ${sender} to ${this.account(action.to)}`;
      case "deploy": {
        const name = action.name === null ? "" : ` as ${bare(action.name)}`;
        return `Deploy code ${action.code}${name}${given("init arguments", action.arguments)}; ${this.#policy(action.policy)}`;
      }
      case "invoke": {
        const call = this.#call(action.module, action.function, action.arguments, action.interface);
        return action.deposit === 0n ? call : `${call}, sending ${formatAmount(action.deposit)}`;
      }
      case "publish":
        return `Publish code ${action.code}`;
      case "change":
        return this.#change(action.module, action.change);
      case "cancel":
        return `Take back the agreement to change ${action.change} of ${this.#module(action.module)}`;
      case "setOwners": {
        const owners = list(action.owners.map(({ key, weight }) => `${key} (weight ${weight})`), "nobody");
        return `Give ${sender} the owners ${owners}; transactions need weight ${action.threshold}`;
      }
      case "putKey":
        return this.#scopedKey(action.key);
      case "removeKey":
        return `Take key ${action.key} from ${sender}`;
    }
  }

  #call(module: AccountId, name: string, encoded: Uint8Array, pin: Hash | null): string {
    const known = this.#find(module);
    const start = `Call ${this.#module(module)}.${bare(name)}`;
    if (known === null) return `${start}${given("arguments", encoded)}; its interface is not known`;
    if (pin !== null && pin !== known.interfaceHash) {
      return `${start}${given("arguments", encoded)}; made from another interface, so the ledger refuses it`;
    }
    const called = known.interface.commands.find((one) => one.name === name);
    if (called === undefined) return `${start}${given("arguments", encoded)}; it has no such function`;
    try {
      const formats = { prefix: this.#prefix, isModule: (id: AccountId) => this.#find(id) !== null };
      const shown = showArguments(called.params, encoded, formats);
      const words = called.params.map(([name, type], place) => {
        const value = shown[place]!;
        return `${name} ${type === "string" ? bareAgain(value) : value}`;
      });
      return words.length === 0 ? start : `${start} with ${words.join(", ")}`;
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      return `${start}${given("arguments", encoded)}; they are wrong: ${error.message}`;
    }
  }

  #policy(policy: UpgradePolicy): string {
    switch (policy.kind) {
      case "never":
        return "nobody can ever change it";
      case "itself":
        return "only it can change itself";
      case "owner":
        return `its owner can change it${after(policy.delayMs)}`;
      case "keys": {
        const keys = list(policy.keys.map(({ account, weight }) => `${this.account(account)} (weight ${weight})`), "nobody");
        return `weight ${policy.threshold} of ${keys} can change it${after(policy.delayMs)}`;
      }
    }
  }

  #change(id: AccountId, change: ModuleChange): string {
    const module = this.#module(id);
    switch (change.kind) {
      case "upgrade":
        return `Upgrade ${module} to code ${change.code}${given("migrate arguments", change.arguments)}`;
      case "policy":
        return `Change who may change ${module}: ${this.#policy(change.policy)}`;
      case "pause":
        return `Pause ${module}`;
      case "resume":
        return `Resume ${module}`;
    }
  }

  #scopedKey({ key, label, scope }: ScopedKey): string {
    const may = scope.calls.map((call) => {
      const module = this.#module(call.module);
      if (call.functions.length === 0) return `call all of ${module}`;
      return `call ${call.functions.map((name) => `${module}.${bare(name)}`).join(", ")}`;
    });
    if (scope.transfers) may.push("send to anybody");
    if (scope.sponsors) may.push("pay fees of others");
    const limits: string[] = [];
    if (scope.spendMax !== null) limits.push(`at most ${formatAmount(scope.spendMax)} in all`);
    if (scope.window !== null) {
      const { lengthMs, spendMax, transactionsMax } = scope.window;
      const each = `in each ${span(lengthMs)}`;
      if (spendMax !== null) limits.push(`at most ${formatAmount(spendMax)} ${each}`);
      if (transactionsMax !== null) limits.push(`at most ${transactionsMax} transactions ${each}`);
    }
    if (scope.expiresMs !== null) limits.push(`until ${showMoment(scope.expiresMs)}`);
    const called = label === "" ? "" : ` ${quoted(label)}`;
    return `Let key ${key}${called} of ${this.account(this.#sender)} ${list(may, "do nothing")}; ${list(limits, "without limit")}`;
  }
}

/** `, with arguments 0x..` of bytes whose types nobody knows; nothing of none. */
function given(what: string, bytes: Uint8Array): string {
  return bytes.length === 0 ? "" : ` with ${what} ${showBytes(bytes)}`;
}

function list(items: string[], none: string): string {
  return items.length === 0 ? none : items.join(", ");
}

/** A text as it is where it is one plain word, else in quotes. */
function bare(text: string): string {
  return /^[A-Za-z0-9\-_./:@]+$/.test(text) ? text : quoted(text);
}

/** {@link bare} of a text that is in quotes already. What was escaped has a `\`, and so stays. */
function bareAgain(shown: string): string {
  const inside = shown.slice(1, -1);
  return bare(inside) === inside ? inside : shown;
}

function after(delayMs: bigint): string {
  return delayMs === 0n ? "" : ` after ${span(delayMs)}`;
}

/** A length of time in the largest unit that it is a whole number of: `36 h`, `90 s`. */
function span(ms: bigint): string {
  const units: [bigint, string][] = [[86_400_000n, "d"], [3_600_000n, "h"], [60_000n, "min"], [1_000n, "s"]];
  const unit = units.find(([unit]) => ms > 0n && ms % unit === 0n);
  return unit === undefined ? `${ms} ms` : `${ms / unit[0]} ${unit[1]}`;
}
