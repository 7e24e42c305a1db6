/** The way of one transaction, followed until nothing more comes. */

import { useEffect, useState } from "preact/hooks";
import { STAGES, type TxStatus } from "@pollen/client";
import { client } from "./node.js";

const RETRY_MS = 1_500;
const WAIT_MS = 10_000;

/** The newest status, and what went wrong when it was asked last. */
export function useStatus(hash: string): { status: TxStatus | null; error: unknown } {
  const [state, setState] = useState<{ status: TxStatus | null; error: unknown }>({ status: null, error: null });
  useEffect(() => {
    const stopped = new AbortController();
    const { signal } = stopped;
    const run = async () => {
      while (!signal.aborted) {
        try {
          const status = await client.status(hash);
          if (signal.aborted) return;
          setState({ status, error: null });
          if (isLast(status)) return;
          const next = STAGES[Math.min(STAGES.indexOf(status.stage) + 1, STAGES.length - 1)]!;
          await client.request("tx_status", { hash, wait: next, timeoutMs: WAIT_MS }, { signal });
        } catch (error) {
          if (signal.aborted) return;
          setState((before) => ({ ...before, error }));
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        }
      }
    };
    void run();
    return () => stopped.abort(new DOMException("another transaction is looked at", "AbortError"));
  }, [hash]);
  return state;
}

function isLast({ stage, ended }: TxStatus): boolean {
  return stage === "certified" || (ended && STAGES.indexOf(stage) < STAGES.indexOf("executed"));
}
