/**
 * The node that served this page: one client for all of it, and what everybody wants to know at every moment (head,
 * health, whether the node answers) as signals.
 *
 * A question every second tells whether the node is there; checkpoints come by subscription. Where it is gone the
 * signals keep what was told last, `connection` says so, and the question is asked until it is answered again.
 */

import { computed, signal } from "@preact/signals";
import { PollenClient, type Answer, type FollowedCheckpoint, type NodeHealth, type NodeInfo, type Stream } from "@pollen/client";

/** The client of the page's own origin; nothing else is ever asked. */
export const client = new PollenClient(location.origin, { timeoutMs: 8_000 });

export type Head = Answer<"chain_head">;
/** `gone` names when the last answer came, by the clock of the browser, and why there is none. */
export type ConnectionState = { kind: "connecting" } | { kind: "live" } | { kind: "gone"; sinceMs: number; why: string };

export const connection = signal<ConnectionState>({ kind: "connecting" });
export const info = signal<NodeInfo | null>(null);
export const head = signal<Head | null>(null);
export const health = signal<NodeHealth | null>(null);
/** The newest checkpoints as they were told, newest first. */
export const recent = signal<readonly FollowedCheckpoint[]>([]);
/** The clock of the browser, every second: relative times are made of it. */
export const nowMs = signal(Date.now());
/** Height of the newest checkpoint that is known; pages that show the latest state read again when it changes. */
export const height = computed(() => {
  const told = recent.value[0]?.checkpoint.height ?? 0n;
  const asked = head.value?.at.height ?? 0n;
  return told > asked ? told : asked;
});
export const certifiedHeight = computed(() => {
  const told = recent.value[0]?.certifiedHeight ?? 0n;
  const asked = head.value?.certifiedHeight ?? 0n;
  return told > asked ? told : asked;
});

const ASK_MS = 1_000;
const ASK_GONE_MS = 1_000;
const RECENT_MAX = 200;
const PAST = 25;

let lastAnswerMs = Date.now();

async function ask(): Promise<void> {
  try {
    const [nowHead, nowHealth] = await Promise.all([client.request("chain_head", {}), client.request("node_health", {})]);
    if (info.value === null || connection.value.kind === "gone") info.value = await client.nodeInfo();
    head.value = nowHead;
    health.value = nowHealth;
    lastAnswerMs = Date.now();
    if (connection.value.kind !== "live") connection.value = { kind: "live" };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    connection.value = { kind: "gone", sinceMs: lastAnswerMs, why };
  }
}

/** Puts the newest checkpoints of before this visit below those that are told. */
async function remember(): Promise<void> {
  try {
    const { checkpoints, certifiedHeight } = await client.request("chain_checkpoints", { limit: PAST, descending: true });
    const oldest = recent.value.at(-1)?.checkpoint.height;
    const past = checkpoints.filter(({ height }) => oldest === undefined || height < oldest);
    recent.value = [...recent.value, ...past.map((checkpoint) => ({ checkpoint, certifiedHeight }))];
  } catch {
    // Those that come are told all the same.
  }
}

/** Resolves as soon as the node answers. */
export function whenLive(): Promise<void> {
  return new Promise((resolve) => {
    const stop = connection.subscribe((state) => {
      if (state.kind !== "live") return;
      queueMicrotask(() => stop());
      resolve();
    });
  });
}

/**
 * Follows a stream for as long as somebody wants it: where it ends with an error it is made anew as soon as the node
 * answers again. Returns what stops it.
 */
export function follow<P, T>(make: (signal: AbortSignal, cursor: P | undefined) => Stream<P, T>, each: (item: T) => void): () => void {
  const stopped = new AbortController();
  void (async () => {
    let cursor: P | undefined;
    while (!stopped.signal.aborted) {
      await whenLive();
      const stream = make(stopped.signal, cursor);
      try {
        for await (const item of stream) {
          if (stopped.signal.aborted) return;
          each(item);
          cursor = stream.cursor ?? undefined;
        }
        return;
      } catch {
        // Gone, or the node no longer keeps what lies between: from now on then.
        cursor = undefined;
        await new Promise((resolve) => setTimeout(resolve, ASK_GONE_MS));
      }
    }
  })();
  return () => stopped.abort(new DOMException("nobody looks any more", "AbortError"));
}

/** Begins to ask and to follow; once, when the page opens. */
export function start(): void {
  setInterval(() => (nowMs.value = Date.now()), 1_000);
  const again = async () => {
    await ask();
    setTimeout(() => void again(), connection.value.kind === "gone" ? ASK_GONE_MS : ASK_MS);
  };
  void again();
  void whenLive().then(remember);
  follow(
    (signal, after: bigint | undefined) => client.checkpoints({ signal, ...(after === undefined ? {} : { after }) }),
    (checkpoint) => {
      if (checkpoint.checkpoint.height <= (recent.value[0]?.checkpoint.height ?? -1n)) return;
      recent.value = [checkpoint, ...recent.value.slice(0, RECENT_MAX - 1)];
    },
  );
}
