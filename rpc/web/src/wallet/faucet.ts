/** The faucet of development networks: the method `dev_fund`, where the node's groups have `dev`. */

import type { Hash } from "@pollen/client";
import { info } from "../node.js";
import { walletClient } from "./sign.js";

/** What a press on the button gives. */
export const FUND_POLLEN = 100n;
const GRAINS = 1_000_000_000n;

export function hasFaucet(): boolean {
  return info.value?.groups.includes("dev") ?? false;
}

/** Asks the node to fund an account: the id of the faucet's transfer, executed. */
export async function fund(account: string): Promise<Hash> {
  return (await walletClient().request("dev_fund", { account, amount: FUND_POLLEN * GRAINS })).transaction;
}
