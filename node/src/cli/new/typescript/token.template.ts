/** {{name}} on the network of `pollen dev`: npm test. */

import { KeyPair, TransactionFailed } from "@pollen/client";
import { expect, it } from "vitest";
import { bob, bobsAddress, module } from "./network.js";

const carol = KeyPair.development("carol of the tests").address("pollend");

it("says what it is", async () => {
  const { name, symbol } = await module.info();
  expect([name, symbol]).not.toContain("");
});

it("lets nobody spend what he has not", async () => {
  expect(await module.balanceOf({ of: bobsAddress })).toBe(0n);
  const refused = await module.transfer({ to: carol, amount: 1n }, { from: bob }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(TransactionFailed);
});

it("lets a spender be named", async () => {
  await module.approve({ spender: carol, amount: 7n }, { from: bob });
  expect(await module.allowance({ owner: bobsAddress, spender: carol })).toBe(7n);
});
