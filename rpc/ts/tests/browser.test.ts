/** The built package in a real browser, as a page of another site than the nodes: skipped where there is no Chromium. */

import { execFileSync } from "node:child_process";
import { createReadStream, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, normalize } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KeyPair, PollenClient } from "../src/index.js";
import { repository } from "./files.js";
import { component, POLLEN_BIN, startNetwork, type Network } from "./network.js";

const USUAL = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const told = process.env["CHROMIUM_BIN"];
const CHROMIUM = (told === undefined ? USUAL : [told]).find((path) => existsSync(path));
if (CHROMIUM === undefined) {
  console.warn("skipped: no browser; install chromium (apt-get install chromium), or set CHROMIUM_BIN");
}

const IMPORTS = {
  "@pollen/client": "/dist/index.js",
  "@noble/": "/node_modules/@noble/",
  "@scure/": "/node_modules/@scure/",
  "@scure/base": "/node_modules/@scure/base/index.js",
  "@scure/bip39": "/node_modules/@scure/bip39/index.js",
};
const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>Pollen</title>
<script type="importmap" nonce="n">${JSON.stringify({ imports: IMPORTS })}</script>
<script type="module" src="/page.js"></script>`;

/** A site with the page, the package as it is built, and nothing else. Its policy allows no inline script and no eval. */
class Site {
  readonly #server: Server;
  /** Where pages may connect to. */
  connect: string[] = [];
  url = "";

  constructor(dist: string) {
    const folders: [string, string][] = [
      ["/dist/", dist],
      ["/node_modules/", repository("rpc/ts/node_modules")],
      ["/", repository("rpc/ts/tests/browser")],
    ];
    this.#server = createServer((request, response) => {
      const path = normalize(new URL(request.url!, "http://site").pathname);
      const headers = { "content-security-policy": `default-src 'none'; script-src 'self' 'nonce-n'; img-src data:; connect-src ${this.connect.join(" ")}` };
      if (path === "/") return void response.writeHead(200, { ...headers, "content-type": "text/html" }).end(PAGE);
      const [prefix, folder] = folders.find(([prefix]) => path.startsWith(prefix))!;
      const file = join(folder, path.slice(prefix.length));
      if (!path.endsWith(".js") || !existsSync(file)) return void response.writeHead(404).end();
      response.writeHead(200, { ...headers, "content-type": "text/javascript" });
      createReadStream(file).pipe(response);
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe.skipIf(POLLEN_BIN === undefined || CHROMIUM === undefined)("in a browser", () => {
  let network: Network;
  let browser: Browser;
  /** Of the one the nodes are told, of the other not. */
  let site: Site;
  let stranger: Site;
  let dist: string;

  beforeAll(async () => {
    // A build of its own: other tests make the usual one anew meanwhile.
    dist = mkdtempSync(join(tmpdir(), "pollen-dist-"));
    execFileSync("npx", ["--no-install", "tsc", "-p", "tsconfig.build.json", "--outDir", dist], { cwd: repository("rpc/ts") });
    [site, stranger] = [await new Site(dist).start(), await new Site(dist).start()];
    network = await startNetwork({ POLLEN_NODE_RPC__ALLOWED_ORIGINS: JSON.stringify([site.url]) });
    site.connect = network.endpoints.flatMap((url) => [url, url.replace("http", "ws")]);
    stranger.connect = site.connect;
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: ["--no-sandbox"] });
  });
  afterAll(async () => {
    await browser?.close();
    await network?.stop();
    await Promise.all([site?.stop(), stranger?.stop()]);
    rmSync(dist, { recursive: true, force: true });
  });

  /** A page of a site; what it said on its console, and its WebSockets. */
  async function open(of: Site): Promise<{ page: Page; said: string[]; sockets: string[] }> {
    const page = await browser.newPage();
    const [said, sockets]: [string[], string[]] = [[], []];
    page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => said.push(error.message));
    page.on("websocket", (socket) => sockets.push(socket.url()));
    await page.goto(of.url);
    await page.waitForFunction("typeof everything === 'function'");
    return { page, said, sockets };
  }

  it("makes keys, sends, calls, follows and proves", async () => {
    const client = new PollenClient(network.endpoints, { genesis: network.genesis });
    const owner = KeyPair.random();
    await client.transfer(owner, "100 pollen", { from: KeyPair.development("faucet") });
    const deployed = await client.deploy(component("counter"), { from: owner, arguments: { start: 5 } });
    if (!deployed.ended) throw new Error("the counter was not deployed in time");

    const { page, said, sockets } = await open(site);
    const given = { endpoints: network.endpoints, genesis: network.genesis, module: deployed.value };
    const told = (await page.evaluate(`everything(${JSON.stringify(given)})`)) as Record<string, unknown>;
    expect(told).toMatchObject({
      words: 24, isSameKey: true, signature: 64, called: "12", value: "12", balance: "5 pollen", hasSocket: true, hasNode: false,
    });
    expect(told["events"]).toMatchObject([{ by: "7" }]);
    expect(told["address"]).toMatch(/^pollend1/);
    expect((told["stages"] as string[]).at(-1)).toBe("certified");
    const heights = told["heights"] as number[];
    expect(heights).toEqual([0, 1, 2].map((index) => heights[0]! + index));
    // By WebSocket, not by polling: events, checkpoints, stages.
    expect(sockets.length).toBeGreaterThanOrEqual(3);
    for (const url of sockets) expect(url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/ws$/);
    expect(said).toEqual([]);
    await page.close();
  });

  it("of a site that the node does not know is refused, by fetch and by WebSocket", async () => {
    const ask = async (of: Site) => (await open(of)).page.evaluate(`reach(${JSON.stringify(network.endpoints[0])})`);
    expect(await ask(stranger)).toEqual({ answer: "UnreachableError", socket: "error" });
    expect(await ask(site)).toEqual({ answer: "answered", socket: "open" });
  });
});
