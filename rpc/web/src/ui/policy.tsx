/** Fields for who may change a module: of a deployment, and of a change of that. */

import { useId } from "preact/hooks";
import { POLICIES, type PolicyDraft } from "../policy.js";
import { walletAccount } from "../seams.js";
import { SpanFields } from "./span.js";

interface PolicyFieldsProps {
  draft: PolicyDraft;
  change(draft: PolicyDraft): void;
  /** What is wrong with it. */
  wrong: string | null;
}

const MEANINGS: Record<PolicyDraft["kind"], string> = {
  owner: "The account that deployed it.",
  keys: "A change is made when accounts of enough weight have agreed to the very same one.",
  never: "It stays as it is, for good. This cannot be taken back.",
  itself: "Its own code decides, by control.upgrade. No account can change it any more.",
};

export function PolicyFields({ draft, change, wrong }: PolicyFieldsProps) {
  const id = useId();
  const waits = draft.kind === "owner" || draft.kind === "keys";
  const choose = (kind: PolicyDraft["kind"]) => {
    const keys = kind === "keys" && draft.keys.length === 0 ? [{ account: walletAccount.value?.address ?? "", weight: "1" }] : draft.keys;
    change({ ...draft, kind, keys });
  };
  const setKey = (place: number, key: Partial<PolicyDraft["keys"][number]>) =>
    change({ ...draft, keys: draft.keys.map((one, at) => (at === place ? { ...one, ...key } : one)) });
  return (
    <>
      <div class="field">
        <span class="label"><label for={id}>Who may upgrade it</label></span>
        <select id={id} value={draft.kind} onChange={(event) => choose(event.currentTarget.value as PolicyDraft["kind"])}>
          {Object.entries(POLICIES).map(([kind, words]) => <option key={kind} value={kind}>{words}</option>)}
        </select>
        <span class="muted small">{MEANINGS[draft.kind]}</span>
      </div>
      {draft.kind === "keys" && (
        <fieldset>
          <legend>Accounts</legend>
          {draft.keys.map(({ account, weight }, place) => (
            <div key={place} class="policy-key">
              <label class="field"><span class="label">Account {place + 1}</span><input value={account} placeholder="an address" autocomplete="off" spellcheck={false} onInput={(event) => setKey(place, { account: event.currentTarget.value })} /></label>
              <label class="field"><span class="label">Weight</span><input value={weight} inputMode="numeric" autocomplete="off" onInput={(event) => setKey(place, { weight: event.currentTarget.value })} /></label>
              <button type="button" aria-label={`remove account ${place + 1}`} onClick={() => change({ ...draft, keys: draft.keys.filter((_, at) => at !== place) })}>Remove</button>
            </div>
          ))}
          <div class="row"><button type="button" onClick={() => change({ ...draft, keys: [...draft.keys, { account: "", weight: "1" }] })}>Add an account</button></div>
          <label class="field"><span class="label">Weight that a change needs</span><input value={draft.threshold} inputMode="numeric" autocomplete="off" onInput={(event) => change({ ...draft, threshold: event.currentTarget.value })} /></label>
        </fieldset>
      )}
      {waits && (
        <SpanFields
          label="A change waits"
          span={{ count: draft.delay, unit: draft.unit }}
          change={({ count, unit }) => change({ ...draft, delay: count, unit })}
          hint="0: a change is made at once. Else it is announced, and can be made when it has waited: who uses the module sees it coming."
        />
      )}
      {wrong !== null && <span class="failure" role="alert">{wrong}</span>}
    </>
  );
}
