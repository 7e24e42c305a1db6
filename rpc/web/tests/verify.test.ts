/** What is verified against a real network, and every kind of lie: one that is not found would be shown as verified. */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { encodeArguments, KeyPair, LightClient, PollenClient, toBase64 } from "@pollen/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { component, POLLEN_BIN, startNetwork, type Network } from "../../ts/tests/network.js";
import { check, type Finding, type Verifiable } from "../src/verify/check.js";
import { pageOf } from "../src/verify/page-of.js";

if (POLLEN_BIN === undefined) console.warn("skipped: POLLEN_BIN names no program `pollen`");

/** A node's answers, altered on their way. */
class Liar {
  readonly #server: Server;
  alter: (answer: Json, method: string) => void = () => {};
  url = "";

  constructor(node: string) {
    this.#server = createServer((request, response) => {
      void (async () => {
        let body = "";
        for await (const chunk of request) body += String(chunk);
        const answer = (await (await fetch(node, { method: "POST", body })).json()) as { result?: Json };
        if (answer.result !== undefined) this.alter(answer.result, (JSON.parse(body) as { method: string }).method);
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
      })().catch(() => response.destroy());
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** An answer, as it is altered. */
type Json = any;

/** A finding for who reads a failed test. */
const shown = (finding: Finding) => JSON.stringify(finding, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)).slice(0, 300);

/** Another letter of the same kind, so that the answer still has its documented shape. */
function flipped(text: string, at: number): string {
  const letter = text[at]!;
  const kind = ["0123456789", "abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "ghijklmnopqrstuvwxyz"].find((letters) => letters.includes(letter)) ?? "AB";
  const other = kind[(kind.indexOf(letter) + 1) % kind.length]!;
  return text.slice(0, at) + other + text.slice(at + 1);
}

describe("addresses of other nodes' pages", () => {
  it("are http and nothing else", () => {
    expect(pageOf("node.example:9650", "#/accounts/a")).toBe("http://node.example:9650/#/accounts/a");
    expect(pageOf(" https://node.example/some/path?x ", "#/")).toBe("https://node.example/#/");
    for (const none of ["", "javascript://alert(1)", "file:///etc/passwd", "http://", "a b c"]) expect(pageOf(none, "#/"), none).toBeNull();
  });
});

describe.skipIf(POLLEN_BIN === undefined)("a node's word", () => {
  let network: Network;
  let honest: PollenClient;
  let liar: Liar;
  let client: PollenClient;
  let address: string;
  let counter: string;
  let called: string;
  let entry: Uint8Array;
  let nobody: string;

  beforeAll(async () => {
    network = await startNetwork();
    honest = new PollenClient(network.endpoints, { genesis: network.genesis });
    liar = await new Liar(network.endpoints[0]!).listen();
    const { chainId, committee } = honest.light!;
    expect(chainId).toMatch(/^[0-9a-f]{64}$/);
    client = new PollenClient(liar.url, { light: LightClient.of(honest.light!.chainId, committee) });
    const owner = KeyPair.random();
    address = await honest.address(owner);
    nobody = await honest.address(KeyPair.random());
    await honest.transfer(owner, "100 pollen", { from: KeyPair.development("faucet") });
    const deployed = await honest.deploy(component("counter"), { from: owner, arguments: { start: 5 } });
    counter = deployed.value!;
    const call = await honest.call(counter, "increment", { by: 2 }, { from: owner, stage: "certified" });
    called = call.hash;
    entry = (await honest.request("state_scan", { module: counter })).entries[0]!.key;
  });
  afterAll(async () => {
    await liar?.stop();
    await network?.stop();
  });

  /** What is found while the node's answers to one method are altered. */
  async function found(of: Verifiable, method: string, alter: (answer: Json) => void): Promise<Finding> {
    let isAltered = false;
    liar.alter = (answer, asked) => {
      if (asked !== method) return;
      alter(answer);
      isAltered = true;
    };
    const finding = await check(client, of).finally(() => (liar.alter = () => {}));
    expect(isAltered).toBe(true);
    return finding;
  }
  const all = (): Verifiable[] => [
    { kind: "head" },
    { kind: "checkpoint", height: 2n },
    { kind: "account", account: address },
    { kind: "account", account: nobody },
    { kind: "transaction", hash: called },
    { kind: "state", module: counter, key: entry },
    { kind: "state", module: counter, key: new TextEncoder().encode("no such key") },
  ];

  it("is verified where it is true, with each value that it says", async () => {
    for (const of of all()) {
      const finding = await check(client, of);
      expect(finding.verdict, shown(finding)).toBe("verified");
      if (finding.verdict !== "verified") continue;
      expect(finding.facts.length).toBeGreaterThan(1);
      for (const { said, proved } of finding.facts) expect(said).toBe(proved);
    }
    const account = await check(client, { kind: "account", account: address });
    expect(account.verdict === "verified" && account.facts.find(({ name }) => name === "balance")?.proved).toMatch(/pollen$/);
  });

  it("is a lie where one digit of what it says is another", async () => {
    const digit = (path: string[], at = 0) => (answer: Json) => {
      const [last, ...before] = [...path].reverse() as [string, ...string[]];
      const holder = before.reverse().reduce((inside, name) => inside[name], answer);
      const value = holder[last];
      holder[last] = typeof value === "number" ? value + 1 : flipped(value as string, Math.min(at, (value as string).length - 1));
    };
    const transaction: Verifiable = { kind: "transaction", hash: called };
    const state: Verifiable = { kind: "state", module: counter, key: entry };
    const cases: [Verifiable, string, (answer: Json) => void, string][] = [
      [{ kind: "account", account: address }, "account_get", digit(["balance"]), "balance"],
      [{ kind: "account", account: address }, "account_get", digit(["deposit"]), "deposit"],
      [{ kind: "account", account: address }, "account_get", (answer) => (answer.exists = false), "exists"],
      [{ kind: "head" }, "chain_checkpoint", digit(["digest"], 10), "digest"],
      [{ kind: "head" }, "chain_checkpoint", digit(["at", "stateRoot"], 63), "state root"],
      [{ kind: "head" }, "chain_checkpoint", digit(["timeMs"]), "ledger time"],
      [transaction, "tx_status", digit(["fee"]), "fee"],
      [transaction, "tx_status", digit(["fuelUsed"]), "fuel"],
      [transaction, "tx_status", digit(["height"]), "height"],
      [transaction, "tx_status", (answer) => (answer.outcome = { kind: "rejected", code: 1010, name: "x", message: "x" }), "outcome"],
      [transaction, "tx_status", (answer) => (answer.outcome.results[0].bytes = toBase64(new Uint8Array(8))), "outcome"],
      [transaction, "tx_status", (answer) => (answer.events = []), "events"],
      [transaction, "tx_status", digit(["transaction", "nonce"]), "terms"],
    ];
    for (const [of, method, alter, what] of cases) {
      const finding = await found(of, method, alter);
      expect(finding.verdict, `${method} ${what}`).toBe("lie");
      if (finding.verdict === "lie") expect(finding.why, method).toContain(what);
    }
    // The plain answer alone, the proved one left as it is.
    liar.alter = (answer, method) => {
      if (method === "state_get" && answer.proof === null) answer.value = toBase64(new Uint8Array([9]));
    };
    const finding = await check(client, state).finally(() => (liar.alter = () => {}));
    expect(finding).toMatchObject({ verdict: "lie", why: expect.stringContaining("value") as string });
  });

  it("is a lie wherever one letter of a proof is another", async () => {
    const proofs: [Verifiable, string, (answer: Json) => [Json, string][]][] = [
      [{ kind: "head" }, "chain_certificate", (answer) => [[answer, "certificate"]]],
      [{ kind: "account", account: address }, "state_get", (answer) => (answer.proof === null ? [] : [[answer, "value"], [answer.proof, "tree"], [answer.proof.checkpoint, "certificate"]])],
      [{ kind: "transaction", hash: called }, "tx_get", (answer) => [
        [answer, "transaction"], [answer, "receipt"], [answer.proof.checkpoint, "certificate"], [answer.proof.receipt, "index"], [answer.proof.receipt, "count"],
        ...(answer.proof.receipt.siblings as string[]).map((_, at): [Json, string] => [answer.proof.receipt.siblings, String(at)]),
      ]],
    ];
    let lies = 0;
    for (const [of, method, placesOf] of proofs) {
      // Which places there are, an honest answer tells; then each is altered at some letters, spread over all of it.
      let count = 0;
      liar.alter = (answer, asked) => void (asked === method && (count = Math.max(count, placesOf(answer).length)));
      await check(client, of);
      for (let place = 0; place < count; place++) {
        for (const share of [0, 0.13, 0.37, 0.61, 0.83, 0.97]) {
          const finding = await found(of, method, (answer) => {
            const [holder, name] = placesOf(answer)[place] ?? [];
            if (holder === undefined || name === undefined) return;
            const text = String(holder[name]);
            holder[name] = flipped(text, Math.floor(share * text.replace(/=+$/, "").length));
          });
          expect(finding.verdict, `${method} place ${place} at ${share}: ${shown(finding)}`).toBe("lie");
          lies += 1;
        }
      }
    }
    expect(lies).toBeGreaterThan(50);
  });

  it("is neither where it has no proof to give, or is of another chain", async () => {
    const gone = new PollenClient("http://127.0.0.1:9", { light: honest.light!, timeoutMs: 500 });
    expect((await check(gone, { kind: "head" })).verdict).toBe("unproved");
    const other = new PollenClient(liar.url, { light: LightClient.of("12".repeat(32), honest.light!.committee) });
    expect(await check(other, { kind: "head" })).toMatchObject({ verdict: "lie", why: expect.stringContaining("of the chain") as string });
    await expect(other.network()).rejects.toThrow("is of the chain");
    const impostors = honest.light!.committee.map((_, at) => ({ publicKey: KeyPair.development(`impostor ${at}`).publicKey, stake: 1n }));
    const fooled = new PollenClient(liar.url, { light: LightClient.of(honest.light!.chainId, impostors) });
    expect(await check(fooled, { kind: "account", account: address })).toMatchObject({ verdict: "lie", why: expect.stringContaining("signature of validator") as string });
  });

  it("of a failed call is verified with the module's own error", async () => {
    const owner = KeyPair.random();
    await honest.transfer(owner, "10 pollen", { from: KeyPair.development("faucet") });
    const known = await honest.interfaceOf(counter);
    const increment = known.interface.commands.find((one) => one.name === "increment")!;
    const encoded = encodeArguments(increment.params, { by: 1 }, await honest.formats());
    const sent = await honest
      .send([{ kind: "invoke", module: known.id, function: "no-such", arguments: encoded, deposit: 0n, interface: null }], { from: owner, stage: "certified" })
      .then((fate) => fate.hash, (error: { hash: string }) => error.hash);
    const finding = await check(client, { kind: "transaction", hash: sent });
    expect(finding.verdict).toBe("verified");
    const lie = await found({ kind: "transaction", hash: sent }, "tx_status", (answer) => (answer.outcome.code = 2005));
    expect(lie).toMatchObject({ verdict: "lie", why: expect.stringContaining("outcome") as string });
  });
});
