/** Streams over nodes that cut, repeat, leave out and forget: by a made-up network, no process and no clock of its own. */

import { describe, expect, it } from "vitest";
import { PollenClient, RpcError, type FollowedCheckpoint, type TxStage } from "../src/index.js";

const hash = (n: number) => n.toString(16).padStart(64, "0");
const at = (height: number) => ({ height: String(height), stateRoot: hash(height), certified: true });
const checkpoint = (height: number) => ({
  height: String(height), digest: hash(height), stateRoot: hash(height), timeMs: "1", commitIndex: "1", certified: true,
});
const round = (number: number) => ({ round: number, blocks: [], slots: [] });

/** Numbers that are the same each time. */
function* numbers(seed: number): Generator<number, never, void> {
  for (let state = seed; ; ) {
    state = (state * 48_271) % 2_147_483_647;
    yield state / 2_147_483_647;
  }
}

/** A node at a URL: what it has, and how it misbehaves. */
interface Node {
  oldest: number;
  head: number;
  /** Does what it likes with a subscription after a place. */
  subscribed: (after: number, say: (notice: object) => void, cut: () => void) => void;
  status?: object | null;
}

class Refusal extends Error {
  constructor(readonly code: number) {
    super("no");
  }
}

function network(nodes: Record<string, Node>): { client: PollenClient; opened: string[]; asked: string[] } {
  const opened: string[] = [];
  const asked: string[] = [];
  const answer = (node: Node, method: string, params: Record<string, any>): object => {
    const kept = (from: number, to: number) => Array.from({ length: Math.max(to - from + 1, 0) }, (_, index) => from + index);
    switch (method) {
      case "chain_head":
        return { at: at(node.head), digest: hash(1), timeMs: "1", certifiedHeight: "1", commitIndex: "1", committedRound: 1, round: 1, transactions: "0" };
      case "chain_checkpoints": {
        const from = Number(params["from"]);
        if (from < node.oldest) throw new Refusal(-32_040);
        const last = Math.min(from + params["limit"] - 1, node.head);
        const next = last < node.head ? String(last + 1) : null;
        return { at: at(node.head), checkpoints: kept(from, last).map(checkpoint), next, oldestHeight: String(node.oldest), certifiedHeight: String(node.head) };
      }
      case "dag_rounds": {
        const [from, to] = params["last"] === 1 ? [node.head, node.head] : [params["from"] as number, params["to"] as number];
        const rounds = kept(Math.max(from, node.oldest), Math.min(to, node.head + 3)).map(round);
        return { at: at(node.head), rounds, committedRound: node.head, round: node.head + 3, oldestRound: node.oldest, evidence: [] };
      }
      case "tx_status":
        if (node.status === null) throw new Refusal(-32_040);
        return { at: at(node.head), ...node.status };
      default:
        throw new Refusal(-32_601);
    }
  };
  const fetch = async (url: unknown, { body }: { body: string }) => {
    const node = nodes[new URL(String(url)).hostname];
    if (node === undefined) throw new Error("nobody");
    const { id, method, params } = JSON.parse(body) as { id: number; method: string; params: Record<string, any> };
    asked.push(method);
    try {
      return new Response(JSON.stringify({ jsonrpc: "2.0", id, result: answer(node, method, params) }));
    } catch (error) {
      return new Response(JSON.stringify({ jsonrpc: "2.0", id, error: { code: (error as Refusal).code, message: "no" } }));
    }
  };
  class Socket extends EventTarget {
    readonly #name: string;
    constructor(url: string) {
      super();
      this.#name = new URL(url).hostname;
      queueMicrotask(() => this.dispatchEvent(new Event(nodes[this.#name] === undefined ? "error" : "open")));
    }
    send(text: string): void {
      const { id, method, params } = JSON.parse(text) as { id: number; method: string; params: { after?: string | number } };
      opened.push(`${this.#name} ${params.after ?? "-"}`);
      const tell = (json: object) => this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(json) }));
      const say = (result: object) => tell({ jsonrpc: "2.0", method: method.replace("subscribe", "notice"), params: { subscription: 7, result } });
      tell({ jsonrpc: "2.0", id, result: 7 });
      queueMicrotask(() => nodes[this.#name]!.subscribed(Number(params.after ?? -1), say, () => this.close()));
    }
    close(): void {
      this.dispatchEvent(new Event("close"));
    }
  }
  const urls = Object.keys(nodes).map((name) => `http://${name}`);
  return { client: new PollenClient(urls, { fetch: fetch as never, WebSocket: Socket as never }), opened, asked };
}

async function take<T>(stream: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of stream) if (taken.push(item) === count) break;
  return taken;
}

const heights = (told: FollowedCheckpoint[]) => told.map((one) => Number(one.checkpoint.height));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("a stream", () => {
  const say = (height: number) => ({ type: "checkpoint", checkpoint: checkpoint(height), certifiedHeight: "1" });

  it.concurrent.each(range(1, 20))("tells every checkpoint once, whatever nodes do (%i)", async (seed) => {
    const random = numbers(seed);
    const chance = (of: number) => random.next().value < of;
    const node = (): Node => ({
      oldest: 0,
      head: 40 + Math.floor(random.next().value * 40),
      subscribed(after, tell, cut) {
        for (let height = after + 1; height <= this.head; height++) {
          if (chance(0.1)) return cut();
          if (chance(0.1)) tell(say(Math.max(height - 3, 0))); // again
          if (chance(0.1)) continue; // left out without a word
          if (chance(0.05)) {
            const resume = Math.min(height + 4, this.head);
            tell({ type: "gap", after: String(height - 1), resume: String(resume) });
            height = resume;
            continue;
          }
          tell(say(height));
        }
        this.head += 10;
        cut();
      },
    });
    const { client } = network({ a: node(), b: node(), c: node() });
    expect(heights(await take(client.checkpoints({ after: 5n }), 150))).toEqual(range(6, 155));
  });

  it("believes no height that no node has", async () => {
    const liar: Node = { oldest: 0, head: 9, subscribed: (_, tell) => tell(say(1_000)) };
    const other: Node = { ...liar, subscribed: (_, tell) => tell({ type: "gap", after: "5", resume: "2000" }) };
    const honest: Node = { ...liar, subscribed: (after, tell) => range(after + 1, 9).forEach((height) => tell(say(height))) };
    const { client, opened } = network({ liar, other, honest });
    expect(heights(await take(client.checkpoints({ after: 5n }), 4))).toEqual([6, 7, 8, 9]);
    expect(opened).toEqual(["liar 5", "other 5", "honest 5"]);
  });

  it("goes on at the next node, after what was told", async () => {
    const a: Node = {
      oldest: 0,
      head: 100,
      subscribed(after, tell, cut) {
        tell(say(after + 1));
        tell(say(after + 2));
        cut();
      },
    };
    const { client, opened } = network({ a, b: { ...a } });
    const stream = client.checkpoints({ after: 10n });
    expect(heights(await take(stream, 5))).toEqual(range(11, 15));
    expect(opened).toEqual(["a 10", "b 12", "a 14"]);
    expect(stream.cursor).toBe(15n);
  });

  it("begins when it is made", async () => {
    const a: Node = { oldest: 0, head: 7, subscribed: () => {} };
    const { client } = network({ a });
    const stream = client.checkpoints({ transport: "polling" });
    await new Promise((resolve) => setTimeout(resolve, 10));
    a.head = 9;
    expect(heights(await take(stream, 2))).toEqual([8, 9]);
  });

  it("asks another node where one keeps too little, and ends where all do", async () => {
    const young: Node = { oldest: 50, head: 60, subscribed: (_, tell) => tell({ type: "end", code: -32_040, name: "NotFound", message: "gone" }) };
    const archive: Node = { oldest: 0, head: 60, subscribed: (after, tell) => range(after + 1, 60).forEach((height) => tell(say(height))) };
    for (const transport of ["socket", "polling"] as const) {
      const { client } = network({ young, archive });
      expect(heights(await take(client.checkpoints({ after: 3n, transport }), 4))).toEqual([4, 5, 6, 7]);
      const none = network({ young, other: young }).client;
      await expect(take(none.checkpoints({ after: 3n, transport }), 1)).rejects.toThrow(expect.objectContaining({ code: -32_040 }) as Error);
    }
  });

  it("asks after a silence", async () => {
    const dead: Node = { oldest: 0, head: 20, subscribed: () => {} };
    const { client, opened } = network({ dead, other: dead });
    expect(heights(await take(client.checkpoints({ after: 17n, silenceMs: 20 }), 3))).toEqual([18, 19, 20]);
    expect(opened[0]).toBe("dead 17");
  });

  it("tells rounds that the order has passed, and those that no node keeps as a gap", async () => {
    const tell = { oldest: 90, head: 100 };
    const a: Node = {
      ...tell,
      subscribed: (after, say) => {
        if (after < 89) say({ type: "gap", after, resume: 94 });
        for (const number of range(Math.max(after + 1, 95), 100)) say({ type: "round", round: round(number) });
      },
    };
    for (const transport of ["socket", "polling"] as const) {
      const gaps: [number, number][] = [];
      const { client } = network({ a, b: { ...a, oldest: 92 } });
      const stream = client.rounds({ after: 10, transport, onGap: (from, to) => gaps.push([from, to]) });
      const told = (await take(stream, 7)).map((one) => one.round);
      expect(told.at(-1)! - told[0]!).toBe(6);
      expect(gaps).toEqual([[11, told[0]! - 1]]);
      expect([90, 92]).toContain(told[0]);
      const strict = client.rounds({ after: 10, transport });
      await expect(take(strict, 1)).rejects.toThrow(/rounds 11 to (89|91) are not kept any more/);
      // Held by one of them only.
      expect((await take(client.rounds({ after: 89, transport }), 2)).map((one) => one.round)).toEqual([90, 91]);
      const newest = await take(client.rounds({ after: 97, transport }), 3);
      expect(newest.map((one) => one.round)).toEqual([98, 99, 100]);
    }
  });

  const status = (stage: string, ended = false, of = hash(9)) => ({ hash: of, stage, ended, outcome: null, events: [], times: {} });
  const stages = (told: TxStage[]) => told.map((one) => one.stage);

  it("tells stages in order, each once, over nodes that lag", async () => {
    const tells = (...stages: [string, boolean][]): Node => ({
      oldest: 0, head: 1, status: null,
      subscribed: (_, tell, cut) => {
        for (const [stage, ended] of stages) tell({ type: "status", status: status(stage, ended) });
        cut();
      },
    });
    const a = tells(["accepted", false], ["included", false]);
    const b = tells(["accepted", false], ["included", false], ["ordered", false], ["executed", true]);
    const c = tells(["included", false], ["executed", true], ["certified", true]);
    const { client } = network({ a, b, c });
    expect(stages(await take(client.stages(hash(9)), 99))).toEqual(["accepted", "included", "ordered", "executed", "certified"]);
    const lost = tells(["accepted", false], ["accepted", true]);
    const told = await take(network({ lost }).client.stages(hash(9)), 99);
    expect(told.map((one) => [one.stage, one.ended])).toEqual([["accepted", false], ["accepted", true]]);
  });

  it("tells stages by queries, and waits for a node to learn of a transaction that another told of", async () => {
    const a: Node = { oldest: 0, head: 1, status: status("accepted"), subscribed: () => {} };
    const { client } = network({ a, b: { ...a, status: null } });
    const told: string[] = [];
    for await (const one of client.stages(hash(9), { transport: "polling" })) {
      told.push(one.stage);
      a.status = told.length === 1 ? null : status("certified", true);
      if (told.length === 1) setTimeout(() => (a.status = status("executed", true)), 100);
    }
    expect(told).toEqual(["accepted", "executed", "certified"]);
  });

  it("refuses a transaction that nobody knows, and the status of another", async () => {
    const unknown: Node = { oldest: 0, head: 1, status: null, subscribed: (_, tell) => tell({ type: "end", code: -32_040, name: "NotFound", message: "no" }) };
    for (const transport of ["socket", "polling"] as const) {
      const { client } = network({ unknown, other: unknown });
      const refused = await take(client.stages(hash(9), { transport }), 1).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(RpcError);
      expect(refused).toMatchObject({ code: -32_040 });
    }
    const liar: Node = { ...unknown, subscribed: (_, tell) => tell({ type: "status", status: status("certified", true, hash(8)) }) };
    const honest: Node = { ...unknown, subscribed: (_, tell) => tell({ type: "status", status: status("certified", true) }) };
    const told = await take(network({ liar, honest }).client.stages(hash(9)), 9);
    expect(told.map((one) => one.hash)).toEqual([hash(9)]);
  });

  it("stops when it is told to", async () => {
    const quiet: Node = { oldest: 0, head: 1, subscribed: () => {} };
    for (const transport of ["socket", "polling"] as const) {
      const stop = new AbortController();
      const reading = take(network({ quiet }).client.checkpoints({ after: 1n, transport, signal: stop.signal }), 1);
      setTimeout(() => stop.abort(new Error("enough")), 20);
      await expect(reading).rejects.toThrow("enough");
    }
  });
});
