/**
 * Fuel by function, reads and changes of a transaction that was executed: nobody keeps those, so it is run again, by the
 * node, on the state before its checkpoint. What it can differ in is said: what came before it in the same checkpoint,
 * and ledger time.
 */

import { useState } from "preact/hooks";
import type { TxSimulation, TxStatus } from "@pollen/client";
import { grouped } from "../format.js";
import { client } from "../node.js";
import { HeightLink } from "./names.js";
import { Badge, Empty, Failure, Loading, Panel } from "./parts.js";
import { Calls, Changes, Reads } from "./run.js";

type Step = { kind: "idle" | "busy" } | { kind: "failed"; error: unknown } | { kind: "done"; simulation: TxSimulation };

export function Rerun({ status }: { status: TxStatus }) {
  const [step, setStep] = useState<Step>({ kind: "idle" });
  const { hash, height, index, fuelUsed } = status;
  if (height === null || height === 0n) return <Panel><Empty>There is nothing to tell before it is executed.</Empty></Panel>;
  const run = async () => {
    setStep({ kind: "busy" });
    try {
      const { transaction } = await client.request("tx_get", { hash });
      setStep({ kind: "done", simulation: await client.request("tx_simulate", { transaction, at: height - 1n }) });
    } catch (error) {
      setStep({ kind: "failed", error });
    }
  };
  if (step.kind !== "done") {
    return (
      <Panel padded>
        <div class="stack">
          <p>
            Fuel by function, reads and changes are not kept. The node can run the transaction again on the state of checkpoint <HeightLink height={height - 1n} />, and nothing of that stays.
          </p>
          {step.kind === "failed" && <Failure error={step.error} />}
          {step.kind === "busy" ? <Loading lines={2} /> : <div class="row"><button type="button" class="first" onClick={() => void run()}>Run it again</button></div>}
        </div>
      </Panel>
    );
  }
  const { simulation } = step;
  const isSame = fuelUsed === simulation.fuelUsed && status.outcome?.kind === simulation.outcome?.kind;
  return (
    <>
      <p>
        {isSame
          ? <><Badge tone="good">as it was</Badge> The same outcome, and the same fuel to the last unit.</>
          : <><Badge tone="warn">not quite as it was</Badge> It used {grouped(fuelUsed ?? 0n)} fuel then and {grouped(simulation.fuelUsed)} now{index !== null && index > 0 ? `: ${index} transactions of its checkpoint came before it` : ""}.</>}
        {" "}<span class="muted">Ledger time in it is that of the checkpoint before.</span>
      </p>
      <Panel title="Fuel by function"><Calls calls={simulation.calls} fuelUsed={simulation.fuelUsed} /></Panel>
      <Panel title={`Changes of the state: ${simulation.changes.length}`}><Changes changes={simulation.changes} /></Panel>
      <Panel title={`Reads: ${simulation.reads.length}`}><Reads reads={simulation.reads} /></Panel>
    </>
  );
}
