/** Checkpoints, rounds of the DAG and stages of a transaction, to be followed by a {@link Stream}. */

import {
  chainNotice,
  dagNotice,
  STAGES,
  txNotice,
  type ChainCheckpoints,
  type CheckpointListed,
  type DagRound,
  type DagRounds,
  type TxStage,
} from "./api.js";
import type { Hash } from "./bytes.js";
import type { PollenClient } from "./client.js";
import { RpcError } from "./errors.js";
import { sameHash } from "./fate.js";
import { refuseBehind, type Feed, type FollowOptions, type Page } from "./stream.js";
import { pause } from "./transport.js";

/** From where on checkpoints are told. */
export interface CheckpointsOptions extends FollowOptions {
  /** Only above this height; from now on unless told. */
  after?: bigint;
}

/** A checkpoint that was executed. */
export interface FollowedCheckpoint {
  checkpoint: CheckpointListed;
  /** The highest height that a quorum has attested to, as far as the node that told it has seen. */
  certifiedHeight: bigint;
}

/** From where on rounds are told. */
export interface RoundsOptions extends FollowOptions {
  /** Only above this round; from now on unless told. */
  after?: number;
  /**
   * Told of rounds that no node keeps any more, both included: the stream goes on behind them. Without it the stream
   * ends there, with an `RpcError` (-32040).
   */
  onGap?: (from: number, to: number) => void;
}

const CHECKPOINTS = 100;
/** Rounds that are asked for at once: they are large. */
const ROUNDS = 50;
/** Between two questions where a method has no wait of its own. */
const PAUSE_MS = 250;
const NOT_FOUND = -32_040;

export function checkpointsFeed(): Feed<bigint, FollowedCheckpoint> {
  return {
    group: "chain",
    now: async (client) => (await client.head()).at.height,
    params: (after) => ({ after: after.toString() }),
    read(json, path) {
      const notice = chainNotice(json, path);
      if (notice.type !== "checkpoint") return notice;
      const { checkpoint, certifiedHeight } = notice;
      return { type: "item", item: { checkpoint, certifiedHeight } };
    },
    page: (client, after, { waitMs, until = 0n, signal }) =>
      asked(waitMs, signal, async () => {
        const params = { from: after + 1n, limit: CHECKPOINTS, descending: false };
        const check = (page: ChainCheckpoints) => refuseBehind(page.at.height < until);
        const page = await client.request("chain_checkpoints", params, { check, ...(signal === undefined ? {} : { signal }) });
        const items = page.checkpoints.map((checkpoint) => ({ checkpoint, certifiedHeight: page.certifiedHeight }));
        return { items, next: items.at(-1)?.checkpoint.height ?? after, more: page.next !== null };
      }),
    placeOf: ({ checkpoint }) => checkpoint.height,
    compare: ascending,
    before: ({ checkpoint }) => checkpoint.height - 1n,
  };
}

export function roundsFeed({ onGap }: RoundsOptions): Feed<number, DagRound> {
  /** Rounds after one. Throws `RpcError` (-32040) where every node keeps later ones only. */
  const read = (client: PollenClient, after: number, until: number, signal?: AbortSignal): Promise<DagRounds> =>
    client.request("dag_rounds", { from: after + 1, to: after + ROUNDS }, {
      check: ({ oldestRound, committedRound }) => {
        refuseBehind(committedRound < until);
        if (oldestRound <= after + 1) return;
        const words = `rounds ${after + 1} to ${oldestRound - 1} are not kept any more`;
        throw new RpcError(NOT_FOUND, words, { name: "NotFound", oldestRound });
      },
      ...(signal === undefined ? {} : { signal }),
    });
  return {
    group: "dag",
    now: async (client) => (await client.request("dag_rounds", { last: 1 })).committedRound,
    params: (after) => ({ after }),
    read(json, path) {
      const notice = dagNotice(json, path);
      return notice.type === "round" ? { type: "item", item: notice.round } : notice;
    },
    page: (client, after, { waitMs, until = 0, signal }) =>
      asked(waitMs, signal, async () => {
        try {
          const { rounds, committedRound } = await read(client, after, until, signal);
          // What the order has not passed is not settled yet.
          const items = rounds.filter(({ round }) => round <= committedRound);
          const next = items.at(-1)?.round ?? after;
          return { items, next, more: next < committedRound };
        } catch (error) {
          const oldest = error instanceof RpcError ? error.data["oldestRound"] : undefined;
          if (onGap === undefined || typeof oldest !== "number") throw error;
          // Not beyond what is asked for: what lies there still comes from who told of the gap.
          const last = until > after ? Math.min(oldest - 1, until) : oldest - 1;
          onGap(after + 1, last);
          return { items: [], next: last, more: true };
        }
      }),
    placeOf: ({ round }) => round,
    compare: ascending,
    before: ({ round }) => round - 1,
  };
}

/** Of a transaction every stage that a node saw; its place is how far it is. */
export function stagesFeed(hash: Hash): Feed<number, TxStage> {
  return {
    group: "tx",
    now: async () => -1,
    params: () => ({ hash }),
    read(json, path) {
      const notice = txNotice(json, path);
      if (notice.type === "end") return notice;
      sameHash(notice.status.hash, hash);
      return { type: "item", item: notice.status };
    },
    async page(client, after, { waitMs, signal }): Promise<Page<number, TxStage>> {
      const params = { hash, wait: STAGES[Math.min(after + 1, STAGES.length - 1)]!, timeoutMs: waitMs };
      const check = (status: TxStage) => sameHash(status.hash, hash);
      const status = await client.request("tx_status", params, { check, ...(signal === undefined ? {} : { signal }) });
      return { items: [status], next: after, more: false };
    },
    placeOf: farness,
    compare: ascending,
    isLast: (status) => farness(status) >= STAGES.indexOf("certified"),
    isSpreading: true,
  };
}

/** How far a transaction is: its stage, and behind all of them that it will never be executed. */
function farness({ stage, ended }: TxStage): number {
  const place = STAGES.indexOf(stage);
  return ended && place < STAGES.indexOf("executed") ? STAGES.length : place;
}

/** Asks until there is something, or the time is over. */
async function asked<P, T>(waitMs: number, signal: AbortSignal | undefined, ask: () => Promise<Page<P, T>>): Promise<Page<P, T>> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    const page = await ask();
    if (page.items.length > 0 || page.more || Date.now() + PAUSE_MS > deadline) return page;
    await pause(PAUSE_MS, signal);
  }
}

function ascending(left: bigint | number, right: bigint | number): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
