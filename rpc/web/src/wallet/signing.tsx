/**
 * The question before anything is signed: what it does in words, what it costs, from whom it comes, what it is held to and
 * what to beware of. Then, with the owner's consent, it is signed, sent, and each stage told.
 */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { formatAmount, STAGES, type Fate, type Stage, type TxStatus } from "@pollen/client";
import { grouped } from "../format.js";
import { to } from "../route.js";
import { moment } from "../verify/check.js";
import { Asking, KeepWindow } from "./asker.js";
import { Dialog, Notice, Working } from "./dialog.js";
import { said, WalletError } from "./errors.js";
import { take } from "./fields.js";
import { build, review, withEstimate, type Review } from "./intent.js";
import type { Pending, Request } from "./requests.js";
import { accountByKey, accounts, current, idOf, unlock } from "./session.js";
import { encodedOf, send, signReviewed, walletClient } from "./sign.js";
import { AccountName, Passphrase } from "./unlock.js";
import type { KeptAccount } from "./vault.js";

type SignRequest = Request & { kind: "sign" };

type Step =
  | { kind: "preparing" }
  | { kind: "review"; review: Review }
  | { kind: "sending"; review: Review; hash: string; stage: Stage | null }
  | { kind: "sent"; review: Review; fate: Fate }
  | { kind: "signed"; review: Review; hash: string }
  | { kind: "failed"; why: string; hash: string | null };

async function prepare(request: SignRequest, account: KeptAccount): Promise<Review> {
  const client = walletClient();
  const { wanted } = request;
  if (wanted.kind === "transaction") return review(client, wanted.transaction, wanted.attachments);
  const attachments = wanted.intent.attachments ?? [];
  let transaction = await build(client, account.publicKey, idOf(account), wanted.intent);
  if (wanted.intent.maxFuel === undefined) transaction = await withEstimate(client, transaction, attachments);
  return review(client, transaction, attachments);
}

export function Signing({ pending, request }: { pending: Pending; request: SignRequest }) {
  const fixed = request.key === null ? null : accountByKey(request.key);
  const [key, setKey] = useState((fixed ?? current.value)!.publicKey);
  const account = accountByKey(key);
  const [step, setStep] = useState<Step>({ kind: "preparing" });
  const [fault, setFault] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const left = useRef(new AbortController());

  useEffect(() => {
    let isStale = false;
    setStep({ kind: "preparing" });
    prepare(request, account).then(
      (review) => isStale || setStep({ kind: "review", review }),
      (error: unknown) => isStale || fail(error, null),
    );
    return () => void (isStale = true);
  }, [key]);

  const fail = (error: unknown, hash: string | null) => {
    pending.reject(error);
    setStep({ kind: "failed", why: said(error), hash });
  };

  const agree = async (reviewed: Review) => {
    setFault(null);
    setBusy(true);
    try {
      await unlock(account.publicKey, take(field));
    } catch (error) {
      setFault(said(error));
      return;
    } finally {
      setBusy(false);
    }
    let hash: string | null = null;
    try {
      const signed = await signReviewed(reviewed);
      hash = signed.hash;
      if (!request.isSent) {
        pending.resolve({ hash, signed: encodedOf(signed), stage: null, status: null });
        return setStep({ kind: "signed", review: reviewed, hash });
      }
      setStep({ kind: "sending", review: reviewed, hash, stage: null });
      const onProgress = (status: TxStatus) => setStep({ kind: "sending", review: reviewed, hash: signed.hash, stage: status.stage });
      const fate = await send(signed, onProgress, left.current.signal);
      pending.resolve({ hash, signed: encodedOf(signed), stage: fate.stage, status: fate.status });
      setStep({ kind: "sent", review: reviewed, fate });
    } catch (error) {
      // Left before its end: it goes on without this dialog, and its id tells what becomes of it.
      if (left.current.signal.aborted && hash !== null) return;
      fail(error, hash);
    }
  };

  const close = () => {
    if (step.kind === "sending") {
      left.current.abort(new WalletError("Refused", "closed"));
      pending.resolve({ hash: step.hash, signed: new Uint8Array(), stage: step.stage, status: null });
    }
    pending.close();
  };

  return (
    <Dialog title={titleOf(step, request)} step={step.kind === "preparing" ? "review" : step.kind} onClose={close} canClose={!isBusy} isWide>
      <Asking from={request.from} />
      {fixed === null && step.kind !== "sending" && step.kind !== "sent" && <Chooser chosen={key} choose={setKey} disabled={isBusy} />}
      {step.kind === "preparing" && <Working>The transaction is made and tried…</Working>}
      {step.kind === "review" && (
        <form onSubmit={(event) => (event.preventDefault(), void agree(step.review))}>
          <Reviewed review={step.review} account={account} />
          <Passphrase account={account} field={field} fault={fault} disabled={isBusy} />
          {isBusy && <Working>The key is unlocked…</Working>}
          <div class="actions">
            <KeepWindow from={request.from} />
            <button type="button" disabled={isBusy} onClick={close}>Refuse</button>
            <button type="submit" class="first" disabled={isBusy}>{request.isSent ? "Sign and send" : "Sign"}</button>
          </div>
        </form>
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
    default:
      return isSent ? "Sign and send this?" : "Sign this?";
  }
}

function Chooser({ chosen, choose, disabled }: { chosen: string; choose(key: string): void; disabled: boolean }) {
  const all = accounts.value ?? [];
  if (all.length < 2) return null;
  return (
    <label class="field">
      <span class="label">Account</span>
      <select value={chosen} disabled={disabled} onChange={(event) => choose(event.currentTarget.value)}>
        {all.map((one) => <option key={one.publicKey} value={one.publicKey}>{one.label}</option>)}
      </select>
    </label>
  );
}

function Sentences({ actions }: { actions: string[] }) {
  return <ol class={actions.length === 1 ? "sentences one" : "sentences"}>{actions.map((words, place) => <li key={place}>{words}.</li>)}</ol>;
}

function Reviewed({ review, account }: { review: Review; account: KeptAccount }) {
  const { transaction, actions, sender, payer, feeMax, balance, pins, warnings, forecast } = review;
  const isOwn = transaction.sender === idOf(account);
  const rows: [string, ComponentChildren][] = [
    ["account", isOwn ? <AccountName account={account} /> : <span class="mono break">{sender}</span>],
    ["fee", <>
      at most {formatAmount(feeMax)}
      {payer !== null && <>, paid by <span class="mono break">{payer}</span></>}
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
