/** One account: what it has, who may sign for it and how much of that they used, its transactions. Live. */

import { useState } from "preact/hooks";
import { formatAmount, type AccountKeys, type Answer, type TxList } from "@pollen/client";
import { useAsk, type Asked } from "../ask.js";
import { counted, duration, grouped } from "../format.js";
import { client } from "../node.js";
import { VerifyPanel, walletAccount } from "../seams.js";
import { AddressLink, Amount, Id, Moment, Time, TxLink } from "../ui/names.js";
import { ActionsShort, type Told as ToldAction } from "../ui/transactions.js";
import { Answered, Badge, Facts, Failure, Loading, OutcomeBadge, PageHead, Panel, Table } from "../ui/parts.js";

const LIVE_MS = 2_000;
const ROWS = 25;

interface Told {
  account: Answer<"account_get">;
  keys: AccountKeys;
  recent: TxList | null;
}

/** The account, and of its key (of the owners, else of its last transaction) the nonces. */
async function read(address: string): Promise<Told> {
  const [keys, recent] = await Promise.all([
    client.accountKeys(address),
    client.request("tx_list", { account: address, limit: ROWS }).catch(() => null),
  ]);
  const own = walletAccount.value?.address === address ? walletAccount.value.publicKey : undefined;
  const publicKey = keys.owners[0]?.key ?? own ?? (await lastKey(address, recent));
  const account = await client.account(address, publicKey === undefined ? {} : { publicKey });
  return { account, keys, recent };
}

async function lastKey(address: string, recent: TxList | null): Promise<string | undefined> {
  const last = recent?.transactions.find(({ sender }) => sender === address);
  if (last === undefined) return undefined;
  return client.status(last.hash).then(({ transaction }) => transaction?.key, () => undefined);
}

export function Account({ address }: { address: string }) {
  const asked = useAsk(() => read(address), [address], LIVE_MS);
  const isOwn = walletAccount.value?.address === address;
  return (
    <>
      <PageHead title={<>Account {isOwn && <Badge tone="info">yours</Badge>}</>} name="Account" lead={<Id text={asked.data?.account.account ?? address} what="address" isWhole />} />
      <div class="grid main-side">
        <div class="stack">
          <Panel title="Transactions"><Answered of={asked} lines={8}>{({ recent }) => <List address={address} newest={recent} />}</Answered></Panel>
        </div>
        <div class="stack">
          <Panel title="Balance"><Answered of={asked}>{({ account }) => <Balance account={account} />}</Answered></Panel>
          <Keys asked={asked} />
          <VerifyPanel of={{ kind: "account", account: address }} />
        </div>
      </div>
    </>
  );
}

function Balance({ account }: { account: Told["account"] }) {
  const { balance, reserve, deposit, exists, nonces } = account;
  return (
    <>
      {!exists && <div class="panel-body muted">Not on the ledger: nothing was ever sent to it. The first transfer makes it.</div>}
      <Facts
        rows={[
          ["Balance", <strong><Amount grains={balance} /></strong>],
          ["Only for fees", <span title="A part of the balance that nothing but fees may touch.">{formatAmount(reserve)}</span>],
          ["Deposit", <span title="Locked while the account exists, beside the balance.">{formatAmount(deposit)}</span>],
          nonces !== null && ["Next nonce", <>{grouped(nonces.next)} <span class="muted">up to {grouped(nonces.last)}{nonces.highest === null ? ", none used yet" : `, highest used ${grouped(nonces.highest)}`}</span></>],
        ]}
      />
    </>
  );
}

function Keys({ asked }: { asked: Asked<Told> }) {
  const keys = asked.data?.keys;
  return (
    <Panel title="Keys" extra={keys !== undefined && keys.stored && <span class="muted">weight {keys.threshold} signs</span>}>
      {keys === undefined
        ? <Loading lines={2} />
        : (
          <>
            {!keys.stored && <div class="panel-body muted">One key: the one that its address was made from. The ledger keeps none for it.</div>}
            {keys.owners.length > 0 && <Facts rows={keys.owners.map(({ key, weight }) => [`Owner, weight ${weight}`, <Id text={key} what="key" />])} />}
            {keys.scoped.map((scoped) => <Scoped key={scoped.key} scoped={scoped} />)}
          </>
        )}
    </Panel>
  );
}

function Scoped({ scoped }: { scoped: AccountKeys["scoped"][number] }) {
  const { label, key, calls, transfers, sponsors, expiresMs, spendMax, window, used } = scoped;
  return (
    <section aria-label={`Scoped key ${label}`}>
      <h3 class="sub">Scoped key “{label}”</h3>
      <Facts
        rows={[
          ["Key", <Id text={key} what="key" />],
          ["May call", calls.length === 0 ? "no module" : calls.map(({ module, functions }) => <div key={module}><AddressLink address={module} hasCopy={false} /> <span class="muted">{functions.length === 0 ? "everything" : functions.join(", ")}</span></div>)],
          ["May", [transfers && "transfer", sponsors && "pay fees of others"].filter(Boolean).join(", ") || "neither transfer nor pay for others"],
          ["Spent", <>{formatAmount(used.spent)}{spendMax !== null && <span class="muted"> of {formatAmount(spendMax)}</span>}</>],
          window !== null && [`In ${duration(Number(window.lengthMs))}`, <>{formatAmount(used.windowSpent)}{window.spendMax !== null && <span class="muted"> of {formatAmount(window.spendMax)}</span>}, {counted(used.windowTransactions, "transaction")}{window.transactionsMax !== null && <span class="muted"> of {window.transactionsMax}</span>}</>],
          ["Expires", expiresMs === null ? "never" : <Moment ms={expiresMs} />],
        ]}
      />
    </section>
  );
}

/** Transactions of an account or module: the newest as they come; with older ones below, all of one state, held still. */
export function List({ address, newest }: { address: string; newest: TxList | null }) {
  const [held, setHeld] = useState<{ rows: TxList["transactions"]; next: string | null; at: bigint } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  if (newest === null) return <div class="state">This node does not keep the index “accounts”, which has the transactions of each account. Another node may.</div>;
  const { rows, next, at } = held ?? { rows: newest.transactions, next: newest.next, at: newest.at.height };
  const more = async () => {
    setBusy(true);
    setError(null);
    try {
      const page = await client.request("tx_list", { account: address, limit: ROWS, at, after: next! });
      setHeld({ rows: [...rows, ...page.transactions], next: page.next, at });
    } catch (why) {
      setError(why);
    }
    setBusy(false);
  };
  return (
    <>
      <Table
        label="Transactions"
        rows={rows}
        keyOf={({ hash }) => hash}
        empty={`None since checkpoint ${grouped(newest.oldestHeight)}, from which on this node keeps them.`}
        columns={[
          { name: "Transaction", cell: ({ hash }) => <TxLink hash={hash} hasCopy={false} /> },
          { name: "What", cell: ({ actions }) => <ActionsShort actions={actions as unknown as ToldAction[]} /> },
          { name: "Sender", cell: ({ sender }) => (sender === address ? <span class="muted">this account</span> : <AddressLink address={sender} hasCopy={false} />) },
          { name: "Outcome", cell: ({ outcome, codeName }) => <OutcomeBadge outcome={outcome} name={codeName} /> },
          { name: "Fee", isNumber: true, cell: ({ fee }) => <Amount grains={fee} /> },
          { name: "Time", cell: ({ timeMs }) => <Time ms={timeMs} /> },
        ]}
      />
      {error !== null && <div class="panel-body"><Failure error={error} again={() => void more()} /></div>}
      {(next !== null || held !== null) && (
        <div class="pager">
          {held === null ? <span /> : <button type="button" onClick={() => setHeld(null)}>Newest</button>}
          {held !== null && <span class="muted">as of checkpoint {grouped(at)}</span>}
          <button type="button" disabled={isBusy || next === null} onClick={() => void more()}>{isBusy ? "Reading" : "Older"}</button>
        </div>
      )}
    </>
  );
}
