/**
 * Four nodes as processes of their own, each of which can be killed and started anew. `pollen dev` writes their folders,
 * and is stopped then: it ends the whole network when one of its nodes dies. Its genesis can be another one from then on.
 */

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readGenesis } from "@pollen/client";
import { POLLEN_BIN } from "../../ts/tests/network.js";

const START_MS = 120_000;
const PAUSE_MS = 100;

async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + START_MS;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${START_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

async function ended(running: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (running.exitCode !== null || running.signalCode !== null) return;
  await new Promise((resolve) => {
    running.once("exit", resolve);
    running.kill(signal);
  });
}

export class Nodes {
  readonly #home = mkdtempSync(join(tmpdir(), "pollen-web-"));
  readonly #running = new Map<number, ChildProcess>();
  endpoints: string[] = [];
  genesis = "";

  /** With these `parameters` of genesis in place of the development network's. */
  static async start(parameters: Record<string, unknown> = {}): Promise<Nodes> {
    const nodes = new Nodes();
    const file = join(nodes.#home, "network.json");
    const dev = spawn(POLLEN_BIN!, ["--home", nodes.#home, "dev", "--rpc-port", "0", "--network-port", "0"], { stdio: "ignore" });
    await until("the development network", () => existsSync(file) || dev.exitCode !== null);
    nodes.endpoints = (JSON.parse(readFileSync(file, "utf8")) as { endpoints: string[] }).endpoints;
    await until("its nodes", () => nodes.#areReady());
    await ended(dev, "SIGINT");
    nodes.#begin(parameters);
    for (const [index] of nodes.endpoints.entries()) nodes.run(index);
    await until("the nodes", () => nodes.#areReady());
    return nodes;
  }

  /** Has the nodes begin with their genesis, changed: another chain, on which their keys have signed nothing. */
  #begin(parameters: Record<string, unknown>): void {
    const file = join(this.#home, "dev/genesis.json");
    this.genesis = readFileSync(file, "utf8");
    if (Object.keys(parameters).length === 0) return;
    const document = JSON.parse(this.genesis) as { parameters: object };
    this.genesis = JSON.stringify({ ...document, parameters: { ...document.parameters, ...parameters } });
    writeFileSync(file, this.genesis);
    const { chainId } = readGenesis(this.genesis);
    for (const index of this.endpoints.keys()) {
      const folder = join(this.#home, `dev/node-${index + 1}`);
      rmSync(join(folder, "data"), { recursive: true });
      const { publicKey } = JSON.parse(readFileSync(join(folder, "node.key.json"), "utf8")) as { publicKey: string };
      writeFileSync(join(folder, "node.key.json.never-signed"), JSON.stringify({ publicKey, chainId }));
    }
  }

  async #areReady(): Promise<boolean> {
    const answers = await Promise.all(this.endpoints.map((url) => fetch(`${url}/readyz`).then(({ ok }) => ok, () => false)));
    return answers.every(Boolean);
  }

  /** Starts one, from 0, with what it kept. */
  run(index: number): void {
    const config = join(this.#home, `dev/node-${index + 1}/pollen.toml`);
    this.#running.set(index, spawn(POLLEN_BIN!, ["node", "--config", config], { stdio: "ignore" }));
  }

  /** Ends one without a word of warning. */
  kill(index: number): Promise<void> {
    return ended(this.#running.get(index)!, "SIGKILL");
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map((running) => ended(running, "SIGTERM")));
    rmSync(this.#home, { recursive: true, force: true });
  }
}
