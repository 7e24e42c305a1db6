/** What a development network does for who tests a module against it. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevNetwork, KeyPair, PollenClient, RpcError } from "../src/index.js";
import { POLLEN_BIN, startNetwork, type Network } from "./network.js";
import { Document } from "./openrpc.js";

if (POLLEN_BIN === undefined) {
  console.warn("skipped: POLLEN_BIN is not set; give it the path of a built `pollen` (scripts/test-ts does)");
}

describe.skipIf(POLLEN_BIN === undefined)("a development network", () => {
  const DAY_MS = 86_400_000n;
  let network: Network;
  let document: Document;
  let client: PollenClient;
  let dev: DevNetwork;

  beforeAll(async () => {
    network = await startNetwork();
    document = await Document.of(network.endpoints[0]!);
    client = new PollenClient(network.endpoints, { genesis: network.genesis, fetch: document.fetch });
    dev = new DevNetwork(client);
  });
  afterAll(async () => {
    await network?.stop();
  });

  it("gives money, jumps in time and goes back, as often as wanted", async () => {
    const owner = KeyPair.development("tester");
    const account = owner.address("pollend");
    expect((await client.nodeInfo()).groups).toContain("dev");
    await dev.fund(account, 3_000_000_000n);
    expect((await client.account(account)).balance).toBe(3_000_000_000n);
    const snapshot = await dev.snapshot();
    for (let round = 0; round < 2; round++) {
      await dev.fund(account, 1n);
      expect((await client.account(account)).balance).toBe(3_000_000_001n);
      const before = (await client.head()).timeMs;
      expect(await dev.advanceTime(DAY_MS)).toBeGreaterThanOrEqual(before + DAY_MS);
      await dev.revert(snapshot);
      // At every node, and through the client that knew greater heights.
      expect((await client.account(account)).balance).toBe(3_000_000_000n);
      for (const url of network.endpoints) expect((await new PollenClient(url).account(account)).balance).toBe(3_000_000_000n);
    }
    // What is signed after a jump is valid still.
    const sent = await client.transfer(KeyPair.development("faucet"), 5n, { from: owner });
    expect(sent.ended).toBe(true);
    const refused = await client.request("dev_revert", { snapshot: 99 }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RpcError);
    expect(refused).toMatchObject({ code: -32_040 });
    for (const name of ["dev_fund", "dev_advanceTime", "dev_snapshot", "dev_revert"]) expect(document.seen, name).toContain(name);
    expect([...document.faults]).toEqual([]);
  });
});
