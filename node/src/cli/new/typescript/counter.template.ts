/** {{name}} on the network of `pollen dev`: npm test. */

import { TransactionFailed } from "@pollen/client";
import { expect, it } from "vitest";
import { bob, module } from "./network.js";

it("is raised by anybody", async () => {
  const before = await module.get();
  const raised = await module.increment({ by: 2n }, { from: bob });
  expect(raised.ended && raised.value).toBe(before + 2n);
  expect(await module.get()).toBe(before + 2n);
});

it("is not raised beyond what a u64 holds", async () => {
  const before = await module.get();
  await module.increment({ by: 1n }, { from: bob });
  const refused = await module.increment({ by: 2n ** 64n - 1n }, { from: bob }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(TransactionFailed);
  expect(refused).toMatchObject({ error: "overflow" });
  expect(await module.get()).toBe(before + 1n);
});
