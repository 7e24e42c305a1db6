/** All checkpoints that the node keeps, newest first, a page at a time; the first page is live. */

import { useEffect } from "preact/hooks";
import { useAsk } from "../ask.js";
import { grouped } from "../format.js";
import { certifiedHeight, client, recent } from "../node.js";
import { go, route, setQuery, to } from "../route.js";
import { countOf, readCounts } from "../traffic.js";
import { HeightLink, Id, Time } from "../ui/names.js";
import { Answered, Badge, PageHead, Panel, Table } from "../ui/parts.js";

const ROWS = 25;
const LIVE_MS = 2_000;

export function Checkpoints() {
  const given = route.value.query.get("from");
  const from = given !== null && /^\d{1,20}$/.test(given) ? BigInt(given) : null;
  const asked = useAsk(
    () => client.request("chain_checkpoints", { limit: ROWS, descending: true, ...(from === null ? {} : { from }) }),
    [from],
    from === null ? LIVE_MS : undefined,
  );
  useEffect(() => scrollTo(0, 0), [from]);
  const last = asked.data?.checkpoints[0]?.height;
  const rows = asked.data === null ? [] : from === null ? newest(asked.data.checkpoints) : asked.data.checkpoints;
  useEffect(() => void readCounts(rows.map(({ height }) => height)), [rows[0]?.height, rows.length]);
  return (
    <>
      <PageHead title="Checkpoints" name="Checkpoints" lead="A checkpoint names the state after all transactions up to a place in the order. It is certified when validators with a quorum of the stake have signed it." />
      <Panel
        title={from === null ? "Newest" : `From ${grouped(from)} down`}
        extra={
          <form class="row" onSubmit={(event) => { event.preventDefault(); const height = new FormData(event.currentTarget).get("height"); if (/^\d+$/.test(String(height))) go(to("checkpoints", String(height))); }}>
            <input name="height" inputMode="numeric" aria-label="Height to go to" placeholder="Height" size={10} pattern="[0-9]*" />
            <button type="submit">Go</button>
          </form>
        }
      >
        <Answered of={asked} lines={12}>
          {({ next, oldestHeight }) => (
            <>
              <Table
                label="Checkpoints"
                rows={rows}
                keyOf={({ height }) => String(height)}
                empty="The node keeps none from here down."
                columns={[
                  { name: "Height", cell: ({ height }) => <HeightLink height={height} /> },
                  { name: "Time", cell: ({ timeMs }) => <Time ms={timeMs} /> },
                  { name: "Transactions", isNumber: true, cell: ({ height }) => countOf(height) ?? "" },
                  { name: "Commit", isNumber: true, cell: ({ commitIndex }) => grouped(commitIndex) },
                  { name: "Digest", cell: ({ digest }) => <Id text={digest} what="digest" /> },
                  { name: "State root", cell: ({ stateRoot }) => <Id text={stateRoot} what="state root" /> },
                  { name: "Stage", cell: ({ height, certified }) => certified || height <= certifiedHeight.value ? <Badge tone="good">certified</Badge> : <Badge>executed</Badge> },
                ]}
              />
              <div class="pager">
                {from !== null && <button type="button" onClick={() => setQuery({ from: null })}>Newest</button>}
                <span class="muted">kept from {grouped(oldestHeight)} on</span>
                <button type="button" disabled={next === null} onClick={() => setQuery({ from: String(next ?? last) })}>Older</button>
              </div>
            </>
          )}
        </Answered>
      </Panel>
    </>
  );
}

/** What was asked, with what was told since then before it. */
function newest<T extends { height: bigint }>(asked: T[]): T[] {
  const top = asked[0]?.height ?? 0n;
  const told = recent.value.map(({ checkpoint }) => checkpoint as unknown as T).filter(({ height }) => height > top);
  return [...told, ...asked].slice(0, ROWS);
}
