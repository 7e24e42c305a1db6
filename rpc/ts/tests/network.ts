/** A development network of its own: real processes, free ports, a folder that is removed in the end. */

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createConnection, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository } from "./files.js";

/** The program; tests that need it are skipped without it. */
export const POLLEN_BIN = process.env["POLLEN_BIN"];

const START_MS = 120_000;

export interface Network {
  endpoints: string[];
  /** Processes of the nodes, in order. */
  processes: number[];
  /** Text of genesis.json, and where it is. */
  genesis: string;
  genesisFile: string;
  /** Runs the program on this network; its standard output. */
  pollen(...words: string[]): string;
  stop(): Promise<void>;
}

/** Starts one; `environment` is what its nodes are told beside their configuration (`POLLEN_NODE_*`). */
export async function startNetwork(environment: Record<string, string> = {}): Promise<Network> {
  if (POLLEN_BIN === undefined) throw new Error("POLLEN_BIN is not set");
  const home = mkdtempSync(join(tmpdir(), "pollen-ts-"));
  const words = ["--home", home, "dev", "--rpc-port", "0", "--network-port", "0"];
  const running = spawn(POLLEN_BIN, words, { stdio: "ignore", env: { ...process.env, ...environment } });
  const file = join(home, "network.json");
  const deadline = Date.now() + START_MS;
  const isReady = async () => {
    if (!existsSync(file)) return false;
    const { endpoints } = JSON.parse(readFileSync(file, "utf8")) as { endpoints: string[] };
    const ready = await Promise.all(endpoints.map((url) => fetch(`${url}/readyz`).then((answer) => answer.ok, () => false)));
    return ready.every(Boolean);
  };
  while (!(await isReady().catch(() => false))) {
    if (running.exitCode !== null || Date.now() > deadline) {
      await ended(running);
      throw new Error("the development network did not start");
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const { endpoints, processes } = JSON.parse(readFileSync(file, "utf8")) as { endpoints: string[]; processes: number[] };
  const genesisFile = join(home, "dev/genesis.json");
  return {
    endpoints,
    processes,
    genesis: readFileSync(genesisFile, "utf8"),
    genesisFile,
    pollen: (...words) => execFileSync(POLLEN_BIN!, ["--home", home, ...words], { encoding: "utf8" }),
    async stop() {
      await ended(running);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function ended(running: ChildProcess): Promise<void> {
  if (running.exitCode !== null) return;
  await new Promise((resolve) => {
    running.once("exit", resolve);
    running.kill("SIGINT");
  });
}

/** The component of an example module, built if need be. */
export function component(name: string): Uint8Array {
  const built = execFileSync(POLLEN_BIN!, ["build", repository(`contracts/${name}`), "--json"], { encoding: "utf8" });
  return readFileSync((JSON.parse(built) as { path: string }).path);
}

/** A server between a client and a node, that may alter answers and cut connections. */
export class Proxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Alters the text of an answer; the method is that of the call. */
  alter: (body: string, method: string) => string = (body) => body;
  /** WebSocket connections that were made so far. */
  connections = 0;
  url = "";

  private constructor(target: string) {
    const { hostname, port } = new URL(target);
    this.#server = createServer((request, response) => {
      void text(request)
        .then(async (body) => {
          const { method } = JSON.parse(body) as { method: string };
          const answer = await fetch(target, { method: "POST", body });
          response.writeHead(answer.status, { "content-type": "application/json" });
          response.end(this.alter(await answer.text(), method));
        })
        .catch(() => response.destroy());
    });
    // A WebSocket is passed on as it is, but for the name of the host.
    this.#server.on("upgrade", (request, socket, head) => {
      this.connections += 1;
      const node = createConnection(Number(port), hostname, () => {
        const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${name === "host" ? `${hostname}:${port}` : String(value)}`);
        node.write(`GET ${request.url} HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`);
        node.write(head);
        node.pipe(socket);
        socket.pipe(node);
      });
      for (const one of [node, socket as Socket]) {
        this.#sockets.add(one);
        one.on("error", () => one.destroy());
        one.on("close", () => this.#sockets.delete(one));
      }
    });
  }

  static async to(target: string): Promise<Proxy> {
    const proxy = new Proxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    proxy.url = `http://127.0.0.1:${(proxy.#server.address() as AddressInfo).port}`;
    return proxy;
  }

  /** Cuts all WebSocket connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function text(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}
