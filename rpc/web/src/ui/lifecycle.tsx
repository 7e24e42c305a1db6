/** What becomes of a module after its deployment, and who decides it: upgrades, those that wait, its policy, a pause. */

import { useState } from "preact/hooks";
import { InputError, type KnownModule, type ModuleView } from "@pollen/client";
import { useAsk, type Asked } from "../ask.js";
import { voterOf, type PendingChange, type Voter } from "../changes.js";
import { duration } from "../format.js";
import { client, head } from "../node.js";
import { draftOf, policyOf, policyWords, thresholdOf, votersOf } from "../policy.js";
import { signAndSend, walletAccount } from "../seams.js";
import { NotYet, SendingState, useSending, type Sending } from "./change.js";
import { codeFacts } from "./code-wait.js";
import { AddressLink, Id, TxLink } from "./names.js";
import { Answered, Badge, Facts, Panel } from "./parts.js";
import { PolicyFields } from "./policy.js";
import { Upgrade } from "./upgrade.js";

export function Lifecycle({ module, known, pending }: { module: ModuleView; known: KnownModule; pending: Asked<PendingChange[]> }) {
  const own = walletAccount.value;
  const { kind } = module.policy;
  const canChange = kind === "owner" || kind === "keys";
  const asked = useAsk(() => voterOf(module, own), [module.module, module.revision, own?.address]);
  const voter = asked.data;
  return (
    <div class="grid main-side">
      <div class="stack">
        {canChange && (
          <Panel title="Upgrade it" padded>
            <Upgrade module={module} known={known} voter={voter} />
          </Panel>
        )}
        {!canChange && (
          <Panel title="Upgrade it" padded>
            <p>{kind === "never" ? "Nobody can ever change this module: that is its policy." : "Only the module's own code changes it, by control.upgrade: no account can."}</p>
          </Panel>
        )}
        {canChange && <Pending module={module} voter={voter} asked={pending} />}
      </div>
      <div class="stack">
        <Policy module={module} voter={voter} />
        {canChange && <Pause module={module} voter={voter} />}
      </div>
    </div>
  );
}

interface Part {
  module: ModuleView;
  voter: Voter | null;
}

// ---- Changes that wait --------------------------------------------------------------------------------------------

function Pending({ module, voter, asked }: Part & { asked: Asked<PendingChange[]> }) {
  // Of the whole list: what was made is in it no more, and how that went is told all the same.
  const sending = useSending();
  return (
    <Panel title="Changes that wait" extra={<span class="muted small">agreed to, and not made yet</span>}>
      <Answered of={asked} lines={1}>
        {(pending) => (pending.length === 0
          ? <div class="panel-body muted">None.</div>
          : <ul class="pending">{pending.map((one) => <li key={one.digest}><Waiting module={module} voter={voter} one={one} sending={sending} /></li>)}</ul>)}
      </Answered>
      {(sending.sent !== null || sending.error !== null) && <div class="panel-body"><SendingState of={sending} /></div>}
    </Panel>
  );
}

function Waiting({ module, voter, one, sending }: Part & { one: PendingChange; sending: Sending }) {
  const weights = new Map(votersOf(module.policy, module.creator).map(({ account, weight }) => [account, weight]));
  const weight = one.approvals.reduce((sum, account) => sum + (weights.get(account) ?? 0), 0);
  const hasAgreed = voter !== null && one.approvals.includes(voter.account);
  const isReady = one.readyMs !== null && (head.value?.timeMs ?? 0n) >= one.readyMs;
  const canSend = voter !== null && (isReady || !hasAgreed);
  const make = (voter: Voter) => sending.run(() => checkCode(one).then(() => sending.agree(module, voter, one.change)));
  const takeBack = (voter: Voter) => sending.run(async () => {
    const action = { kind: "cancel" as const, module: await client.idOf(module.module), change: one.digest };
    sending.tell(await signAndSend({ actions: [action], sender: voter.account }), "cancel");
  });
  return (
    <div class="stack">
      <div class="tag-line"><strong><ChangeWords of={one} /></strong>{isReady ? <Badge tone="good">can be made now</Badge> : <Badge tone="warn">waits</Badge>}</div>
      <div><NotYet report={{ weight, threshold: thresholdOf(module.policy), readyMs: one.readyMs }} /></div>
      <div class="muted small">agreed: {one.approvals.map((account) => <span key={account}><AddressLink address={account} hasCopy={false} /> </span>)}by <TxLink hash={one.transaction} hasCopy={false} /></div>
      {voter !== null && (
        <div class="row">
          {canSend && <button type="button" class="first" disabled={sending.isBusy} onClick={() => void make(voter)}>{isReady ? "Make it now" : "Agree"}</button>}
          {hasAgreed && <button type="button" disabled={sending.isBusy} onClick={() => void takeBack(voter)}>Take my agreement back</button>}
        </div>
      )}
    </div>
  );
}

function ChangeWords({ of: { change } }: { of: PendingChange }) {
  switch (change.kind) {
    case "upgrade":
      return <>Upgrade to code <Id text={change.code} what="code hash" /></>;
    case "policy":
      return <>Who may change it: {policyWords(change.policy)}</>;
    case "pause":
      return <>Pause it</>;
    case "resume":
      return <>Resume it</>;
  }
}

/** The code of an upgrade has to be on the ledger: this page publishes it with the announcement, others may not. */
async function checkCode({ change }: PendingChange): Promise<void> {
  if (change.kind !== "upgrade") return;
  const facts = await codeFacts(change.code);
  if (facts === null) throw new InputError("the code is not on the ledger", "drop the same component above: that is the same change, with the code");
  const leftMs = facts.activeMs - (await client.request("chain_head", {})).timeMs;
  if (leftMs > 0n) throw new InputError("the code is on the ledger, and has not waited as long as new code must here", `make it in ${duration(Number(leftMs))}`);
}

// ---- Policy and pause ---------------------------------------------------------------------------------------------

function Policy({ module, voter }: Part) {
  const [draft, setDraft] = useState(() => draftOf(module.policy));
  const [wrong, setWrong] = useState<string | null>(null);
  const sending = useSending();
  const { policy } = module;
  const send = (voter: Voter) => sending.run(async () => {
    setWrong(null);
    try {
      const next = await policyOf(draft, (address) => client.idOf(address));
      await sending.agree(module, voter, { kind: "policy", policy: next });
    } catch (why) {
      if (!(why instanceof InputError)) throw why;
      setWrong(why.message);
    }
  });
  return (
    <Panel title="Who may change it">
      <Facts
        rows={[
          ["Policy", policyWords(policy)],
          policy.kind === "owner" && ["Creator", <AddressLink address={module.creator} />],
          ...(policy.kind === "keys" ? policy.keys.map(({ account, weight }): [string, preact.ComponentChild] => [`Weight ${weight}`, <AddressLink address={account} />]) : []),
          voter !== null && ["You", <Badge tone="info">may change it{voter.account === walletAccount.value?.address ? "" : ", as an owner of that account"}</Badge>],
        ]}
      />
      {voter !== null && (
        <details class="more panel-body">
          <summary>Change who may change it</summary>
          <form class="stack" onSubmit={(event) => { event.preventDefault(); void send(voter); }}>
            <PolicyFields draft={draft} change={setDraft} wrong={wrong} />
            <div class="row"><button type="submit" disabled={sending.isBusy}>Change the policy</button></div>
          </form>
        </details>
      )}
      {(sending.sent !== null || sending.error !== null) && <div class="panel-body"><SendingState of={sending} /></div>}
    </Panel>
  );
}

function Pause({ module, voter }: Part) {
  const sending = useSending();
  const change = { kind: module.paused ? ("resume" as const) : ("pause" as const) };
  return (
    <Panel title="Pause" padded>
      <div class="stack">
        <p>{module.paused ? "It is paused: commands are refused, queries answer." : "It takes commands. Paused it would refuse them, and only its queries answer: for emergencies. A pause waits for no delay."}</p>
        {voter !== null && (
          <div class="row"><button type="button" disabled={sending.isBusy} onClick={() => void sending.run(() => sending.agree(module, voter, change))}>{module.paused ? "Resume it" : "Pause it"}</button></div>
        )}
        <SendingState of={sending} />
      </div>
    </Panel>
  );
}
