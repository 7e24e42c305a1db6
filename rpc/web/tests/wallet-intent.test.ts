/** What the owner of a key is told before they sign: against a real network, whose node tries each transaction. */

import { contentHash, encodeArguments, KeyPair, PollenClient, signTransaction, type Action } from "@pollen/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { component, POLLEN_BIN, startNetwork, type Network } from "../../ts/tests/network.js";
import { build, checkOwn, review, withEstimate, type Intent, type Review } from "../src/wallet/intent.js";

if (POLLEN_BIN === undefined) console.warn("skipped: POLLEN_BIN names no program `pollen`");

describe.skipIf(POLLEN_BIN === undefined)("a review", () => {
  let network: Network;
  let client: PollenClient;
  const owner = KeyPair.random();
  const other = KeyPair.random();
  let call: Action & { kind: "invoke" };
  let code: Uint8Array;

  beforeAll(async () => {
    network = await startNetwork();
    client = new PollenClient(network.endpoints, { genesis: network.genesis });
    await client.transfer(owner, "100 pollen", { from: KeyPair.development("faucet") });
    code = component("counter");
    const { value } = await client.deploy(code, { from: owner, name: "counter", arguments: { start: 5 } });
    const known = await client.interfaceOf(value!);
    const increment = known.interface.commands.find(({ name }) => name === "increment")!;
    const encoded = encodeArguments(increment.params, { by: 3 }, await client.formats());
    call = { kind: "invoke", module: known.id, function: "increment", arguments: encoded, deposit: 0n, interface: known.interfaceHash };
  });
  afterAll(() => network?.stop());

  async function reviewed(...actions: Action[]): Promise<Review> {
    return reviewedWith({ actions });
  }
  async function reviewedWith(intent: Intent, key = owner): Promise<Review> {
    const attachments = intent.attachments ?? [];
    const made = await build(client, key.publicKey, key.account, intent);
    return review(client, intent.maxFuel === undefined ? await withEstimate(client, made, attachments) : made, attachments);
  }
  const words = ({ warnings }: Review) => warnings.map((one) => one.words).join(" ");

  it("of a call that is held to its interface has nothing to warn of", async () => {
    const told = await reviewed(call);
    expect(told.actions).toEqual(["Call counter.increment with by 3"]);
    expect(told.warnings).toEqual([]);
    expect(told.pins).toEqual([{ module: (await client.interfaceOf("@counter")).address, name: "counter", hash: call.interface, isPinned: true }]);
    expect(told.forecast).toMatchObject({ kind: "success", events: 1 });
    // What may be taken is near what will be: the node's estimate, not the most that is allowed.
    const { forecast, feeMax } = told;
    expect(forecast.kind === "success" && feeMax >= forecast.fee && feeMax < 4n * forecast.fee).toBe(true);
    const fate = await client.submit(
      await client.network().then(async ({ chainId }) => {
        const { signedOf } = await import("@pollen/client");
        return signedOf(signTransaction(told.transaction, chainId, owner), chainId);
      }),
    );
    expect(fate.status?.outcome?.kind).toBe("success");
  });

  it("tells of calls that are held to nothing, to another interface, to no function, or that nobody can read", async () => {
    expect(words(await reviewed({ ...call, interface: null }))).toContain("does not name the interface");
    expect(words(await reviewed({ ...call, interface: "12".repeat(32) }))).toMatch(/another interface than the module has.*Tried now, it fails/s);
    expect(words(await reviewed({ ...call, function: "no-such", interface: null }))).toContain("no command 'no-such'");
    const unknown = await reviewed({ ...call, module: other.account });
    expect(words(unknown)).toContain("nobody can say what this call does");
    expect(unknown.warnings[0]?.tone).toBe("bad");
    expect(unknown.pins[0]?.name).toBeNull();
  });

  it("tells of what gives an account away, before everything else", async () => {
    const told = await reviewed(
      { ...call, interface: null },
      { kind: "setOwners", threshold: 1, owners: [{ key: other.publicKey, weight: 1 }] },
      { kind: "putKey", key: { key: other.publicKey, label: "till", scope: { calls: [], transfers: true, sponsors: false, expiresMs: null, spendMax: null, window: null } } },
    );
    expect(told.warnings.findLastIndex(({ tone }) => tone === "bad")).toBe(1);
    expect(told.warnings.findIndex(({ tone }) => tone === "warn")).toBe(2);
    expect(words(told)).toContain("who owns the account. No key of this wallet is among them");
    expect(words(told)).toContain("another key a say");
    expect(told.actions[2]).toContain(`Let key ${other.publicKey} "till"`);
  });

  it("tells of a policy that cannot be taken back", async () => {
    const module = (await client.interfaceOf("@counter")).id;
    const policy = (kind: "never" | "owner") => ({ kind: "change" as const, module, change: { kind: "policy" as const, policy: kind === "never" ? { kind } : { kind, delayMs: 0n } } });
    expect((await reviewed(policy("never"))).warnings[0]).toMatchObject({ tone: "bad", words: expect.stringContaining("nor take this back") as string });
    expect((await reviewed(policy("owner"))).warnings.map(({ tone }) => tone)).toEqual(["warn"]);
  });

  it("tells of money that is not there", async () => {
    const told = await reviewed({ kind: "transfer", to: other.account, amount: 5_000_000_000_000n });
    expect(words(told)).toMatch(/This may take 5000\.0+\d* pollen .*the account has 9\d/);
    expect(words(told)).toContain("Tried now, it fails");
    const poor = await reviewedWith({ actions: [call] }, other);
    expect(words(poor)).toContain("and the account has 0 pollen");
  });

  it("of a deployment reads what init is given out of the attached code, and tries it with that code", async () => {
    const given = encodeArguments([["start", "u64"]], { start: 9 }, await client.formats());
    const deploy: Action = { kind: "deploy", code: contentHash(code), name: "second", arguments: given, policy: { kind: "owner", delayMs: 0n } };
    const told = await reviewedWith({ actions: [deploy], attachments: [code] });
    expect(told.actions[0]).toMatch(/as second.*Its init is given start 9$/);
    expect(told.forecast.kind).toBe("success");
    expect(words(await reviewedWith({ actions: [{ ...deploy, code: "34".repeat(32) }], attachments: [code] }))).toContain("shown as bytes");
    // On the ledger already, it is read from there where nobody attaches it.
    expect((await reviewedWith({ actions: [deploy] })).actions[0]).toMatch(/Its init is given start 9$/);
  });

  it("of code that is not on the ledger yet does not say that it fails, nor offers less fuel than it may need", async () => {
    // The same component with an empty section more: other code by its hash.
    const other = new Uint8Array([...code, 0, 2, 1, 0x78]);
    const given = encodeArguments([["start", "u64"]], { start: 9 }, await client.formats());
    const told = await reviewedWith({ actions: [{ kind: "deploy", code: contentHash(other), name: null, arguments: given, policy: { kind: "owner", delayMs: 0n } }], attachments: [other] });
    expect(told.forecast).toMatchObject({ kind: "none", why: expect.stringContaining("not tried to its end") as string });
    expect(told.warnings).toEqual([]);
    expect(told.transaction.maxFuel).toBe((await client.network()).parameters.transactionFuelMax);
  });

  it("tells of a key that has no say any more in the account that it began", async () => {
    const former = KeyPair.random();
    await client.transfer(former, "10 pollen", { from: owner });
    await client.send([{ kind: "setOwners", threshold: 1, owners: [{ key: other.publicKey, weight: 1 }] }], { from: former });
    const told = await reviewedWith({ actions: [call] }, former);
    expect(told.warnings[0]).toMatchObject({ tone: "bad", words: expect.stringMatching(/which has other owners by now. The key has no say in it/) as string });
  });

  it("tells of an account and a payer that are not the key's", async () => {
    const made = await build(client, owner.publicKey, owner.account, { actions: [call] });
    const foreign = await review(client, { ...made, sender: other.account }, []);
    expect(foreign.sender).toBe(await client.address(other));
    expect(foreign.warnings[0]).toMatchObject({ tone: "bad", words: expect.stringContaining("another account") as string });
    const paid = await review(client, { ...made, payer: other.account }, []);
    expect(paid.payer).toBe(await client.address(other));
    expect((await review(client, made, [])).payer).toBeNull();
  });

  it("is of the key's own transactions only", async () => {
    const made = await build(client, owner.publicKey, owner.account, { actions: [call] });
    expect(() => checkOwn(made, owner.publicKey)).not.toThrow();
    expect(() => checkOwn(made, other.publicKey)).toThrow("another key");
  });
});
