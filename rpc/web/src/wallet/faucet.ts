/** The faucet of development networks: the method `dev_fund`, where the node's groups have `dev`. */

import { isHex32, RpcError, type Hash } from "@pollen/client";
import { info } from "../node.js";
import { WalletError } from "./errors.js";

/** What a press on the button gives. */
export const FUND_POLLEN = 100n;
const GRAINS = 1_000_000_000n;

export function hasFaucet(): boolean {
  return info.value?.groups.includes("dev") ?? false;
}

/** Asks the node to fund an account: the id of the faucet's transfer, executed. */
export async function fund(account: string): Promise<Hash> {
  const params = { account, amount: (FUND_POLLEN * GRAINS).toString() };
  const response = await fetch("/", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "dev_fund", params }),
  });
  const answer = (await response.json()) as { result?: { transaction?: unknown }; error?: { code: number; message: string; data?: Record<string, unknown> } };
  if (answer.error !== undefined) throw new RpcError(answer.error.code, answer.error.message, answer.error.data ?? {});
  if (!isHex32(answer.result?.transaction)) throw new WalletError("Malformed", "the node's answer to dev_fund cannot be read");
  return answer.result!.transaction as Hash;
}
