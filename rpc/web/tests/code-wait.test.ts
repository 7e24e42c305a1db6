/**
 * The page against a network that lets new code wait before modules may run it (`codeActivationMs` of genesis), in a real
 * browser: code is published first, the wait is seen as it goes on, and a deployment and an upgrade go on by themselves.
 */

import { readFileSync } from "node:fs";
import { contentHash, KeyPair, PollenClient } from "@pollen/client";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { repository } from "../../ts/tests/files.js";
import { drop } from "./browser.js";
import { Nodes } from "./nodes.js";
import { button, faultsInBoth, isPossible, launch, makeAccount, NodePage, Person } from "./wallet-site.js";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const ACTIVATION_MS = 6_000;

describe.skipIf(!isPossible)("where new code waits", () => {
  let network: Nodes;
  let client: PollenClient;
  let browser: Browser;
  let node: NodePage;
  const [counter, probe, token] = ["counter", "probe", "token"].map((name) => readFileSync(repository(`vm/vectors/${name}.wasm`))) as [Buffer, Buffer, Buffer];

  beforeAll(async () => {
    network = await Nodes.start({ codeActivationMs: ACTIVATION_MS });
    client = new PollenClient(network.endpoints, { genesis: network.genesis });
    node = await NodePage.beside(network.endpoints[0]!);
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await node?.stop();
    await network?.stop();
  });

  const dialog = (page: Page) => page.locator("dialog");
  const waiting = (page: Page) => page.getByRole("region", { name: "Wait of the new code" });

  /** Somebody with money, at a place. */
  async function somebody(place: string): Promise<{ person: Person; page: Page; key: KeyPair }> {
    const person = await Person.in(browser);
    const page = await person.open(node.url);
    const key = KeyPair.fromWords(await makeAccount(page, "Wallet"), { coinType: 1 });
    await page.keyboard.press("Escape");
    await client.transfer(key, "100 pollen", { from: KeyPair.development("faucet") });
    await page.goto(`${node.url}/#/${place}`);
    return { person, page, key };
  }

  async function agree(page: Page): Promise<void> {
    await dialog(page).getByRole("button", { name: "Sign and send", exact: true }).click();
    await dialog(page).getByRole("button", { name: "Done", exact: true }).click();
  }

  it("publishes, shows the wait, and then asks for the deployment by itself", async () => {
    const { person, page } = await somebody("modules");
    await drop(page, "counter.wasm", counter);
    await page.getByText("New code waits 6.0 s here: it is published first").waitFor();
    // What is wrong is told before anything is published.
    await button(page, "Publish and deploy").click();
    await page.locator(".wrong").waitFor();
    await page.getByLabel("Name").fill("waited");
    await page.getByLabel("start").fill("5");
    await button(page, "Publish and deploy").click();
    await dialog(page).getByText(/^Publish code/).waitFor();
    await dialog(page).getByRole("button", { name: "Refuse" }).click();
    expect(await button(page, "Publish and deploy").isEnabled()).toBe(true);

    await button(page, "Publish and deploy").click();
    await agree(page);
    await waiting(page).getByText(/s left/).waitFor();
    expect(await page.getByLabel("start").isDisabled()).toBe(true);
    expect(await faultsInBoth(page)).toEqual([]);
    const size = page.viewportSize()!;
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    await page.setViewportSize(size);

    await dialog(page).getByText(/Deploy code .* as waited.*Its init is given start 5/).waitFor();
    await dialog(page).getByText("Tried now, it succeeds").waitFor();
    expect(await waiting(page).count()).toBe(0);
    await agree(page);
    await page.getByRole("link", { name: "Open the new module" }).waitFor();
    expect(await client.query("@waited", "get")).toBe("5");
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  /** A counter of theirs, at the place of its upgrades. */
  async function withCounter(name: string, delayMs = 0n): Promise<{ person: Person; page: Page; key: KeyPair }> {
    const made = await somebody("modules");
    await client.deploy(counter, { from: made.key, name, arguments: { start: 5 }, policy: { kind: "owner", delayMs } });
    await made.page.goto(`${node.url}/#/modules/@${name}?tab=upgrades`);
    await made.page.getByText("may change it", { exact: true }).waitFor();
    return made;
  }

  it("upgrades by a drop in the same way, and asks nobody for anything who stopped waiting or left", async () => {
    const { person, page } = await withCounter("mine");
    const isPublished = () => client.request("module_code", { code: contentHash(probe), factsOnly: true }).then(() => true, () => false);
    await drop(page, "probe.wasm", probe);
    await page.getByLabel(/Go on although/).check();
    await page.getByText("It cannot be tried before its code has waited on the ledger.").waitFor();
    expect(await isPublished()).toBe(false);
    await button(page, "Publish and upgrade").click();
    await agree(page);
    await waiting(page).getByText(/s left/).waitFor();
    expect(await faultsInBoth(page)).toEqual([]);
    await button(page, "Stop waiting").click();
    await waiting(page).waitFor({ state: "detached" });
    expect(await button(page, "Publish and upgrade").isEnabled()).toBe(true);

    // Dropped again it goes on from where it is: it is published once.
    await page.getByRole("tab", { name: "Functions" }).click();
    await page.getByRole("tab", { name: "Upgrades" }).click();
    await drop(page, "probe.wasm", probe);
    await page.getByLabel(/Go on although/).check();
    await button(page, "Publish and upgrade").click();
    await dialog(page).getByText(/^Upgrade mine to code/).waitFor();
    await dialog(page).getByText("Tried now, it succeeds").waitFor();
    await agree(page);
    await page.getByText("Upgraded: the new code runs now, at the same address.").waitFor();
    expect(await client.module("@mine")).toMatchObject({ codeHash: contentHash(probe) });
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  it("publishes with the announcement of an upgrade, and tells who makes it too early how long to wait", async () => {
    const { person, page } = await withCounter("slow", 500n);
    await drop(page, "token.wasm", token);
    await page.getByLabel(/Go on although/).check();
    await page.getByText("it is published with your agreement, and waits from then on").waitFor();
    await button(page, "Announce the upgrade").click();
    await dialog(page).getByText(/^Publish code/).waitFor();
    await agree(page);
    await page.locator(".pending").getByText("can be made now", { exact: true }).waitFor();
    await button(page, "Make it now").click();
    await page.getByRole("alert").getByText("the code is on the ledger, and has not waited as long as new code must here").waitFor();
    const { activeMs } = await client.request("module_code", { code: contentHash(token), factsOnly: true });
    // By the clock of the page's own node: another may be ahead of it.
    const own = new PollenClient(network.endpoints[0]!);
    await vi.waitUntil(async () => (await own.head()).timeMs >= activeMs, { timeout: 60_000, interval: 200 });
    await button(page, "Make it now").click();
    await agree(page);
    await page.getByText("Upgraded: the new code runs now, at the same address.").waitFor();
    expect(await client.module("@slow")).toMatchObject({ codeHash: contentHash(token) });
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });
});
