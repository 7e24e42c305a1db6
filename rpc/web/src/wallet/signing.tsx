/**
 * The question before anything is signed: what it does in words, what it costs, from whom it comes, what it is held to and
 * what to beware of. Then, with the owner's consent, it is signed, sent, and each stage told.
 */

import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { formatAmount, signedDraft, STAGES, type Draft, type Fate, type Stage, type Transaction, type TxStatus } from "@pollen/client";
import { grouped } from "../format.js";
import { to } from "../route.js";
import { moment } from "../verify/check.js";
import { Asking, KeepWindow } from "./asker.js";
import { Dialog, Notice, Working } from "./dialog.js";
import { said, WalletError } from "./errors.js";
import { Faucet } from "./faucet.js";
import { take } from "./fields.js";
import { HandOn, Named, Signatures, TermsForm, termsOf, type Terms } from "./handing.js";
import { build, draftOf, review, withEstimate, type Review } from "./intent.js";
import type { Pending, Request } from "./requests.js";
import { accountByKey, accounts, current, idOf, unlock } from "./session.js";
import { checkChain, encodedOf, send, signReviewed, walletClient } from "./sign.js";
import { isComplete, isWanted, signedBy } from "./signers.js";
import { Passphrase } from "./unlock.js";
import type { KeptAccount } from "./vault.js";

type SignRequest = Request & { kind: "sign" };

/** What is looked at, with who signed it so far. */
interface Prepared {
  review: Review;
  draft: Draft;
}

type Step =
  | { kind: "preparing" }
  | ({ kind: "review" } & Prepared)
  | { kind: "sending"; review: Review; hash: string; stage: Stage | null }
  | { kind: "sent"; review: Review; fate: Fate }
  | { kind: "signed"; review: Review; hash: string }
  | { kind: "failed"; why: string; hash: string | null };

async function prepare({ wanted }: SignRequest, account: KeptAccount, terms: Terms): Promise<Prepared> {
  const client = walletClient();
  const known = (accounts.value ?? []).map(({ publicKey }) => publicKey);
  if (wanted.kind === "draft") {
    checkChain(wanted.draft);
    return { draft: wanted.draft, review: await review(client, wanted.draft.transaction, wanted.draft.attachments, [...known, ...signedBy(wanted.draft)], known) };
  }
  const attachments = (wanted.kind === "transaction" ? wanted.attachments : wanted.intent.attachments) ?? [];
  let transaction: Transaction;
  if (wanted.kind === "transaction") transaction = wanted.transaction;
  else {
    transaction = await build(client, account.publicKey, idOf(account), { ...wanted.intent, ...terms });
    if (wanted.intent.maxFuel === undefined) transaction = await withEstimate(client, transaction, attachments, known);
  }
  return { review: await review(client, transaction, attachments, known), draft: await draftOf(client, transaction, attachments) };
}

export function Signing({ pending, request }: { pending: Pending; request: SignRequest }) {
  const { wanted } = request;
  const fixed = request.key === null ? null : accountByKey(request.key);
  const [key, setKey] = useState((fixed ?? current.value)!.publicKey);
  const [terms, setTerms] = useState<Terms>(wanted.kind === "intent" ? termsOf(wanted.intent) : {});
  const [by, setBy] = useState<string | null>(null);
  /** How often it was made anew since somebody put money where some was missing. */
  const [tries, setTries] = useState(0);
  const [step, setStep] = useState<Step>({ kind: "preparing" });
  const [fault, setFault] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const left = useRef(new AbortController());

  useEffect(() => {
    let isStale = false;
    setStep({ kind: "preparing" });
    prepare(request, accountByKey(key), terms).then(
      (prepared) => isStale || setStep({ kind: "review", ...prepared }),
      (error: unknown) => isStale || fail(error, null),
    );
    return () => void (isStale = true);
  }, [key, terms, tries]);

  const fail = (error: unknown, hash: string | null) => {
    pending.reject(error);
    setStep({ kind: "failed", why: said(error), hash });
  };

  const agree = async ({ review: reviewed, draft }: Prepared, signer: KeptAccount) => {
    setFault(null);
    setBusy(true);
    try {
      await unlock(signer.publicKey, take(field));
    } catch (error) {
      setFault(said(error));
      return;
    } finally {
      setBusy(false);
    }
    try {
      const next = await signReviewed(draft, signer.publicKey);
      if (!request.isSent) {
        const signed = signedDraft(next);
        pending.resolve({ hash: signed.hash, signed: encodedOf(signed), stage: null, status: null });
        return setStep({ kind: "signed", review: reviewed, hash: signed.hash });
      }
      setBy(null);
      if (!isComplete(reviewed.parties, next.transaction.key, signedBy(next))) return setStep({ kind: "review", review: reviewed, draft: next });
      await submit({ review: reviewed, draft: next });
    } catch (error) {
      fail(error, null);
    }
  };

  const submit = async ({ review: reviewed, draft }: Prepared) => {
    const signed = signedDraft(draft);
    const { hash } = signed;
    try {
      setStep({ kind: "sending", review: reviewed, hash, stage: null });
      const onProgress = (status: TxStatus) => setStep({ kind: "sending", review: reviewed, hash, stage: status.stage });
      const fate = await send(signed, onProgress, left.current.signal);
      pending.resolve({ hash, signed: encodedOf(signed), stage: fate.stage, status: fate.status });
      setStep({ kind: "sent", review: reviewed, fate });
    } catch (error) {
      // Left before its end: it goes on without this dialog, and its id tells what becomes of it.
      if (!left.current.signal.aborted) fail(error, hash);
    }
  };

  const close = () => {
    if (step.kind === "sending") {
      left.current.abort(new WalletError("Refused", "closed"));
      pending.resolve({ hash: step.hash, signed: new Uint8Array(), stage: step.stage, status: null });
    }
    pending.close();
  };

  const isFirst = wanted.kind !== "draft" && (step.kind !== "review" || step.draft.signatures.length === 0);
  return (
    <Dialog title={titleOf(step, request)} step={step.kind === "preparing" ? "review" : step.kind} onClose={close} canClose={!isBusy} isWide>
      <Asking from={request.from} />
      {fixed === null && isFirst && (step.kind === "preparing" || step.kind === "review") && <Chooser label="Account" among={accounts.value ?? []} chosen={key} choose={setKey} disabled={isBusy} />}
      {step.kind === "preparing" && <Working>The transaction is made and tried…</Working>}
      {step.kind === "review" && wanted.kind === "intent" && isFirst && request.from === null && request.isSent && <TermsForm terms={terms} change={setTerms} disabled={isBusy} />}
      {step.kind === "review" && (
        <Decision
          prepared={step}
          request={request}
          first={isFirst ? accountByKey(key) : null}
          by={by}
          setBy={setBy}
          field={field}
          fault={fault}
          isBusy={isBusy}
          agree={(signer) => void agree(step, signer)}
          submit={() => void submit(step)}
          again={() => setTries(tries + 1)}
          close={close}
        />
      )}
      {(step.kind === "sending" || step.kind === "sent") && <Sentences actions={step.review.actions} />}
      {step.kind === "sending" && <Stages stage={step.stage} />}
      {step.kind === "sending" && <p class="small muted">It is on its way, also when you close this.</p>}
      {step.kind === "sent" && <Sent fate={step.fate} close={close} />}
      {step.kind === "signed" && (
        <>
          <Notice tone="good">Signed, and given to who asked. It is not sent by this wallet.</Notice>
          <Hash hash={step.hash} close={close} />
        </>
      )}
      {step.kind === "failed" && (
        <>
          <Notice tone="bad">{step.why}</Notice>
          {step.hash !== null && <Hash hash={step.hash} close={close} />}
          <div class="actions"><button type="button" onClick={close}>Close</button></div>
        </>
      )}
    </Dialog>
  );
}

interface DecisionProps {
  prepared: Prepared;
  request: SignRequest;
  /** Who signs first, of a transaction that nobody has signed; null where anybody who is missing may. */
  first: KeptAccount | null;
  by: string | null;
  setBy(key: string): void;
  field: RefObject<HTMLInputElement | null>;
  fault: string | null;
  isBusy: boolean;
  agree(signer: KeptAccount): void;
  submit(): void;
  /** Makes and tries it anew. */
  again(): void;
  close(): void;
}

/** The question itself: what it is, who signed and who is missing, and what can be done now. */
function Decision({ prepared, request, first, by, setBy, field, fault, isBusy, agree, submit, again, close }: DecisionProps) {
  const { review, draft } = prepared;
  const { parties, transaction } = review;
  const signed = signedBy(draft);
  const missing = (accounts.value ?? []).filter((one) => isWanted(parties, transaction.key, signed, one.publicKey));
  const isDone = isComplete(parties, transaction.key, signed);
  const signer = isDone ? null : (first ?? missing.find((one) => one.publicKey === by) ?? missing[0] ?? null);
  const isLast = signer !== null && isComplete(parties, transaction.key, [...signed, signer.publicKey]);
  const isShared = request.isSent && (request.wanted.kind === "draft" || signed.length > 0 || !isLast);
  const sends = request.isSent && isLast;
  return (
    <form onSubmit={(event) => (event.preventDefault(), signer === null ? isDone && submit() : agree(signer))}>
      <Reviewed review={review} />
      {review.short !== null && signed.length === 0 && <Faucet address={review.short} then={again} />}
      {(isShared || parties.length > 1) && <Signatures parties={parties} lead={transaction.key} signed={signed} />}
      {isShared && first === null && signer !== null && <Chooser label="Sign as" among={missing} chosen={signer.publicKey} choose={setBy} disabled={isBusy} />}
      {signer !== null && <Passphrase account={signer} field={field} fault={fault} disabled={isBusy} />}
      {isBusy && <Working>The key is unlocked…</Working>}
      {isShared && !isDone && <HandOn draft={draft} isMissingHere={signer !== null} />}
      <div class="actions">
        <KeepWindow from={request.from} />
        <button type="button" disabled={isBusy} onClick={close}>{signed.length > 0 ? "Close" : "Refuse"}</button>
        {(signer !== null || isDone) && <button type="submit" class="first" disabled={isBusy}>{isDone ? "Send" : sends ? "Sign and send" : "Sign"}</button>}
      </div>
    </form>
  );
}

function titleOf(step: Step, { isSent }: SignRequest): string {
  switch (step.kind) {
    case "sending":
      return "On its way";
    case "sent":
      return step.fate.ended ? (step.fate.status?.outcome?.kind === "success" ? "Done" : "It failed") : "Still on its way";
    case "signed":
      return "Signed";
    case "failed":
      return "Nothing came of it";
    case "review":
      if (step.draft.signatures.length > 0) return isComplete(step.review.parties, step.draft.transaction.key, signedBy(step.draft)) ? "Send this?" : "More must sign this";
      return isSent ? "Sign and send this?" : "Sign this?";
    default:
      return isSent ? "Sign and send this?" : "Sign this?";
  }
}

function Chooser({ label, among, chosen, choose, disabled }: { label: string; among: readonly KeptAccount[]; chosen: string; choose(key: string): void; disabled: boolean }) {
  if (among.length < 2) return null;
  return (
    <label class="field">
      <span class="label">{label}</span>
      <select value={chosen} disabled={disabled} onChange={(event) => choose(event.currentTarget.value)}>
        {among.map((one) => <option key={one.publicKey} value={one.publicKey}>{one.label}</option>)}
      </select>
    </label>
  );
}

function Sentences({ actions }: { actions: string[] }) {
  return <ol class={actions.length === 1 ? "sentences one" : "sentences"}>{actions.map((words, place) => <li key={place}>{words}.</li>)}</ol>;
}

function Reviewed({ review }: { review: Review }) {
  const { transaction, actions, sender, payer, feeMax, balance, pins, warnings, forecast } = review;
  const rows: [string, ComponentChildren][] = [
    ["account", <Named id={transaction.sender} address={sender} />],
    ["fee", <>
      at most {formatAmount(feeMax)}
      {payer !== null && <>, paid by <Named id={transaction.payer!} address={payer} /></>}
      {forecast.kind === "success" && <span class="muted"> (now {formatAmount(forecast.fee)}, as the node says)</span>}
    </>],
    ["balance", formatAmount(balance)],
    ["valid until", moment(transaction.validUntilMs)],
  ];
  return (
    <>
      <Sentences actions={actions} />
      {warnings.map(({ tone, words }) => <Notice key={words} tone={tone}>{words}</Notice>)}
      {forecast.kind === "success" && <p class="small muted">Tried now, it succeeds{withEvents(forecast.events)}: the node says so, that is not proved.</p>}
      {forecast.kind === "none" && <p class="small muted">{forecast.why}</p>}
      <dl class="plain-facts">
        {rows.map(([name, value]) => [<dt key={name}>{name}</dt>, <dd key={`${name}.`}>{value}</dd>])}
      </dl>
      <details>
        <summary>Exactly what is signed</summary>
        <dl class="plain-facts">
          <dt>nonce</dt><dd>{String(transaction.nonce)}</dd>
          <dt>fuel</dt><dd>at most {grouped(transaction.maxFuel)}, {String(transaction.fuelPrice)} grains per 1 000</dd>
          <dt>key</dt><dd class="mono break">{transaction.key}</dd>
          {pins.map((one, place) => [
            <dt key={place}>{one.name === null ? "module" : `@${one.name}`}</dt>,
            <dd key={`${place}.`} class="break">
              <span class="mono">{one.module}</span><br />
              {one.hash === null ? "held to no interface" : <>held to the interface <span class="mono">{one.hash}</span></>}
            </dd>,
          ])}
        </dl>
      </details>
    </>
  );
}

function withEvents(count: number): string {
  return count === 0 ? "" : ` with ${count} ${count === 1 ? "event" : "events"}`;
}

function Stages({ stage }: { stage: Stage | null }) {
  const shown = STAGES.slice(0, 4);
  const reached = stage === null ? -1 : STAGES.indexOf(stage);
  return (
    <ol class="stages" aria-live="polite">
      {shown.map((name, place) => (
        <li key={name} class={place <= reached ? "done" : place === reached + 1 ? "now" : ""}>{name}<span class="hidden-text">{place <= reached ? " (done)" : ""}</span></li>
      ))}
    </ol>
  );
}

function Hash({ hash, close }: { hash: string; close(): void }) {
  return <p class="break">Transaction <a class="mono" href={to("transactions", hash)} onClick={close}>{hash}</a></p>;
}

function Sent({ fate, close }: { fate: Fate; close(): void }) {
  const { status, stage, hash } = fate;
  const outcome = status?.outcome ?? null;
  return (
    <>
      {outcome?.kind === "success" && <Stages stage={stage} />}
      {outcome?.kind === "success" && <Notice tone="good">Executed at height {grouped(status!.height ?? 0n)}, for a fee of {formatAmount(status!.fee ?? 0n)}.</Notice>}
      {(outcome?.kind === "failure" || outcome?.kind === "rejected") && (
        <Notice tone="bad">{outcome.message} ({outcome.code} {outcome.name}). {outcome.kind === "failure" ? "Nothing was done but paying the fee." : "Nothing was done, and nothing paid."}</Notice>
      )}
      {outcome?.kind === "expired" && <Notice tone="bad">It was not ordered while it was valid, and never will be. Nothing was done.</Notice>}
      {outcome === null && <Notice tone="warn">The time is over before its end was known. It may still be executed until it expires: its id tells.</Notice>}
      <Hash hash={hash} close={close} />
      <div class="actions"><button type="button" class="first" data-first onClick={close}>Done</button></div>
    </>
  );
}
