/**
 * A command by a form. It can be tried without a wallet, as somebody whose key is known from the chain: a simulation
 * looks at no signature. Signed and sent it is by the wallet alone.
 */

import { useState } from "preact/hooks";
import { encodeArguments, parseAmount, ValueError, type Action, type Answer, type FunctionType, type KnownModule, type TxSimulation } from "@pollen/client";
import { useAsk } from "../ask.js";
import { emptyFields, fieldOf, fieldsOf } from "../draft.js";
import { grouped } from "../format.js";
import { client } from "../node.js";
import { signAndSend, walletAccount } from "../seams.js";
import { tryOut } from "../trial.js";
import { PreviewWords } from "./actions.js";
import { Fields, type Wrong } from "./form.js";
import { Amount, HeightLink } from "./names.js";
import { Failure, Panel } from "./parts.js";
import { Calls, Changes, Events, Outcome, Reads } from "./run.js";
import { Sent } from "./sent.js";

const TRIAL_FUEL = 100_000_000n;
const CALLERS = 6;

interface Caller {
  address: string;
  publicKey: string;
  words: string;
}

/** Who a call can be tried as: those that called lately, and who made the module. */
async function callersOf(module: Answer<"module_get">): Promise<Caller[]> {
  const recent = await client.request("tx_list", { account: module.module, limit: CALLERS }).then(({ transactions }) => transactions.map(({ hash }) => hash), () => []);
  const hashes = [...recent, ...module.versions.slice(-1).map(({ transaction }) => transaction)];
  const statuses = await Promise.all(hashes.map((hash) => client.status(hash).catch(() => null)));
  const found = new Map<string, Caller>();
  for (const status of statuses) {
    const asked = status?.transaction;
    if (asked == null || found.has(asked.sender)) continue;
    const words = asked.sender === module.creator ? "who made the module" : "somebody who called it lately";
    found.set(asked.sender, { address: asked.sender, publicKey: asked.key, words });
  }
  return [...found.values()];
}

export function Command({ called, known, module }: { called: FunctionType; known: KnownModule; module: Answer<"module_get"> }) {
  const [drafts, setDrafts] = useState(() => emptyFields(called.params).fields);
  const [deposit, setDeposit] = useState("");
  const [asWhom, setAsWhom] = useState<string | null>(null);
  const [wrong, setWrong] = useState<Wrong | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [trial, setTrial] = useState<TxSimulation | null>(null);
  const [sent, setSent] = useState<string | null>(null);
  const [busy, setBusy] = useState<"trying" | "sending" | null>(null);
  const callers = useAsk(() => callersOf(module), [module.module]);
  const own = walletAccount.value;
  const all: Caller[] = [...(own === null ? [] : [{ ...own, words: "your wallet's account" }]), ...(callers.data ?? []).filter(({ address }) => address !== own?.address)];
  const caller = all.find(({ address }) => address === asWhom) ?? all[0];

  const action = async (): Promise<Action> => {
    const grains = deposit.trim() === "" ? 0n : parseAmount(deposit.trim());
    if (grains === null) throw new ValueError("an amount, such as 1.5 pollen", deposit, "@deposit");
    const encoded = encodeArguments(called.params, fieldsOf(called.params, { fields: drafts }), await client.formats());
    return { kind: "invoke", module: known.id, function: called.name, arguments: encoded, deposit: grains, interface: known.interfaceHash };
  };
  const guarded = async (what: "trying" | "sending", run: () => Promise<void>) => {
    setWrong(null);
    setError(null);
    setBusy(what);
    try {
      await run();
    } catch (why) {
      if (why instanceof ValueError) setWrong({ path: fieldOf(why.path), words: `expected ${why.expected}` });
      else setError(why);
    }
    setBusy(null);
  };
  const simulate = () => guarded("trying", async () => {
    setTrial(null);
    const made = await action();
    if (caller === undefined) throw new Error("There is nobody to try it as yet: open the wallet, or wait until the node has told who made the module.");
    setTrial(await tryOut(caller.address, caller.publicKey, [made], TRIAL_FUEL));
  });
  const send = () => guarded("sending", async () => {
    const hash = await signAndSend({ actions: [await action()] });
    if (hash !== null) setSent(hash);
  });
  return (
    <form class="stack" onSubmit={(event) => { event.preventDefault(); void simulate(); }}>
      <Fields fields={called.params} drafts={drafts} wrong={wrong} change={setDrafts} />
      <details class="more">
        <summary>Send an amount along, or try it as somebody else</summary>
        <div class="stack">
          <div class="field">
            <span class="label"><label for="deposit">Amount sent along</label> <span class="type">amount</span></span>
            <input id="deposit" value={deposit} placeholder="none; such as 1.5 pollen" autocomplete="off" {...(wrong?.path === "@deposit" ? { "aria-invalid": "true" as const } : {})} onInput={(event) => setDeposit(event.currentTarget.value)} />
            {wrong?.path === "@deposit" && <span class="wrong">{wrong.words}</span>}
          </div>
          <div class="field">
            <span class="label"><label for="as-whom">Try it as</label></span>
            <select id="as-whom" value={caller?.address ?? ""} onChange={(event) => setAsWhom(event.currentTarget.value)}>
              {all.length === 0 && <option value="">nobody is known yet</option>}
              {all.map(({ address, words }) => <option key={address} value={address}>{words}: {address.slice(0, 18)}…</option>)}
            </select>
          </div>
        </div>
      </details>
      <div class="row">
        <button type="submit" disabled={busy !== null}>{busy === "trying" ? "Trying it" : "Simulate"}</button>
        <button type="button" class="first" disabled={busy !== null || module.paused} onClick={() => void send()}>Sign and send</button>
        <span class="muted small">{module.paused ? "The module is paused: it takes no commands until it is resumed." : caller === undefined ? "" : `A simulation changes nothing; tried as ${caller.words}.`}</span>
      </div>
      <div aria-live="polite" class="stack">
        {error !== null && <Failure error={error} />}
        {sent !== null && <Sent hash={sent} />}
        {trial !== null && <Trial trial={trial} />}
      </div>
    </form>
  );
}

function Trial({ trial }: { trial: TxSimulation }) {
  return (
    <section class="stack" aria-label="What it would do">
      <div class="result">
        {trial.outcome !== null && <Outcome outcome={trial.outcome} />}
        {trial.refusal !== null && <div class="failure">A node would not take it in now: {trial.refusal.message}. <span class="hint">What to do: {trial.refusal.hint}.</span></div>}
        {trial.note !== null && <pre class="note">{trial.note}</pre>}
        <div class="row muted small">
          <span>on the state of checkpoint <HeightLink height={trial.at.height} /></span>
          <span>{grouped(trial.fuelUsed)} fuel, <Amount grains={trial.fee} /></span>
          <span>no promise: the state moves on</span>
        </div>
      </div>
      <Panel title="In words" padded><PreviewWords preview={trial.preview} /></Panel>
      <Panel title="Fuel by function"><Calls calls={trial.calls} fuelUsed={trial.fuelUsed} /></Panel>
      <Panel title={`Events: ${trial.events.length}`}><Events events={trial.events} empty="It would tell no events." /></Panel>
      <Panel title={`Changes of the state: ${trial.changes.length}`}><Changes changes={trial.changes} empty="It would change nothing." /></Panel>
      <Panel title={`Reads: ${trial.reads.length}`}><Reads reads={trial.reads} /></Panel>
    </section>
  );
}
