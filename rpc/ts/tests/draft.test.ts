/** What these protect: a transaction goes between this client and the command line, in both directions, and nobody can alter it on its way. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InputError, KeyPair, PollenClient, readDraft, signDraft, signedDraft, toBase64, writeDraft, type Draft } from "../src/index.js";
import { POLLEN_BIN, startNetwork, type Network } from "./network.js";

const [first, second] = [KeyPair.development("first"), KeyPair.development("second")];
const draft: Draft = {
  chainId: "11".repeat(32),
  addressPrefix: "pollend",
  transaction: {
    version: 1, sender: first.account, key: first.publicKey, nonce: 1n, validUntilMs: 5n, maxFuel: 1n, fuelPrice: 1n, payer: second.account,
    actions: [{ kind: "transfer", to: second.account, amount: 3n }],
  },
  signatures: [],
  attachments: [],
  interfaces: [Uint8Array.of(1, 2)],
};

describe("a draft", () => {
  it("is read as it was written, with every signature", () => {
    const signed = signDraft(signDraft(draft, second), first);
    expect(readDraft(writeDraft(signed))).toEqual(signed);
    expect(signedDraft(signed).transaction.cosignatures.map(({ publicKey }) => publicKey)).toEqual([second.publicKey]);
    expect(signDraft(signed, first).signatures).toHaveLength(2);
    expect(() => signedDraft(signDraft(draft, second))).toThrow(`the key that leads has not signed: ${first.publicKey}`);
  });

  it("is refused where it was altered, or is none", () => {
    const json = JSON.parse(writeDraft(signDraft(draft, first))) as Record<string, unknown>;
    const other = JSON.parse(writeDraft({ ...draft, transaction: { ...draft.transaction, nonce: 2n } })) as Record<string, unknown>;
    const refused = (changed: Record<string, unknown>) => expect(() => readDraft(JSON.stringify({ ...json, ...changed })), JSON.stringify(changed)).toThrow(InputError);
    refused({ transaction: other["transaction"] });
    refused({ chainId: "22".repeat(32) });
    refused({ version: 2 });
    refused({ pollen: "message" });
    refused({ more: 1 });
    refused({ transaction: `${String(json["transaction"])}AAAA` });
    refused({ transaction: toBase64(Uint8Array.of(1)) });
    refused({ signatures: [json["signatures"], json["signatures"]] });
    refused({ attachments: Array(5).fill("") });
    expect(() => readDraft("no")).toThrow("it is no JSON document");
  });
});

describe.skipIf(POLLEN_BIN === undefined)("a draft of a network", () => {
  let network: Network;
  let client: PollenClient;
  let folder: string;
  beforeAll(async () => {
    network = await startNetwork();
    client = new PollenClient(network.endpoints, { genesis: network.genesis });
    folder = mkdtempSync(join(tmpdir(), "pollen-draft-"));
  });
  afterAll(async () => {
    await network?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is built and signed there, signed and sent here; and the other way round", async () => {
    network.pollen("keys", "new", "alice");
    network.pollen("devnet", "fund", "alice", "100");
    const payer = KeyPair.random();
    await client.transfer(payer, "10 pollen", { from: KeyPair.development("faucet") });
    const to = await client.address(KeyPair.random());
    const built = network.pollen("--payer", `${payer.publicKey}`, "tx", "build", "transfer", "alice", to, "5");
    const file = join(folder, "tx.json");
    writeFileSync(file, built);
    const half = network.pollen("tx", "sign", "alice", file);
    const fate = await client.submit(signedDraft(signDraft(readDraft(half), payer)));
    expect(fate.status?.outcome?.kind).toBe("success");
    expect((await client.account(to)).balance).toBe(5_000_000_000n);

    const chain = await client.network();
    const alice = readDraft(half).transaction;
    const transaction = await client.build({ account: payer.account, keys: [payer], payer: { account: alice.sender, keys: [] } }, alice.actions);
    const mine = signDraft({ chainId: chain.chainId, addressPrefix: chain.addressPrefix, transaction, signatures: [], attachments: [], interfaces: [] }, payer);
    writeFileSync(file, writeDraft(mine));
    const whole = network.pollen("tx", "sign", "alice", file);
    expect(readDraft(whole).signatures).toHaveLength(2);
    writeFileSync(file, whole);
    expect(network.pollen("tx", "send", file)).toContain("success");
  });
});
