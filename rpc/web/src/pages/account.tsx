/** One account: what it has, who may sign for it and how much of that they used, its transactions. Live. */

import { useState } from "preact/hooks";
import { formatAmount, type AccountId, type AccountKeys, type Answer, type OwnerKey, type TxList } from "@pollen/client";
import { useAsk } from "../ask.js";
import { firstKey } from "../first-key.js";
import { grouped } from "../format.js";
import { ownersNow } from "../keys.js";
import { client } from "../node.js";
import { VerifyPanel, walletKeys } from "../seams.js";
import { Keys, StandingBadge, standingOf } from "../ui/keys.js";
import { AddressLink, Amount, Id, Time, TxLink } from "../ui/names.js";
import { ActionsShort, type Told as ToldAction } from "../ui/transactions.js";
import { Answered, Facts, Failure, OutcomeBadge, PageHead, Panel, Table } from "../ui/parts.js";

const LIVE_MS = 2_000;
const ROWS = 25;

interface Told {
  id: AccountId;
  account: Answer<"account_get">;
  keys: AccountKeys;
  /** Empty where the ledger keeps none, and nobody here knows the key that the account began with. */
  owners: OwnerKey[];
  recent: TxList | null;
}

/** The account, and of its key (of the owners, else the one that it began with) the nonces. */
async function read(address: string): Promise<Told> {
  const [id, keys, recent] = await Promise.all([
    client.idOf(address),
    client.accountKeys(address),
    client.request("tx_list", { account: address, limit: ROWS }).catch(() => null),
  ]);
  const first = keys.stored ? null : await firstKey(address, id, walletKeys.value.map(({ publicKey }) => publicKey), recent);
  const owners = ownersNow(keys, id, first === null ? [] : [first]);
  const publicKey = owners[0]?.key;
  const account = await client.account(address, publicKey === undefined ? {} : { publicKey });
  return { id, account, keys, owners, recent };
}

export function Account({ address }: { address: string }) {
  const asked = useAsk(() => read(address), [address], LIVE_MS);
  const told = asked.data;
  return (
    <>
      <PageHead title={<>Account {told !== null && <StandingBadge {...standingOf(told.id, told.keys, told.owners)} />}</>} name="Account" lead={<Id text={told?.account.account ?? address} what="address" isWhole />} />
      <div class="grid main-side">
        <div class="stack">
          <Panel title="Transactions"><Answered of={asked} lines={8}>{({ recent }) => <List address={address} newest={recent} />}</Answered></Panel>
        </div>
        <div class="stack">
          <Panel title="Balance"><Answered of={asked}>{({ account }) => <Balance account={account} />}</Answered></Panel>
          <Keys told={told === null ? null : { address, account: told.id, keys: told.keys, owners: told.owners }} />
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
