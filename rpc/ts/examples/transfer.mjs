/**
 * Makes an account, sends it something, calls a module, and believes nothing that is not proved.
 *
 * With a development network (`make run` in the repository), after `npm ci && npm run build`:
 *
 *     node examples/transfer.mjs http://127.0.0.1:9650 ../../.pollen/dev/genesis.json @counter
 */

import { readFileSync } from "node:fs";
import { formatAmount, KeyPair, newWords, PollenClient, TransactionFailed } from "@pollen/client";

const [url = "http://127.0.0.1:9650", genesisFile = ".pollen/dev/genesis.json", module = "@counter"] = process.argv.slice(2);

// The genesis document is the one thing that is trusted: get it from somebody whom you trust, not from the node.
const client = new PollenClient(url, { genesis: readFileSync(genesisFile, "utf8") });
const { addressPrefix, coinType } = await client.network();

// Words that people can keep, and the key that they stand for.
const words = newWords();
const alice = KeyPair.fromWords(words, { coinType });
console.log(`account ${alice.address(addressPrefix)}`);

// A development network has a faucet whose key everybody knows.
const faucet = KeyPair.development("faucet");
await client.transfer(alice, "5 pollen", { from: faucet, onProgress: ({ stage }) => console.log(`  ${stage}`) });

// Events from now on, so that none is missed.
const events = client.events({ module, name: "incremented" });

try {
  const called = await client.call(module, "increment", { by: 2 }, { from: alice });
  if (called.ended) console.log(`the counter is ${String(called.value)} now; fee ${formatAmount(called.status.fee ?? 0n)}`);
  else console.log(`after 30 s the transaction is ${called.stage ?? "unknown"}: submit(called.signed) goes on waiting`);
} catch (error) {
  if (!(error instanceof TransactionFailed)) throw error;
  console.log(`the module refused: ${JSON.stringify(error.error)} (${error.codeName}); ${error.hint ?? ""}`);
}

for await (const event of events) {
  console.log(`event ${event.cursor}: ${JSON.stringify(event.json)}`);
  // What the node said is proved: the event stands in a checkpoint that a quorum signed.
  const number = Number(event.cursor.split(".")[2]);
  const { checkpoint } = await client.eventProved(event.transaction, number);
  console.log(`proved by checkpoint ${checkpoint.height} of ${new Date(Number(checkpoint.checkpoint.timestampMs)).toISOString()}`);
  break;
}

const { record } = await client.accountProved(alice);
console.log(`alice has ${formatAmount(record?.balance ?? 0n)}, proved`);
