/**
 * A new component in place of a module's code: the difference first, tried at the node, then agreed to by the wallet. What
 * breaks callers is refused unless it is meant. Where the chain lets new code wait, what is made at once is published first.
 */

import { useEffect, useState } from "preact/hooks";
import {
  compareInterfaces, encodeArguments, isCompatible, ValueError, type FunctionType, type Interface, type KnownModule, type ModuleChange, type ModuleView, type TxSimulation,
} from "@pollen/client";
import type { Voter } from "../changes.js";
import { fieldOf, fieldsOf, type Draft } from "../draft.js";
import { duration, size } from "../format.js";
import { client, info } from "../node.js";
import { delayOf, thresholdOf } from "../policy.js";
import { walletAccount } from "../seams.js";
import { tryOut } from "../trial.js";
import { agreement, isAtOnce, reportOf, SendingState, useSending, type Report } from "./change.js";
import { codeFacts, CodeWaiting, codeWaitMs, useCodeWait } from "./code-wait.js";
import { Drop, type Component } from "./component.js";
import { Differences } from "./difference.js";
import { Fields, type Wrong } from "./form.js";
import { Amount, Id, Moment } from "./names.js";
import { Badge, Facts, Failure } from "./parts.js";
import { Calls, Changes, Outcome } from "./run.js";

const NOTHING: Interface = { package: "", docs: null, commands: [], queries: [], events: [] };

interface UpgradeProps {
  module: ModuleView;
  known: KnownModule;
  /** For whom the wallet can agree; null for nobody. */
  voter: Voter | null;
}

export function Upgrade({ module, known, voter }: UpgradeProps) {
  const [component, setComponent] = useState<Component | null>(null);
  return (
    <div class="stack">
      <Drop component={component} take={setComponent} called="migrate" words="Drop the new component here, or choose a file" />
      {component !== null && (
        <Prepared key={component.hash} module={module} known={known} voter={voter} component={component} change={(drafts) => setComponent({ ...component, drafts })} />
      )}
    </div>
  );
}

function Prepared({ module, known, voter, component, change }: UpgradeProps & { component: Component; change(drafts: Record<string, Draft>): void }) {
  const { called: migrate, drafts, hash, bytes } = component;
  // As it was when the file was dropped: once it is made, it would be compared with itself.
  const [before] = useState({ interface: known.interface, codeBytes: module.codeBytes, codeHash: module.codeHash });
  const [isMeant, setMeant] = useState(false);
  const [wrong, setWrong] = useState<Wrong | null>(null);
  const [trial, setTrial] = useState<TxSimulation | null>(null);
  const trying = useSending();
  const sending = useSending();
  const codeWait = useCodeWait();
  if (hash === before.codeHash) return <p>The module runs this code already.</p>;

  const differences = compareInterfaces(before.interface, component.interface ?? NOTHING);
  const broken = differences.filter(({ breaks }) => breaks);
  const isAllowed = isCompatible(differences) || isMeant;
  const upgrade = async (): Promise<ModuleChange> => {
    const args = migrate === null ? new Uint8Array() : encodeArguments(migrate.params, fieldsOf(migrate.params, { fields: drafts }), await client.formats());
    return { kind: "upgrade", code: hash, arguments: args };
  };
  const guarded = async (run: () => Promise<void>) => {
    setWrong(null);
    await run().catch((why: unknown) => {
      if (!(why instanceof ValueError)) throw why;
      setWrong({ path: fieldOf(why.path), words: why.message });
    });
  };
  const simulate = (voter: Voter) => trying.run(() => guarded(async () => {
    setTrial(null);
    const actions = agreement(module, voter, known.id, await upgrade(), [bytes]);
    setTrial(await tryOut(voter.account, voter.publicKey, actions, info.value!.parameters.transactionFuelMax, [bytes]));
  }));
  const send = (voter: Voter) => sending.run(() => guarded(async () => {
    const made = await upgrade();
    const attachments = isAtOnce(module.policy, voter) ? await codeWait.ready(bytes) : (await codeFacts(hash)) === null ? [bytes] : [];
    if (attachments !== null) await sending.agree(module, voter, made, attachments);
  }));
  return (
    <form class="stack" onSubmit={(event) => { event.preventDefault(); if (voter !== null && isAllowed) void send(voter); }}>
      <h3>What changes {isCompatible(differences) ? <Badge tone="good">callers can go on</Badge> : <Badge tone="bad">breaks callers</Badge>}</h3>
      <Differences differences={differences} />
      <Facts
        rows={[
          ["Size", <>{size(bytes.length)} <span class="muted">({grown(bytes.length - before.codeBytes)})</span></>],
          ["Code hash", <Id text={hash} what="code hash" />],
          component.interface === null && ["Describes itself as", "nothing: it has no description of its interface"],
        ]}
      />
      {migrate !== null && migrate.params.length > 0 && (
        <fieldset disabled={sending.isBusy}>
          <legend>Arguments of migrate, which runs once in the upgrade itself</legend>
          <Fields fields={migrate.params} drafts={drafts} wrong={wrong} change={change} />
        </fieldset>
      )}
      {wrong !== null && <div class="failure" role="alert">{wrong.words}</div>}
      {broken.length > 0 && (
        <div class="stack">
          <div class="failure" role="alert">Who calls it would be broken: {broken.map(({ name }) => name).join(", ")}. <span class="hint">Keep them and add new ones beside them, or say that you mean it.</span></div>
          <label class="check"><input type="checkbox" checked={isMeant} onChange={(event) => setMeant(event.currentTarget.checked)} /> Go on although functions or events that others rely on are removed or changed</label>
        </div>
      )}
      {voter !== null && <Simulated key={voter.account} trial={trial} error={trying.error} isBusy={trying.isBusy} again={() => void simulate(voter)} migrate={migrate} />}
      <div class="row">
        <button type="submit" class="first" disabled={sending.isBusy || voter === null || !isAllowed || module.codeHash === hash}>{buttonName(module, voter)}</button>
        <span class="muted small">{hintOf(module, voter)}</span>
      </div>
      <CodeWaiting of={codeWait} />
      <SendingState of={sending} migrate={migrate} />
    </form>
  );
}

function grown(bytes: number): string {
  return bytes === 0 ? "as before" : `${bytes > 0 ? "+" : "−"}${size(Math.abs(bytes))}`;
}

function buttonName({ policy }: ModuleView, voter: Voter | null): string {
  if (voter !== null && voter.weight < thresholdOf(policy)) return "Agree to the upgrade";
  if (delayOf(policy) > 0n) return "Announce the upgrade";
  return codeWaitMs() > 0n ? "Publish and upgrade" : "Upgrade";
}

function hintOf({ policy }: ModuleView, voter: Voter | null): string {
  if (walletAccount.value === null) return "This browser has no account yet: make or import one in the wallet, in the header.";
  if (voter === null) return "Your wallet's account may not change this module, and its key is no owner of one that may.";
  const words = [];
  if (codeWaitMs() > 0n) words.push(`New code waits ${duration(Number(codeWaitMs()))} here: ${isAtOnce(policy, voter) ? "it is published first, and the upgrade made when it has waited. Two signatures." : "it is published with your agreement, and waits from then on."}`);
  if (voter.weight < thresholdOf(policy)) words.push(`Weight ${thresholdOf(policy)} is needed, yours is ${voter.weight}: the others agree to the same.`);
  if (delayOf(policy) > 0n) words.push(`It is announced, and can be made ${duration(Number(delayOf(policy)))} later.`);
  return words.join(" ");
}

interface SimulatedProps {
  trial: TxSimulation | null;
  error: unknown;
  isBusy: boolean;
  again(): void;
  /** Its arguments have to be filled in first. */
  migrate: FunctionType | null;
}

function wouldBe({ made, weight, threshold, readyMs }: Report) {
  if (made) return "Tried now, it is made at once.";
  if (readyMs === null) return `Tried now, it is agreed to by weight ${weight} of ${threshold}.`;
  return <>Tried now, it is announced: it can be made from <Moment ms={BigInt(readyMs)} /> on.</>;
}

/** What it would do now, as the node says. */
function Simulated({ trial, error, isBusy, again, migrate }: SimulatedProps) {
  useEffect(() => {
    if (migrate === null || migrate.params.length === 0) again();
  }, []);
  const report = trial === null ? null : reportOf(trial);
  const outcome = trial?.outcome ?? null;
  // The node runs no code in a simulation that is not on the ledger yet, and no chain any that still waits.
  const isUntried = outcome?.kind === "failure" && outcome.name === "CodeNotActive";
  return (
    <div class="stack" aria-live="polite">
      <div class="row">
        <button type="button" disabled={isBusy} onClick={again}>{isBusy ? "Trying it" : "Simulate"}</button>
        {trial !== null && trial.fee > 0n && !isUntried && <span>fee about <Amount grains={trial.fee} /></span>}
        {report !== null && <span class="muted">{wouldBe(report)}</span>}
      </div>
      {error !== null && <Failure error={error} />}
      {isUntried && codeWaitMs() > 0n && <p class="muted">It cannot be tried before its code has waited on the ledger. If it fails then, nothing is changed but the fee paid.</p>}
      {isUntried && codeWaitMs() === 0n && <p class="muted">Its <code>migrate</code> runs code that is not on the ledger yet, so nobody can try it before. It runs in the upgrade itself: if it fails, nothing is changed but the fee paid.</p>}
      {outcome !== null && outcome.kind !== "success" && !isUntried && <Outcome outcome={outcome} called={migrate} />}
      {trial !== null && report?.made === true && (
        <details class="more">
          <summary>What it would run and change in the state</summary>
          <Calls calls={trial.calls} fuelUsed={trial.fuelUsed} />
          <Changes changes={trial.changes} />
        </details>
      )}
    </div>
  );
}
