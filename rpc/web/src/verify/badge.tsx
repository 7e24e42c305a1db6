/** The shield of the header: whether this browser believes its node, and the dialog about the chain that it trusts. */

import { useState } from "preact/hooks";
import { info, nowMs } from "../node.js";
import { ago, counted, grouped, moment } from "../format.js";
import { Time } from "../ui/names.js";
import { Dialog, Notice, Working } from "../wallet/dialog.js";
import { said } from "../wallet/errors.js";
import { isKept, pin, pinGenesis, pinNode, quorum, type Pin } from "./pin.js";
import { checkTrust, freshness, trust, type Trust } from "./trust.js";

const NAMES: Record<Trust["kind"], [string, string]> = {
  unknown: ["checking", "plain"],
  verified: ["verified", "good"],
  lie: ["node lies", "bad"],
  unproved: ["not proved", "warn"],
  "other chain": ["other chain", "bad"],
};

export function TrustBadge() {
  const [isOpen, setOpen] = useState(false);
  const [name, tone, age] = shown(trust.value);
  return (
    <>
      <button type="button" class={`trust-badge ${tone}`} aria-haspopup="dialog" title="what this browser has checked itself" onClick={() => setOpen(true)}>
        <Shield mark={tone === "bad" ? "cross" : tone === "good" ? "check" : null} />
        {age === undefined ? name : <span class="aged">{name} <span>{age.replace(/ ago$/, "")}</span>{age.endsWith(" ago") && " ago"}</span>}
      </button>
      {isOpen && <TrustDialog onClose={() => setOpen(false)} />}
    </>
  );
}

/** What is told in the header: of a head that is not of now, when it was verified. */
function shown(now: Trust): [string, string, string?] {
  if (now.kind !== "verified" || freshness.value === "now") return NAMES[now.kind];
  const atMs = freshness.value === "gone" ? now.checkedMs : Math.min(now.checkedMs, Number(now.timestampMs));
  return ["verified", "warn", ago(atMs, nowMs.value)];
}

function Shield({ mark }: { mark: "check" | "cross" | null }) {
  return (
    <svg viewBox="0 0 16 16" width="14" height="14" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" aria-hidden="true">
      <path d="M8 1.5 13.5 3.5v4c0 3.5-2.3 5.9-5.5 7-3.2-1.1-5.5-3.5-5.5-7v-4z" />
      {mark === "cross" && <path d="m5.8 5.8 4.4 4.4m0-4.4-4.4 4.4" />}
      {mark === "check" && <path d="m5.4 8 1.9 1.9 3.4-3.8" />}
    </svg>
  );
}

function day(ms: number): string {
  return new Date(ms).toLocaleDateString(undefined, { day: "numeric", month: "long", year: "numeric" });
}

function TrustDialog({ onClose }: { onClose(): void }) {
  return (
    <Dialog title="What this browser trusts" onClose={onClose} isWide>
      <State />
      {pin.value !== null && <Chain />}
      {pin.value !== null && <Compare />}
    </Dialog>
  );
}

function State() {
  const [isBusy, setBusy] = useState(false);
  const now = trust.value;
  const again = async () => {
    setBusy(true);
    await checkTrust(true).finally(() => setBusy(false));
  };
  if (now.kind === "other chain") return <OtherChain found={now.found} />;
  return (
    <>
      {now.kind === "verified" && freshness.value === "now" && (
        <Notice tone="good">
          This browser checked the head itself: checkpoint {grouped(now.height)}, <Time ms={now.timestampMs} />, is signed by a quorum of the committee.
        </Notice>
      )}
      {now.kind === "verified" && freshness.value !== "now" && (
        <Notice tone="warn">
          <strong>{freshness.value === "gone" ? "The node does not answer" : "Nothing newer is proved"}.</strong> What this browser checked last, {ago(now.checkedMs, nowMs.value)}: checkpoint {grouped(now.height)} of {moment(Number(now.timestampMs))} is signed by a quorum of the committee. {freshness.value === "gone" ? "What is true now, nobody told." : "This node may be behind or cut off, or the committee certifies nothing; or your clock is wrong."}
        </Notice>
      )}
      {now.kind === "lie" && <Notice tone="bad"><strong>This node said what is not true</strong>, {ago(now.checkedMs, nowMs.value)}: {now.why}. Do not act on what it shows.</Notice>}
      {now.kind === "unproved" && <Notice tone="warn">There is no proof to be had now: {now.why}.</Notice>}
      {now.kind === "unknown" && <Working>Nothing was checked yet.</Working>}
      <div class="row"><button type="button" disabled={isBusy} onClick={() => void again()}>{isBusy ? "Checking…" : "Check again"}</button></div>
    </>
  );
}

function OtherChain({ found }: { found: string }) {
  const [isSure, setSure] = useState(false);
  const take = () => {
    if (info.value === null) return;
    void pinNode(info.value).then(() => checkTrust(true));
  };
  return (
    <>
      <Notice tone="bad">
        <strong>This node is of another chain</strong> than the one that you first saw here{pin.value === null ? "" : ` on ${day(pin.value.sinceMs)}`}. Nothing is signed for it. A development network that was started anew is a new chain; a chain that people use never is.
      </Notice>
      <dl class="plain-facts">
        <dt>you trust</dt><dd class="mono break">{pin.value?.chainId}</dd>
        <dt>this node</dt><dd class="mono break">{found}</dd>
      </dl>
      <label class="check"><input type="checkbox" checked={isSure} onChange={(event) => setSure(event.currentTarget.checked)} /> I know that this is a new chain</label>
      <div class="row"><button type="button" disabled={!isSure} onClick={take}>Trust the new chain instead</button></div>
    </>
  );
}

const WORD: Record<Pin["from"], string> = {
  "first visit": "this node's, at your first visit",
  "node's document": "the genesis hash's: the document with that hash was read at your first visit",
  "genesis document": "the genesis document's: its hash was computed here",
};

function Chain() {
  const { chainName, chainId, sinceMs, from } = pin.value!;
  const needs = quorum.value!;
  return (
    <section>
      <h3>The chain</h3>
      <p>
        {from !== "genesis document"
          ? `You first saw this chain on ${day(sinceMs)}. Since then this browser takes no other for it.`
          : `From its genesis document, which you gave this browser. You first saw this chain on ${day(sinceMs)}.`}
        {!isKept.value && " This browser keeps nothing for this page, so every visit is the first."}
      </p>
      <dl class="plain-facts">
        <dt>name</dt><dd>{chainName}</dd>
        <dt>genesis hash</dt><dd class="mono break">{chainId}</dd>
        <dt>committee</dt><dd>{counted(needs.members, "validator")}; stake {String(needs.needed)} of {String(needs.total)} must sign</dd>
        <dt>on whose word</dt><dd>{WORD[from]}</dd>
      </dl>
    </section>
  );
}

function Compare() {
  const [text, setText] = useState("");
  const [result, setResult] = useState<{ tone: "good" | "bad" | "warn"; words: string } | null>(null);
  const compare = () => setResult(compared(text.trim()));
  return (
    <form onSubmit={(event) => (event.preventDefault(), compare())}>
      <label class="field">
        <span class="label">Compare with what somebody you trust told you</span>
        <span class="small muted">The genesis hash, or the whole text of <code>genesis.json</code>: with the document this browser takes the committee on nobody's word.</span>
        <textarea rows={3} spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <div class="row"><button type="submit" disabled={text.trim() === ""}>Compare</button></div>
      {result !== null && <Notice tone={result.tone}>{result.words}</Notice>}
    </form>
  );
}

function compared(text: string): { tone: "good" | "bad" | "warn"; words: string } {
  const trusts = pin.value!.chainId;
  const digits = text.toLowerCase().replace(/^0x/, "");
  if (/^[0-9a-f]+$/.test(digits)) {
    if (digits.length !== 64) return { tone: "warn", words: `A genesis hash has 64 hexadecimal digits, these are ${digits.length}.` };
    if (digits !== trusts) return { tone: "bad", words: "This is another chain. Do not use this page for yours." };
    return { tone: "good", words: "The same chain. The committee is still as the node told it: only the genesis document shows that, too." };
  }
  try {
    const before = trusts;
    const { chainId } = pinGenesis(text);
    void checkTrust(true);
    return chainId === before
      ? { tone: "good", words: "The same chain, and its committee is now taken from the document: everything is checked anew from it." }
      : { tone: "warn", words: "This document is of another chain than the one that was trusted. It is trusted from now on; whether this node is of it is checked now." };
  } catch (error) {
    return { tone: "bad", words: said(error) };
  }
}
