/**
 * Transactions that more than one key signs, in a real browser against a real network: an account of several owners, a
 * payer, and documents that go between this wallet and the command line in both directions.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeyPair, PollenClient, readDraft } from "@pollen/client";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { component, startNetwork, type Network } from "../../ts/tests/network.js";
import { button, faultsInBoth, isPossible, launch, makeAccount, NodePage, Person } from "./wallet-site.js";

vi.setConfig({ testTimeout: 180_000 });

describe.skipIf(!isPossible)("the wallet and other keys", () => {
  let network: Network;
  let client: PollenClient;
  let browser: Browser;
  let files: string;
  let node: NodePage;
  let alice: string;

  beforeAll(async () => {
    network = await startNetwork();
    client = new PollenClient(network.endpoints, { genesis: network.genesis });
    const deployer = KeyPair.random();
    await client.transfer(deployer, "100 pollen", { from: KeyPair.development("faucet") });
    await client.deploy(component("counter"), { from: deployer, name: "counter", arguments: { start: 0 } });
    network.pollen("keys", "new", "alice");
    network.pollen("devnet", "fund", "alice", "100");
    alice = (JSON.parse(readFileSync(join(network.genesisFile, "../../keys/alice.json"), "utf8")) as { publicKey: string }).publicKey;
    files = mkdtempSync(join(tmpdir(), "pollen-drafts-"));
    node = await NodePage.beside(network.endpoints[0]!);
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await node?.stop();
    await network?.stop();
    rmSync(files, { recursive: true, force: true });
  });

  const dialog = (page: Page) => page.locator("dialog");
  const inDialog = (page: Page, name: string) => dialog(page).getByRole("button", { name, exact: true });
  const count = async () => Number(await client.query("@counter", "get"));
  const fund = (to: string | KeyPair) => client.transfer(to, "50 pollen", { from: KeyPair.development("faucet") });

  async function callCounter(page: Page): Promise<void> {
    await page.goto(`${node.url}/#/modules/@counter?f=command:increment`);
    await page.getByLabel("by", { exact: true }).fill("1");
    await page.locator("main").getByRole("button", { name: "Sign and send", exact: true }).click();
  }

  async function takeIn(page: Page, text: string): Promise<void> {
    await page.locator(".wallet-button").click();
    await button(page, "Sign or send a draft").click();
    await page.getByLabel("Or its text").fill(text);
    await button(page, "Look at it").click();
  }

  it("signs for an account of several owners as far as it can, hands on, takes in, and sends", async () => {
    const person = await Person.in(browser);
    const page = await person.open(node.url);
    const key = KeyPair.fromWords(await makeAccount(page, "Wallet"), { coinType: 1 });
    await page.keyboard.press("Escape");
    await fund(key);
    const owners = [key.publicKey, alice].map((key) => ({ key, weight: 1 }));
    await client.send([{ kind: "setOwners", threshold: 2, owners }], { from: key });

    const before = await count();
    await callCounter(page);
    await dialog(page).getByText("signed with weight 0 of 2").waitFor();
    await page.getByText("Your key alone is not enough").waitFor();
    // It is tried as if all had signed.
    await dialog(page).getByText("Tried now, it succeeds").waitFor();
    expect(await faultsInBoth(page)).toEqual([]);
    await inDialog(page, "Sign").click();
    await page.getByRole("heading", { name: "More must sign this" }).waitFor();
    await dialog(page).getByText("signed with weight 1 of 2").waitFor();
    expect(await faultsInBoth(page)).toEqual([]);
    const [download] = await Promise.all([page.waitForEvent("download"), button(page, "Save the draft").click()]);
    const file = join(files, "half.json");
    await download.saveAs(file);
    await inDialog(page, "Close").click();
    expect(await count()).toBe(before);

    const shown = network.pollen("tx", "show", file);
    expect(shown).toMatch(/Call pollend1.*\.increment with by 1/);
    expect(shown).toContain(key.publicKey);
    const whole = network.pollen("tx", "sign", "alice", file);
    expect(readDraft(whole).signatures).toHaveLength(2);

    // What was altered on its way is refused, and so is what is none.
    await takeIn(page, JSON.stringify({ ...(JSON.parse(whole) as object), chainId: "12".repeat(32) }));
    await page.getByText(/the signature of .* does not fit/).waitFor();
    expect(await faultsInBoth(page)).toEqual([]);
    await page.getByLabel("Or its text").fill("{}");
    await button(page, "Look at it").click();
    await page.getByText("it is of another kind or version").waitFor();
    await page.keyboard.press("Escape");

    await takeIn(page, whole);
    await page.getByRole("heading", { name: "Send this?" }).waitFor();
    await dialog(page).getByText("Call counter.increment with by 1.").waitFor();
    await inDialog(page, "Send").click();
    await page.getByText("Executed at height").waitFor();
    expect(await count()).toBe(before + 1);
    await inDialog(page, "Done").click();

    // Built and signed there, signed and sent here.
    const to = await client.address(KeyPair.random());
    const built = join(files, "built.json");
    writeFileSync(built, network.pollen("tx", "build", "transfer", `alice@${await client.address(key)}`, to, "3"));
    await takeIn(page, network.pollen("tx", "sign", "alice", built));
    await dialog(page).getByText(/Send 3 pollen/).waitFor();
    await inDialog(page, "Sign and send").click();
    await page.getByText("Executed at height").waitFor();
    expect((await client.account(to)).balance).toBe(3_000_000_000n);
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  it("lets who has nothing ask the faucet where they are asked to sign", async () => {
    const person = await Person.in(browser);
    const page = await person.open(node.url);
    await makeAccount(page, "Wallet");
    await page.keyboard.press("Escape");
    const before = await count();
    await callCounter(page);
    await dialog(page).getByText("the account has 0 pollen", { exact: false }).waitFor();
    await inDialog(page, "Get 100 pollen").click();
    await dialog(page).getByText("Tried now, it succeeds").waitFor();
    await inDialog(page, "Sign and send").click();
    await page.getByText("Executed at height").waitFor();
    expect(await count()).toBe(before + 1);
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  it("has another account of it pay, and one of another wallet by a draft", async () => {
    const person = await Person.in(browser);
    const page = await person.open(node.url);
    const main = KeyPair.fromWords(await makeAccount(page, "Wallet"), { coinType: 1 });
    await fund(main);
    const poor = KeyPair.fromWords(await makeAccount(page, /^Accounts/), { coinType: 1 });
    await page.keyboard.press("Escape");
    const before = await count();
    await callCounter(page);
    await dialog(page).getByText("the account has 0 pollen", { exact: false }).waitFor();
    await page.getByText("For another account, or somebody else pays").click();
    await page.getByLabel("Fee paid by").fill("nobody");
    await button(page, "Apply").click();
    await dialog(page).locator(".wrong").waitFor();
    await page.getByLabel("Fee paid by").fill(await client.address(main));
    await button(page, "Apply").click();
    await dialog(page).getByText("Pays", { exact: true }).waitFor();
    await dialog(page).getByText("Tried now, it succeeds").waitFor();
    expect(await faultsInBoth(page)).toEqual([]);
    await inDialog(page, "Sign").click();
    await page.getByRole("heading", { name: "More must sign this" }).waitFor();
    await inDialog(page, "Sign and send").click();
    await page.getByText("Executed at height").waitFor();
    await inDialog(page, "Done").click();
    expect(await count()).toBe(before + 1);
    expect((await client.account(poor)).exists).toBe(false);

    await callCounter(page);
    await page.getByText("For another account, or somebody else pays").click();
    await page.getByLabel("Fee paid by").fill(await client.address(KeyPair.development("nobody of this wallet")));
    await button(page, "Apply").click();
    await dialog(page).getByText("It is not tried").waitFor();
    await inDialog(page, "Sign").click();
    await page.getByRole("heading", { name: "More must sign this" }).waitFor();
    // No key that is missing is in this wallet: there is nothing more to sign, only to hand on.
    await button(page, "Save the draft").waitFor();
    expect(await inDialog(page, "Sign").count()).toBe(0);
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });
});
