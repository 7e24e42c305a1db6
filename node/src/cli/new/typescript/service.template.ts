/** {{name}} on the network of `pollen dev`: npm test. */

import { expect, it } from "vitest";
import { bob, module } from "./network.js";

it("keeps what is signed", async () => {
  const signed = await module.sign({ text: "hello" }, { from: bob });
  expect(signed.ended).toBe(true);
  const number = signed.ended ? signed.value : 0;
  const entry = await module.get({ path: `/entries/${number}` });
  expect(entry.status).toBe(200);
  expect(entry.body).toContain("hello");
});

it("answers 404 for what is not there", async () => {
  expect((await module.get({ path: "/entries/4000000000" })).status).toBe(404);
});
