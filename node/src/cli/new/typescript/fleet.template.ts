/** {{name}} on the network of `pollen dev`: npm test. */

import { TransactionFailed } from "@pollen/client";
import { expect, it } from "vitest";
import { bob, bobsAddress, module } from "./network.js";

it("takes no readings of devices that it does not know", async () => {
  expect(await module.device({ device: bobsAddress })).toBeNull();
  const refused = await module.report({ value: 20.5 }, { from: bob }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(TransactionFailed);
});

it("has a threshold, which its owner alone moves", async () => {
  const before = await module.threshold();
  const refused = await module.setThreshold({ threshold: before + 1 }, { from: bob }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(TransactionFailed);
  expect(await module.threshold()).toBe(before);
});
