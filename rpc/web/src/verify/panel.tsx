/**
 * "Verify here": the browser checks one thing of what its node says, and shows what was proved, by which steps, what a
 * lie was, and what such a check is worth when the page itself comes from the node.
 */

import { useEffect, useState } from "preact/hooks";
import { grouped } from "../format.js";
import { Time } from "../ui/names.js";
import { Badge, Panel } from "../ui/parts.js";
import { check, type Fact, type Finding, type Verifiable } from "./check.js";
import { pin, trusted } from "./pin.js";
import { report, STALE_MS, trust } from "./trust.js";
import { Worth } from "./worth.js";

const WHAT: Record<Verifiable["kind"], string> = {
  head: "the newest checkpoint that is certified",
  checkpoint: "this checkpoint",
  account: "balance and deposit of this account",
  transaction: "that this transaction was executed, and what became of it",
  state: "this entry of the module's state, or that it has none",
};

type Step = { kind: "idle" } | { kind: "checking" } | { kind: "done"; finding: Finding; atMs: number };

export function VerifyPanel({ of }: { of: Verifiable }) {
  const [step, setStep] = useState<Step>({ kind: "idle" });
  const name = JSON.stringify(of, (_, value: unknown) => (value instanceof Uint8Array ? [...value] : typeof value === "bigint" ? String(value) : value));
  useEffect(() => setStep({ kind: "idle" }), [name]);
  const client = trusted.value;
  const isOther = trust.value.kind === "other chain";
  const run = async () => {
    if (client === null) return;
    setStep({ kind: "checking" });
    const finding = await check(client, of);
    report(finding);
    setStep({ kind: "done", finding, atMs: Date.now() });
  };
  return (
    <Panel title="Verify here" extra={<Verdict step={step} />} padded>
      <div class="verify" aria-live="polite">
        {step.kind === "idle" && <p class="muted">Your browser itself checks {WHAT[of.kind]}: signatures of the committee, then hashes down to the value.</p>}
        {isOther && <p class="said-bad">This node is of another chain than the one you trust, so nothing of it can be verified.</p>}
        {step.kind === "checking" && <p>Asking for the proof and checking it…</p>}
        {step.kind === "done" && <Found finding={step.finding} atMs={step.atMs} />}
        <div class="row">
          <button type="button" class={step.kind === "idle" ? "first" : ""} disabled={client === null || isOther || step.kind === "checking"} onClick={() => void run()}>
            {step.kind === "done" ? "Verify again" : "Verify here"}
          </button>
        </div>
        <Worth of={of} />
      </div>
    </Panel>
  );
}

function Verdict({ step }: { step: Step }) {
  if (step.kind !== "done") return null;
  switch (step.finding.verdict) {
    case "verified":
      return <Badge tone="good">verified</Badge>;
    case "lie":
      return <Badge tone="bad">not true</Badge>;
    case "unproved":
      return <Badge tone="warn">not proved</Badge>;
  }
}

function Found({ finding, atMs }: { finding: Finding; atMs: number }) {
  if (finding.verdict === "unproved") {
    return <p>There is no proof to be had now, so this is neither verified nor a lie: {finding.why}.</p>;
  }
  if (finding.verdict === "lie") {
    return (
      <>
        <p class="said-bad" role="alert"><strong>What this node says is not true.</strong> {finding.why}.</p>
        {finding.facts.length > 0 && <Facts facts={finding.facts} hasBoth />}
        <p>Do not act on what this page shows. Ask another node, or the command line.</p>
      </>
    );
  }
  const { height, timestampMs } = finding.checkpoint.checkpoint;
  const age = atMs - Number(timestampMs);
  return (
    <>
      <p>
        <strong>Verified</strong> as of checkpoint {grouped(height)}, <Time ms={timestampMs} />.
        {age > STALE_MS && " No proof tells whether there is a later one: compare this time with your own clock."}
      </p>
      <Facts facts={finding.facts} hasBoth={false} />
      <details>
        <summary>The steps of the proof</summary>
        <ol class="steps">
          <li>The chain is {pin.value!.chainName}, genesis hash <span class="mono break">{pin.value!.chainId}</span>, with a committee of {pin.value!.committee.length}: {pin.value!.from === "genesis document" ? "as its genesis document says" : "as this browser first saw it"}.</li>
          {finding.steps.map((one) => <li key={one}>{one}</li>)}
          <li>All {finding.facts.length} values above are what the node says, and what was proved.</li>
        </ol>
      </details>
    </>
  );
}

/** Hashes and bytes are easier to compare where all letters are as wide. */
function form(text: string): string {
  return /[0-9a-f]{24}/.test(text) ? "break mono" : "break";
}

function Facts({ facts, hasBoth }: { facts: Fact[]; hasBoth: boolean }) {
  return (
    <div class="table-wrap" role="region" aria-label="what was checked" tabIndex={0}>
      <table class="checked">
        <thead>
          <tr>
            <th scope="col">what</th>
            <th scope="col">{hasBoth ? "proved" : "said, and proved"}</th>
            {hasBoth && <th scope="col">the node says</th>}
          </tr>
        </thead>
        <tbody>
          {facts.map((one) => (
            <tr key={one.name} class={one.said === one.proved ? "" : "differs"}>
              <th scope="row">{one.name}</th>
              <td class={form(one.proved)}>{one.proved}</td>
              {hasBoth && <td class={form(one.said)}>{one.said === one.proved ? "the same" : one.said}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
