/** The way to accounts: by address, and those that were at work lately. The chain has no list of all of them. */

import { useAsk } from "../ask.js";
import { counted } from "../format.js";
import { client } from "../node.js";
import { go, to } from "../route.js";
import { isSeeded, seen } from "../traffic.js";
import { AddressLink, Amount, Time } from "../ui/names.js";
import { Answered, Badge, Loading, PageHead, Panel, Table } from "../ui/parts.js";
import { statusesOf } from "../ui/transactions.js";
import { walletAccount } from "../seams.js";

const LOOKED_AT = 40;
const SHOWN = 15;
const LIVE_MS = 5_000;

interface Active {
  address: string;
  transactions: number;
  lastMs: bigint;
  balance: bigint;
}

/** Senders of the newest transactions, with what they have. */
async function activeAccounts(): Promise<Active[]> {
  const newest = seen.value.slice(0, LOOKED_AT);
  const statuses = await statusesOf(newest.map(({ hash }) => hash));
  const active = new Map<string, { transactions: number; lastMs: bigint }>();
  for (const { hash, timeMs } of newest) {
    const sender = statuses.get(hash)?.transaction?.sender;
    if (sender === undefined) continue;
    const before = active.get(sender);
    active.set(sender, { transactions: (before?.transactions ?? 0) + 1, lastMs: before?.lastMs ?? timeMs });
  }
  const own = walletAccount.value?.address;
  const first = own === undefined ? [] : [[own, active.get(own) ?? { transactions: 0, lastMs: 0n }] as const];
  const shown = [...first, ...[...active].filter(([address]) => address !== own)].slice(0, SHOWN);
  return Promise.all(shown.map(async ([address, what]) => ({ address, ...what, balance: (await client.account(address)).balance })));
}

export function Accounts() {
  const asked = useAsk(activeAccounts, [isSeeded.value, walletAccount.value?.address ?? ""], LIVE_MS);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget as HTMLFormElement).get("asked")).trim();
    if (text !== "") go(`#/search?q=${encodeURIComponent(text)}`);
  };
  return (
    <>
      <PageHead title="Accounts" name="Accounts" lead="An account is named by the key that it began with; the address stays when its keys change." />
      <div class="stack">
        <form class="row" onSubmit={submit}>
          <input class="wide" name="asked" aria-label="Address" placeholder="Address, public key or @module" autocomplete="off" spellcheck={false} />
          <button type="submit">Show</button>
        </form>
        <Panel title="At work lately">
          <Answered of={asked}>
            {(accounts) => accounts.length === 0 && !isSeeded.value ? <Loading /> : (
              <Table
                label="Accounts at work lately"
                rows={accounts}
                keyOf={({ address }) => address}
                empty="No account sent anything that this node tells of. Look one up by its address."
                columns={[
                  { name: "Account", cell: ({ address }) => <span class="tag-line"><AddressLink address={address} />{address === walletAccount.value?.address && <Badge tone="info">yours</Badge>}</span> },
                  { name: "Balance", isNumber: true, cell: ({ balance }) => <Amount grains={balance} /> },
                  { name: `Of the last ${counted(Math.min(LOOKED_AT, seen.value.length), "transaction")}`, isNumber: true, cell: ({ transactions }) => transactions },
                  { name: "Last", cell: ({ lastMs }) => (lastMs === 0n ? "" : <Time ms={lastMs} />) },
                ]}
              />
            )}
          </Answered>
        </Panel>
        <p class="muted">No list of all accounts: it would be as long as the chain is old. <a href={to("transactions")}>Transactions</a> tell who is at work.</p>
      </div>
    </>
  );
}
