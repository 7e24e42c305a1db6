/** The faucet of development networks: the method `dev_fund`, where the node's groups have `dev`. */

import { useState } from "preact/hooks";
import type { Hash } from "@pollen/client";
import { info } from "../node.js";
import { Notice } from "./dialog.js";
import { said } from "./errors.js";
import { walletClient } from "./sign.js";

/** What a press on the button gives. */
const FUND_POLLEN = 100n;
const GRAINS = 1_000_000_000n;

function hasFaucet(): boolean {
  return info.value?.groups.includes("dev") ?? false;
}

/** Asks the node to fund an account: the id of the faucet's transfer, executed. */
async function fund(account: string): Promise<Hash> {
  return (await walletClient().request("dev_fund", { account, amount: FUND_POLLEN * GRAINS })).transaction;
}

/** A button that has the faucet fund an account; nothing on a network without one. */
export function Faucet({ address, then }: { address: string; then?(): void }) {
  const [state, setState] = useState<{ kind: "idle" | "asking" } | { kind: "failed"; why: string }>({ kind: "idle" });
  const ask = async () => {
    setState({ kind: "asking" });
    try {
      await fund(address);
      setState({ kind: "idle" });
      then?.();
    } catch (error) {
      setState({ kind: "failed", why: said(error) });
    }
  };
  if (!hasFaucet()) return null;
  return (
    <>
      <div class="row">
        <button type="button" disabled={state.kind === "asking"} onClick={() => void ask()}>{state.kind === "asking" ? "Asking the faucet…" : `Get ${FUND_POLLEN} pollen`}</button>
        <span class="small muted">A development network: what it gives is worth nothing.</span>
      </div>
      {state.kind === "failed" && <Notice tone="bad">{state.why}</Notice>}
    </>
  );
}
