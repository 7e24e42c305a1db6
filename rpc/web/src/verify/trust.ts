/**
 * Whether this browser believes its node now: the node's chain is the one that is trusted, and its head is proved from
 * genesis, looked at again and again while somebody looks at the page. A lie that was found stays told until the user
 * has seen it and asks anew: a node that lies once in a while must not look good in between.
 */

import { computed, effect, signal } from "@preact/signals";
import { certifiedHeight, connection, info, nowMs } from "../node.js";
import { check, type Finding } from "./check.js";
import { pin, pinNode, trusted } from "./pin.js";

export type Trust =
  /** Nothing was checked yet. */
  | { kind: "unknown" }
  | { kind: "verified"; height: bigint; timestampMs: bigint; checkedMs: number }
  | { kind: "lie"; why: string; checkedMs: number }
  /** The node has no proof to give now. */
  | { kind: "unproved"; why: string; checkedMs: number }
  /** The node is of another chain than the one that this browser first saw, or was told to trust. */
  | { kind: "other chain"; found: string };

export const trust = signal<Trust>({ kind: "unknown" });

/** Whether what was verified is of now: not while the node is gone, nor where nothing newer was certified for long. */
export type Freshness = "now" | "gone" | "old";

/** What was certified longer ago is told to be old: heads are certified every second or so, and clocks differ by a few. */
export const STALE_MS = 60_000;

export const freshness = computed<Freshness>(() => {
  if (connection.value.kind === "gone") return "gone";
  const now = trust.value;
  if (now.kind !== "verified") return "now";
  const staleMs = Math.max(STALE_MS, 2 * pauseMs);
  const isOld = nowMs.value - Math.min(now.checkedMs, Number(now.timestampMs)) > staleMs;
  return isOld ? "old" : "now";
});

/** Time between two looks at the head; more where a look takes long (a large committee's signatures): 2 % of the time. */
const EVERY_MS = 5_000;
const SHARE = 50;
let pauseMs = EVERY_MS;
let running: Promise<void> | null = null;
let checkedMs = 0;
let checkedChain: string | null = null;

/** Makes a finding of this page count for the badge: a lie found anywhere is a lie of the node. */
export function report(finding: Finding): void {
  const now = Date.now();
  if (finding.verdict === "lie") trust.value = { kind: "lie", why: finding.why, checkedMs: now };
  if (trust.value.kind === "lie" || trust.value.kind === "other chain") return;
  if (finding.verdict === "unproved") trust.value = { kind: "unproved", why: finding.why, checkedMs: now };
  if (finding.verdict === "verified") {
    const { height, timestampMs } = finding.checkpoint.checkpoint;
    trust.value = { kind: "verified", height, timestampMs, checkedMs: now };
  }
}

/** Looks at the head now. With `anew` a lie that was told before is forgotten first: the user has seen it. */
export async function checkTrust(anew = false): Promise<void> {
  if (running !== null) {
    if (!anew) return;
    await running;
  }
  running = look(anew).finally(() => (running = null));
  await running;
}

async function look(anew: boolean): Promise<void> {
  const beganMs = Date.now();
  const told = info.value;
  if (told === null) return;
  if (pin.value === null) await pinNode(told);
  if (pin.value!.chainId !== told.chainId) {
    trust.value = { kind: "other chain", found: told.chainId };
    return;
  }
  if (anew || trust.value.kind === "other chain") trust.value = { kind: "unknown" };
  const finding = await check(trusted.value!, { kind: "head" });
  report(finding);
  checkedMs = Date.now();
  // A node that did not answer is asked again soon.
  pauseMs = finding.verdict === "verified" ? Math.max(EVERY_MS, SHARE * (checkedMs - beganMs)) : EVERY_MS;
}

/** Begins to check; once, when the page opens. */
export function startTrust(): void {
  effect(() => {
    // When the node is first heard of, when it comes back, and when more is certified; not while nobody looks.
    // (All four are read, so that each of them begins it anew.)
    const [isLive, hasInfo] = [connection.value.kind === "live", info.value !== null];
    const chain = pin.value?.chainId ?? null;
    if (certifiedHeight.value < 0n || !isLive || !hasInfo || document.hidden) return;
    if (chain !== checkedChain) trust.value = { kind: "unknown" };
    checkedChain = chain;
    if (trust.peek().kind === "unknown" || Date.now() - checkedMs >= pauseMs) queueMicrotask(() => void checkTrust());
  });
}
