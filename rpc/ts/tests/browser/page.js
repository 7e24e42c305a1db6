/** What a page does with the client: run by tests/browser.test.ts in a real browser, from the built package. */

import { decodeValue, formatAmount, KeyPair, newWords, PollenClient, readWords } from "@pollen/client";

/** @param {{ endpoints: string[], genesis: string, module: string }} given */
async function everything({ endpoints, genesis, module }) {
  const client = new PollenClient(endpoints, { genesis });
  const { addressPrefix, coinType } = await client.network();

  const words = newWords();
  const alice = KeyPair.fromWords(words, { coinType });
  const again = KeyPair.fromWords(readWords(words), { coinType });
  const message = new TextEncoder().encode("from a page");

  const checkpoints = client.checkpoints();
  const events = client.events({ module, name: "incremented" });
  const sent = await client.transfer(alice, "5 pollen", { from: KeyPair.development("faucet"), stage: "certified" });
  const called = await client.call(module, "increment", { by: 7 }, { from: alice });
  const stages = [];
  for await (const { stage } of client.stages(called.hash)) stages.push(stage);

  const told = [];
  const { interface: known } = await client.interfaceOf(module);
  const { type } = /** @type {import("@pollen/client").EventType} */ (known.events.find(({ name }) => name === "incremented"));
  for await (const event of events) {
    if (event.transaction !== called.hash) continue;
    told.push(decodeValue(type, event.data, await client.formats()));
    break;
  }
  const heights = [];
  for await (const { checkpoint } of checkpoints) if (heights.push(Number(checkpoint.height)) === 3) break;

  const proved = await client.accountProved(alice, sent.ended ? /** @type {bigint} */ (sent.status.height) : undefined);
  return {
    words: words.split(" ").length,
    address: alice.address(addressPrefix),
    isSameKey: again.publicKey === alice.publicKey,
    signature: alice.sign(message).length,
    called: called.ended ? called.value : null,
    value: await client.query(module, "get"),
    events: told,
    stages,
    heights,
    balance: formatAmount(proved.record?.balance ?? 0n),
    hasSocket: typeof WebSocket === "function",
    hasNode: "process" in globalThis || "Buffer" in globalThis,
  };
}

/** Whether a page may call a node, by fetch and by WebSocket. @param {string} endpoint */
async function reach(endpoint) {
  const client = new PollenClient(endpoint);
  const socket = await new Promise((resolve) => {
    const socket = new WebSocket(`${endpoint.replace(/^http/, "ws")}/ws`);
    socket.addEventListener("open", () => resolve("open"));
    socket.addEventListener("error", () => resolve("error"));
  });
  const answer = await client.head().then(() => "answered", (/** @type {Error} */ error) => error.constructor.name);
  return { answer, socket };
}

Object.assign(globalThis, { everything, reach });
