/**
 * Transactions that more than one key signs: whose signatures are there and whose are missing, for which account it is and
 * who pays, and the document that goes from hand to hand (that of `pollen tx build | sign | send`).
 */

import { useState } from "preact/hooks";
import { accountOf, parseAddress, readDraft, signingBytes, contentHash, writeDraft, type Draft, type PublicKey } from "@pollen/client";
import { shortened } from "../format.js";
import { pin } from "../verify/pin.js";
import { Copy } from "../ui/names.js";
import { isOpen } from "./button.js";
import { Dialog, Notice } from "./dialog.js";
import { said } from "./errors.js";
import { Text } from "./fields.js";
import type { Intent } from "./intent.js";
import { askOwner } from "./requests.js";
import { accounts } from "./session.js";
import { checkChain } from "./sign.js";
import { standingOf, weightOf, type Party } from "./signers.js";
import { AccountName } from "./unlock.js";

/** An account: by its name in this wallet where it is one of it, else by its whole address. */
export function Named({ id, address }: { id: string; address: string }) {
  const own = accounts.value?.find((one) => accountOf(one.publicKey) === id);
  return own === undefined ? <span class="mono break">{address}</span> : <AccountName account={own} />;
}

// ---- Who signs ----------------------------------------------------------------------------------------------------

export function Signatures({ parties, lead, signed }: { parties: readonly Party[]; lead: PublicKey; signed: readonly PublicKey[] }) {
  return (
    <section aria-label="Who signs">
      <h3>Who signs</h3>
      <ul class="parties">
        {parties.map((party) => {
          const { have, needed, isEnough } = standingOf(party, lead, signed);
          return (
            <li key={party.role}>
              <div><span class="muted">{party.role === "sender" ? "For" : "Pays"}</span> <Named id={party.id} address={party.account} /></div>
              <div class={isEnough ? "said-good" : "muted"}>{isEnough ? "signed" : `signed with weight ${have} of ${needed}`}</div>
              <ul class="plain-list small">
                {keysOf(party, lead, signed).map((key) => <li key={key}><KeyName publicKey={key} /> {weightOf(party, key) > 1 && <span class="muted">weight {weightOf(party, key)}</span>} {signed.includes(key) ? "has signed" : key === lead ? "must sign" : "may sign"}</li>)}
              </ul>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** Keys of an account that are known: its owners, and whoever signed for it or leads. */
function keysOf(party: Party, lead: PublicKey, signed: readonly PublicKey[]): PublicKey[] {
  const here = accounts.value?.map(({ publicKey }) => publicKey) ?? [];
  const others = [...(party.role === "sender" ? [lead] : []), ...signed, ...here].filter((key) => weightOf(party, key) > 0);
  return [...new Set([...party.keys.owners.map(({ key }) => key), ...others])];
}

function KeyName({ publicKey }: { publicKey: PublicKey }) {
  const own = accounts.value?.find((one) => one.publicKey === publicKey);
  const [head, tail] = shortened(publicKey);
  return <>{own !== undefined && <strong>{own.label} </strong>}<span class="mono" title={publicKey}>key {head}…{tail}</span></>;
}

// ---- Handing on ---------------------------------------------------------------------------------------------------

export function HandOn({ draft, isMissingHere }: { draft: Draft; isMissingHere: boolean }) {
  const hasSigned = draft.signatures.length > 0;
  return (
    <section aria-label="Hand it on">
      <Notice tone="info">
        {hasSigned ? "Nothing is sent until all have signed." : "Your key alone is not enough: others must sign, too."}{" "}
        {isMissingHere && !hasSigned ? "Sign it, then hand the draft on." : <>Hand the draft on: who gets it signs it in a wallet like this one, under “Sign or send a draft”, or by <code>pollen tx sign</code>.</>}
      </Notice>
      {(hasSigned || !isMissingHere) && (
        <div class="row">
          <button type="button" onClick={() => save(draft)}>Save the draft</button>
          <span>Copy it <Copy text={writeDraft(draft)} what="draft" /></span>
        </div>
      )}
    </section>
  );
}

function save(draft: Draft): void {
  const url = URL.createObjectURL(new Blob([`${writeDraft(draft)}\n`], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `transaction-${contentHash(signingBytes(draft.transaction, draft.chainId)).slice(0, 8)}.json`;
  link.click();
  URL.revokeObjectURL(url);
}

/** Takes in what somebody else handed on. */
export function TakeIn({ back, onClose }: { back(): void; onClose(): void }) {
  const [text, setText] = useState("");
  const [fault, setFault] = useState<string | null>(null);
  const read = () => {
    try {
      const draft = readDraft(text.trim());
      checkChain(draft);
      isOpen.value = false;
      // Refused or failed: its own dialog has told so.
      askOwner({ kind: "sign", from: null, key: null, wanted: { kind: "draft", draft }, isSent: true }).catch(() => {});
    } catch (error) {
      setFault(said(error));
    }
  };
  const choose = (file: File | undefined) => {
    if (file === undefined) return;
    setFault(null);
    file.text().then(setText, (error: unknown) => setFault(said(error)));
  };
  return (
    <Dialog title="Sign or send a draft" step="draft" onClose={onClose}>
      <p>A transaction that more than one key signs, as another wallet saved it, or as <code>pollen tx build</code> and <code>pollen tx sign</code> print it. You see what it does before you sign.</p>
      <form onSubmit={(event) => (event.preventDefault(), read())}>
        <label class="field"><span class="label">File</span><input type="file" accept=".json,application/json" onChange={(event) => choose(event.currentTarget.files?.[0])} /></label>
        <label class="field"><span class="label">Or its text</span><textarea rows={4} spellcheck={false} data-first value={text} onInput={(event) => (setText(event.currentTarget.value), setFault(null))} /></label>
        {fault !== null && <Notice tone="bad">{fault}</Notice>}
        <div class="actions">
          <button type="button" onClick={back}>Back</button>
          <button type="submit" class="first" disabled={text.trim() === ""}>Look at it</button>
        </div>
      </form>
    </Dialog>
  );
}

// ---- For whom, and who pays -----------------------------------------------------------------------------------------

/** Another account than the key's own, and another that pays. */
export type Terms = Pick<Intent, "sender" | "payer">;

export function termsOf({ sender, payer }: Intent): Terms {
  return { ...(sender === undefined ? {} : { sender }), ...(payer === undefined ? {} : { payer }) };
}

export function TermsForm({ terms, change, disabled }: { terms: Terms; change(terms: Terms): void; disabled: boolean }) {
  const [sender, setSender] = useState(terms.sender ?? "");
  const [payer, setPayer] = useState(terms.payer ?? "");
  const [fault, setFault] = useState<{ of: "sender" | "payer"; words: string } | null>(null);
  const apply = () => {
    const given = Object.entries({ sender: sender.trim(), payer: payer.trim() }).filter(([, address]) => address !== "");
    for (const [of, address] of given) {
      try {
        parseAddress(address, pin.value?.addressPrefix ?? "");
      } catch (error) {
        return setFault({ of: of as "sender" | "payer", words: said(error) });
      }
    }
    setFault(null);
    change(Object.fromEntries(given));
  };
  return (
    <details>
      <summary>For another account, or somebody else pays</summary>
      <form onSubmit={(event) => (event.preventDefault(), apply())}>
        <Text label="For the account" placeholder="the key's own" hint="An account that your key is an owner of." value={sender} onInput={setSender} fault={fault?.of === "sender" ? fault.words : null} />
        <Text label="Fee paid by" placeholder="that account itself" hint="Another account pays the fee, and signs too." value={payer} onInput={setPayer} fault={fault?.of === "payer" ? fault.words : null} />
        <div class="row"><button type="submit" disabled={disabled}>Apply</button></div>
      </form>
    </details>
  );
}
