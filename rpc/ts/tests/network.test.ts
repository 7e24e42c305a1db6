/** The client against a real network of four nodes. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  compareCursors,
  contentHash,
  decodeValue,
  encodeArguments,
  encodeSigned,
  encodeTransaction,
  InputError,
  isUnusedNonce,
  KeyPair,
  PollenClient,
  ProofError,
  readNonceWindow,
  RpcError,
  signedOf,
  STAGES,
  stateKey,
  TransactionFailed,
  UnreachableError,
  ValueError,
  type Answer,
  type DagRound,
  type EventView,
  type FollowedCheckpoint,
  type Method,
  type Stage,
  type TxStage,
} from "../src/index.js";
import { Coldchain } from "./bound/coldchain.js";
import { repository } from "./files.js";
import { Document } from "./openrpc.js";
import { component, POLLEN_BIN, Proxy, startNetwork, type Network } from "./network.js";

if (POLLEN_BIN === undefined) {
  console.warn("skipped: POLLEN_BIN is not set; give it the path of a built `pollen` (scripts/test-ts does)");
}

const POLLEN = 1_000_000_000n;

describe.skipIf(POLLEN_BIN === undefined)("a network", () => {
  let network: Network;
  let client: PollenClient;
  /** What the nodes say of themselves: all that this client asks and is answered is held against it. */
  let document: Document;
  const faucet = KeyPair.development("faucet");
  const prefix = "pollend";

  beforeAll(async () => {
    network = await startNetwork();
    document = await Document.of(network.endpoints[0]!);
    client = new PollenClient(network.endpoints, { genesis: network.genesis, fetch: document.fetch, WebSocket: document.WebSocket as never });
  });
  afterAll(async () => {
    await network?.stop();
  });

  /** A key whose account has something to spend. */
  async function funded(amount = 10n * POLLEN): Promise<KeyPair> {
    const key = KeyPair.random();
    await client.transfer(key, amount, { from: faucet });
    return key;
  }

  it("has the chain that genesis says, and nodes say so too", async () => {
    const info = await client.nodeInfo();
    const known = await client.network();
    expect(info.chainId).toBe(known.chainId);
    expect(info.coinType).toBe(known.coinType);
    expect(info.committee.map((one) => one.publicKey)).toEqual(client.light!.committee.map((one) => one.publicKey));
    expect(known.parameters.fuelPriceFloor).toBe(info.parameters.fuelPriceFloor);
  });

  it("transfers, and tells every stage", async () => {
    const bob = KeyPair.random();
    const stages: Stage[] = [];
    const sent = await client.transfer(bob.address(prefix), "1.5 pollen", {
      from: faucet,
      stage: "certified",
      onProgress: (status) => stages.push(status.stage),
    });
    expect(sent.ended).toBe(true);
    expect(stages.at(-1)).toBe("certified");
    expect(new Set(stages).size).toBe(stages.length);
    // Whatever node is asked next has executed it: the client waits for the height that it saw.
    for (const url of network.endpoints) {
      const other = new PollenClient([url], { genesis: network.genesis });
      const account = await other.account(bob, { atLeast: client.height, waitMs: 10_000 });
      expect(account.balance).toBeGreaterThan(POLLEN);
    }
  });

  it("takes the same transaction again and again as one", async () => {
    const carol = KeyPair.random();
    const signed = await client.sign(faucet, [{ kind: "transfer", to: carol.account, amount: POLLEN }]);
    const fates = await Promise.all(
      network.endpoints.map((url) => new PollenClient(url, { genesis: network.genesis }).submit(signed)),
    );
    for (const fate of fates) expect(fate.status?.outcome?.kind).toBe("success");
    expect(new Set(fates.map((fate) => fate.status!.height)).size).toBe(1);
    const again = await client.submit(signed);
    expect(again.status!.height).toBe(fates[0]!.status!.height);
  });

  it("runs many transactions of one key at a time", async () => {
    const dave = KeyPair.random();
    await client.transfer(dave, POLLEN, { from: faucet });
    const before = (await client.account(dave)).balance;
    await Promise.all(Array.from({ length: 20 }, () => client.transfer(dave, 1n, { from: faucet })));
    expect((await client.account(dave)).balance).toBe(before + 20n);
  });

  it("tells a timeout as a result, and where the transaction is", async () => {
    const signed = await client.sign(faucet, [{ kind: "transfer", to: KeyPair.random().account, amount: POLLEN }]);
    const fate = await client.submit(signed, { timeoutMs: 0 });
    expect(fate.ended).toBe(false);
    const later = await client.submit(fate.signed);
    expect(later.status?.outcome?.kind).toBe("success");
  });

  it("refuses with code, hint and what to do", async () => {
    const poor = KeyPair.random();
    const refused = await client.transfer(faucet, 1n, { from: poor }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RpcError);
    expect(refused).toMatchObject({ code: 1010, codeName: "BalanceTooLow", retryable: false });
    expect((refused as RpcError).hint).not.toBeNull();
    const rich = await funded(POLLEN);
    const failed = await client.transfer(faucet, 5n * POLLEN, { from: rich }).catch((error: unknown) => error);
    expect([1010, 2007]).toContain((failed as TransactionFailed).code);
    await expect(client.transfer("pollend1nothing", 1n, { from: faucet })).rejects.toThrow("is not an address");
  });

  it("refuses a signed transaction with any byte changed", async () => {
    const signed = await client.sign(faucet, [{ kind: "transfer", to: faucet.account, amount: 1n }]);
    // Of every part some: version, sender, key, nonce, amount, signature.
    for (const place of [0, 2, 40, 70, 80, 90, 130, signed.bytes.length - 80, signed.bytes.length - 40, signed.bytes.length - 1]) {
      const bytes = Uint8Array.from(signed.bytes);
      bytes[place]! ^= 1;
      await expect(client.request("tx_submit", { transaction: bytes })).rejects.toThrow(RpcError);
    }
  });

  it("signs for an account by several keys, with a payer and by a scoped key", async () => {
    const [first, second, shop, device] = [await funded(), KeyPair.random(), await funded(), KeyPair.random()];
    const account = first.address(prefix);
    await client.send(
      [{ kind: "setOwners", threshold: 2, owners: [{ key: first.publicKey, weight: 1 }, { key: second.publicKey, weight: 1 }] }],
      { from: first },
    );
    const alone = await client.transfer(faucet, 1n, { from: first }).catch((error: unknown) => error);
    expect(alone).toMatchObject({ code: 1013, codeName: "PolicyNotMet" });
    const before = (await client.account(account)).balance;
    await client.transfer(faucet, 7n, {
      from: { account, keys: [first, second], payer: { account: shop.address(prefix), keys: [shop] } },
    });
    expect((await client.account(account)).balance).toBe(before - 7n);

    const scope = { calls: [], transfers: true, sponsors: false, expiresMs: null, spendMax: 10n * POLLEN, window: null };
    await client.send([{ kind: "putKey", key: { key: device.publicKey, label: "device", scope } }], {
      from: { account, keys: [first, second] },
    });
    await client.transfer(faucet, 3n, { from: { account, keys: [device] } });
    const keys = await client.accountKeys(account);
    expect(keys.scoped).toMatchObject([{ key: device.publicKey, label: "device", transfers: true }]);
    expect(keys.scoped[0]!.used.spent).toBeGreaterThan(0n);
    const denied = await client
      .send([{ kind: "removeKey", key: device.publicKey }], { from: { account, keys: [device] } })
      .catch((error: unknown) => error);
    expect(denied).toMatchObject({ code: 1012, codeName: "KeyNotAllowed" });
  });

  describe("with modules", () => {
    let owner: KeyPair;
    let counter: string;
    let token: string;

    beforeAll(async () => {
      owner = await funded(100n * POLLEN);
      const deployed = await client.deploy(component("counter"), { from: owner, name: "ts-counter", arguments: { start: 40 } });
      if (!deployed.ended) throw new Error("the counter was not deployed in time");
      counter = deployed.value;
      const made = await client.deploy(component("token"), { from: owner, arguments: ["Honey", "HNY", 2, 1000] });
      if (!made.ended) throw new Error("the token was not deployed in time");
      token = made.value;
    });

    it("deploys with arguments in JSON or encoded, and refuses what does not fit before anything is sent", async () => {
      const wasm = component("counter");
      const encoded = encodeArguments([["start", "u64"]], [9], await client.formats());
      const deployed = await client.deploy(wasm, { from: owner, arguments: encoded });
      expect(deployed.ended && (await client.query(deployed.value, "get"))).toBe("9");
      const poor = KeyPair.random();
      await expect(client.deploy(wasm, { from: poor, arguments: { start: "-1" } })).rejects.toThrow("arguments.start: expected u64");
      await expect(client.deploy(wasm, { from: poor })).rejects.toThrow(ValueError);
      await expect(client.deploy(wasm, { from: poor, arguments: { start: 1, stop: 2 } })).rejects.toThrow(ValueError);
      const without = Uint8Array.from(readFileSync(repository("vm/vectors/coldchain.wasm")));
      await expect(client.deploy(without, { from: poor, arguments: [1] })).rejects.toThrow("the module has no `init`");
      await expect(client.deploy(wasm.subarray(0, 100), { from: poor })).rejects.toThrow(InputError);
      // A component that does not describe itself takes encoded arguments only.
      const mute = Uint8Array.of(0, 97, 115, 109, 13, 0, 1, 0);
      await expect(client.deploy(mute, { from: poor, arguments: { start: 1 } })).rejects.toThrow("does not describe itself");
      await expect(client.deploy(mute, { from: owner })).rejects.toThrow(expect.objectContaining({ code: 2009 }) as Error);
    });

    it("calls and queries by address and by name", async () => {
      expect((await client.module("@ts-counter")).module).toBe(counter);
      const called = await client.call("@ts-counter", "increment", { by: 2 }, { from: owner });
      expect(called).toMatchObject({ ended: true, value: "42" });
      expect(await client.query(counter, "get")).toBe("42");
      const info = (await client.query(token, "info")) as Record<string, unknown>;
      expect(info).toEqual({ name: "Honey", symbol: "HNY", decimals: 2, owner: owner.address(prefix) });
    });

    it("tells a module's own error, and what does not fit before anything is sent", async () => {
      const overflow = await client.call(counter, "increment", [(1n << 64n) - 1n], { from: owner }).catch((error: unknown) => error);
      expect(overflow).toBeInstanceOf(TransactionFailed);
      expect(overflow).toMatchObject({ code: 2006, codeName: "ModuleError", error: "overflow", action: 0 });
      const other = KeyPair.random();
      const poor = await client
        .call(token, "transfer-from", { owner: other.address(prefix), to: other.address(prefix), amount: "5" }, { from: owner })
        .catch((error: unknown) => error);
      expect(poor).toMatchObject({ error: { "insufficient-allowance": "0" } });
      await expect(client.call(counter, "increment", { by: -1 }, { from: owner })).rejects.toThrow(ValueError);
      await expect(client.call(counter, "incremend", {}, { from: owner })).rejects.toThrow("did you mean 'increment'?");
      await expect(client.query(counter, "increment")).rejects.toThrow("but a command of that name");
    });

    it("tells in words what is signed", async () => {
      const known = await client.interfaceOf("@ts-counter");
      const by = encodeArguments([["by", "u64"]], [7], await client.formats());
      const invoke = { kind: "invoke", module: known.id, function: "increment", arguments: by, deposit: 0n, interface: known.interfaceHash } as const;
      const stranger = { ...invoke, module: "77".repeat(32) };
      const { transaction } = (await client.sign(owner, [invoke, stranger])).transaction;
      const preview = await client.preview(transaction);
      expect(preview.actions[0]).toBe("Call ts-counter.increment with by 7");
      expect(preview.actions[1]).toMatch(/^Call pollend1.*increment with arguments 0x0700000000000000; its interface is not known$/);
      expect(preview.terms[1]).toBe(`Fee at most 0.0001 pollen, paid by ${owner.address(prefix)}`);
    });

    it("tells before what a transaction would do, in the same words as the node", async () => {
      const known = await client.interfaceOf(counter);
      const by = encodeArguments([["by", "u64"]], [7], await client.formats());
      const transaction = await client.build(owner, [
        { kind: "invoke", module: known.id, function: "increment", arguments: by, deposit: 0n, interface: known.interfaceHash },
      ]);
      const simulated = await client.simulate(transaction);
      expect(simulated).toMatchObject({ refusal: null, outcome: { kind: "success" } });
      expect(simulated.events[0]).toMatchObject({ name: "incremented", json: { by: "7" } });
      expect(simulated.preview).toEqual(await client.preview(transaction));
      const estimate = await client.estimateFee(transaction);
      expect(estimate.maxFuel).toBeGreaterThan(simulated.fuelUsed);
      const signed = await client.sign(owner, transaction.actions, { maxFuel: estimate.maxFuel! });
      const told = await client.request("tx_preview", { transaction: signed.bytes });
      expect(told).toMatchObject({ hash: signed.hash, signatures: [{ key: owner.publicKey, good: true }] });
      expect((await client.submit(signed)).status?.outcome?.kind).toBe("success");
    });

    it("a call names its interface, and fails where it is another one", async () => {
      const known = await client.interfaceOf(counter);
      expect((await client.module(counter)).interfaceHash).toBe(known.interfaceHash);
      const increment = known.interface.commands.find((one) => one.name === "increment")!;
      const wrong = { id: known.id, interfaceHash: "00".repeat(32) };
      const failed = await client
        .callTyped(wrong, increment, { by: 1 }, await client.formats(), { from: owner })
        .catch((error: unknown) => error);
      expect(failed).toMatchObject({ code: 1014, codeName: "InterfaceMismatch" });
    });

    it("goes on at the next node where one is dead", async () => {
      const both = new PollenClient(["http://127.0.0.1:9", network.endpoints[1]!], { genesis: network.genesis });
      const called = await both.call(counter, "increment", { by: 1 }, { from: owner });
      expect(called.ended).toBe(true);
      expect(both.url).toBe(network.endpoints[1]);
      const none = new PollenClient("http://127.0.0.1:9");
      await expect(none.head()).rejects.toThrow(UnreachableError);
    });

    it("tells events by both ways, none lost or doubled over cut connections", async () => {
      const proxy = await Proxy.to(network.endpoints[2]!);
      try {
        for (const transport of ["socket", "polling"] as const) {
          const watcher = new PollenClient(proxy.url, { genesis: network.genesis });
          const after = (await client.head()).at.height.toString();
          const stop = new AbortController();
          const stream = watcher.events({ module: counter, name: "incremented", after, transport, signal: stop.signal });
          const told: EventView[] = [];
          const reading = (async () => {
            for await (const event of stream) {
              told.push(event);
              if (told.length === 12) return;
            }
          })();
          for (let round = 0; round < 4; round++) {
            await Promise.all([1, 2, 3].map(() => client.call(counter, "increment", { by: 1 }, { from: owner })));
            while (transport === "socket" && told.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
            const made = proxy.connections;
            proxy.cut();
            while (transport === "socket" && round < 2 && proxy.connections === made) await new Promise((resolve) => setTimeout(resolve, 20));
          }
          await reading;
          expect(told.length).toBe(12);
          const cursors = told.map((event) => event.cursor);
          for (let index = 1; index < cursors.length; index++) {
            expect(compareCursors(cursors[index - 1]!, cursors[index]!)).toBeLessThan(0);
          }
          const all = await client.request("events_query", { module: counter, name: "incremented", after });
          expect(cursors).toEqual(all.events.map((event) => event.cursor));
          stop.abort();
        }
        expect(proxy.connections).toBeGreaterThan(2);
      } finally {
        await proxy.stop();
      }
    });

    it("follows checkpoints and rounds by both ways, none lost or doubled over cut connections", async () => {
      const proxy = await Proxy.to(network.endpoints[1]!);
      const watcher = new PollenClient(proxy.url, { genesis: network.genesis, fetch: document.fetch, WebSocket: document.WebSocket as never });
      try {
        for (const transport of ["socket", "polling"] as const) {
          const { at: { height }, committedRound } = await client.head();
          const from = { height: height > 20n ? height - 20n : 0n, round: Math.max(committedRound - 20, 0) };
          const checkpoints: FollowedCheckpoint[] = [];
          const rounds: DagRound[] = [];
          // Nodes hold few rounds: of a network that hurries some may be gone before the next connection.
          const gone: number[] = [];
          const onGap = (first: number, last: number) => void gone.push(...Array.from({ length: last - first + 1 }, (_, index) => first + index));
          const stop = new AbortController();
          const until = { height: height + 6n, round: committedRound + 12 };
          const reading = Promise.all([
            (async () => {
              for await (const one of watcher.checkpoints({ after: from.height, transport, signal: stop.signal })) {
                checkpoints.push(one);
                if (one.checkpoint.height >= until.height) return;
              }
            })(),
            (async () => {
              for await (const one of watcher.rounds({ after: from.round, transport, signal: stop.signal, onGap })) {
                rounds.push(one);
                if (one.round >= until.round) return;
              }
            })(),
          ]);
          let isDone = false;
          void reading.finally(() => (isDone = true)).catch(() => undefined);
          for (let count = 0; !isDone; count++) {
            await client.call(counter, "increment", { by: 1 }, { from: owner });
            if (count % 3 === 0) proxy.cut();
          }
          await reading;
          stop.abort();
          const heights = checkpoints.map((one) => one.checkpoint.height);
          expect(heights).toEqual(heights.map((_, index) => from.height + 1n + BigInt(index)));
          const told = rounds.map((one) => one.round);
          expect(told).toEqual([...told].sort((left, right) => left - right));
          const numbers = [...told, ...gone].sort((left, right) => left - right);
          expect(numbers).toEqual(numbers.map((_, index) => from.round + 1 + index));
          for (const { checkpoint } of checkpoints.slice(-3)) expect((await client.checkpointProved(checkpoint.height)).digest).toBe(checkpoint.digest);
          for (const { blocks, slots } of rounds) {
            expect(slots).toHaveLength(4);
            expect(blocks.length).toBeGreaterThanOrEqual(3);
          }
        }
        expect(proxy.connections).toBeGreaterThan(2);
        // From now on: nothing that was before.
        const now = (await client.head()).at.height;
        for await (const { checkpoint } of client.checkpoints()) {
          expect(checkpoint.height).toBeGreaterThan(now);
          break;
        }
      } finally {
        await proxy.stop();
      }
    });

    it("tells of rounds that no node holds any more as a gap, and all others", async () => {
      while ((await client.request("dag_rounds", { last: 1 })).oldestRound < 5) await client.call(counter, "increment", { by: 1 }, { from: owner });
      for (const transport of ["socket", "polling"] as const) {
        const [rounds, gaps]: [number[], [number, number][]] = [[], []];
        const { oldestRound, committedRound } = await client.request("dag_rounds", { last: 1 });
        for await (const { round } of client.rounds({ after: 1, transport, onGap: (from, to) => gaps.push([from, to]) })) {
          if (rounds.push(round) === 20) break;
        }
        expect(gaps[0]![0]).toBe(2);
        expect(gaps[0]![1]).toBeGreaterThanOrEqual(oldestRound - 1);
        // Not all that the node says that it leaves out is gone.
        expect(rounds[0]).toBeLessThan(committedRound);
        const gone = gaps.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, index) => from + index));
        const all = [...gone, ...rounds].sort((left, right) => left - right);
        expect(all).toEqual(all.map((_, index) => 2 + index));
        const strict = client.rounds({ after: 1, transport })[Symbol.asyncIterator]().next();
        await expect(strict).rejects.toThrow(expect.objectContaining({ code: -32_040, codeName: "NotFound" }) as Error);
      }
    });

    it("follows a transaction to its certificate, by both ways and over cut connections", async () => {
      for (const transport of ["socket", "polling"] as const) {
        const { id, interfaceHash } = await client.interfaceOf(counter);
        const by = encodeArguments([["by", "u64"]], [1], await client.formats());
        const signed = await client.sign(owner, [{ kind: "invoke", module: id, function: "increment", arguments: by, deposit: 0n, interface: interfaceHash }]);
        await expect(client.stages(signed.hash, { transport })[Symbol.asyncIterator]().next()).rejects.toThrow(
          expect.objectContaining({ code: -32_040 }) as Error,
        );
        const proxy = await Proxy.to(network.endpoints[0]!);
        try {
          await client.request("tx_submit", { transaction: signed.bytes });
          const watcher = new PollenClient([client.url, proxy.url], { fetch: document.fetch, WebSocket: document.WebSocket as never });
          const told: TxStage[] = [];
          for await (const status of watcher.stages(signed.hash, { transport })) {
            told.push(status);
            proxy.cut();
          }
          const places = told.map((one) => STAGES.indexOf(one.stage));
          expect(places).toEqual([...new Set(places)].sort());
          expect(told.at(-1)).toMatchObject({ stage: "certified", ended: true, outcome: { kind: "success" } });
          // All at once of one that is done.
          for await (const status of client.stages(signed.hash, { transport })) expect(status.stage).toBe("certified");
        } finally {
          await proxy.stop();
        }
      }
    });

    it("fills the gap that a node tells", async () => {
      const after = (await client.head()).at.height.toString();
      const sent = await Promise.all([1, 2, 3].map(() => client.call(counter, "increment", { by: 1 }, { from: owner })));
      const resume = (await client.head()).at.height.toString();
      // A node that was left behind says only this; its events are read by queries.
      class Behind extends EventTarget {
        constructor() {
          super();
          queueMicrotask(() => this.dispatchEvent(new Event("open")));
        }
        send(text: string): void {
          const { id } = JSON.parse(text) as { id: number };
          const say = (json: object) => this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(json) }));
          say({ jsonrpc: "2.0", id, result: "s" });
          say({ jsonrpc: "2.0", method: "events_notice", params: { subscription: "s", result: { type: "gap", after, resume } } });
        }
        close(): void {}
      }
      const watcher = new PollenClient(network.endpoints, { WebSocket: Behind as never });
      const told: EventView[] = [];
      for await (const event of watcher.events({ module: counter, after })) {
        told.push(event);
        if (told.length === 3) break;
      }
      expect(new Set(told.map((event) => event.transaction))).toEqual(new Set(sent.map((one) => one.hash)));
    });

    it("proves transactions, receipts, events, the state and what is not in it", async () => {
      const called = await client.call(counter, "increment", { by: 1 }, { from: owner });
      const { hash } = called;
      const proved = await client.transactionProved(hash);
      expect(proved.receipt.outcome.kind).toBe("success");
      expect(proved.transaction.transaction.sender).toBe(owner.account);
      const { event } = await client.eventProved(hash, 0);
      const incremented = (await client.interfaceOf(counter)).interface.events[0]!;
      expect(decodeValue(incremented.type, event.data, await client.formats())).toMatchObject({ by: "1" });
      await expect(client.eventProved(hash, 1)).rejects.toThrow("none with the number 1");

      const height = proved.checkpoint.height;
      const account = await client.accountProved(owner, height);
      expect(account.record!.balance).toBe((await client.account(owner, { at: height })).balance);
      expect((await client.accountProved(KeyPair.random())).record).toBeNull();
      const name = await client.stateProved(stateKey.name("ts-counter"), height);
      expect(name.value).toEqual(Uint8Array.from(Buffer.from(await client.idOf(counter), "hex")));
      expect((await client.stateProved(stateKey.name("nobody"), height)).value).toBeNull();
      expect((await client.checkpointProved()).height).toBeGreaterThanOrEqual(height);
    });

    it("proves what a key has signed, and that a transaction never runs", async () => {
      const key = await funded();
      const { signed, status } = await client.transfer(faucet, 1n, { from: key, stage: "certified" });
      const { nonce } = signed.transaction.transaction;
      const { value, checkpoint } = await client.stateProved(stateKey.window(key.account, key.publicKey), status!.height!);
      const window = readNonceWindow(value);
      expect(window.highest).toBe(nonce);
      expect([nonce - 1n, nonce, nonce + 1n].map((one) => isUnusedNonce(window, one))).toEqual([nonce > 0n, false, true]);
      const { nonces } = await client.account(key, { publicKey: key.publicKey, at: checkpoint.height });
      expect(nonces!.highest).toBe(nonce);

      const never = await client.build(key, [{ kind: "transfer", to: faucet.account, amount: 1n }], { validForMs: 500 });
      await expect(client.absenceProved(never)).rejects.toThrow(expect.objectContaining({ code: -32_041 }) as Error);
      while ((await client.head({ at: "certified" })).timeMs < never.validUntilMs) await new Promise((resolve) => setTimeout(resolve, 50));
      const shown = await client.absenceProved(never);
      expect(shown.checkpoint.timestampMs).toBeGreaterThanOrEqual(never.validUntilMs);
      // Also where later transactions have used other nonces, or this one.
      await client.send([{ kind: "transfer", to: faucet.account, amount: 1n }], { from: key });
      expect((await client.absenceProved(never)).height).toBeGreaterThanOrEqual(shown.height);
      const ran = { ...signed.transaction.transaction, validUntilMs: never.validUntilMs };
      await expect(client.absenceProved(ran)).rejects.toThrow(expect.objectContaining({ code: -32_040 }) as Error);
      // A node that shows it of another window.
      const proxy = await Proxy.to(network.endpoints[0]!);
      try {
        const other = await client.request("tx_absence", { unsigned: encodeTransaction({ ...never, nonce: never.nonce + 1n }) });
        expect(other.window.value).not.toBeNull();
        proxy.alter = (body) => body.replace(/"value":"[^"]*"/, '"value":null');
        const alone = new PollenClient(proxy.url, { genesis: network.genesis });
        await expect(alone.absenceProved(never)).rejects.toThrow(ProofError);
      } finally {
        await proxy.stop();
      }
    });

    it("believes no answer that was altered, and asks another node", async () => {
      const { hash } = await client.call(counter, "increment", { by: 1 }, { from: owner });
      const { checkpoint } = await client.transactionProved(hash);
      const height = checkpoint.height;
      const proxy = await Proxy.to(network.endpoints[0]!);
      const alone = new PollenClient(proxy.url, { genesis: network.genesis });
      const helped = new PollenClient([proxy.url, network.endpoints[1]!], { genesis: network.genesis });
      const key = stateKey.account(owner.account);
      const honest = await client.stateProved(key, height);
      try {
        for (const field of ["value", "tree", "certificate", "transaction", "receipt"]) {
          // One bit of the bytes in the first field of this name.
          proxy.alter = (body) =>
            body.replace(new RegExp(`("${field}":")([A-Za-z0-9+/]{8,}=*)"`), (_, before: string, text: string) => {
              const bytes = Buffer.from(text, "base64");
              bytes[Math.floor(bytes.length / 2)]! ^= 1;
              return `${before}${bytes.toString("base64")}"`;
            });
          const ofState = field === "value" || field === "tree" || field === "certificate";
          const ask = (asked: PollenClient) => (ofState ? asked.stateProved(key, height) : asked.transactionProved(hash));
          await expect(ask(alone), field).rejects.toThrow(ProofError);
          const found = await ask(helped);
          expect(found.checkpoint.digest).toBe(ofState ? honest.checkpoint.digest : checkpoint.digest);
        }
        // A stage that is told for another transaction, and shapes that are none.
        proxy.alter = (body) => body.replaceAll(hash, "00".repeat(32));
        await expect(alone.status(hash)).rejects.toThrow("of another transaction");
        proxy.alter = (body) => body.replace(/"height":"\d+"/, '"height":-1');
        await expect(alone.head()).rejects.toThrow("expected a whole number from 0 to 2^64 - 1 as text");
        // Another module under a name.
        proxy.alter = (body, method) => (method === "module_interface" ? body.replaceAll(counter, token) : body);
        const thief = new PollenClient(proxy.url, { genesis: network.genesis });
        await expect(thief.call("@ts-counter", "increment", { by: 1 }, { from: owner })).rejects.toThrow("does not belong to");
        // An interface that gives arguments another meaning.
        proxy.alter = (body) => body.replaceAll('"by"', '"to"');
        await expect(alone.interfaceOf(counter)).rejects.toThrow("is not the one whose hash calls name");
        expect((await helped.interfaceOf(counter)).interface.commands.at(-1)!.params).toEqual([["by", "u64"]]);
        proxy.alter = () => "{";
        await expect(alone.head()).rejects.toThrow("no JSON");
        expect((await helped.head()).at.height).toBeGreaterThanOrEqual(height);
      } finally {
        await proxy.stop();
      }
    });

    it("refuses what is of another chain, signed or proved", async () => {
      const signed = await client.sign(owner, [{ kind: "transfer", to: faucet.account, amount: 1n }]);
      const elsewhere = signedOf(signed.transaction, "11".repeat(32));
      expect(elsewhere.hash).not.toBe(signed.hash);
      expect(encodeSigned(elsewhere.transaction)).toEqual(signed.bytes);
      await expect(client.submit(elsewhere)).rejects.toThrow(expect.objectContaining({ code: 1003 }) as Error);
      const other = network.genesis.replace('"timeMs": ', '"timeMs": 1');
      const stranger = new PollenClient(network.endpoints, { genesis: other });
      await expect(stranger.checkpointProved()).rejects.toThrow("is of the chain");
      await expect(stranger.transfer(faucet, 1n, { from: owner })).rejects.toThrow(expect.objectContaining({ code: 1003 }) as Error);
    });

    it("has typed bindings of a module, made by the program", async () => {
      const wasm = readFileSync(repository("vm/vectors/coldchain.wasm"));
      const deployed = await client.deploy(wasm, { from: owner, name: "ts-coldchain" });
      expect(deployed.ended).toBe(true);
      const made = network.pollen("bind", "ts", "ts-coldchain");
      const kept = readFileSync(repository("rpc/ts/tests/bound/coldchain.ts"), "utf8");
      expect(made).toBe(kept.replace('"@coldchain"', '"@ts-coldchain"'));

      const coldchain = new Coldchain(client, "@ts-coldchain");
      const after = (await client.head()).at.height.toString();
      const opened = await coldchain.openBox({ box: "box-1", maxCelsius: 8 }, { from: owner });
      expect(opened).toMatchObject({ ended: true, value: null });
      const read = await coldchain.record({ box: "box-1", celsius: 9.5 }, { from: owner });
      expect(read.ended && read.value).toBe("too-warm");
      const status = await coldchain.status({ box: "box-1" });
      expect(status).toMatchObject({ open: true, maxCelsius: 8, warmestCelsius: 9.5, readings: 1, openedBy: owner.address(prefix), carrier: null });
      for await (const event of coldchain.events({ after })) {
        if (event.name !== "alarm") continue;
        expect(event.value).toMatchObject({ box: "box-1", celsius: 9.5 });
        break;
      }
      const unknown = await coldchain.record({ box: "box-2", celsius: 1 }, { from: owner }).catch((error: unknown) => error);
      expect(unknown).toMatchObject({ code: 2006, error: "unknown-box" });
    });

    it("answers every method in the shape that this client reads and that nodes tell", async () => {
      const { hash } = await client.call(counter, "increment", { by: 1 }, { from: owner, stage: "certified" });
      const { height } = (await client.request("tx_get", { hash }));
      const account = owner.address(prefix);
      const key = Uint8Array.of(1);
      // Not to be executed any more, also in what is certified.
      const past = await client.build(owner, [{ kind: "transfer", to: faucet.account, amount: 1n }], { validForMs: 1 });
      while ((await client.head({ at: "certified" })).timeMs < past.validUntilMs) await new Promise((resolve) => setTimeout(resolve, 50));
      // (What only `pollen dev` does stands in dev.test.ts.)
      const asked: { [M in Exclude<Method, `dev_${string}`>]: () => Promise<Answer<M>> } = {
        "rpc.discover": () => client.request("rpc.discover", {}),
        node_info: () => client.request("node_info", {}),
        node_health: () => client.request("node_health", {}),
        node_peers: () => client.request("node_peers", {}),
        chain_head: () => client.request("chain_head", {}),
        chain_checkpoint: () => client.request("chain_checkpoint", { at: height }),
        chain_checkpoints: () => client.request("chain_checkpoints", { limit: 3 }),
        chain_certificate: () => client.request("chain_certificate", { at: "certified" }),
        chain_params: () => client.request("chain_params", {}),
        chain_committee: () => client.request("chain_committee", {}),
        chain_writes: () => client.request("chain_writes", { height }),
        dag_rounds: () => client.request("dag_rounds", { last: 5 }),
        dag_block: async () => client.request("dag_block", { round: (await client.request("dag_rounds", { last: 5 })).committedRound, author: 0 }),
        tx_submit: async () => client.request("tx_submit", { transaction: (await client.sign(owner, [{ kind: "transfer", to: owner.account, amount: 1n }])).bytes }),
        tx_status: () => client.request("tx_status", { hash }),
        tx_preview: async () => client.request("tx_preview", { unsigned: encodeTransaction(await client.build(owner, [{ kind: "transfer", to: faucet.account, amount: 1n }])) }),
        tx_simulate: async () => client.simulate(await client.build(owner, [{ kind: "transfer", to: faucet.account, amount: 1n }])),
        tx_feeEstimate: () => client.request("tx_feeEstimate", {}),
        tx_absence: async () => client.request("tx_absence", { unsigned: encodeTransaction(past) }),
        tx_get: () => client.request("tx_get", { hash, proof: true }),
        tx_trace: () => client.trace(hash, { before: true }),
        tx_list: () => client.request("tx_list", { account }),
        account_get: () => client.request("account_get", { account, publicKey: owner.publicKey, proof: true, at: height }),
        account_keys: () => client.accountKeys(account),
        state_get: () => client.request("state_get", { account, proof: true, at: height }),
        state_getMany: () => client.request("state_getMany", { entries: [{ account }, { module: counter, key }], proof: true, at: height }),
        state_scan: () => client.request("state_scan", { module: counter }),
        module_get: () => client.module(counter),
        module_interface: () => client.request("module_interface", { module: counter }),
        module_code: () => client.request("module_code", { module: counter }),
        module_list: () => client.request("module_list", {}),
        module_call: () => client.request("module_call", { module: counter, function: "get", arguments: [], at: height, witness: true }),
        events_query: () => client.request("events_query", { module: counter }),
      };
      for (const [method, ask] of Object.entries(asked)) {
        const answer = await ask().catch((error: unknown) => error);
        expect(answer, method).not.toBeInstanceOf(Error);
        if (method !== "rpc.discover") expect((answer as { at: { height: bigint } }).at.height, method).toBeTypeOf("bigint");
      }
      const subscriptions = [...document.methods.values()].filter((one) => one["x-subscription"] !== undefined);
      const calls = [...document.methods.keys()].filter((name) => !name.endsWith("_subscribe") && !name.startsWith("dev_"));
      expect(calls.sort()).toEqual(Object.keys(asked).sort());
      expect(subscriptions.map((one) => one.name).sort()).toEqual(["chain_subscribe", "dag_subscribe", "events_subscribe", "tx_subscribe"]);
      const notices = subscriptions.map((one) => one["x-subscription"]!.notice);
      for (const name of [...calls, ...notices]) expect(document.seen, name).toContain(name);
      // What does not fit is found.
      const at = { height: "1", stateRoot: hash, certified: true };
      expect(document.differences("At", at)).toEqual([]);
      expect(document.differences("At", { ...at, height: 1 })).toHaveLength(1);
      expect(document.differences("At", { ...at, more: 1 })).toHaveLength(1);
      expect(document.differences("ChainNotice", { type: "gap", after: "1", resume: "2", more: 1 })).not.toEqual([]);
      expect([...document.faults]).toEqual([]);
    });

    it("answers the same of the chain by different ways", async () => {
      const { hash } = await client.call(counter, "increment", { by: 1 }, { from: owner, stage: "certified" });
      const status = await client.status(hash);
      const height = status.height!;
      const { checkpoints } = await client.request("chain_checkpoints", { from: height, limit: 1 });
      const proved = await client.checkpointProved(height);
      expect(checkpoints).toMatchObject([{ height, digest: proved.digest, certified: true }]);
      const committee = await client.request("chain_committee", {});
      expect(committee.members.map((one) => one.publicKey)).toEqual(client.light!.committee.map((one) => one.publicKey));
      expect((await client.request("chain_params", {})).parameters).toEqual((await client.nodeInfo()).parameters);
      const { round, author, digest } = status.block!;
      const { blocks } = await client.request("dag_block", { round, author });
      expect(blocks).toMatchObject([{ round, author, digest }]);
      expect(blocks[0]!.transactions).toContain(hash);
      const account = owner.address(prefix);
      const many = await client.request("state_getMany", { entries: [{ account }, { account: await client.address("88".repeat(32)) }], at: height });
      expect(many.entries[0]).toEqual((({ at, ...record }) => record)(await client.request("state_get", { account, at: height })));
      expect(many.entries[1]!.value).toBeNull();
      const code = await client.request("module_code", { module: counter });
      expect(contentHash(code.code!)).toBe(code.codeHash);
      expect(code.code!.length).toBe(code.codeBytes);
      expect((await client.request("module_code", { code: code.codeHash, factsOnly: true })).code).toBeNull();
      const listed: string[] = [];
      for (let after: string | null | undefined; after !== null; ) {
        const page: Answer<"module_list"> = await client.request("module_list", { limit: 1, ...(after === undefined ? {} : { after }) });
        listed.push(...page.modules.map((one) => one.module));
        after = page.next;
      }
      expect(listed).toEqual(expect.arrayContaining([counter, token]));
      expect(new Set(listed).size).toBe(listed.length);
    });

    it("runs the example of the README", () => {
      execFileSync("npm", ["run", "--silent", "build"], { cwd: repository("rpc/ts") });
      const example = repository("rpc/ts/examples/transfer.mjs");
      const said = execFileSync(process.execPath, [example, network.endpoints[0]!, network.genesisFile, "@ts-counter"], { encoding: "utf8" });
      expect(said).toMatch(/the counter is \d+ now/);
      expect(said).toMatch(/event \d+\.\d+\.\d+: .*"by":"2"/);
      expect(said).toMatch(/proved by checkpoint \d+ of 20/);
      expect(said).toMatch(/alice has [\d.]+ pollen, proved/);
    });

    it("goes on without a node that hangs", async () => {
      const urls = network.endpoints.slice().reverse();
      const watcher = new PollenClient(urls, { genesis: network.genesis, timeoutMs: 1_000 });
      const after = (await client.head()).at.height.toString();
      const stream = watcher.events({ module: counter, after, silenceMs: 1_000 });
      const told: EventView[] = [];
      const reading = (async () => {
        for await (const event of stream) {
          told.push(event);
          if (told.length === 4) return;
        }
      })();
      const heights: bigint[] = [];
      const stop = new AbortController();
      const checkpoints = (async () => {
        for await (const { checkpoint } of watcher.checkpoints({ silenceMs: 1_000, signal: stop.signal })) heights.push(checkpoint.height);
      })().catch((error: unknown) => error);
      await watcher.call(counter, "increment", { by: 1 }, { from: owner });
      const hung = network.processes.at(-1)!;
      process.kill(hung, "SIGSTOP");
      try {
        for (let round = 0; round < 3; round++) {
          const called = await watcher.call(counter, "increment", { by: 1 }, { from: owner });
          expect(called.ended).toBe(true);
          // What is followed from here on is followed elsewhere.
          const stages: Stage[] = [];
          for await (const { stage } of watcher.stages(called.hash, { silenceMs: 1_000 })) stages.push(stage);
          expect(stages.at(-1)).toBe("certified");
        }
        await reading;
        const { height } = (await watcher.head()).at;
        while (heights.length === 0 || heights.at(-1)! < height) await new Promise((resolve) => setTimeout(resolve, 50));
        stop.abort(new Error("enough"));
        expect(await checkpoints).toMatchObject({ message: "enough" });
        expect(heights).toEqual(heights.map((_, index) => heights[0]! + BigInt(index)));
      } finally {
        process.kill(hung, "SIGCONT");
      }
      expect(told).toHaveLength(4);
    });
  });
});
