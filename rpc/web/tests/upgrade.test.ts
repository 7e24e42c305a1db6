/**
 * The life of a module after its deployment, in a real browser against a real network: an upgrade shows what it changes
 * before it is signed, one that breaks callers is refused unless it is meant, one that has to wait is announced first.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeyPair, PollenClient } from "@pollen/client";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { component, POLLEN_BIN, startNetwork, type Network } from "../../ts/tests/network.js";
import { drop } from "./browser.js";
import { button, faultsInBoth, isPossible, launch, makeAccount, NodePage, PASSPHRASE, Person, removeFolder } from "./wallet-site.js";

vi.setConfig({ testTimeout: 180_000 });

interface Grown {
  grown: Uint8Array;
  /** The same with a `migrate` that takes arguments, and can fail. */
  migrating: Uint8Array;
}

/** The counter of `pollen new`, which has the interface of contracts/counter, with a query more. */
function grownCounter(folder: string): Grown {
  execFileSync(POLLEN_BIN!, ["new", "my-counter"], { cwd: folder, stdio: "ignore" });
  const add = (file: string, behind: string, more: string) => {
    const path = join(folder, "my-counter", file);
    const text = readFileSync(path, "utf8");
    if (!text.includes(behind)) throw new Error(`the project has another ${file} by now: it has no '${behind}'`);
    writeFileSync(path, text.replace(behind, `${behind}\n${more}`));
  };
  add("wit/world.wit", "get: func() -> u64;", "  twice: func() -> u64;");
  add("src/lib.rs", "impl queries::Guest for Counter {", "    fn twice() -> u64 {\n        2 * value()\n    }");
  const build = () => {
    const built = execFileSync(POLLEN_BIN!, ["build", join(folder, "my-counter"), "--json"], { encoding: "utf8" });
    return readFileSync((JSON.parse(built) as { path: string }).path);
  };
  const grown = build();
  add("wit/world.wit", "init: func(start: u64);", "  migrate: func(times: u64, at-least: option<u64>) -> result<_, error>;");
  add("src/lib.rs", "impl commands::Guest for Counter {", `    fn migrate(times: u64, at_least: Option<u64>) -> Result<(), Error> {
        let value = value().checked_mul(times).ok_or(Error::Overflow)?;
        VALUE.set(&value.max(at_least.unwrap_or(0)));
        Ok(())
    }`);
  return { grown, migrating: build() };
}

describe.skipIf(!isPossible)("a module's page", () => {
  let network: Network;
  let client: PollenClient;
  let browser: Browser;
  let sources: string;
  let node: NodePage;
  let counter: Uint8Array;
  let grown: Uint8Array;
  let migrating: Uint8Array;

  beforeAll(async () => {
    sources = mkdtempSync(join(tmpdir(), "pollen-new-"));
    counter = component("counter");
    ({ grown, migrating } = grownCounter(sources));
    network = await startNetwork();
    client = new PollenClient(network.endpoints, { genesis: network.genesis });
    node = await NodePage.beside(network.endpoints[0]!);
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await node?.stop();
    await network?.stop();
    removeFolder(sources);
  });

  /** Somebody with an account in the browser, and a counter of theirs. */
  async function owner(name: string): Promise<{ person: Person; page: Page; key: KeyPair; address: string }> {
    const person = await Person.in(browser);
    const page = await person.open(node.url);
    const key = KeyPair.fromWords(await makeAccount(page, "Wallet"), { coinType: 1 });
    await page.keyboard.press("Escape");
    await client.transfer(key, "100 pollen", { from: KeyPair.development("faucet") });
    const deployed = await client.deploy(counter, { from: key, name, arguments: { start: 5 } });
    if (!deployed.ended) throw new Error("the counter was not deployed in time");
    await page.goto(`${node.url}/#/modules/@${name}?tab=upgrades`);
    await page.getByText("may change it", { exact: true }).waitFor();
    return { person, page, key, address: deployed.value };
  }

  async function agree(page: Page): Promise<void> {
    const dialog = page.locator("dialog");
    await dialog.getByRole("button", { name: "Sign and send", exact: true }).click();
    await dialog.getByRole("button", { name: "Done", exact: true }).click();
  }

  const certified = (page: Page) => page.locator(".sent .stages li", { hasText: "certified" }).and(page.locator(".done")).waitFor();

  it("upgrades by a drop: difference first, then a trial, then the wallet; same address, new version", async () => {
    const { person, page, address } = await owner("mine");
    // What breaks callers is refused until it is said that it is meant.
    await drop(page, "probe.wasm", component("probe"));
    await page.getByText(/Who calls it would be broken: .*increment/).waitFor();
    expect(await page.getByRole("list", { name: "Differences" }).innerText()).toMatch(/command\s+increment: func\(by: u64\)/);
    expect(await button(page, "Upgrade").isDisabled()).toBe(true);
    await page.getByLabel(/Go on although/).check();
    expect(await button(page, "Upgrade").isEnabled()).toBe(true);
    expect(await faultsInBoth(page)).toEqual([]);
    const size = page.viewportSize()!;
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    await page.setViewportSize(size);
    await drop(page, "counter.wasm", counter);
    await page.getByText("The module runs this code already.").waitFor();

    // By the keyboard's way of choosing a file.
    await page.locator(".drop input").setInputFiles({ name: "grown.wasm", mimeType: "application/wasm", buffer: Buffer.from(grown) });
    await page.getByText("callers can go on").waitFor();
    expect(await page.getByRole("list", { name: "Differences" }).innerText()).toMatch(/added\s+query\s+twice: func\(\) -> u64/);
    await page.getByText("Tried now, it is made at once.").waitFor();
    expect(await page.locator("main").innerText()).toMatch(/fee about 0\.\d+ pollen/);
    await button(page, "Upgrade").click();
    await page.locator("dialog").getByText(/Upgrade mine to code/).waitFor();
    await agree(page);
    await certified(page);
    await page.getByText("Upgraded: the new code runs now, at the same address.").waitFor();
    expect(await faultsInBoth(page)).toEqual([]);
    const now = await client.module("@mine");
    expect([now.module, now.versions.length]).toEqual([address, 2]);
    expect([await client.query("@mine", "get"), await client.query("@mine", "twice")]).toEqual(["5", "10"]);
    await page.getByRole("tab", { name: "Functions" }).click();
    await page.getByRole("button", { name: /^twice/ }).waitFor();
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  it("asks for the arguments of migrate, refuses wrong ones, and leaves the module as it was where migrate fails", async () => {
    const { person, page, key } = await owner("moved");
    await drop(page, "migrating.wasm", migrating);
    const form = page.getByRole("group", { name: /Arguments of migrate/ });
    await form.waitFor();
    expect(await faultsInBoth(page)).toEqual([]);

    for (const wrong of ["", "-1", "many", "18446744073709551616"]) {
      await form.getByLabel("times").fill(wrong);
      await button(page, "Upgrade").click();
      await form.locator(".wrong").waitFor();
      expect(await form.getByLabel("times").getAttribute("aria-invalid")).toBe("true");
      await form.getByLabel("times").fill("1");
    }
    // 5 times the greatest number is more than it can be: migrate says so, and nothing but the fee is gone.
    await form.getByLabel("times").fill("18446744073709551615");
    await button(page, "Upgrade").click();
    const dialog = page.locator("dialog");
    await dialog.getByText("Its migrate is given times 18446744073709551615, at-least none").waitFor();
    await dialog.getByText("It is not tried to its end").waitFor();
    expect(await faultsInBoth(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Sign and send", exact: true }).click();
    await dialog.getByRole("heading", { name: "It failed" }).waitFor();
    await dialog.getByRole("button", { name: "Done", exact: true }).click();
    await page.locator(".sent").getByText(/overflow/).waitFor();
    expect([await client.query("@moved", "get"), (await client.module("@moved")).versions.length]).toEqual(["5", 1]);

    await form.getByLabel("times").fill("3");
    await form.getByLabel(/give at-least/).check();
    await form.getByLabel("at-least", { exact: true }).fill("100");
    await button(page, "Upgrade").click();
    await dialog.getByText("Its migrate is given times 3, at-least some(100)").waitFor();
    await agree(page);
    await page.getByText("Upgraded: the new code runs now, at the same address.").waitFor();
    expect([await client.query("@moved", "get"), (await client.module("@moved")).versions.length]).toEqual(["100", 2]);
    expect((await client.account(key)).balance).toBeGreaterThan(0n);
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  it("announces an upgrade under a policy with a delay, makes it when that is over, and takes it back before", async () => {
    const { person, page } = await owner("slow");
    await page.getByText("Change who may change it").click();
    await page.getByLabel("A change waits").fill("3");
    await page.getByLabel("Unit", { exact: true }).selectOption("seconds");
    expect(await faultsInBoth(page)).toEqual([]);
    await button(page, "Change the policy").click();
    await agree(page);
    await page.getByText("its creator, after 3.0 s").waitFor();

    const anew = async () => {
      await page.getByRole("tab", { name: "Functions" }).click();
      await page.getByRole("button", { name: /^increment/ }).waitFor();
      await page.getByRole("tab", { name: "Upgrades" }).click();
    };
    const announce = async () => {
      await anew();
      await drop(page, "grown.wasm", grown);
      await page.getByText(/Tried now, it is announced: it can be made from/).waitFor();
      await button(page, "Announce the upgrade").click();
      await agree(page);
      await page.locator(".pending").getByText("Upgrade to code").waitFor();
    };
    await announce();
    await button(page, "Take my agreement back").click();
    await agree(page);
    await page.locator(".pending").waitFor({ state: "detached" });
    await announce();
    await page.locator(".pending").getByText("can be made now", { exact: true }).waitFor();
    expect(await faultsInBoth(page)).toEqual([]);
    // The code was published with the announcement: nobody has to have the file any more.
    // Whoever uses the module sees it on every tab.
    await page.getByRole("tab", { name: "Functions" }).click();
    await page.getByText("An upgrade is announced:").waitFor();
    expect(await faultsInBoth(page)).toEqual([]);
    await page.getByRole("link", { name: "Look at it" }).click();
    await button(page, "Make it now").click();
    await agree(page);
    await page.getByText("Upgraded: the new code runs now, at the same address.").waitFor();
    expect((await client.module("@slow")).versions.length).toBe(2);
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  it("is changed by who owns its creator's account with others, and tells a stranger why they cannot", async () => {
    const creator = KeyPair.random();
    await client.transfer(creator, "100 pollen", { from: KeyPair.development("faucet") });
    await client.deploy(counter, { from: creator, name: "shared", arguments: { start: 5 } });
    const person = await Person.in(browser);
    const page = await person.open(`${node.url}/#/modules/@shared?tab=upgrades`);
    await drop(page, "grown.wasm", grown);
    await page.getByText("This browser has no account yet").waitFor();
    expect(await button(page, "Upgrade").isDisabled()).toBe(true);

    const key = KeyPair.fromWords(await makeAccount(page, "Wallet"), { coinType: 1 });
    await page.keyboard.press("Escape");
    await page.getByText("Your wallet's account may not change this module").waitFor();
    const owners = [creator.publicKey, key.publicKey].map((key) => ({ key, weight: 1 }));
    await client.send([{ kind: "setOwners", threshold: 1, owners }], { from: creator });
    await page.reload();
    await page.getByText("may change it, as an owner of that account").waitFor();
    await drop(page, "grown.wasm", grown);
    await page.getByText("Tried now, it is made at once.").waitFor();
    await button(page, "Upgrade").click();
    await page.getByText("This is for another account than the one that the key began").waitFor();
    await page.getByLabel("Passphrase of main").fill(PASSPHRASE);
    await agree(page);
    await page.getByText("Upgraded: the new code runs now, at the same address.").waitFor();
    expect((await client.module("@shared")).versions.length).toBe(2);
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  it("pauses and resumes, names several accounts by weight, and says when nobody can change it", async () => {
    const { person, page, key } = await owner("guarded");
    await button(page, "Pause it").click();
    await agree(page);
    await page.locator("h1 .badge", { hasText: "paused" }).waitFor();
    await button(page, "Resume it").click();
    await agree(page);
    await page.locator("h1 .badge").waitFor({ state: "detached" });

    const other = await client.address(KeyPair.random());
    await page.getByText("Change who may change it").click();
    await page.getByLabel("Who may upgrade it").selectOption("keys");
    expect(await page.getByLabel("Account 1", { exact: true }).inputValue()).toBe(await client.address(key));
    await button(page, "Add an account").click();
    await page.getByLabel("Account 2", { exact: true }).fill(other);
    await page.getByLabel("Weight that a change needs").fill("3");
    await button(page, "Change the policy").click();
    await page.getByText(/threshold is 1 to their sum|sum/).waitFor();
    await page.getByLabel("Weight that a change needs").fill("2");
    expect(await faultsInBoth(page)).toEqual([]);
    await button(page, "Change the policy").click();
    await agree(page);
    await page.getByText("weight 2 of 2 accounts, at once").waitFor();
    await drop(page, "grown.wasm", grown);
    await button(page, "Agree to the upgrade").click();
    await agree(page);
    await page.locator(".pending").getByText("Agreed, weight 1 of 2").waitFor();
    expect((await client.module("@guarded")).versions.length).toBe(1);

    const forever = await client.deploy(counter, { from: key, arguments: { start: 1 }, policy: { kind: "never" } });
    await page.goto(`${node.url}/#/modules/${forever.value}?tab=upgrades`);
    await page.getByText("Nobody can ever change this module: that is its policy.").waitFor();
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });
});
