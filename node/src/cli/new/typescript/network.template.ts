/** The network of `pollen dev`, which is for each test as it was before the first. */

import { DevNetwork, KeyPair, PollenClient } from "@pollen/client";
import { afterEach, beforeAll } from "vitest";
import { {{class}} } from "../src/{{name}}.js";

/** The nodes of `pollen dev`, unless POLLEN_RPC names others. */
const NODES = "http://127.0.0.1:9650,http://127.0.0.1:9651,http://127.0.0.1:9652,http://127.0.0.1:9653";

export const client = new PollenClient((process.env["POLLEN_RPC"] ?? NODES).split(","));
const network = new DevNetwork(client);

/** Somebody with 1 000 pollen. */
export const bob = KeyPair.development("bob of the tests");
export const bobsAddress = bob.address("pollend");
export const module = new {{class}}(client);

let start: number;
beforeAll(async () => {
  await network.fund(bobsAddress, 1_000_000_000_000n);
  start = await network.snapshot();
});
afterEach(() => network.revert(start));
