/**
 * The rounds that are known, as they change while they are decided, and what follows from them: what a block builds on,
 * and how each slot stands. Pure; no canvas, no node.
 */

import type { DagRound } from "@pollen/client";

export type Block = DagRound["blocks"][number] & { round: number };
/** How a validator's slot in a round stands. `silent`: it has no slot and no block there. */
export type SlotState = "committed" | "skipped" | "undecided" | "probation";

/** Rounds that are kept, the newest: far more than fit a screen. */
export const ROUNDS_MAX = 600;

/** See the file's documentation. */
export class DagModel {
  readonly #rounds = new Map<number, DagRound>();
  readonly #blocks = new Map<string, Block>();
  /** Per round how often it changed: what was drawn of another version is drawn anew. */
  readonly #versions = new Map<number, number>();
  readonly #prints = new Map<number, string>();
  /** Per round how much of it is decided: an answer that was longer on its way takes nothing back. */
  readonly #decided = new Map<number, number>();
  first = 0;
  last = 0;
  committedRound = 0;
  /** Grows with every change of anything. */
  version = 0;

  /** Takes rounds in; later word of a round replaces earlier word, unless less is decided in it. Whether anything changed. */
  put(rounds: readonly DagRound[], committedRound = this.committedRound): boolean {
    let isChanged = committedRound > this.committedRound;
    this.committedRound = Math.max(this.committedRound, committedRound);
    for (const told of rounds) {
      const print = printOf(told);
      const decided = decidedIn(told);
      if (this.#prints.get(told.round) === print || decided < (this.#decided.get(told.round) ?? 0)) continue;
      isChanged = true;
      this.#forget(told.round);
      this.#prints.set(told.round, print);
      this.#decided.set(told.round, decided);
      this.#rounds.set(told.round, told);
      this.#versions.set(told.round, (this.#versions.get(told.round) ?? 0) + 1);
      for (const block of told.blocks) this.#blocks.set(block.digest, { ...block, round: told.round });
      this.last = Math.max(this.last, told.round);
    }
    if (isChanged) this.#shorten();
    return isChanged;
  }

  #forget(round: number): void {
    for (const { digest } of this.#rounds.get(round)?.blocks ?? []) this.#blocks.delete(digest);
    this.#rounds.delete(round);
  }

  #shorten(): void {
    this.version += 1;
    const oldest = this.last - ROUNDS_MAX;
    let first = this.last;
    for (const round of this.#rounds.keys()) {
      if (round > oldest) {
        first = Math.min(first, round);
        continue;
      }
      this.#forget(round);
      this.#versions.delete(round);
      this.#prints.delete(round);
      this.#decided.delete(round);
    }
    this.first = first;
  }

  get isEmpty(): boolean {
    return this.#rounds.size === 0;
  }

  round(number: number): DagRound | undefined {
    return this.#rounds.get(number);
  }

  /** The version of what lies between two rounds, both included. */
  versionOf(from: number, to: number): string {
    let text = "";
    for (let round = from; round <= to; round++) text += `${this.#versions.get(round) ?? 0},`;
    return text;
  }

  block(digest: string): Block | undefined {
    return this.#blocks.get(digest);
  }

  /** The block of an author in a round: the first, where it signed several. */
  blockAt(round: number, author: number): Block | undefined {
    const found = this.#rounds.get(round)?.blocks.find((block) => block.author === author);
    return found === undefined ? undefined : this.#blocks.get(found.digest);
  }

  slot(round: number, author: number): SlotState {
    const slot = this.#rounds.get(round)?.slots.find((one) => one.author === author);
    return slot === undefined ? "undecided" : slot.onProbation ? "probation" : slot.status;
  }

  /** Everything that a block builds on, as far as it is known, itself included; from `oldest` on. */
  historyOf(digest: string, oldest = this.first): Set<string> {
    const found = new Set<string>();
    const open = this.#blocks.has(digest) ? [digest] : [];
    while (open.length > 0) {
      const next = open.pop()!;
      if (found.has(next)) continue;
      found.add(next);
      for (const parent of this.#blocks.get(next)!.parents) {
        if (parent.round >= oldest && !found.has(parent.digest) && this.#blocks.has(parent.digest)) open.push(parent.digest);
      }
    }
    return found;
  }

  /** A block's own line: itself, the block of the same author that it builds on, and so on. */
  ownLineOf(digest: string): Set<string> {
    const found = new Set<string>();
    for (let block = this.#blocks.get(digest); block !== undefined && !found.has(block.digest); ) {
      found.add(block.digest);
      const { author } = block;
      const parent = block.parents.find((one) => one.author === author);
      block = parent === undefined ? undefined : this.#blocks.get(parent.digest);
    }
    return found;
  }
}

/** How much of a round is known: it only grows. */
function decidedIn({ blocks, slots }: DagRound): number {
  return blocks.length + blocks.filter(({ committed }) => committed).length + slots.filter(({ status }) => status !== "undecided").length;
}

/** What of a round can change. */
function printOf({ blocks, slots }: DagRound): string {
  const built = blocks.map(({ digest, committed }) => digest.slice(0, 12) + (committed ? "+" : "-"));
  return `${built.join("")}|${slots.map(({ status, onProbation }) => status[0]! + (onProbation ? "p" : "")).join("")}`;
}

/** A block in words, for who does not see it. */
export function described(model: DagModel, round: number, author: number, name: string): string {
  const block = model.blockAt(round, author);
  const state = model.slot(round, author);
  const words = { committed: "committed", skipped: "skipped", undecided: "not decided yet", probation: "on probation, no slot" }[state];
  if (block === undefined) return `Round ${round}, ${name}: no block, slot ${words}`;
  const count = (many: number, one: string) => `${many} ${one}${many === 1 ? "" : "s"}`;
  const order = block.committed ? "in the order" : "not in the order yet";
  return `Round ${round}, ${name}: slot ${words}, ${order}, ${count(block.transactions, "transaction")}, builds on ${count(block.parents.length, "block")}`;
}
