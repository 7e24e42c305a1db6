/** The way of a transaction: accepted, included, ordered, executed, certified, with when this node saw each. */

import type { TxStatus } from "@pollen/client";
import { STAGES } from "@pollen/client";
import { duration, moment } from "../format.js";

const MEANING: Record<string, string> = {
  accepted: "in this node's pool: progress, no promise",
  included: "in a block: progress, no promise",
  ordered: "at its place in the order, the same for all, for ever",
  executed: "run, its receipt written",
  certified: "in a checkpoint that a quorum signed: provable to anybody",
};

export function Stages({ status }: { status: Pick<TxStatus, "stage" | "ended" | "outcome" | "times"> }) {
  const { acceptedMs, includedMs, orderedMs, executedMs, certifiedMs } = status.times;
  const times = [acceptedMs, includedMs, orderedMs, executedMs, certifiedMs];
  const reached = STAGES.indexOf(status.stage);
  const isOver = status.ended && reached < STAGES.indexOf("executed");
  const first = times.find((time) => time !== null) ?? null;
  return (
    <div class="stages-room">
      <ol class="stages" aria-label="Stages">
        {STAGES.map((stage, place) => {
          const time = times[place] ?? null;
          const state = place <= reached ? "done" : isOver ? "never" : place === reached + 1 ? "next" : "open";
          return (
            <li key={stage} class={state} title={MEANING[stage]} aria-current={place === reached ? "step" : undefined}>
              <strong>{stage}</strong>
              <span class="when">
                {time === null
                  ? { done: "not seen here", never: "never", next: "waiting", open: "" }[state]
                  : <span title={moment(Number(time))}>{time === first ? "0 ms" : `+${duration(Number(time - first!))}`}</span>}
              </span>
            </li>
          );
        })}
      </ol>
    </div>
  );
}
