/**
 * The wallet in a real browser, on the built page below its policy, beside a real network: what people do with it, what
 * it refuses, and that no secret of it is anywhere but where it belongs.
 */

import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KeyPair, PollenClient, verifyMessage } from "@pollen/client";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { component, startNetwork, type Network } from "../../ts/tests/network.js";
import { button, DappSite, faults, isPossible, launch, makeAccount, NodePage, PASSPHRASE, Person } from "./wallet-site.js";

const addressShown = async (page: Page) => (await page.locator(".address .mono").textContent())!.trim();

/** Uses a feature of the wallet that this page registers by the Wallet Standard, as any script of it would. */
async function standard(page: Page, feature: string, method: string, input: Record<string, unknown> = {}): Promise<void> {
  await page.evaluate(
    ({ feature, method, input }) => {
      const told = globalThis as unknown as { told: string };
      told.told = "";
      const found: { accounts: { address: string }[]; features: Record<string, Record<string, (input: unknown) => Promise<unknown>>> }[] = [];
      const register = (wallet: (typeof found)[number]) => found.push(wallet);
      dispatchEvent(new CustomEvent("wallet-standard:app-ready", { detail: { register } }));
      const wallet = found[0]!;
      const message = typeof input["message"] === "string" ? { message: new TextEncoder().encode(input["message"]) } : {};
      void wallet.features[feature]![method]!({ ...input, ...message, account: wallet.accounts[0] }).then(
        (result) => (told.told = JSON.stringify(result, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value instanceof Uint8Array ? [...value] : value))),
        (error: { code?: string; message: string }) => (told.told = JSON.stringify({ refused: error.code ?? error.message })),
      );
    },
    { feature, method, input },
  );
}

async function result(page: Page): Promise<Record<string, unknown>> {
  const told = await page.waitForFunction(() => (globalThis as unknown as { told: string }).told);
  return JSON.parse(await told.jsonValue()) as Record<string, unknown>;
}

// Keys are encrypted with as much work as a passphrase needs: on a busy machine that is long.
vi.setConfig({ testTimeout: 180_000 });

describe.skipIf(!isPossible)("the wallet in a browser", () => {
  let network: Network;
  let client: PollenClient;
  let browser: Browser;
  let node: NodePage;

  beforeAll(async () => {
    network = await startNetwork();
    client = new PollenClient(network.endpoints, { genesis: network.genesis });
    const deployer = KeyPair.random();
    await client.transfer(deployer, "100 pollen", { from: KeyPair.development("faucet") });
    await client.deploy(component("counter"), { from: deployer, name: "counter", arguments: { start: 5 } });
    node = await NodePage.beside(network.endpoints[0]!);
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await node?.stop();
    await network?.stop();
  });

  const fund = (address: string, amount = "50 pollen") => client.transfer(address, amount, { from: KeyPair.development("faucet") });
  const count = () => client.query("@counter", "get");
  const call = { actions: [{ kind: "call", module: "@counter", function: "increment", arguments: { by: 3 } }] };

  it("makes an account, is funded, shows what would be done, refuses, signs and sends", async () => {
    const person = await Person.in(browser);
    const page = await person.open(node.url);
    const words = await makeAccount(page, "Wallet");
    const address = await addressShown(page);
    const key = KeyPair.fromWords(words, { coinType: 1 });
    expect(address).toBe(await client.address(key));
    expect(await page.locator(".balance").textContent()).toContain("nothing yet");
    await fund(address);
    await page.locator(".balance").getByText("50 pollen").waitFor();
    await page.keyboard.press("Escape");
    // Focus is back on the button that opened it.
    expect(await page.evaluate(() => document.activeElement?.className)).toContain("wallet-button");

    await standard(page, "standard:connect", "connect");
    await page.getByText("This page asks").waitFor();
    await button(page, "Let it see this account").click();
    expect(await result(page)).toMatchObject({ accounts: [{ address, label: "main" }] });

    const before = (await count()) as string;
    await standard(page, "pollen:signAndSendTransaction", "signAndSendTransaction", call);
    await page.getByText("Call counter.increment with by 3.").waitFor();
    expect(await page.locator(".wallet-dialog").textContent()).toMatch(/at most 0\.0000\d+ pollen.*50 pollen/s);
    await page.getByText("Exactly what is signed").click();
    const { interfaceHash } = await client.interfaceOf("@counter");
    await page.getByText(interfaceHash).waitFor();
    expect(await faults(page)).toEqual([]);
    await button(page, "Refuse").click();
    expect(await result(page)).toEqual({ refused: "Refused" });
    expect(await count()).toBe(before);

    await standard(page, "pollen:signAndSendTransaction", "signAndSendTransaction", call);
    await button(page, "Sign and send").click();
    await page.getByText("Executed at height").waitFor();
    const sent = await result(page);
    expect(sent).toMatchObject({ outcome: { kind: "success" } });
    expect(Number(await count())).toBe(Number(before) + 3);
    expect((await client.status(sent["hash"] as string)).transaction?.sender).toBe(address);
    await button(page, "Done").click();

    // What cannot be done is told before it is signed.
    await standard(page, "pollen:signTransaction", "signTransaction", { actions: [{ kind: "transfer", to: address, amount: "9000 pollen" }] });
    await page.getByText("the account has 49.9", { exact: false }).waitFor();
    await page.keyboard.press("Escape");
    expect(await result(page)).toEqual({ refused: "Refused" });

    // Who signs it in spite of that is told what the node says; a failure in the module is told with its fee.
    await standard(page, "pollen:signAndSendTransaction", "signAndSendTransaction", { actions: [{ kind: "transfer", to: address, amount: "9000 pollen" }] });
    await button(page, "Sign and send").click();
    await page.getByRole("heading", { name: /It failed|Nothing came of it/ }).waitFor();
    await page.getByText(/1010 BalanceTooLow/).waitFor();
    await page.keyboard.press("Escape");
    await standard(page, "pollen:signAndSendTransaction", "signAndSendTransaction", { actions: [{ ...call.actions[0], arguments: { by: "18446744073709551615" } }] });
    await page.getByText(/Tried now, it fails: .*overflow/).waitFor();
    await button(page, "Sign and send").click();
    await page.getByRole("heading", { name: "It failed" }).waitFor();
    await page.getByText(/2006 ModuleError\)\. Nothing was done but paying the fee/).waitFor();
    expect(await result(page)).toMatchObject({ outcome: { kind: "failure", code: 2006 } });
    await button(page, "Done").click();

    await nothingSecret(page, person, words, key);
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  it("signs nothing by a node that gives arguments another meaning, or tells another chain", async () => {
    const person = await Person.in(browser);
    const page = await person.open(node.url);
    await makeAccount(page, "Wallet");
    await page.keyboard.press("Escape");
    await standard(page, "standard:connect", "connect");
    await button(page, "Let it see this account").click();
    await result(page);
    node.alter = (answer, method) => (method === "module_interface" ? answer.replace('"params":[{"name":"by"', '"params":[{"name":"to"') : answer);
    await standard(page, "pollen:signAndSendTransaction", "signAndSendTransaction", { actions: [{ ...call.actions[0], arguments: [3] }] });
    expect(await result(page)).toEqual({ refused: "ProofError" });
    const { chainId } = await client.network();
    node.alter = (answer, method) => (method === "node_info" ? answer.replace(chainId, "ab".repeat(32)) : answer);
    await page.reload();
    await page.getByRole("button", { name: "other chain" }).waitFor();
    await standard(page, "standard:connect", "connect");
    await button(page, "Let it see this account").click();
    await result(page);
    await standard(page, "pollen:signMessage", "signMessage", { message: "for another chain" });
    await page.getByText("of another chain than the one that you trust").waitFor();
    expect(await button(page, "Sign").isDisabled()).toBe(true);
    await button(page, "Refuse").click();
    expect(await result(page)).toEqual({ refused: "Refused" });
    node.alter = (answer) => answer;
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  /** Looks for what must be nowhere: in what the browser keeps, in the page, in its address, in what was logged. */
  async function nothingSecret(page: Page, person: Person, words: string, key: KeyPair): Promise<void> {
    const kept = await page.evaluate(async () => {
      const open = (name: string) => new Promise<IDBDatabase>((resolve) => (indexedDB.open(name).onsuccess = (event) => resolve((event.target as IDBOpenDBRequest).result)));
      const all: unknown[] = [{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href, document.documentElement.outerHTML];
      for (const field of document.querySelectorAll("input, textarea")) all.push((field as HTMLInputElement).value);
      for (const { name } of await indexedDB.databases()) {
        const database = await open(name!);
        for (const store of database.objectStoreNames) {
          all.push(await new Promise((resolve) => (database.transaction(store).objectStore(store).getAll().onsuccess = (event) => resolve((event.target as IDBRequest).result))));
        }
        database.close();
      }
      return JSON.stringify(all);
    });
    expect(kept).toContain("BEGIN AGE ENCRYPTED FILE");
    const seed = key.seed();
    const [hex, base64] = [Buffer.from(seed).toString("hex"), Buffer.from(seed).toString("base64")];
    for (const secret of [words, PASSPHRASE, hex, base64, [...seed].join(",")]) {
      expect(kept.includes(secret)).toBe(false);
      expect(person.complaints.join("\n").includes(secret)).toBe(false);
    }
  }

  it("locks by its button, by a wrong passphrase it stays locked, and by itself after a while", async () => {
    const person = await Person.in(browser);
    const page = await person.context.newPage();
    await page.clock.install();
    await page.goto(node.url);
    await makeAccount(page, "Wallet");
    await button(page, "Lock").click();
    await button(page, "Unlock").click();
    await page.getByLabel("Passphrase").fill("another battery horse");
    await button(page, "Unlock").click();
    await page.getByText("the passphrase of this key is another one").waitFor();
    // What was typed is gone, and the field waits for the next try.
    expect(await page.getByLabel("Passphrase").inputValue()).toBe("");
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("INPUT");
    await page.getByLabel("Passphrase").fill(PASSPHRASE);
    await button(page, "Unlock").click();
    await button(page, "Lock").waitFor();
    // Another tab of the same page: the lock button there locks here, too.
    const tab = await person.open(node.url);
    await button(tab, /^main/).click();
    await button(tab, "Unlock").click();
    await tab.getByLabel("Passphrase").fill(PASSPHRASE);
    await button(tab, "Unlock").click();
    await button(tab, "Lock").click();
    await button(page, "Unlock").click();
    await page.getByLabel("Passphrase").fill(PASSPHRASE);
    await button(page, "Unlock").click();
    await button(page, "Lock").waitFor();
    await page.clock.fastForward("09:00");
    expect(await button(page, "Lock").count()).toBe(1);
    await page.clock.fastForward("02:00");
    await button(page, "Unlock").waitFor();
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  it("gives its key files to the command line, and takes those of the command line", async () => {
    const home = join(network.genesisFile, "../../wallet");
    mkdirSync(join(home, "keys"), { recursive: true, mode: 0o700 });
    writeFileSync(join(home, "passphrase"), `${PASSPHRASE}\n`);
    const env = { ...process.env, POLLEN_PASSPHRASE_FILE: join(home, "passphrase"), POLLEN_RPC: network.endpoints[0]! };
    const pollen = (...words: string[]) => execFileSync(process.env["POLLEN_BIN"]!, ["--home", home, ...words], { encoding: "utf8", env });
    const person = await Person.in(browser);
    const page = await person.open(node.url);
    await makeAccount(page, "Wallet");
    const address = await addressShown(page);
    const [download] = await Promise.all([page.waitForEvent("download"), button(page, "Export key file").click()]);
    expect(download.suggestedFilename()).toBe("main.json");
    const exported = join(home, "keys/main.json");
    await download.saveAs(exported);
    chmodSync(exported, 0o600);
    const { publicKey } = JSON.parse(readFileSync(exported, "utf8")) as { publicKey: string };
    const signature = pollen("keys", "sign", "main", "made in a browser").trim().split(/\s+/).at(-1)!;
    const { chainId } = await client.network();
    expect(verifyMessage(publicKey, chainId, "made in a browser", Buffer.from(signature, "hex"))).toBe(true);
    await fund(address, "5 pollen");
    pollen("transfer", "main", await client.address(KeyPair.development("till")), "1");
    expect((await client.account(address)).balance).toBeLessThan(4_000_000_000n);

    // The other way round: encrypted by the command line, opened and used here.
    pollen("keys", "new", "laptop", "--encrypt", "--no-fund");
    await button(page, /^Accounts/).click();
    await button(page, "Import a key file").click();
    await page.getByLabel("Key file", { exact: true }).setInputFiles(join(home, "passphrase"));
    await page.getByText("it is no JSON document").waitFor();
    await page.getByLabel("Key file", { exact: true }).setInputFiles(join(home, "keys/laptop.json"));
    expect(await page.getByLabel("Name").inputValue()).toBe("laptop");
    await page.getByLabel("Passphrase of the file").fill(PASSPHRASE);
    expect(await faults(page)).toEqual([]);
    await button(page, "Import the account").click();
    await page.getByRole("heading", { name: "laptop" }).waitFor();
    const laptop = JSON.parse(readFileSync(join(home, "keys/laptop.json"), "utf8")) as { publicKey: string };
    await page.keyboard.press("Escape");
    await standard(page, "standard:connect", "connect");
    await button(page, "Let it see this account").click();
    await result(page);
    await standard(page, "pollen:signMessage", "signMessage", { message: "from the laptop's key" });
    await page.getByText("from the laptop's key").waitFor();
    expect(await faults(page)).toEqual([]);
    await button(page, "Sign").click();
    const signed = (await result(page)) as { signature: number[] };
    expect(verifyMessage(laptop.publicKey, chainId, "from the laptop's key", Uint8Array.from(signed.signature))).toBe(true);

    // One that it left open is put under a passphrase here; twice the same key is refused.
    pollen("keys", "new", "open", "--no-fund");
    const take = async (name: string) => {
      await button(page, "Import a key file").click();
      await page.getByLabel("Key file", { exact: true }).setInputFiles(join(home, `keys/${name}.json`));
    };
    await button(page, /^laptop/).click();
    await button(page, /^Accounts/).click();
    await take("open");
    await page.getByText("This key file is not encrypted.").waitFor();
    await page.getByLabel("Passphrase", { exact: true }).fill(PASSPHRASE);
    await page.getByLabel("The same again").fill(PASSPHRASE);
    await button(page, "Import the account").click();
    await page.getByRole("heading", { name: "open" }).waitFor();
    await button(page, /^Accounts/).click();
    await take("laptop");
    await page.getByLabel("Name").fill("twice");
    await page.getByLabel("Passphrase of the file").fill(PASSPHRASE);
    await button(page, "Import the account").click();
    await page.getByText("this key is here already, as 'laptop'").waitFor();
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  it("restores from words, forgets, and keeps what it has through a visit", async () => {
    const person = await Person.in(browser);
    const page = await person.open(node.url);
    const words = await makeAccount(page, "Wallet");
    const address = await addressShown(page);
    await button(page, "Forget this account…").click();
    expect(await button(page, "Forget it").isDisabled()).toBe(true);
    await page.getByLabel(/Type its name/).fill("main");
    await button(page, "Forget it").click();
    await button(page, "Restore from words").click();
    await page.getByLabel("The 12 or 24 words").fill(words.replace(/ \S+$/, " zoo zoo"));
    await button(page, "Go on").click();
    await page.getByText("a mnemonic has 12 or 24 words, these are 13").waitFor();
    await page.getByLabel("The 12 or 24 words").fill(`  ${words.toUpperCase()} `);
    await button(page, "Go on").click();
    await page.getByLabel("Name").fill("again");
    await page.getByLabel("Passphrase", { exact: true }).fill("password12");
    await page.getByLabel("The same again").fill("password12");
    await button(page, "Restore the account").click();
    await page.getByText("one of the first that somebody would try").waitFor();
    await page.getByLabel("Passphrase", { exact: true }).fill(PASSPHRASE);
    await page.getByLabel("The same again").fill(PASSPHRASE);
    await button(page, "Restore the account").click();
    await page.getByRole("heading", { name: "again" }).waitFor();
    expect(await addressShown(page)).toBe(address);
    await page.reload();
    // It is there, and locked.
    await button(page, /^again.*locked$/).click();
    expect(await addressShown(page)).toBe(address);
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  it("asks the faucet of a network that has one", async () => {
    const person = await Person.in(browser);
    const page = await person.open(node.url);
    await makeAccount(page, "Wallet");
    await button(page, "Get 100 pollen").click();
    await page.locator(".balance").getByText("100 pollen").waitFor();
    expect(person.complaints).toEqual([]);
    await person.context.close();
  });

  it("answers a site of another origin by the Wallet Standard, as far as its owner lets it", async () => {
    const site = await new DappSite(node.folder).listen();
    const person = await Person.in(browser);
    const page = await person.open(node.url);
    const words = await makeAccount(page, "Wallet");
    const key = KeyPair.fromWords(words, { coinType: 1 });
    const address = await addressShown(page);
    await fund(address);
    const till = await client.address(KeyPair.development("till"));
    const dapp = await person.open(`${site.url}/?wallet=${encodeURIComponent(node.url)}&to=${till}`);
    await dapp.getByText("Pollen, Wallet Standard 1.0.0").waitFor();
    const said = dapp.locator("#said");
    const ask = async (name: string) => (await Promise.all([dapp.waitForEvent("popup"), button(dapp, name).click()]))[0];

    // Refused, and refused by closing the window.
    await button(await ask("Connect"), "Refuse").click();
    await said.getByText("Refused").waitFor();
    await (await ask("Connect")).close();
    await said.getByText("the wallet's window was closed").waitFor();

    const connecting = await ask("Connect");
    await connecting.getByText(site.url).waitFor();
    expect(await faults(connecting)).toEqual([]);
    await button(connecting, "Let it see this account").click();
    await said.getByText(address).waitFor();
    const { chainId } = await client.network();
    await dapp.getByText(`on pollen:${chainId.slice(0, 32)}`).waitFor();

    const login = await ask("Log in");
    await login.getByText(`Log in to ${site.url}`).waitFor();
    await login.getByLabel("Passphrase of main").fill(PASSPHRASE);
    await button(login, "Sign").click();
    await said.getByText("signature").waitFor();
    const { signedMessage, signature } = JSON.parse((await said.textContent())!) as { signedMessage: string; signature: string };
    const domain = Buffer.concat([Buffer.from([0xff]), Buffer.from("pollen message v1\n"), Buffer.from(chainId, "hex")]).length;
    expect(verifyMessage(key.publicKey, chainId, Buffer.from(signedMessage, "hex").subarray(domain), Buffer.from(signature, "hex"))).toBe(true);

    // Kept open, the window is still unlocked for the next request.
    const before = Number(await count());
    const counting = await ask("Count by 2");
    await counting.getByText("Call counter.increment with by 2.").waitFor();
    await counting.getByLabel(/Keep this window/).check();
    await counting.getByLabel("Passphrase of main").fill(PASSPHRASE);
    await button(counting, "Sign and send").click();
    await said.getByText("outcome").waitFor();
    expect(Number(await count())).toBe(before + 2);
    await button(counting, "Done").click();
    await button(dapp, "Tip 1.5 pollen").click();
    await counting.getByText(`Send 1.5 pollen from ${address} to ${till}.`).waitFor();
    expect(await counting.getByLabel("Passphrase of main").count()).toBe(0);
    await counting.getByLabel(/Keep this window/).uncheck();
    await button(counting, "Sign").click();
    await said.getByText("signedTransaction").waitFor();

    // A visit later the site knows its account; what its owner takes back it may no longer ask for.
    await dapp.reload();
    await dapp.getByText(`main ${address}`).waitFor();
    await page.bringToFront();
    await button(page, "Sites that may ask").click();
    await button(page, `take back: ${site.url}`).click();
    await page.getByText("No site may ask this wallet").waitFor();
    await dapp.bringToFront();
    await ask("Log in");
    await said.getByText("Unauthorized").waitFor();
    expect(person.complaints).toEqual([]);
    await person.context.close();
    await site.stop();
  });

  it("hears its opener alone, and no request that is none", async () => {
    const site = await new DappSite(node.folder).listen();
    const person = await Person.in(browser);
    await makeAccount(await person.open(node.url), "Wallet");
    const dapp = await person.open(`${site.url}/?wallet=${encodeURIComponent(node.url)}`);
    await dapp.getByText("Pollen, Wallet Standard 1.0.0").waitFor();
    // A page that opens the wallet itself, and says what no connector would; in the end a request that is one.
    const popup = dapp.waitForEvent("popup");
    await dapp.evaluate((url) => {
      const target = open(`${url}/#/connect`, "_blank", "popup")!;
      addEventListener("message", ({ origin, data }: MessageEvent<{ kind: string }>) => {
        if (origin !== url || data.kind !== "ready") return;
        const request = { method: "signMessage", params: { address: "pollend1", chain: "pollen:x", message: new Uint8Array(1) } };
        const seed = { method: "seed", params: {} };
        for (const bad of [null, "connect", ...[{ request: seed }, { request, pollen: 2 }, { request: { ...request, origin: url } }].map((one) => ({ pollen: 1, kind: "request", id: "1", ...one }))]) {
          target.postMessage(bad, url);
        }
        target.postMessage({ pollen: 1, kind: "request", id: "last", request }, url);
      });
      (globalThis as unknown as { heard: unknown[] }).heard = [];
      addEventListener("message", ({ data }) => (globalThis as unknown as { heard: unknown[] }).heard.push(data));
    }, node.url);
    await popup;
    const answers = await dapp.waitForFunction(() => {
      const { heard } = globalThis as unknown as { heard: { kind: string }[] };
      return heard.some(({ kind }) => kind === "answer") && heard.filter(({ kind }) => kind === "answer");
    });
    expect(await answers.jsonValue()).toEqual([
      { pollen: 1, kind: "answer", id: "last", error: expect.objectContaining({ code: "Unauthorized" }) as object },
    ]);
    expect(person.complaints).toEqual([]);
    await person.context.close();
    await site.stop();
  });

  for (const colorScheme of ["light", "dark"] as const) {
    it(`has dialogs without a serious fault, and keeps the keyboard inside them (${colorScheme})`, async () => {
      const person = await Person.in(browser, { colorScheme, viewport: { width: 380, height: 720 } });
      const page = await person.open(node.url);
      const look = async (title: string) => {
        await page.getByRole("heading", { name: title }).waitFor();
        expect(await faults(page), title).toEqual([]);
        for (let press = 0; press < 12; press++) {
          await page.keyboard.press("Tab");
          const isOutside = await page.evaluate(() => document.activeElement !== document.body && document.activeElement?.closest("dialog") === null);
          expect(isOutside, title).toBe(false);
        }
        expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), title).toBe(true);
      };
      await button(page, "Wallet").click();
      await look("Wallet");
      await button(page, "Restore from words").click();
      await look("Restore from words");
      await page.keyboard.press("Escape");
      await button(page, "Make a new account").click();
      await look("A new account");
      await button(page, "Make the words").click();
      const words = await page.locator(".words li").allTextContents();
      await look("A new account");
      await button(page, "I have written them down").click();
      await look("A new account");
      const labels = await page.locator(".asked .label").allTextContents();
      await page.getByLabel(labels[0]!, { exact: true }).fill("wrong");
      await button(page, "Go on").click();
      await page.getByText("look at what you wrote down").waitFor();
      for (const label of labels) await page.getByLabel(label, { exact: true }).fill(words[Number(label.split(" ")[1]) - 1]!);
      await button(page, "Go on").click();
      await button(page, "Make the account").click();
      await page.getByText("choose a passphrase").waitFor();
      await look("A new account");
      await button(page, "Suggest one").click();
      await button(page, "Make the account").click();
      await look("main");
      for (const [name, title] of [[/^Accounts/, "Accounts"], ["Sign or send a draft", "Sign or send a draft"], ["Sites that may ask", "Sites that may ask"], ["Rename", "Rename main"], ["Forget this account…", "Forget main?"]] as const) {
        await button(page, name).click();
        await look(title);
        await button(page, "Back").click();
      }
      await button(page, "Lock").click();
      await button(page, "Unlock").click();
      await look("Unlock main");
      expect(person.complaints).toEqual([]);
      await person.context.close();
    });
  }
});
