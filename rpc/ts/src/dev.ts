/** What only a network of `pollen dev` does, for tests: money for nothing, a clock that jumps, and going back. */

import { PollenClient } from "./client.js";
import { RpcError, UnreachableError } from "./errors.js";
import { pause } from "./transport.js";

/** How long a network may take to go back, in milliseconds. */
const REVERT_PATIENCE_MS = 90_000;
/** Between two questions whether it has. */
const REVERT_PAUSE_MS = 100;

/** A development network behind a client of all its nodes. */
export class DevNetwork {
  readonly #client: PollenClient;

  constructor(client: PollenClient) {
    this.#client = client;
  }

  /** Gives an account grains out of the faucet; executed when this returns, with the transaction's id. */
  async fund(account: string, amount: bigint): Promise<string> {
    return (await this.#client.request("dev_fund", { account, amount })).transaction;
  }

  /** Moves the clock of every node ahead, in milliseconds; returns the ledger's time, which has followed. */
  async advanceTime(ms: number | bigint): Promise<bigint> {
    return (await this.#client.request("dev_advanceTime", { ms: BigInt(ms) })).timeMs;
  }

  /** Keeps the network as it is now; returns the number for {@link revert}. */
  async snapshot(): Promise<number> {
    return (await this.#client.request("dev_snapshot", {})).snapshot;
  }

  /**
   * Takes the network back to a snapshot, but for its clock. Every node of the client has gone back when this returns.
   * Streams of events end or begin anew: open them after.
   */
  async revert(snapshot: number): Promise<void> {
    const before = await reverts(this.#client);
    try {
      await this.#client.request("dev_revert", { snapshot }, { once: true });
    } catch (error) {
      // It may be cut off: the node that answers it goes away.
      if (!(error instanceof UnreachableError)) throw error;
    }
    const deadline = Date.now() + REVERT_PATIENCE_MS;
    for (const endpoint of this.#client.urls) {
      const node = new PollenClient(endpoint);
      while (!(await isBack(node, before))) {
        if (Date.now() > deadline) throw new UnreachableError([`${endpoint}: has not gone back`]);
        await pause(REVERT_PAUSE_MS);
      }
    }
    this.#client.forgetHeight();
  }
}

async function reverts(node: PollenClient): Promise<number> {
  return (await node.request("node_info", {})).dev?.reverts ?? 0;
}

async function isBack(node: PollenClient, before: number): Promise<boolean> {
  try {
    return (await reverts(node)) > before && (await node.request("node_health", {})).ready;
  } catch (error) {
    if (error instanceof UnreachableError || error instanceof RpcError) return false;
    throw error;
  }
}
