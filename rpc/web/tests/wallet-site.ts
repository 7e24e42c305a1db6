/**
 * For tests of wallet and verifier in a real browser: the built page below the policy that a node serves it with, beside
 * a node whose answers may be altered; the example of a site of another origin; and Chromium with what it complained of.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { isForNode, passOn, passOnSocket } from "../dev/proxy.js";

const USUAL = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const told = process.env["CHROMIUM_BIN"];
export const CHROMIUM = (told === undefined ? USUAL : [told]).find((path) => existsSync(path));
if (CHROMIUM === undefined) {
  console.warn("skipped: no browser; install chromium (apt-get install chromium), or set CHROMIUM_BIN");
}
if (process.env["POLLEN_BIN"] === undefined) console.warn("skipped: POLLEN_BIN names no program `pollen`");
/** Whether tests in a browser against a network can run here. */
export const isPossible = CHROMIUM !== undefined && process.env["POLLEN_BIN"] !== undefined;

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; worker-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
const TYPES: Record<string, string> = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const web = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Builds page and connector into a folder of their own: other tests build theirs meanwhile. */
function buildPage(): string {
  const folder = mkdtempSync(join(tmpdir(), "pollen-page-"));
  const build = (...words: string[]) => execFileSync("npx", ["--no-install", "vite", "build", "--logLevel", "error", "--outDir", folder, ...words], { cwd: web("") });
  build("--emptyOutDir");
  build("--config", "src/wallet/connect/vite.config.ts");
  return folder;
}

/** A server on a free port of this machine. */
class Listening {
  readonly server: Server;
  readonly #sockets = new Set<Duplex>();
  url = "";

  constructor(answer: (request: IncomingMessage, response: ServerResponse) => void) {
    this.server = createServer(answer);
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return this;
  }

  keep(...sockets: (Socket | Duplex)[]): void {
    for (const socket of sockets) {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    }
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function serveFile(file: string, response: ServerResponse, headers: Record<string, string>): void {
  if (!existsSync(file)) return void response.writeHead(404).end();
  response.writeHead(200, { ...headers, "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(readFileSync(file));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}

/** The text of an answer as the page gets it. */
export type Alter = (answer: string, method: string, params: Record<string, unknown>) => string;

/** The page as a node serves it, with that node behind it. */
export class NodePage extends Listening {
  /** Alters answers of the node to calls of the page. */
  alter: Alter = (answer) => answer;

  private constructor(readonly folder: string, node: string) {
    super((request, response) => {
      if (request.method === "POST") return void this.#call(node, request, response).catch(() => response.destroy());
      if (isForNode(request)) return passOn(node, request, response);
      const path = normalize(new URL(request.url!, "http://page").pathname);
      serveFile(join(folder, path === "/" ? "index.html" : path), response, { "content-security-policy": POLICY });
    });
    this.server.on("upgrade", (request, socket, head) => this.keep(...passOnSocket(node, request, socket, head)));
  }

  /** The page, built anew, beside the node at this endpoint. */
  static beside(node: string): Promise<NodePage> {
    return new NodePage(buildPage(), node).listen();
  }

  override async stop(): Promise<void> {
    await super.stop();
    removeFolder(this.folder);
  }

  async #call(node: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const { method, params = {} } = JSON.parse(body) as { method: string; params?: Record<string, unknown> };
    response.setHeader("content-type", "application/json");
    const answer = await fetch(node, { method: "POST", body });
    response.end(this.alter(await answer.text(), method, params));
  }
}

/** The example of a site of another origin, with its own copy of the connector and of a library that finds wallets. */
export class DappSite extends Listening {
  constructor(folder: string) {
    const files: Record<string, string> = {
      "/": web("src/wallet/connect/example/index.html"),
      "/dapp.js": web("src/wallet/connect/example/dapp.js"),
      "/connect.js": join(folder, "connect.js"),
      "/wallet-standard-app.js": web("node_modules/@wallet-standard/app/lib/esm/wallets.js"),
    };
    super((request, response) => {
      const file = files[new URL(request.url!, "http://site").pathname];
      serveFile(file ?? "", response, { "content-security-policy": "default-src 'none'; script-src 'self'; img-src data:" });
    });
  }
}

/** Chromium, and a person in it: storage of its own. */
export class Person {
  readonly context: BrowserContext;
  /** What pages complained of. */
  readonly complaints: string[] = [];

  private constructor(context: BrowserContext) {
    this.context = context;
    context.on("page", (page) => this.#watch(page));
  }

  static async in(browser: Browser, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Person> {
    const person = new Person(await browser.newContext({ viewport: { width: 1100, height: 820 }, acceptDownloads: true, ...options }));
    person.context.setDefaultTimeout(60_000);
    return person;
  }

  #watch(page: Page): void {
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.complaints.push(`${page.url()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.complaints.push(`${page.url()}: ${error.message}`));
  }

  async open(url: string): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(url);
    return page;
  }
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM!, args: ["--no-sandbox"] });
}

export function removeFolder(folder: string | undefined): void {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}

/** What axe finds of serious and critical faults in what is open. */
export async function faults(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(web("node_modules/axe-core/axe.min.js"), "utf8"));
  return page.evaluate(async () => {
    const axe = (globalThis as unknown as { axe: { run(root: Document): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> } }).axe;
    const { violations } = await axe.run(document);
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
  });
}

/** The same in light and dark colours. */
export async function faultsInBoth(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme });
    found.push(...(await faults(page)).map((fault) => `${colorScheme}: ${fault}`));
  }
  return found;
}

/** The passphrase of all accounts that tests make. */
export const PASSPHRASE = "staple battery horse";
export const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name, exact: typeof name === "string" });

/** Makes a new account by the dialogs; its words. */
export async function makeAccount(page: Page, opener: string | RegExp): Promise<string> {
  await button(page, opener).click();
  await button(page, "Make a new account").click();
  const words = await newKey(page);
  await button(page, "Export key file").waitFor();
  return words;
}

/** Goes through the dialogs that make a key, from their first; its words. */
export async function newKey(page: Page): Promise<string> {
  await button(page, "Make the words").click();
  const words = await page.locator(".words li").allTextContents();
  await button(page, "I have written them down").click();
  for (const label of await page.locator(".asked .label").allTextContents()) {
    await page.getByLabel(label, { exact: true }).fill(words[Number(label.split(" ")[1]) - 1]!);
  }
  await button(page, "Go on").click();
  await page.getByLabel("Passphrase", { exact: true }).fill(PASSPHRASE);
  await page.getByLabel("The same again").fill(PASSPHRASE);
  await button(page, "Make the account").click();
  return words.join(" ");
}
