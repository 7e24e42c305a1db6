/** The newest transactions of the whole chain, as checkpoints tell them, and a way to those of an account. */

import { useState } from "preact/hooks";
import { go, to } from "../route.js";
import { isSeeded, seen } from "../traffic.js";
import { Loading, PageHead, Panel } from "../ui/parts.js";
import { TransactionTable } from "../ui/transactions.js";

const ROWS = 25;

export function Transactions() {
  const [isPaused, setPaused] = useState(false);
  const [kept, setKept] = useState(seen.value);
  const all = isPaused ? kept : seen.value;
  const [shown, setShown] = useState(ROWS);
  const pause = () => {
    setKept(seen.value);
    setPaused(!isPaused);
  };
  return (
    <>
      <PageHead title="Transactions" name="Transactions" lead="The newest that were executed, in the chain's one order. Older ones are in their checkpoints, and with the accounts that sent them." />
      <div class="stack">
        <FindForm />
        <Panel title="Newest" extra={<button type="button" aria-pressed={isPaused} onClick={pause}>{isPaused ? "Go on" : "Hold still"}</button>}>
          {all.length === 0 && !isSeeded.value
            ? <Loading lines={10} />
            : <TransactionTable label="Newest transactions" rows={all.slice(0, shown)} empty={<>None that this node tells of. The next one appears here by itself; older ones are in <a href={to("checkpoints")}>their checkpoints</a>.</>} />}
          {all.length > shown && (
            <div class="pager"><span class="muted">{shown} of {all.length} that this page has seen</span><button type="button" onClick={() => setShown(shown + ROWS)}>More</button></div>
          )}
        </Panel>
      </div>
    </>
  );
}

function FindForm() {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const asked = String(new FormData(event.currentTarget as HTMLFormElement).get("asked")).trim();
    if (asked !== "") go(/^[0-9a-f]{64}$/i.test(asked) ? to("transactions", asked.toLowerCase()) : `#/search?q=${encodeURIComponent(asked)}`);
  };
  return (
    <form class="row" onSubmit={submit}>
      <input class="wide" name="asked" aria-label="Transaction id, or the address of an account" placeholder="Transaction id, or the address of an account" autocomplete="off" spellcheck={false} />
      <button type="submit">Find</button>
    </form>
  );
}
