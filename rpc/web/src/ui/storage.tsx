/** What a module keeps: its entries by key, those that begin with what was written, a page at a time, all of one state. */

import { useState } from "preact/hooks";
import { fromHex, toHex, type StateScan } from "@pollen/client";
import { useAsk } from "../ask.js";
import { grouped, size } from "../format.js";
import { client } from "../node.js";
import { VerifyPanel } from "../seams.js";
import { Amount, HeightLink } from "./names.js";
import { Answered, Failure, Panel, Table } from "./parts.js";
import { Bytes } from "./state.js";

const PAGE = 50;
/** A page may be empty and not the last: so many of those are read on at once. */
const EMPTY_MAX = 10;

type Entry = StateScan["entries"][number];

function prefixOf(text: string): Uint8Array {
  if (/^0x([0-9a-f]{2})*$/i.test(text)) return fromHex(text.slice(2).toLowerCase());
  return new TextEncoder().encode(text);
}

async function scan(module: string, prefix: Uint8Array, at?: bigint, after?: Uint8Array): Promise<StateScan> {
  let from = after;
  for (let tries = 0; ; tries++) {
    const page = await client.request("state_scan", { module, prefix, limit: PAGE, ...(at === undefined ? {} : { at }), ...(from === undefined ? {} : { after: from }) });
    if (page.entries.length > 0 || page.next === null || tries === EMPTY_MAX) return page;
    from = page.next;
  }
}

export function Storage({ module, bytes, deposit }: { module: string; bytes: bigint; deposit: bigint }) {
  const [prefix, setPrefix] = useState("");
  const [chosen, setChosen] = useState<Entry | null>(null);
  const first = useAsk(() => scan(module, prefixOf(prefix)), [module, prefix]);
  const [more, setMore] = useState<{ of: StateScan; entries: Entry[]; next: Uint8Array | null } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const added = more !== null && more.of === first.data ? more : null;
  const read = async (page: StateScan, next: Uint8Array) => {
    setError(null);
    try {
      const told = await scan(module, prefixOf(prefix), page.at.height, next);
      setMore({ of: page, entries: [...(added?.entries ?? []), ...told.entries], next: told.next });
    } catch (why) {
      setError(why);
    }
  };
  return (
    <div class="grid main-side">
      <Panel
        title="Entries"
        extra={
          <form class="row" onSubmit={(event) => { event.preventDefault(); setPrefix(String(new FormData(event.currentTarget).get("prefix"))); }}>
            <input name="prefix" aria-label="Beginning of the keys: text, or 0x and hexadecimal digits" placeholder="Keys that begin with… (0x for hex)" size={26} autocomplete="off" />
            <button type="submit">Show</button>
            <button type="button" onClick={first.again}>Read again</button>
          </form>
        }
      >
        <Answered of={first}>
          {(page) => {
            const rows = [...page.entries, ...(added?.entries ?? [])];
            const next = added === null ? page.next : added.next;
            return (
              <>
                <Table
                  label="Entries"
                  rows={rows}
                  keyOf={({ key }) => toHex(key)}
                  empty={prefix === "" ? "This module keeps nothing." : "No key begins so."}
                  columns={[
                    { name: "Key", cell: ({ key }) => <Bytes bytes={key} what="key" /> },
                    { name: "Value", cell: ({ value }) => <Bytes bytes={value} what="value" /> },
                    { name: "Bytes", isNumber: true, cell: ({ value }) => grouped(value.length) },
                    { name: "Proof", cell: (entry) => <button type="button" class="plain" onClick={() => setChosen(entry)}>verify</button> },
                  ]}
                />
                {error !== null && <div class="panel-body"><Failure error={error} /></div>}
                <div class="pager">
                  <span class="muted">as of checkpoint <HeightLink height={page.at.height} /></span>
                  {next !== null && <button type="button" onClick={() => void read(page, next)}>More</button>}
                </div>
              </>
            );
          }}
        </Answered>
      </Panel>
      <div class="stack">
        <Panel padded>
          {size(bytes)} of keys and values; for them <Amount grains={deposit} /> are locked. <span class="muted">Values are as the module encodes them: its queries say what they mean.</span>
        </Panel>
        {chosen !== null && (
          <>
            <Panel title="Entry" padded><Bytes bytes={chosen.key} what="key" /></Panel>
            <VerifyPanel key={toHex(chosen.key)} of={{ kind: "state", module, key: chosen.key }} />
          </>
        )}
      </div>
    </div>
  );
}
