/** A transaction that was just sent from here: its stages as they are reached, and what became of it. */

import type { ComponentChildren } from "preact";
import type { FunctionType, TxStatus } from "@pollen/client";
import { useStatus } from "../status.js";
import { to } from "../route.js";
import { Amount, Id } from "./names.js";
import { Loading } from "./parts.js";
import { Events, Outcome } from "./run.js";
import { Stages } from "./stages.js";

/**
 * With `hasWords` the children say what a success came to, and its encoded result is left out. `called` is what code that
 * begins by it runs.
 */
export function Sent({ hash, hasWords = false, called = null, children }: { hash: string; hasWords?: boolean; called?: FunctionType | null; children?: (status: TxStatus) => ComponentChildren }) {
  const { status } = useStatus(hash);
  return (
    <section class="sent" aria-label="What was sent" aria-live="polite">
      <div class="row">
        <strong>Sent</strong> <Id text={hash} what="transaction id" href={to("transactions", hash)} />
        {status?.fee != null && <span class="muted">fee <Amount grains={status.fee} /></span>}
      </div>
      {status === null ? <Loading lines={1} /> : <Stages status={status} />}
      {status?.outcome != null && !(hasWords && status.outcome.kind === "success") && <Outcome outcome={status.outcome} called={called} />}
      {status !== null && status.events.length > 0 && <Events events={status.events} />}
      {status !== null && children?.(status)}
    </section>
  );
}
