/**
 * The built page in a real browser against a real network of four nodes: first visit, every place in both colours, forms,
 * search, keys, a node that dies. Below the policy that a node sends, and with no word on the console.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { KeyPair, PollenClient } from "@pollen/client";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { component, POLLEN_BIN } from "../../ts/tests/network.js";
import { CHROMIUM, drop, launch } from "./browser.js";
import { Nodes } from "./nodes.js";
import { POLICY, Site } from "./site.js";

if (POLLEN_BIN === undefined) console.warn("SKIPPED: POLLEN_BIN names no program");

const FIRST_PAINT_MS = 1_000;
const FIRST_VISIT_BYTES = 200_000;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Fault {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
}

/** A page, with everything on it that should not be. */
interface Opened {
  page: Page;
  context: BrowserContext;
  /** Words on the console, faults of scripts, breaches of the policy, requests to other origins. */
  faults: string[];
  /** Files of the page that were loaded, by path. */
  loaded: string[];
}

describe.skipIf(POLLEN_BIN === undefined || CHROMIUM === undefined)("the page", () => {
  let network: Nodes;
  let browser: Browser;
  let site: Site;
  let dist: string;
  let client: PollenClient;
  let owner: KeyPair;
  let module: string;
  let transaction: string;
  let address: string;

  beforeAll(async () => {
    dist = mkdtempSync(join(tmpdir(), "pollen-page-"));
    const root = fileURLToPath(new URL("..", import.meta.url));
    await Promise.all([
      build({ root, configFile: join(root, "vite.config.ts"), logLevel: "error", build: { outDir: dist, emptyOutDir: true } }),
      Nodes.start().then((started) => (network = started)),
    ]);
    site = await new Site(dist, network.endpoints[0]!).start();
    browser = await launch();
    client = new PollenClient(network.endpoints, { genesis: network.genesis });
    owner = KeyPair.random();
    await client.transfer(owner, "100 pollen", { from: KeyPair.development("faucet") });
    const deployed = await client.deploy(component("counter"), { from: owner, name: "counter", arguments: { start: 5 } });
    const called = await client.call("@counter", "increment", { by: 2 }, { from: owner });
    if (!deployed.ended || !called.ended) throw new Error("the counter was not deployed and called in time");
    [module, transaction, address] = [deployed.value, called.hash, await client.address(owner)];
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await network?.stop();
    await site?.stop();
    rmSync(dist, { recursive: true, force: true });
  });

  async function open(place = "", options: Parameters<Browser["newContext"]>[0] = {}): Promise<Opened> {
    const context = await browser.newContext({ viewport: { width: 1_440, height: 900 }, ...options });
    const page = await context.newPage();
    const [faults, loaded]: [string[], string[]] = [[], []];
    page.on("console", (message) => faults.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => faults.push(`error: ${error.stack ?? error.message}`));
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol === "blob:" || url.protocol === "data:") return;
      if (url.origin !== site.url) faults.push(`request to ${request.url()}`);
      else if (request.method() === "GET") loaded.push(url.pathname);
    });
    page.on("websocket", (socket) => new URL(socket.url()).host !== new URL(site.url).host && faults.push(`socket to ${socket.url()}`));
    await page.addInitScript(() => addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
    await page.goto(`${site.url}/${place}`);
    await page.waitForSelector("h1");
    return { page, context, faults, loaded };
  }

  const height = (page: Page) => page.locator(".pulse-height").innerText().then((text) => Number(text.replace(/\D/g, "")));

  it("paints within a second on a first visit, loads little, and goes on by itself", async () => {
    const { page, context, faults, loaded } = await open();
    await page.waitForSelector(".pulse-height");
    await page.waitForSelector(".uplot");
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]!.startTime);
    // (What the node says is not of the page.)
    const bytes = loaded
      .filter((path) => path !== "/genesis.json")
      .map((path) => readFileSync(join(dist, path === "/" ? "index.html" : path)))
      .reduce((sum, file) => sum + gzipSync(file, { level: 9 }).length, 0);
    console.info(`first contentful paint after ${paint.toFixed(0)} ms; ${bytes} bytes gzip in ${loaded.length} files`);
    expect(paint).toBeLessThanOrEqual(FIRST_PAINT_MS);
    expect(bytes).toBeLessThan(FIRST_VISIT_BYTES);
    const before = await height(page);
    await page.waitForFunction((least) => Number(document.querySelector(".pulse-height")!.textContent!.replace(/\D/g, "")) > least, before);
    expect(await page.locator(".pulse").innerText()).toContain("live");
    expect(faults).toEqual([]);
    await context.close();
  });

  const places = (): [string, string][] => [
    ["", "Latest checkpoints"],
    ["#/dag", "Rounds"],
    ["#/dag/12/1", "Builds on"],
    ["#/checkpoints", "State root"],
    ["#/checkpoints/3", "Signed by"],
    ["#/transactions", "Newest"],
    [`#/transactions/${transaction}`, "What it asked for"],
    [`#/transactions/${transaction}?tab=events`, "incremented"],
    [`#/transactions/${transaction}?tab=run`, "Run it again"],
    [`#/transactions/${transaction}?tab=raw`, "tx_status"],
    ["#/accounts", "At work lately"],
    [`#/accounts/${address}`, "Next nonce"],
    ["#/modules", "@counter"],
    ["#/modules/@counter", "Queries"],
    ["#/modules/@counter?f=command:increment", "Sign and send"],
    ["#/modules/@counter?tab=events", "incremented"],
    ["#/modules/@counter?tab=storage", "Entries"],
    ["#/modules/@counter?tab=code", "runs now"],
    ["#/modules/@counter?tab=upgrades", "Changes that wait"],
    ["#/modules/@counter?tab=interface", "package pollen:counter"],
    ["#/peers", "quorum"],
    ["#/console/account_get", "account_keys"],
    ["#/search?q=count", "@counter"],
    ["#/nowhere", "Nothing here"],
  ];

  for (const colorScheme of ["light", "dark"] as const) {
    it(`has no fault at any place, in ${colorScheme} colours: console, policy, other origins, axe`, async () => {
      const { page, context, faults } = await open("", { colorScheme });
      for (const [place, text] of places()) {
        await page.goto(`${site.url}/${place}`);
        await page.locator("main").getByText(text).filter({ visible: true }).first().waitFor({ timeout: 20_000 }).catch(() => faults.push(`${place}: no “${text}”`));
        await page.waitForTimeout(150);
        await page.evaluate(axe);
        const found = (await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")) as { violations: Fault[] };
        for (const { id, impact, nodes } of found.violations) {
          if (impact === "serious" || impact === "critical") faults.push(`${place}: axe ${impact} ${id}: ${nodes[0]!.html.slice(0, 200)} ${nodes[0]!.failureSummary}`);
        }
      }
      expect(faults).toEqual([]);
      await context.close();
    }, 240_000);
  }

  it("fits a narrow screen at every place", async () => {
    const { page, context, faults } = await open("", { viewport: { width: 360, height: 740 } });
    for (const [place, text] of places()) {
      await page.goto(`${site.url}/${place}`);
      await page.locator("main").getByText(text).filter({ visible: true }).first().waitFor({ timeout: 20_000 });
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      if (width > 360) faults.push(`${place} is ${width} wide`);
    }
    expect(faults).toEqual([]);
    await context.close();
  }, 120_000);

  it("is served by the node itself, below the same policy", async () => {
    const url = network.endpoints[0]!;
    const served = await fetch(url);
    if (!(await served.text()).includes("assets/")) return console.warn("SKIPPED: this program was built without the page");
    expect(served.headers.get("content-security-policy")).toBe(POLICY);
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on("console", (message) => faults.push(message.text()));
    page.on("request", (request) => !request.url().startsWith(url) && faults.push(request.url()));
    await page.goto(url);
    await page.locator(".pulse", { hasText: "live" }).waitFor();
    expect(faults).toEqual([]);
    await page.close();
  });

  it("runs a query by its form, and tries a command without a wallet", async () => {
    const { page, context, faults } = await open("#/modules/@counter?f=query:get");
    await page.getByRole("button", { name: "Run the query" }).click();
    await expect.poll(() => page.locator(".result-value").innerText()).toBe("7");
    await page.goto(`${site.url}/#/modules/@counter?f=command:increment`);
    await page.getByLabel("by", { exact: true }).fill("-1");
    await page.getByRole("button", { name: "Simulate" }).click();
    await page.locator(".wrong").waitFor();
    expect(await page.getByLabel("by", { exact: true }).getAttribute("aria-invalid")).toBe("true");
    await page.getByLabel("by", { exact: true }).fill("3");
    await page.getByRole("button", { name: "Simulate" }).click();
    await page.getByText("Fuel by function").waitFor();
    expect(await page.locator(".outcome").innerText()).toMatch(/success\s+10/);
    expect(await client.query("@counter", "get")).toBe("7");
    expect(faults).toEqual([]);
    await context.close();
  });

  it("runs an executed transaction again, to the same fuel", async () => {
    const fresh = await client.call("@counter", "increment", { by: 1 }, { from: owner });
    const { page, context, faults } = await open(`#/transactions/${fresh.hash}?tab=run`);
    await page.getByRole("button", { name: "Run it again" }).click();
    await page.getByText("as it was").waitFor();
    expect(await page.locator("main").innerText()).toContain("Changes of the state");
    expect(faults).toEqual([]);
    await context.close();
  });

  it("tells events and transactions as they happen", async () => {
    const { page, context, faults } = await open("#/modules/@counter?tab=events");
    await page.locator("tbody tr").first().waitFor();
    const before = await page.locator("tbody tr").count();
    const called = await client.call("@counter", "increment", { by: 1 }, { from: owner });
    await expect.poll(() => page.locator("tbody tr").count(), { timeout: 10_000 }).toBe(before + 1);
    await page.goto(`${site.url}/#/transactions`);
    await page.locator(`a[title="${called.hash}"]`).waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it("deploys a component that is dropped on it, by the wallet, and calls it", async () => {
    const { page, context, faults } = await open("#/modules");
    const press = (name: string) => page.getByRole("button", { name, exact: true }).click();
    const own = await makeAccount(page);
    await client.transfer(own, "20 pollen", { from: owner });
    await page.keyboard.press("Escape");

    await drop(page, "counter.wasm", component("counter"));
    await page.getByText("pollen:counter@0.1.0").waitFor();
    await page.getByLabel("Name", { exact: true }).fill("Not A Name");
    await press("Deploy");
    await page.getByText("a name has 2 to 64").waitFor();
    await page.getByLabel("Name", { exact: true }).fill("dropped");
    await press("Deploy");
    await page.locator(".failure", { hasText: "arguments.start" }).waitFor();
    await page.getByLabel("start", { exact: true }).fill("40");
    await page.getByLabel("A change waits").fill("-2");
    await press("Deploy");
    await page.getByText("the wait is a number, such as 2 or 1.5").waitFor();
    await page.getByLabel("A change waits").fill("2");
    await press("Deploy");
    const dialog = page.locator("dialog");
    await dialog.getByRole("button", { name: "Sign and send", exact: true }).click();
    await dialog.getByRole("button", { name: "Done", exact: true }).click();
    await page.getByRole("link", { name: "Open the new module" }).click();
    await page.getByRole("heading", { name: "@dropped" }).waitFor();
    expect(await client.query("@dropped", "get")).toBe("40");
    expect((await client.module("@dropped")).policy).toEqual({ kind: "owner", delayMs: 7_200_000n });

    await page.getByRole("button", { name: /^increment/ }).click();
    await page.getByLabel("by", { exact: true }).fill("2");
    await page.locator("main").getByRole("button", { name: "Sign and send", exact: true }).click();
    await dialog.getByRole("button", { name: "Sign and send", exact: true }).click();
    await dialog.getByRole("button", { name: "Done", exact: true }).click();
    // Its stages are followed to the last one, and the result is told.
    await page.locator(".sent .stages li", { hasText: "certified" }).and(page.locator(".done")).waitFor();
    expect(await page.locator(".sent .outcome").innerText()).toMatch(/success\s+42/);
    expect(await client.query("@dropped", "get")).toBe("42");
    expect(faults).toEqual([]);
    await context.close();
  });

  /** Makes an account by the wallet's dialogs; its address. */
  async function makeAccount(page: Page): Promise<string> {
    const press = (name: string) => page.getByRole("button", { name, exact: true }).click();
    await press("Wallet");
    await press("Make a new account");
    await press("Make the words");
    const words = await page.locator(".words li").allTextContents();
    await press("I have written them down");
    for (const label of await page.locator(".asked .label").allTextContents()) {
      await page.getByLabel(label, { exact: true }).fill(words[Number(label.split(" ")[1]) - 1]!);
    }
    await press("Go on");
    await page.getByLabel("Passphrase", { exact: true }).fill("staple battery horse");
    await page.getByLabel("The same again").fill("staple battery horse");
    await press("Make the account");
    await page.getByRole("button", { name: "Export key file" }).waitFor();
    return (await page.locator(".address .mono").textContent())!.trim();
  }

  it("finds anything: a height, a hash, an address, a name, a method", async () => {
    const { page, context, faults } = await open();
    await page.waitForSelector(".pulse-height");
    const digest = (await client.request("chain_checkpoint", { at: 2n })).digest;
    for (const [text, where] of [
      ["2", "#/checkpoints/2"],
      [transaction, `#/transactions/${transaction}`],
      [address, `#/accounts/${address}`],
      [module, `#/modules/${module}`],
      ["@counter", "#/modules/@counter"],
      [digest, "#/checkpoints/2"],
      ["chain_head", "#/console/chain_head"],
      [owner.account, `#/accounts/${address}`],
    ] as const) {
      await page.locator("body").press("/");
      await page.keyboard.type(text);
      if (text === "2") await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      await expect.poll(() => page.evaluate(() => location.hash), { timeout: 10_000, message: text }).toBe(where);
      await page.locator("h1").focus();
    }
    expect(faults).toEqual([]);
    await context.close();
  });

  it("is worked by keys alone: the way past the header, the DAG from block to block, tabs", async () => {
    const { page, context, faults } = await open("#/dag");
    await page.keyboard.press("Tab");
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.locator(".skip").focus();
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("content");
    const dag = page.getByRole("application");
    await dag.focus();
    const said = async (key: string) => {
      await page.keyboard.press(key);
      return page.locator(".dag-said").innerText();
    };
    // Back to a round in which both have a block: on a busy machine one may have none yet.
    const both = /^Round \d+, validator 0: slot.* Round \d+, validator 1: slot/;
    await expect.poll(async () => {
      const told = `${await said("ArrowLeft")} ${await said("ArrowDown")}`;
      if (!both.test(told)) await said("ArrowUp");
      return told;
    }).toMatch(both);
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => /^#\/dag\/\d+\/1$/.test(location.hash));
    await page.goto(`${site.url}/#/modules/@counter`);
    await page.getByRole("tab", { name: "Functions" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction(() => location.hash.endsWith("tab=events"));
    expect(faults).toEqual([]);
    await context.close();
  });

  it("says so when the node is gone, keeps what it knew, and goes on when it is back", async () => {
    const { page, context } = await open();
    await page.waitForSelector(".pulse-height");
    await page.getByRole("button", { name: "verified", exact: true }).waitFor();
    await network.kill(0);
    await page.locator("[data-gone]").waitFor({ timeout: 10_000 });
    expect(await page.locator(".pulse").innerText()).toContain("node gone");
    // What was verified is told with its age: nobody verifies anything now.
    await expect.poll(() => page.locator(".trust-badge").innerText()).toMatch(/^verified (just now|.* ago)$/);
    await page.locator(".trust-badge").click();
    await page.getByText(/The node does not answer\. What this browser checked last, .* ago/).waitFor();
    await page.keyboard.press("Escape");
    expect(await page.getByText("Latest checkpoints").isVisible()).toBe(true);
    const before = await height(page);
    await page.goto(`${site.url}/#/checkpoints/1`);
    await page.getByText("asked again").waitFor();
    network.run(0);
    await page.locator("[data-gone]").waitFor({ state: "detached", timeout: 30_000 });
    await page.getByRole("button", { name: "verified", exact: true }).waitFor();
    await page.getByText("Signed by").first().waitFor();
    await page.waitForFunction((least) => Number(document.querySelector(".pulse-height")!.textContent!.replace(/\D/g, "")) > least, before);
    // Another one dies: this node goes on, and its committee is seen to miss one.
    await network.kill(3);
    await page.goto(`${site.url}/#/peers`);
    await page.locator(".badge", { hasText: /silent|rounds ago/ }).first().waitFor({ timeout: 30_000 });
    await context.close();
  }, 120_000);
});
