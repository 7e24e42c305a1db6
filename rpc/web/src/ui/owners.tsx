/** The form for an account's owners: keys, their weights, and the weight that must sign. What is lost by it is said first. */

import { useState } from "preact/hooks";
import { InputError, OWNERS_MAX, type PublicKey } from "@pollen/client";
import { keyOfAddress } from "../first-key.js";
import { areSame, lossesOf, ownersDraft, ownersOf, type Owners, type OwnersDraft } from "../keys.js";
import { walletKeys } from "../seams.js";
import type { KeysForm } from "./keys.js";
import { KeyField, OwnKeys } from "./key-field.js";

export function OwnersForm({ keys, owners, sending, send, close }: KeysForm) {
  const [before] = useState<Owners>({ threshold: keys.threshold, owners });
  const [draft, setDraft] = useState(() => ownersDraft(before));
  /** What is to be agreed to before it is signed, of exactly what is written now. */
  const [losses, setLosses] = useState<string[]>([]);
  const [isMeant, setMeant] = useState(false);
  const mine = walletKeys.value;
  const change = (next: OwnersDraft) => {
    sending.clear();
    setDraft(next);
    setLosses([]);
    setMeant(false);
  };
  const setOwner = (place: number, owner: Partial<OwnersDraft["owners"][number]>) =>
    change({ ...draft, owners: draft.owners.map((one, at) => (at === place ? { ...one, ...owner } : one)) });
  const add = (key: PublicKey) => {
    const empty = draft.owners.findIndex((one) => one.key.trim() === "");
    if (empty >= 0) setOwner(empty, { key });
    else change({ ...draft, owners: [...draft.owners, { key, weight: "1" }] });
  };
  const submit = () => sending.run(async () => {
    if (!areSame(before, { threshold: keys.threshold, owners })) {
      throw new InputError("the account has other owners by now than when this form was opened", "look at them above, leave this form and open it again");
    }
    const after = await ownersOf(draft, keys.scoped, (address) => keyOfAddress(address, mine.map(({ publicKey }) => publicKey)));
    if (areSame(before, after)) return close();
    const losses = lossesOf(before, after, mine);
    setLosses(losses);
    if (losses.length > 0 && !isMeant) return;
    await send({ kind: "setOwners", ...after });
  });
  return (
    <form class="stack" aria-label="Owners" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
      <p class="muted small">These keys from then on, and no others. The address stays. To replace a key, remove it and add the new one.</p>
      {draft.owners.map(({ key, weight }, place) => (
        <fieldset key={place}>
          <legend>Owner {place + 1}</legend>
          <KeyField label={`Key of owner ${place + 1}`} text={key} change={(key) => setOwner(place, { key })} />
          <div class="key-weight">
            <label class="field"><span class="label">Weight of owner {place + 1}</span><input value={weight} inputMode="numeric" autocomplete="off" onInput={(event) => setOwner(place, { weight: event.currentTarget.value })} /></label>
            <button type="button" aria-label={`remove owner ${place + 1}`} onClick={() => change({ ...draft, owners: draft.owners.filter((_, at) => at !== place) })}>Remove</button>
          </div>
        </fieldset>
      ))}
      {draft.owners.length < OWNERS_MAX && (
        <OwnKeys taken={draft.owners.map(({ key }) => key)} sending={sending} take={add}>
          <button type="button" onClick={() => change({ ...draft, owners: [...draft.owners, { key: "", weight: "1" }] })}>Add another key</button>
        </OwnKeys>
      )}
      <label class="field"><span class="label">Weight that must sign</span><input value={draft.threshold} inputMode="numeric" autocomplete="off" onInput={(event) => change({ ...draft, threshold: event.currentTarget.value })} /></label>
      {losses.length > 0 && <div class="failure" role="alert">{losses.map((words) => <div key={words}>{words}</div>)}</div>}
      {losses.length > 0 && <label class="check"><input type="checkbox" checked={isMeant} onChange={(event) => setMeant(event.currentTarget.checked)} /> I mean it, and have made sure of the new keys</label>}
      <div class="row">
        <button type="submit" class="first" disabled={sending.isBusy || (losses.length > 0 && !isMeant)}>Change the owners</button>
        <button type="button" disabled={sending.isBusy} onClick={close}>Leave them</button>
      </div>
    </form>
  );
}
