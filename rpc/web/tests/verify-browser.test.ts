/** "Verify here" in a real browser: what is true, every kind of lie, another chain under the same address, the genesis document. */

import { KeyPair, PollenClient } from "@pollen/client";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { component, startNetwork, type Network } from "../../ts/tests/network.js";
import { faults, isPossible, launch, NodePage, Person, type Alter } from "./wallet-site.js";

/** An answer with one character changed: so many behind `after`. */
function oneByte(answer: string, after: string, behind = 0): string {
  const at = answer.indexOf(after) + after.length + behind;
  if (!answer.includes(after)) throw new Error(`the answer has no ${after}`);
  const letter = answer[at]!;
  const other = /[0-8]/.test(letter) ? String(Number(letter) + 1) : letter === "A" ? "B" : letter === "a" ? "b" : /[A-Z]/.test(letter) ? "A" : /[a-z]/.test(letter) ? "a" : "1";
  return answer.slice(0, at) + other + answer.slice(at + 1);
}

/** The end of a certificate, where the last of its signatures is. */
const SIGNATURE = /("certificate":"[^"]*)([A-Za-z0-9+/]{8}=*")/;

vi.setConfig({ testTimeout: 180_000 });

describe.skipIf(!isPossible)("verified in a browser", () => {
  let network: Network;
  let browser: Browser;
  let node: NodePage;
  let address: string;
  let hash: string;

  beforeAll(async () => {
    network = await startNetwork();
    const client = new PollenClient(network.endpoints, { genesis: network.genesis });
    const owner = KeyPair.random();
    address = await client.address(owner);
    await client.transfer(owner, "50 pollen", { from: KeyPair.development("faucet") });
    const deployed = await client.deploy(component("counter"), { from: owner, arguments: { start: 5 } });
    hash = (await client.call(deployed.value!, "increment", { by: 2 }, { from: owner, stage: "certified" })).hash;
    node = await NodePage.beside(network.endpoints[0]!);
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await node?.stop();
    await network?.stop();
  });

  const verify = async (page: Page) => {
    await page.getByRole("button", { name: /^Verify (here|again)$/ }).click();
    const verdict = page.locator(".panel", { hasText: "Verify here" }).locator(".badge");
    await verdict.waitFor();
    return verdict.textContent();
  };

  it("an account, a transaction and the head are verified, and the header says so", async () => {
    const person = await Person.in(browser);
    const page = await person.open(`${node.url}/#/accounts/${address}`);
    await page.getByRole("button", { name: "verified" }).waitFor();
    expect(await verify(page)).toBe("verified");
    await page.getByText("The steps of the proof").click();
    await page.getByText("A quorum of the committee signed checkpoint").waitFor();
    await page.getByText("What this protects from").click();
    await page.getByText("The program that checks came from the node that is checked").waitFor();
    await page.getByLabel(/See the same at another node/).fill("node.example:9650");
    expect(await page.getByRole("link", { name: /node\.example/ }).getAttribute("href")).toBe(`http://node.example:9650/#/accounts/${address}`);
    expect(await faults(page)).toEqual([]);
    await page.goto(`${node.url}/#/transactions/${hash}`);
    expect(await verify(page)).toBe("verified");
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  it("one byte of balance, proof, signature or receipt is told as a lie, and the header remembers", async () => {
    const account = `#/accounts/${address}`;
    const transaction = `#/transactions/${hash}`;
    const lies: [string, string, Alter, RegExp][] = [
      ["balance", account, (answer, method, { at }) => (method === "account_get" && at !== undefined ? oneByte(answer, '"balance":"') : answer), /it says balance/],
      ["proof", account, (answer, method) => (method === "state_get" ? oneByte(answer, '"tree":"', 40) : answer), /proof/],
      ["entry", account, (answer, method) => (method === "state_get" ? oneByte(answer, '"value":"') : answer), /proof/],
      ["signature", account, (answer, method) => (method === "state_get" ? answer.replace(SIGNATURE, (_, head: string, tail: string) => oneByte(head + tail, head)) : answer), /signature of validator/],
      ["receipt", transaction, (answer, method) => (method === "tx_get" ? oneByte(answer, '"receipt":"') : answer), /receipt/],
      ["fee", transaction, (answer, method) => (method === "tx_status" ? oneByte(answer, '"fee":"') : answer), /it says fee/],
    ];
    for (const [what, place, alter, why] of lies) {
      const person = await Person.in(browser);
      node.alter = alter;
      const page = await person.open(`${node.url}/${place}`);
      expect(await verify(page), what).toBe("not true");
      await page.getByText("What this node says is not true.").waitFor();
      expect(await page.locator(".verify [role=alert]").textContent(), what).toMatch(why);
      expect(await page.locator(".verify").getByText(/^Verified/).count(), what).toBe(0);
      node.alter = (answer) => answer;
      // Honest again, it is still the node that lied, until its user looks at that and asks anew.
      expect(await verify(page), what).toBe("verified");
      await page.getByRole("button", { name: "node lies" }).click();
      await page.getByText("This node said what is not true").waitFor();
      if (what === "balance") expect(await faults(page)).toEqual([]);
      await page.getByRole("button", { name: "Check again" }).click();
      await page.getByText("This browser checked the head itself").waitFor();
      expect(person.complaints, what).toEqual([]);
      await person.context.close();
    }
  });

  it("a head that was altered is found without being asked for", async () => {
    const person = await Person.in(browser);
    node.alter = (answer, method) => (method === "chain_checkpoint" ? oneByte(answer, '"previous":"') : answer);
    const page = await person.open(node.url);
    await page.getByRole("button", { name: "node lies" }).waitFor();
    node.alter = (answer) => answer;
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  it("a head that is old by the reader's clock is told with its age, and not as verified now", async () => {
    const person = await Person.in(browser);
    await person.context.clock.install({ time: Date.now() + 10 * 60_000 });
    const page = await person.open(node.url);
    await page.getByRole("button", { name: /^verified (9|10) min ago$/ }).click();
    await page.getByText("Nothing newer is proved. What this browser checked last").waitFor();
    expect(await faults(page)).toEqual([]);
    await page.keyboard.press("Escape");
    // Longer than "verified", it pushes nothing off a narrow screen.
    await page.setViewportSize({ width: 360, height: 740 });
    const wallet = (await page.locator(".wallet-button").boundingBox())!;
    expect(wallet.x + wallet.width).toBeLessThanOrEqual(360);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  it("another chain at the same address is told, and nothing is signed for it before its user says so", async () => {
    const person = await Person.in(browser);
    const page = await person.open(node.url);
    await page.getByRole("button", { name: "verified" }).waitFor();
    const { chainId } = await new PollenClient(network.endpoints).network();
    const other = "ab".repeat(32);
    node.alter = (answer, method) => (method === "node_info" ? answer.replace(chainId, other) : answer);
    await page.reload();
    await page.getByRole("button", { name: "other chain" }).click();
    await page.getByText("This node is of another chain").waitFor();
    await page.getByText(other).waitFor();
    expect(await page.getByRole("button", { name: "Trust the new chain instead" }).isDisabled()).toBe(true);
    expect(await faults(page)).toEqual([]);
    await page.getByRole("checkbox", { name: "I know that this is a new chain" }).check();
    await page.getByRole("button", { name: "Trust the new chain instead" }).click();
    // Trusted as it says, and still nothing of it is proved: its certificates are of the chain that was there before.
    await page.getByText("This node said what is not true").waitFor();
    node.alter = (answer) => answer;
    await page.reload();
    await page.getByRole("button", { name: "other chain" }).click();
    await page.getByRole("checkbox").check();
    await page.getByRole("button", { name: "Trust the new chain instead" }).click();
    await page.getByText("This browser checked the head itself").waitFor();
    await page.reload();
    await page.getByRole("button", { name: "verified" }).waitFor();
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  it("the genesis hash can be compared, and the genesis document takes the committee on nobody's word", async () => {
    const person = await Person.in(browser);
    const page = await person.open(node.url);
    await page.getByRole("button", { name: "verified" }).click();
    await page.getByText("You first saw this chain on").waitFor();
    const { chainId } = await new PollenClient(network.endpoints).network();
    const field = page.getByLabel(/Compare with what somebody/);
    const compare = async (text: string) => {
      await field.fill(text);
      await page.getByRole("button", { name: "Compare" }).click();
    };
    await compare("ab".repeat(32));
    await page.getByText("This is another chain.").waitFor();
    await compare(chainId.toUpperCase());
    await page.getByText("The committee is still as the node told it").waitFor();
    await compare("{}");
    await page.getByText(/genesis\..*expected/).waitFor();
    expect(await faults(page)).toEqual([]);
    await compare(network.genesis);
    await page.getByText("its committee is now taken from the document").waitFor();
    await page.getByText("the genesis document's: its hash was computed here").waitFor();
    await page.reload();
    await page.getByRole("button", { name: "verified" }).click();
    await page.getByText("the genesis document's").waitFor();

    // With a committee that is not the chain's, nothing that the node proves is believed.
    const forged = JSON.parse(network.genesis) as { committee: { public_key: string }[] };
    forged.committee.forEach((one, place) => (one.public_key = KeyPair.development(`impostor ${place}`).publicKey));
    await compare(JSON.stringify(forged));
    await page.getByText("of another chain than the one that was trusted").waitFor();
    await page.getByText("This node is of another chain").waitFor();
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });
});
