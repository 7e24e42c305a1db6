/**
 * An account's owners and scoped keys, changed by the forms of its page in a real browser against a real network: what
 * would lock somebody out is refused or asked about, everything else is told in words before it is signed.
 */

import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeyPair, PollenClient } from "@pollen/client";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startNetwork, type Network } from "../../ts/tests/network.js";
import { repository } from "../../ts/tests/files.js";
import { button, faultsInBoth, isPossible, launch, makeAccount, newKey, NodePage, Person, removeFolder } from "./wallet-site.js";

vi.setConfig({ testTimeout: 180_000 });

describe.skipIf(!isPossible)("an account's page", () => {
  let network: Network;
  let client: PollenClient;
  let browser: Browser;
  let files: string;
  let node: NodePage;

  beforeAll(async () => {
    network = await startNetwork();
    client = new PollenClient(network.endpoints, { genesis: network.genesis });
    const deployer = KeyPair.random();
    await client.transfer(deployer, "100 pollen", { from: KeyPair.development("faucet") });
    await client.deploy(readFileSync(repository("vm/vectors/counter.wasm")), { from: deployer, name: "counter", arguments: { start: 0 } });
    files = mkdtempSync(join(tmpdir(), "pollen-drafts-"));
    node = await NodePage.beside(network.endpoints[0]!);
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await node?.stop();
    await network?.stop();
    removeFolder(files);
  });

  const dialog = (page: Page) => page.locator("dialog");
  const inDialog = (page: Page, name: string) => dialog(page).getByRole("button", { name, exact: true });
  const panel = (page: Page) => page.locator(".panel", { has: page.getByRole("heading", { name: "Keys", exact: true }) });

  /** Somebody with an account in the browser, on its page. */
  async function owner(): Promise<{ person: Person; page: Page; key: KeyPair; address: string }> {
    const person = await Person.in(browser);
    const page = await person.open(node.url);
    const key = KeyPair.fromWords(await makeAccount(page, "Wallet"), { coinType: 1 });
    await page.keyboard.press("Escape");
    await client.transfer(key, "50 pollen", { from: KeyPair.development("faucet") });
    const address = await client.address(key);
    await page.goto(`${node.url}/#/accounts/${address}`);
    await page.locator("h1 .badge", { hasText: "yours" }).waitFor();
    return { person, page, key, address };
  }

  async function agree(page: Page): Promise<void> {
    await inDialog(page, "Sign and send").click();
    await inDialog(page, "Done").click();
  }

  /** Makes a key by the wallet's dialogs, from a form that asks for one. */
  async function makeKey(page: Page): Promise<KeyPair> {
    await button(page, "Make a key in this wallet").click();
    await dialog(page).getByRole("heading", { name: "A new key" }).waitFor();
    const words = await newKey(page);
    await dialog(page).waitFor({ state: "detached" });
    return KeyPair.fromWords(words, { coinType: 1 });
  }

  /** Nothing wider than the screen, and no serious fault in either colour. */
  async function isWellMade(page: Page): Promise<void> {
    expect(await faultsInBoth(page)).toEqual([]);
    const size = page.viewportSize()!;
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    expect(await faultsInBoth(page)).toEqual([]);
    await page.setViewportSize(size);
  }

  it("replaces its owner by a new key: the address stays, and the old key signs no more", async () => {
    const { person, page, key, address } = await owner();
    await button(page, "Change the owners").click();
    const form = page.getByRole("form", { name: "Owners" });
    expect(await form.getByLabel("Key of owner 1").inputValue()).toBe(key.publicKey);
    await isWellMade(page);

    // What nobody could ever sign with is refused, with what to do.
    const refused = async (words: RegExp) => {
      await form.getByRole("button", { name: "Change the owners" }).click();
      await panel(page).getByRole("alert").getByText(words).waitFor();
      expect(await dialog(page).count()).toBe(0);
    };
    await form.getByLabel("Weight that must sign").fill("2");
    await refused(/weight 2 must sign, and all of these keys together have 1: nobody could ever sign again/);
    await form.getByLabel("Weight that must sign").fill("1");
    await button(page, "Add another key").click();
    await form.getByLabel("Key of owner 2").fill("0200000000000000000000000000000000000000000000000000000000000000");
    await refused(/owner 2: 02000000…000000 is no key that can sign/);
    await form.getByLabel("Key of owner 2").fill(await client.address(KeyPair.random()));
    await refused(/owner 2: nobody here knows the key of this address/);
    await form.getByLabel("Key of owner 2").fill((await client.interfaceOf("@counter")).address);
    await refused(/owner 2: this is the address of a module/);
    await form.getByLabel("Key of owner 2").fill(address);
    await refused(/owner 2: this is the key of owner 1/);
    await form.getByRole("button", { name: "remove owner 2" }).click();

    const next = await makeKey(page);
    expect(await form.getByLabel("Key of owner 2").inputValue()).toBe(next.publicKey);
    await form.getByRole("button", { name: "remove owner 1" }).click();
    const submit = form.getByRole("button", { name: "Change the owners" });
    await submit.click();
    // The own key is not removed by a slip.
    await form.getByText("“main” will sign for this account no more.").waitFor();
    expect([await submit.isDisabled(), await dialog(page).count()]).toEqual([true, 0]);
    await isWellMade(page);
    await form.getByLabel(/I mean it/).check();
    await submit.click();
    await dialog(page).getByText(`Give ${address} the owners ${next.publicKey} (weight 1); transactions need weight 1.`).waitFor();
    await dialog(page).getByText("This changes who owns the account.").waitFor();
    await isWellMade(page);
    await agree(page);

    await panel(page).getByText("“main” of this wallet, the key that this address was made from, signs no more for it").waitFor();
    await page.getByText("The account has these keys from now on.").waitFor();
    expect(await page.locator("h1 .badge").innerText()).toBe("yours");
    await isWellMade(page);
    expect(await client.accountKeys(address)).toMatchObject({ threshold: 1, owners: [{ key: next.publicKey, weight: 1 }] });
    await expect(client.transfer(next, "1 pollen", { from: key })).rejects.toThrow(/KeyNotAllowed/);

    // The wallet tells so, too, when somebody signs with it all the same.
    await page.goto(`${node.url}/#/modules/@counter?f=command:increment`);
    await page.getByLabel("by", { exact: true }).fill("1");
    await page.locator("main").getByRole("button", { name: "Sign and send", exact: true }).click();
    await dialog(page).getByText(/which has other owners by now. The key has no say in it/).waitFor();
    await page.keyboard.press("Escape");

    await page.locator(".wallet-button").click();
    await dialog(page).getByText("This key signs no more for its address").waitFor();
    await isWellMade(page);
    await page.keyboard.press("Escape");

    // And the new one goes on, for the same address.
    await page.goto(`${node.url}/#/accounts/${address}`);
    await button(page, "Change the owners").click();
    await form.getByLabel("Weight of owner 1").fill("2");
    await form.getByLabel("Weight that must sign").fill("2");
    await submit.click();
    await agree(page);
    await panel(page).getByText("weight 2 signs").waitFor();
    await person.context.close();
    expect(person.complaints).toEqual([]);
  });

  it("goes from two keys of which both sign to one of them, by a draft that the command line signs and sends", async () => {
    const { person, page, key, address } = await owner();
    network.pollen("keys", "new", "alice");
    const alice = (JSON.parse(readFileSync(join(network.genesisFile, "../../keys/alice.json"), "utf8")) as { publicKey: string }).publicKey;
    await client.send([{ kind: "setOwners", threshold: 2, owners: [{ key: key.publicKey, weight: 1 }, { key: alice, weight: 1 }] }], { from: key });
    await panel(page).getByText("weight 2 signs").waitFor();

    await button(page, "Change the owners").click();
    const form = page.getByRole("form", { name: "Owners" });
    await form.getByLabel("Weight that must sign").fill("1");
    await form.getByRole("button", { name: "Change the owners" }).click();
    await dialog(page).getByText("signed with weight 0 of 2").waitFor();
    await inDialog(page, "Sign").click();
    await page.getByRole("heading", { name: "More must sign this" }).waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), button(page, "Save the draft").click()]);
    const half = join(files, "half.json");
    await download.saveAs(half);
    await inDialog(page, "Close").click();
    // Nothing has happened yet, and what was written is still there.
    expect(await form.getByLabel("Weight that must sign").inputValue()).toBe("1");
    expect((await client.accountKeys(address)).threshold).toBe(2);

    expect(network.pollen("tx", "show", half)).toContain(`Give ${address} the owners`);
    const whole = join(files, "whole.json");
    writeFileSync(whole, network.pollen("tx", "sign", "alice", half));
    network.pollen("tx", "send", whole);
    await panel(page).getByText("weight 1 signs").waitFor();
    expect((await client.accountKeys(address)).owners).toHaveLength(2);
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  it("gives a key a little, within limits, changes that and takes it back", async () => {
    const { person, page, key, address } = await owner();
    await button(page, "Add a scoped key").click();
    const form = page.getByRole("form", { name: "Scoped key" });
    const add = form.getByRole("button", { name: "Add the key" });
    await isWellMade(page);
    const refused = async (words: RegExp) => {
      await add.click();
      await panel(page).getByRole("alert").getByText(words).waitFor();
    };
    await refused(/the key: there is no key/);
    const till = await makeKey(page);
    expect(await form.getByLabel("Its key").inputValue()).toBe(till.publicKey);
    await refused(/the key has no name/);
    await form.getByLabel("What it is for").fill("till");
    await refused(/such a key may do nothing/);
    await button(page, "Call a module").click();
    await form.getByLabel("Call module 1").fill("@no-such-module");
    await refused(/module 1: /);
    await form.getByLabel("Call module 1").fill("@counter");
    await form.getByLabel("Call module 1").blur();
    await form.getByLabel("increment").check();
    await form.getByText("Without a limit of pollen whoever has the key may spend all").waitFor();
    await form.getByLabel("Most pollen that it may ever spend").fill("much");
    await refused(/what it may spend in all is an amount of pollen/);
    await form.getByLabel("Most pollen that it may ever spend").fill("20");
    await form.getByLabel("Most transactions in a window").fill("2");
    await form.getByLabel("Unit of the window").selectOption("days");
    await isWellMade(page);
    await add.click();
    await dialog(page).getByText(new RegExp(`Let key ${till.publicKey} "till" of ${address} call counter.increment; at most 20 pollen in all, at most 2 transactions in each 1 d, until 20`)).waitFor();
    await agree(page);
    const shown = page.getByRole("region", { name: "Scoped key till" });
    await shown.getByText("increment").waitFor();
    await isWellMade(page);
    const { id } = await client.interfaceOf("@counter");
    const scoped = (await client.accountKeys(address)).scoped[0]!;
    expect(scoped).toMatchObject({ key: till.publicKey, label: "till", calls: [{ functions: ["increment"] }], transfers: false, sponsors: false, spendMax: 20_000_000_000n, window: { lengthMs: 86_400_000n, spendMax: null, transactionsMax: 2 } });
    expect(await client.idOf(scoped.calls[0]!.module)).toBe(id);

    // It may do that, and no more than that.
    const as = { account: address, keys: [till] };
    expect((await client.call("@counter", "increment", { by: 3 }, { from: as })).ended).toBe(true);
    await expect(client.transfer(key, "1 pollen", { from: as })).rejects.toThrow(/KeyNotAllowed/);

    await shown.getByRole("button", { name: "Change it" }).click();
    expect(await form.getByLabel("Most pollen that it may ever spend").inputValue()).toBe("20");
    expect(await form.getByLabel("increment").isChecked()).toBe(true);
    await form.getByLabel("Send pollen to anybody").check();
    await form.getByLabel("Expires").selectOption("never");
    await isWellMade(page);
    await form.getByRole("button", { name: "Change the key" }).click();
    await dialog(page).getByText(/call counter.increment, send to anybody; at most 20 pollen in all, at most 2 transactions in each 1 d\./).waitFor();
    await agree(page);
    await shown.getByText("never").waitFor();
    expect((await client.transfer(key, "1 pollen", { from: as })).ended).toBe(true);

    await shown.getByRole("button", { name: "Remove it" }).click();
    await dialog(page).getByText(`Take key ${till.publicKey} from ${address}.`).waitFor();
    await agree(page);
    await shown.waitFor({ state: "detached" });
    await expect(client.call("@counter", "increment", { by: 3 }, { from: as })).rejects.toThrow(/KeyNotAllowed/);
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  it("offers a stranger nothing, and an owner of another account what is theirs", async () => {
    const { person, page, key } = await owner();
    const other = KeyPair.random();
    const address = await client.address(other);
    await client.transfer(other, "50 pollen", { from: KeyPair.development("faucet") });
    await page.goto(`${node.url}/#/accounts/${address}`);
    await panel(page).getByText("The ledger keeps none for it.").waitFor();
    expect(await page.getByRole("button", { name: /Change|Add a scoped key/ }).count()).toBe(0);

    await client.send([{ kind: "setOwners", threshold: 1, owners: [other, key].map(({ publicKey }) => ({ key: publicKey, weight: 1 })) }], { from: other });
    await page.locator("h1 .badge", { hasText: "yours" }).waitFor();
    await button(page, "Change the owners").click();
    const form = page.getByRole("form", { name: "Owners" });
    const submit = form.getByRole("button", { name: "Change the owners" });
    await form.getByRole("button", { name: "remove owner 1" }).click();
    // What another owner changed meanwhile is not undone by a form that does not know of it.
    await client.send([{ kind: "setOwners", threshold: 1, owners: [other, key].map(({ publicKey }) => ({ key: publicKey, weight: 2 })) }], { from: other });
    await panel(page).getByText("weight 2").first().waitFor();
    await submit.click();
    await panel(page).getByRole("alert").getByText("the account has other owners by now than when this form was opened").waitFor();
    await button(page, "Leave them").click();
    await button(page, "Change the owners").click();
    await form.getByRole("button", { name: "remove owner 1" }).click();
    await submit.click();
    await dialog(page).getByText("This is for another account than the one that the key began").waitFor();
    await agree(page);
    expect(await client.accountKeys(address)).toMatchObject({ owners: [{ key: key.publicKey }] });
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });
});
