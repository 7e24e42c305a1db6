/** Nodes that answer anything: whatever comes, it is refused by an error of ours, and no later call suffers from it. */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { METHODS, type Method } from "../src/api.js";
import { AnswerError, InputError, KeyPair, PollenClient, PollenError, RpcError, UnreachableError } from "../src/index.js";

/** A node that answers with what it is told to. */
class Node {
  readonly #server: Server;
  /** The text of an answer to the call with this id; null for none at all. */
  answer: (id: number, method: string) => string | null = () => "";
  status = 200;
  calls = 0;
  url = "";

  constructor() {
    this.#server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += String(chunk)));
      request.on("end", () => {
        this.calls += 1;
        const { id, method } = JSON.parse(body) as { id: number; method: string };
        const answer = this.answer(id, method);
        if (answer === null) return;
        response.writeHead(this.status, { "content-type": "application/json" });
        response.end(answer);
      });
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const head = (height: string) => ({
  at: { height, stateRoot: "00".repeat(32), certified: true },
  digest: "00".repeat(32),
  timeMs: "1",
  certifiedHeight: "1",
  commitIndex: "1",
  committedRound: 1,
  round: 1,
  transactions: "0",
});
const says = (id: number, result: unknown) => JSON.stringify({ jsonrpc: "2.0", id, result });
const refuses = (id: number, code: number, data: object = {}) =>
  JSON.stringify({ jsonrpc: "2.0", id, error: { code, message: "no", data } });

describe("a node that answers anything", () => {
  const [node, honest] = [new Node(), new Node()];

  beforeAll(async () => {
    await node.start();
    await honest.start();
    honest.answer = (id) => says(id, head("7"));
  });
  afterAll(async () => {
    await node.stop();
    await honest.stop();
  });

  const odd: unknown[] = [
    null, true, 0, -1, 1e300, "", "x", [], [[]], {}, { at: null }, { at: {} }, { at: { height: 1 } },
    { at: { height: "1", stateRoot: "z", certified: true } },
    { at: { height: "18446744073709551616", stateRoot: "00".repeat(32), certified: true } },
    { at: { height: "1", stateRoot: "00".repeat(32), certified: true }, events: {}, next: "1.2", more: 0 },
    JSON.parse('{"__proto__": {"at": {"height": "1"}}, "constructor": 1}'),
  ];

  it.each(Object.keys(METHODS) as Method[])("is refused for %s", async (method) => {
    const client = new PollenClient(node.url, { timeoutMs: 2_000 });
    for (const result of odd) {
      node.answer = (id) => says(id, result);
      await expect(client.request(method, {} as never), JSON.stringify(result)).rejects.toThrow(AnswerError);
    }
    for (const body of ["", "{", "null", "[]", '{"jsonrpc":"2.0","id":-1,"result":{}}', '{"error":{"code":"x"}}', '{"error":5}', "\u0000"]) {
      node.answer = () => body;
      await expect(client.request(method, {} as never), body).rejects.toThrow(AnswerError);
    }
    expect(client.height).toBe(0n);
  });

  it("is left for another, which is asked first from then on", async () => {
    const client = new PollenClient([node.url, honest.url]);
    node.answer = () => "{";
    expect((await client.head()).at.height).toBe(7n);
    const before = node.calls;
    expect((await client.head()).at.height).toBe(7n);
    expect(node.calls).toBe(before);
    expect(client.url).toBe(honest.url);
  });

  it("does not spoil later reads by a height that nobody reaches", async () => {
    const client = new PollenClient([node.url, honest.url], { timeoutMs: 1_000 });
    node.answer = (id) => says(id, head("18446744073709551615"));
    expect((await client.head()).at.height).toBe(18446744073709551615n);
    // That node is gone now; the other refuses what it has not executed, as nodes do.
    node.answer = (id) => refuses(id, -32_044, { requested: "18446744073709551615", height: "7" });
    honest.answer = node.answer;
    await expect(client.head()).rejects.toThrow(expect.objectContaining({ code: -32_044, retryable: true }) as Error);
    honest.answer = (id) => says(id, head("8"));
    node.answer = honest.answer;
    expect((await client.head()).at.height).toBe(8n);
  });

  it("that is silent or says too much is not waited for", async () => {
    const client = new PollenClient(node.url, { timeoutMs: 300 });
    node.answer = () => null;
    await expect(client.head()).rejects.toThrow("no answer after 300 ms");
    node.answer = () => " ".repeat((16 << 20) + 1);
    const patient = new PollenClient(node.url);
    await expect(patient.head()).rejects.toThrow("more than 16777216 bytes");
  });

  it("that has too much to do is asked again when it says", async () => {
    const client = new PollenClient(node.url);
    let count = 0;
    node.answer = (id) => (++count < 3 ? refuses(id, -32_042, { retryAfterMs: 20, retryable: true }) : says(id, head("9")));
    expect((await client.head()).at.height).toBe(9n);
    expect(count).toBe(3);
  });

  it("gives errors with code, name and hint, also those that the protocol's library makes", async () => {
    const client = new PollenClient(node.url);
    node.answer = (id) => refuses(id, -32_601);
    await expect(client.head()).rejects.toThrow(expect.objectContaining({ code: -32_601, codeName: "MethodNotFound" }) as Error);
    node.status = 413;
    await expect(client.head()).rejects.toThrow(UnreachableError);
    node.status = 200;
    node.answer = (id) => JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32_008, message: "large", data: "text" } });
    const error = await client.head().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: -32_008, data: {} });
  });

  it("cannot make a submission end as another's, nor an event come twice", async () => {
    const client = new PollenClient(node.url, { timeoutMs: 500 });
    const key = KeyPair.development("x");
    const transaction = { version: 1, sender: key.account, key: key.publicKey, nonce: 1n, validUntilMs: 1n, maxFuel: 1n, fuelPrice: 1n, payer: null, actions: [] };
    const { signTransaction, signedOf } = await import("../src/index.js");
    const signed = signedOf(signTransaction(transaction, "11".repeat(32), key), "11".repeat(32));
    const status = { at: head("1").at, hash: "22".repeat(32), stage: "executed", ended: true, outcome: { kind: "success", results: [] }, events: [], times: {} };
    node.answer = (id) => says(id, status);
    const fate = await client.submit(signed, { timeoutMs: 400 });
    expect(fate).toMatchObject({ ended: false, stage: null });
    expect(fate.lastError).toBeInstanceOf(AnswerError);

    const event = (cursor: string) => ({ cursor, transaction: "33".repeat(32), timeMs: "1", module: "m", name: "n", topics: [], data: "" });
    const page = { at: head("9").at, events: ["1.0.0", "1.0.0", "3.0.0", "2.0.0", "4.0.1"].map(event), next: "4", more: false, oldestHeight: "0" };
    let pages = 0;
    node.answer = (id) => (pages++ === 0 ? says(id, page) : null);
    const told: string[] = [];
    const reading = (async () => {
      for await (const { cursor } of client.events({ after: "0", transport: "polling" })) {
        told.push(cursor);
        if (told.length === 3) return;
      }
    })();
    await reading;
    expect(told).toEqual(["1.0.0", "3.0.0", "4.0.1"]);
  });

  it("is no node at all", () => {
    for (const url of ["", "localhost:1", "ftp://x", "http://"]) expect(() => new PollenClient(url)).toThrow(InputError);
    expect(() => new PollenClient([])).toThrow(PollenError);
    expect(() => new PollenClient("http://localhost:1", { genesis: "{}" })).toThrow("genesis.name: expected text");
  });
});
