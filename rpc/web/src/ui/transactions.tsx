/** Lists of transactions: of hashes what became of them is asked, each once. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ActionView, TxStatus } from "@pollen/client";
import { formatAmount } from "@pollen/client";
import { client } from "../node.js";
import type { SeenTransaction } from "../traffic.js";
import { AddressLink, Amount, HeightLink, Time, TxLink } from "./names.js";
import { OutcomeBadge, Table } from "./parts.js";

const known = new Map<string, TxStatus>();
const KNOWN_MAX = 600;
const AT_ONCE = 6;

/** What became of each; those that ended are remembered. */
export async function statusesOf(hashes: readonly string[]): Promise<Map<string, TxStatus>> {
  const missing = hashes.filter((hash) => !known.has(hash));
  for (let from = 0; from < missing.length; from += AT_ONCE) {
    const some = await Promise.allSettled(missing.slice(from, from + AT_ONCE).map((hash) => client.status(hash)));
    for (const one of some) if (one.status === "fulfilled" && one.value.ended) known.set(one.value.hash, one.value);
  }
  const told = new Map(hashes.flatMap((hash) => (known.has(hash) ? [[hash, known.get(hash)!] as const] : [])));
  for (const hash of known.keys()) {
    if (known.size <= KNOWN_MAX) break;
    known.delete(hash);
  }
  return told;
}

/** An action as a status or a list has it: lists leave out code and arguments, and have amounts as digits. */
export type Told = Pick<ActionView, "kind"> & Partial<Record<"module" | "function" | "to" | "name", string | null>> & { amount?: bigint | string };

/** One action in a few words. */
export function ActionShort({ action }: { action: Told }) {
  switch (action.kind) {
    case "transfer":
      return <>{formatAmount(BigInt(action.amount!))} to <AddressLink address={action.to!} hasCopy={false} /></>;
    case "invoke":
      return <><AddressLink address={action.module!} hasCopy={false} /> <code>{action.function}</code></>;
    case "deploy":
      return <>deploy {action.name ? `@${action.name}` : <AddressLink address={action.module!} hasCopy={false} />}</>;
    case "change":
    case "cancel":
      return <>{action.kind === "change" ? "change" : "take back a change of"} <AddressLink address={action.module!} hasCopy={false} /></>;
    default:
      return <>{{ publish: "publish code", setOwners: "set owners", putKey: "put a scoped key", removeKey: "remove a key" }[action.kind]}</>;
  }
}

export function ActionsShort({ actions }: { actions: readonly Told[] }) {
  return <>{actions[0] !== undefined && <ActionShort action={actions[0]} />}{actions.length > 1 && <span class="muted"> and {actions.length - 1} more</span>}</>;
}

function keyOf(rows: readonly SeenTransaction[]): string {
  return rows.map(({ hash }) => hash).join();
}

/** The rows that are shown: new ones come when it is known what they are, so that no line flickers in empty. */
function useSettled(rows: readonly SeenTransaction[]): readonly SeenTransaction[] {
  const [shown, setShown] = useState(rows);
  const newest = useRef(rows);
  const isAsking = useRef(false);
  newest.current = rows;
  const key = keyOf(rows);
  useEffect(() => {
    if (isAsking.current) return;
    isAsking.current = true;
    const settle = async () => {
      // Those that came while these were asked for are next: of a busy chain some are passed over.
      for (let done = ""; done !== keyOf(newest.current); ) {
        const asked = newest.current;
        done = keyOf(asked);
        await statusesOf(asked.map(({ hash }) => hash)).catch(() => undefined);
        // Another list of the same rows: what is known of them is new.
        setShown([...asked]);
      }
      isAsking.current = false;
    };
    void settle();
  }, [key]);
  return shown.length === 0 ? rows : shown;
}

/** Transactions by hash, with what became of them. */
export function TransactionTable({ label, rows: given, empty, hasHeight = true }: { label: string; rows: readonly SeenTransaction[]; empty: ComponentChildren; hasHeight?: boolean }) {
  const rows = useSettled(given);
  const of = (row: SeenTransaction) => known.get(row.hash);
  return (
    <Table
      label={label}
      rows={rows}
      keyOf={(row) => row.hash}
      empty={empty}
      columns={[
        { name: "Transaction", cell: (row) => <TxLink hash={row.hash} hasCopy={false} /> },
        { name: "What", cell: (row) => <ActionsShort actions={of(row)?.transaction?.actions ?? []} /> },
        { name: "Sender", cell: (row) => { const sender = of(row)?.transaction?.sender; return sender === undefined ? "" : <AddressLink address={sender} hasCopy={false} />; } },
        { name: "Outcome", cell: (row) => { const outcome = of(row)?.outcome; return outcome ? <OutcomeBadge outcome={outcome.kind} name={"name" in outcome ? outcome.name : null} /> : ""; } },
        { name: "Fee", isNumber: true, cell: (row) => { const fee = of(row)?.fee; return fee == null ? "" : <Amount grains={fee} />; } },
        ...(hasHeight ? [{ name: "Checkpoint", isNumber: true, cell: (row: SeenTransaction) => <HeightLink height={row.height} /> }] : []),
        { name: "Time", cell: (row) => <Time ms={row.timeMs} /> },
      ]}
    />
  );
}
