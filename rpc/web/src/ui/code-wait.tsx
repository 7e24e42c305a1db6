/**
 * Code on its way to where modules may run it. Where the chain lets new code wait, it is published first, and the wait is
 * waited out in sight: whoever deploys or upgrades presses once, and is asked for the second signature when it is over.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import { contentHash, RpcError, type Answer, type Hash, type TxOutcome } from "@pollen/client";
import { duration, moment } from "../format.js";
import { client, head, info } from "../node.js";
import { signAndSend } from "../seams.js";
import { TxLink } from "./names.js";

/** How long new code waits on this chain before modules may run it. */
export function codeWaitMs(): bigint {
  return info.value?.parameters.codeActivationMs ?? 0n;
}

/** What the ledger has of code; null where it is not there. */
export async function codeFacts(code: Hash): Promise<Answer<"module_code"> | null> {
  try {
    return await client.request("module_code", { code, factsOnly: true });
  } catch (error) {
    if (error instanceof RpcError && error.codeName === "NotFound") return null;
    throw error;
  }
}

interface Waiting {
  /** What published it; null where it was there already. */
  transaction: Hash | null;
  /** Ledger time from which on it may run; null while it is being published. */
  activeMs: bigint | null;
}

export interface CodeWait {
  waiting: Waiting | null;
  /**
   * What a transaction that runs the code at once has to attach: the component, or nothing where the chain lets new code
   * wait, since it is on the ledger then. Null where nobody waits any more: publishing was refused, or the wait given up.
   */
  ready(code: Uint8Array): Promise<Uint8Array[] | null>;
  stop(): void;
}

export function useCodeWait(): CodeWait {
  const [waiting, setWaiting] = useState<Waiting | null>(null);
  const stopping = useRef<AbortController | null>(null);
  const stop = () => stopping.current?.abort(new DOMException("nobody waits any more", "AbortError"));
  // Nobody is asked for a signature by a form that they left.
  useEffect(() => stop, []);
  const ready = async (code: Uint8Array): Promise<Uint8Array[] | null> => {
    if (codeWaitMs() === 0n) return [code];
    const hash = contentHash(code);
    const { signal } = (stopping.current = new AbortController());
    try {
      let facts = await codeFacts(hash);
      let transaction: Hash | null = null;
      if (facts === null) {
        transaction = await signAndSend({ actions: [{ kind: "publish", code: hash }], attachments: [code] });
        if (transaction === null) return null;
        setWaiting({ transaction, activeMs: null });
        await succeeded(transaction, signal);
        facts = await codeFacts(hash);
      }
      if (facts === null) throw new Error("the code was published, and this node does not show it yet: press the button again");
      setWaiting({ transaction, activeMs: facts.activeMs });
      await ledgerTime(facts.activeMs, signal);
      return [];
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    } finally {
      setWaiting(null);
    }
  };
  return { waiting, ready, stop };
}

const WAIT_MS = 10_000;

async function succeeded(hash: Hash, signal: AbortSignal): Promise<void> {
  let outcome: TxOutcome | null = null;
  while (outcome === null) {
    ({ outcome } = await client.request("tx_status", { hash, wait: "executed", timeoutMs: WAIT_MS }, { signal }));
    signal.throwIfAborted();
  }
  if (outcome.kind !== "success") throw new Error(`the code was not published: ${"message" in outcome ? outcome.message : "it was not ordered while it was valid"}`);
}

/** Resolves when the ledger has come to that time. */
function ledgerTime(ms: bigint, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = head.subscribe((now) => {
      if (now === null || now.timeMs < ms) return;
      queueMicrotask(() => stop());
      resolve();
    });
    signal.addEventListener("abort", () => (stop(), reject(signal.reason as Error)), { once: true });
  });
}

/** The wait as it goes on. */
export function CodeWaiting({ of: { waiting, stop } }: { of: CodeWait }) {
  if (waiting === null) return null;
  const { transaction, activeMs } = waiting;
  const total = Number(codeWaitMs());
  const toGo = activeMs === null ? total : Number(activeMs - (head.value?.timeMs ?? 0n));
  const left = Math.min(total, Math.max(0, toGo));
  const part = Math.round((100 * (total - left)) / total);
  return (
    <section class="stack" aria-label="Wait of the new code">
      <div role="status"><strong>{activeMs === null ? "The code is being published." : "The code is published. New code waits here before it may run."}</strong></div>
      <span class="bar" role="progressbar" aria-label="time that it has waited" aria-valuenow={part} aria-valuemin={0} aria-valuemax={100}><i style={{ width: `${part}%` }} /></span>
      {activeMs !== null && <div>{duration(left)} left <span class="muted">until {moment(Number(activeMs))} by the ledger's clock</span></div>}
      <p class="muted small">Then it goes on by itself, and you are asked to sign. You can leave: dropped again later, the same file goes on from here.</p>
      <div class="row">
        <button type="button" onClick={stop}>Stop waiting</button>
        {transaction !== null && <span class="muted small">published by <TxLink hash={transaction} /></span>}
      </div>
    </section>
  );
}
