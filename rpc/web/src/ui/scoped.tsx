/** The form for a scoped key: whose it is, what it may do, how much of that, until when. */

import { useEffect, useId, useState } from "preact/hooks";
import { InputError, PollenError, RpcError, type AccountKeys } from "@pollen/client";
import { useAsk } from "../ask.js";
import { keyOfAddress } from "../first-key.js";
import { isUnlimited, NEW_SCOPED, scopedDraft, scopedOf, type ScopedDraft } from "../keys.js";
import { moduleNames, readModuleNames } from "../names.js";
import { client, head } from "../node.js";
import { walletKeys } from "../seams.js";
import type { KeysForm } from "./keys.js";
import { KeyField, OwnKeys } from "./key-field.js";
import { AddressLink, Moment } from "./names.js";
import { SpanFields } from "./span.js";

type Call = ScopedDraft["calls"][number];

async function findModule(text: string): Promise<{ id: string; address: string; commands: string[] }> {
  const { id, address, interface: told } = await client.interfaceOf(text, true).catch((error: unknown) => {
    throw error instanceof RpcError && !error.retryable ? new InputError(error.message, error.hint) : error;
  });
  return { id, address, commands: told.commands.map(({ name }) => name).filter((name) => name !== "init" && name !== "migrate") };
}

/** `before` is the one that is changed; null for a new one. */
export function ScopedForm({ keys, owners, sending, send, close, before }: KeysForm & { before: AccountKeys["scoped"][number] | null }) {
  const [draft, setDraft] = useState(() => (before === null ? NEW_SCOPED : scopedDraft(before)));
  const set = (change: Partial<ScopedDraft>) => {
    sending.clear();
    setDraft((now) => ({ ...now, ...change }));
  };
  const setCall = (place: number, call: Call) => set({ calls: draft.calls.map((one, at) => (at === place ? call : one)) });
  useEffect(() => void readModuleNames(), []);
  const submit = () => sending.run(async () => {
    const key = await scopedOf(draft, {
      owners, scoped: keys.scoped, before, nowMs: head.value?.timeMs ?? 0n, findModule,
      findKey: (address) => keyOfAddress(address, walletKeys.value.map(({ publicKey }) => publicKey)),
    });
    await send({ kind: "putKey", key });
  });
  const taken = [draft.key, ...owners.map(({ key }) => key), ...keys.scoped.map(({ key }) => key)];
  return (
    <form class="stack" aria-label="Scoped key" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
      <p class="muted small">A key for a device or an application: it signs alone, and may do nothing but what is chosen here.{before !== null && " What it has used begins to count anew."}</p>
      <KeyField label="Its key" text={draft.key} change={(key) => set({ key })} isFixed={before !== null} />
      {before === null && <OwnKeys taken={taken} sending={sending} take={(key) => set({ key })} />}
      <label class="field"><span class="label">What it is for</span><input value={draft.label} placeholder="such as till, or phone" autocomplete="off" onInput={(event) => set({ label: event.currentTarget.value })} /></label>
      <fieldset>
        <legend>It may</legend>
        {draft.calls.map((call, place) => <CallFields key={place} call={call} number={place + 1} change={(call) => setCall(place, call)} remove={() => set({ calls: draft.calls.filter((_, at) => at !== place) })} />)}
        <div class="row"><button type="button" onClick={() => set({ calls: [...draft.calls, { module: "", functions: [] }] })}>{draft.calls.length === 0 ? "Call a module" : "Call another module"}</button></div>
        <label class="check"><input type="checkbox" checked={draft.transfers} onChange={(event) => set({ transfers: event.currentTarget.checked })} /> Send pollen to anybody</label>
        <label class="check"><input type="checkbox" checked={draft.sponsors} onChange={(event) => set({ sponsors: event.currentTarget.checked })} /> Pay the fees of other accounts' transactions</label>
      </fieldset>
      <datalist id="module-names">{[...moduleNames.value.values()].map((name) => <option key={name} value={`@${name}`} />)}</datalist>
      <fieldset>
        <legend>Limits</legend>
        <Limit label="Most pollen that it may ever spend" text={draft.spend} change={(spend) => set({ spend })} />
        <SpanFields label="In each window of" unitLabel="Unit of the window" span={draft.window} change={(window) => set({ window })} />
        <Limit label="Most pollen in a window" text={draft.windowSpend} change={(windowSpend) => set({ windowSpend })} />
        <Limit label="Most transactions in a window" text={draft.windowTransactions} change={(windowTransactions) => set({ windowTransactions })} />
        <span class="muted small">It spends what leaves the account: transfers, what goes along with calls, deposits, fees. Two windows can be used up in a row.</span>
        {isUnlimited(draft) && <div class="warning">Without a limit of pollen whoever has the key may spend all that the account has.</div>}
      </fieldset>
      <Expiry draft={draft} set={set} keptMs={before?.expiresMs ?? null} />
      <div class="row">
        <button type="submit" class="first" disabled={sending.isBusy}>{before === null ? "Add the key" : "Change the key"}</button>
        <button type="button" disabled={sending.isBusy} onClick={close}>Leave it</button>
      </div>
    </form>
  );
}

function Limit({ label, text, change }: { label: string; text: string; change(text: string): void }) {
  return <label class="field"><span class="label">{label}</span><input value={text} inputMode="decimal" placeholder="no limit" autocomplete="off" onInput={(event) => change(event.currentTarget.value)} /></label>;
}

function Expiry({ draft, set, keptMs }: { draft: ScopedDraft; set(change: Partial<ScopedDraft>): void; keptMs: bigint | null }) {
  return (
    <>
      <label class="field">
        <span class="label">Expires</span>
        <select value={draft.expires} onChange={(event) => set({ expires: event.currentTarget.value as ScopedDraft["expires"] })}>
          {keptMs !== null && <option value="kept">when it does now</option>}
          <option value="after">after a time from now</option>
          <option value="never">never</option>
        </select>
        {draft.expires === "kept" && keptMs !== null && <span class="muted small"><Moment ms={keptMs} /></span>}
      </label>
      {draft.expires === "after" && <SpanFields label="Good for" unitLabel="Unit of the expiry" span={draft.after} change={(after) => set({ after })} />}
    </>
  );
}

/** A module, and which of its commands: those that it has now, to choose among. */
function CallFields({ call, number, change, remove }: { call: Call; number: number; change(call: Call): void; remove(): void }) {
  const id = useId();
  const [named, setNamed] = useState(call.module);
  const known = useAsk(() => (named.trim() === "" ? Promise.resolve(null) : findModule(named.trim())), [named]);
  const commands = known.data?.commands ?? [];
  const names = [...commands, ...call.functions.filter((name) => !commands.includes(name))];
  const toggle = (name: string, isOn: boolean) => change({ ...call, functions: isOn ? [...call.functions, name] : call.functions.filter((one) => one !== name) });
  return (
    <fieldset>
      <legend>Module {number}</legend>
      <div class="call-module">
        <div class="field">
          <span class="label"><label for={id}>Call module {number}</label>{known.data !== null && <AddressLink address={known.data.address} hasCopy={false} />}</span>
          <input id={id} value={call.module} list="module-names" placeholder="@name, or its address" autocomplete="off" autocapitalize="none" spellcheck={false} onInput={(event) => change({ module: event.currentTarget.value, functions: [] })} onChange={(event) => setNamed(event.currentTarget.value)} />
        </div>
        <button type="button" aria-label={`remove module ${number}`} onClick={remove}>Remove</button>
      </div>
      {known.error !== null && named === call.module && <span class="wrong small">{known.error instanceof PollenError ? known.error.message : String(known.error)}</span>}
      {names.map((name) => (
        <label key={name} class="check"><input type="checkbox" checked={call.functions.includes(name)} onChange={(event) => toggle(name, event.currentTarget.checked)} /> <code>{name}</code>{!commands.includes(name) && known.data !== null && <span class="wrong small">it has none of that name</span>}</label>
      ))}
      {names.length > 0 && call.functions.length === 0 && <span class="muted small">None is chosen: it may call all of them, and those that an upgrade adds.</span>}
    </fieldset>
  );
}
