/** A transaction that was just sent from here: its stages as they are reached, and what became of it. */

import type { ComponentChildren } from "preact";
import { useStatus } from "../status.js";
import { to } from "../route.js";
import { Amount, Id } from "./names.js";
import { Loading } from "./parts.js";
import { Events, Outcome } from "./run.js";
import { Stages } from "./stages.js";

export function Sent({ hash, children }: { hash: string; children?: (isSuccess: boolean) => ComponentChildren }) {
  const { status } = useStatus(hash);
  return (
    <section class="sent" aria-label="What was sent" aria-live="polite">
      <div class="row">
        <strong>Sent</strong> <Id text={hash} what="transaction id" href={to("transactions", hash)} />
        {status?.fee != null && <span class="muted">fee <Amount grains={status.fee} /></span>}
      </div>
      {status === null ? <Loading lines={1} /> : <Stages status={status} />}
      {status?.outcome != null && <Outcome outcome={status.outcome} />}
      {status !== null && status.events.length > 0 && <Events events={status.events} />}
      {children?.(status?.outcome?.kind === "success")}
    </section>
  );
}
