/**
 * What goes on, measured by this page: per second rounds, transactions and how long a block waits for its place, and
 * the newest transactions.
 *
 * Nothing here needs two clocks to agree. Rounds are counted between two answers; the wait is the rounds that lie
 * between the newest and the last ordered one, over the rounds per second; transactions are counted in the contents of
 * checkpoints. Where there are more checkpoints a second than are read, the rest is reckoned to be like those.
 */

import { effect, signal } from "@preact/signals";
import { client, head, type Head } from "./node.js";

/** One second: the moment, and what was measured then. Null where there is nothing to tell. */
export interface Sample {
  atMs: number;
  roundsPerSecond: number | null;
  transactionsPerSecond: number | null;
  commitMs: number | null;
}

export interface SeenTransaction {
  hash: string;
  height: bigint;
  index: number;
  timeMs: bigint;
}

/** The last minutes, oldest first. */
export const samples = signal<readonly Sample[]>([]);
/** The newest transactions, newest first. */
export const seen = signal<readonly SeenTransaction[]>([]);
/** How many transactions a checkpoint has, for those that were read. */
export const counts = signal<ReadonlyMap<bigint, number>>(new Map());
/** Whether the past was looked through: before that an empty list means nothing. */
export const isSeeded = signal(false);

export const SAMPLES_MAX = 300;
const SEEN_MAX = 300;
const COUNTS_MAX = 400;
/** Checkpoints whose contents are read in a second. */
const READ_MAX = 20;
/** Checkpoints of the past that are looked through for transactions, and how many transactions are enough. */
const PAST_MAX = 60;
const PAST_ENOUGH = 25;
const AT_ONCE = 4;
/** Rounds are counted over so long. */
const WINDOW_MS = 5_500;
const WINDOW_LEAST_MS = 1_800;
/** Modules that are asked for their calls where the newest checkpoints have too few transactions. */
const MODULES_MAX = 12;

let doneHeight = 0n;

/** Reads how many transactions checkpoints have that are looked at, where that is not known yet. */
export async function readCounts(heights: readonly bigint[]): Promise<void> {
  const missing = heights.filter((height) => !counts.value.has(height));
  for (let from = 0; from < missing.length; from += AT_ONCE) {
    await Promise.all(missing.slice(from, from + AT_ONCE).map((height) => readContents(height, false)));
  }
}

/** Reads what a checkpoint has, and takes its transactions for the newest unless told; false where the node does not say. */
async function readContents(height: bigint, isNew = true): Promise<boolean> {
  try {
    const { transactions, timeMs } = await client.request("chain_checkpoint", { at: height });
    if (transactions === null) return false;
    const known = new Map(counts.value).set(height, transactions.length);
    while (known.size > COUNTS_MAX) known.delete(known.keys().next().value!);
    counts.value = known;
    if (!isNew) return true;
    const found = transactions.map((hash, index) => ({ hash, height, index, timeMs }));
    const others = seen.value.filter((one) => one.height !== height);
    if (found.length > 0) seen.value = [...others, ...found.slice(-SEEN_MAX)].sort(newestFirst).slice(0, SEEN_MAX);
    return true;
  } catch {
    return false; // of a height that the node no longer keeps, or the node is gone: `connection` tells
  }
}

/** The transactions a second between two answers; null where nobody knows. */
async function countBetween(before: Head, now: Head): Promise<number | null> {
  const heights: bigint[] = [];
  for (let height = now.at.height; height > before.at.height && height > doneHeight && heights.length < SAMPLES_MAX; height--) heights.push(height);
  doneHeight = now.at.height;
  const seconds = (Number(now.timeMs) - Number(before.timeMs)) / 1_000;
  if (heights.length === 0 || seconds <= 0) return heights.length === 0 ? 0 : null;
  const step = Math.ceil(heights.length / READ_MAX);
  const asked = heights.filter((_, place) => place % step === 0);
  const read = await Promise.all(asked.map((height) => readContents(height)));
  const told = asked.filter((_, place) => read[place]);
  if (told.length === 0) return null;
  const sum = told.reduce((total, height) => total + (counts.value.get(height) ?? 0), 0);
  return (sum * heights.length) / told.length / seconds;
}

/** An answer, and when it came. */
interface Seen {
  head: Head;
  ms: number;
}

/** Measures what went on since the last answer; rounds over a longer while, since there are few of them in a second. */
async function measure(past: readonly Seen[], { head: now, ms: nowMs }: Seen): Promise<void> {
  const first = past[0]!;
  const rounds = ((now.round - first.head.round) * 1_000) / (nowMs - first.ms);
  const waits = [...past.map(({ head }) => head), now].map(({ round, committedRound }) => round - committedRound);
  const waiting = waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
  // Of a moment, or of a node that began anew, rounds say nothing.
  const isLong = nowMs - first.ms >= WINDOW_LEAST_MS && rounds >= 0;
  const transactionsPerSecond = await countBetween(past.at(-1)!.head, now);
  const sample: Sample = {
    atMs: nowMs,
    roundsPerSecond: isLong ? rounds : null,
    transactionsPerSecond,
    commitMs: !isLong || rounds <= 0 ? null : (waiting / rounds) * 1_000,
  };
  samples.value = [...samples.value.slice(1 - SAMPLES_MAX), sample];
}

/** Looks through the checkpoints before `from`, newest first, for transactions to begin with. */
async function lookBack(from: bigint): Promise<void> {
  for (let done = 0; done < PAST_MAX && seen.value.length < PAST_ENOUGH; done += AT_ONCE) {
    const heights = Array.from({ length: AT_ONCE }, (_, place) => from - BigInt(done + place)).filter((height) => height > 0n);
    if (heights.length === 0) break;
    await Promise.all(heights.map((height) => readContents(height)));
  }
  if (seen.value.length < PAST_ENOUGH) await askModules().catch(() => undefined);
  isSeeded.value = true;
}

/** Of a quiet chain: the newest calls of its modules, from long before the newest checkpoints. */
async function askModules(): Promise<void> {
  const { modules } = await client.request("module_list", { limit: MODULES_MAX });
  const lists = await Promise.all(modules.map(({ module }) => client.request("tx_list", { account: module, limit: PAST_ENOUGH })));
  const found = lists.flatMap(({ transactions }) => transactions).map(({ hash, height, index, timeMs }) => ({ hash, height, index, timeMs }));
  const all = new Map([...found, ...seen.value].map((one) => [one.hash, one]));
  seen.value = [...all.values()].sort(newestFirst).slice(0, PAST_ENOUGH);
}

function newestFirst(a: SeenTransaction, b: SeenTransaction): number {
  return a.height === b.height ? b.index - a.index : a.height < b.height ? 1 : -1;
}

/** Begins to measure; once. */
export function measureTraffic(): void {
  let past: Seen[] = [];
  effect(() => {
    const now = head.value;
    if (now === null) return;
    const told = { head: now, ms: Date.now() };
    // After a silence nothing is known of what was in between.
    past = past.filter(({ ms }) => told.ms - ms < WINDOW_MS);
    if (past.length > 0 && !document.hidden) void measure(past, told);
    if (doneHeight === 0n) {
      doneHeight = now.at.height;
      void lookBack(now.at.height);
    }
    past = [...past, told];
  });
}

/** The mean of the last samples that have a value; null without any. */
export function lately(of: (sample: Sample) => number | null, seconds = 10): number | null {
  const values = samples.value.slice(-seconds).map(of).filter((value) => value !== null);
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** How many transactions the newest checkpoints have, where that was read. */
export function countOf(height: bigint): number | null {
  return counts.value.get(height) ?? null;
}

