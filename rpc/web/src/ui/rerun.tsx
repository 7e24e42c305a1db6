/**
 * Fuel by function, reads and changes of a transaction that was executed: nobody keeps those, so the node runs it again on
 * the state that it met, and holds the end against its receipt.
 */

import { useState } from "preact/hooks";
import type { TxStatus, TxTrace } from "@pollen/client";
import { moment } from "../format.js";
import { client } from "../node.js";
import { Badge, Empty, Failure, Loading, Panel } from "./parts.js";
import { Calls, Changes, Reads } from "./run.js";

type Step = { kind: "idle" | "busy" } | { kind: "failed"; error: unknown } | { kind: "done"; trace: TxTrace };

export function Rerun({ status }: { status: TxStatus }) {
  const [step, setStep] = useState<Step>({ kind: "idle" });
  const { hash, height } = status;
  if (height === null || height === 0n) return <Panel><Empty>There is nothing to tell before it is executed.</Empty></Panel>;
  const run = async () => {
    setStep({ kind: "busy" });
    try {
      setStep({ kind: "done", trace: await client.trace(hash) });
    } catch (error) {
      setStep({ kind: "failed", error });
    }
  };
  if (step.kind !== "done") {
    return (
      <Panel padded>
        <div class="stack">
          <p>
            Fuel by function, reads and changes are not kept. The node can run the transaction again on the state that it met, and nothing of that stays.
          </p>
          {step.kind === "failed" && <Failure error={step.error} />}
          {step.kind === "busy" ? <Loading lines={2} /> : <div class="row"><button type="button" class="first" onClick={() => void run()}>Run it again</button></div>}
        </div>
      </Panel>
    );
  }
  const { effects, context } = step.trace;
  return (
    <>
      <p>
        <Badge tone="good">as it was</Badge> The same receipt, to the last unit of fuel.
        {" "}<span class="muted">It ran at {moment(Number(context.timeMs))} of ledger time, in round {context.round}.</span>
      </p>
      <Panel title="Fuel by function"><Calls calls={effects.calls} fuelUsed={effects.fuelUsed} /></Panel>
      <Panel title={`Changes of the state: ${effects.changes.length}`}><Changes changes={effects.changes} /></Panel>
      <Panel title={`Reads: ${effects.reads.length}`}><Reads reads={effects.reads} /></Panel>
    </>
  );
}
