/** Events of a module: those of before, then each as it happens. */

import { useEffect, useState } from "preact/hooks";
import { RpcError, type EventType, type EventView } from "@pollen/client";
import { useAsk } from "../ask.js";
import { client, follow, head } from "../node.js";
import { Docs } from "./docs.js";
import { Time, TxLink } from "./names.js";
import { Answered, Badge, Empty, Panel, Table } from "./parts.js";
import { Bytes } from "./state.js";
import { Value } from "./value.js";

const SHOWN_MAX = 200;
const PAGE = 1_000;
/** Events are listed oldest first: the newest are looked for in so many checkpoints, then in more, then in all. */
const SPANS = [100n, 2_000n, 40_000n, null];
const ENOUGH = 50;
/** Pages that are read of one span: of a module that tells that much, the subscription tells the rest. */
const PAGES_MAX = 4;
const NOT_FOUND = -32_040;

interface Past {
  events: EventView[];
  /** Where to go on. */
  next: string;
}

async function read(module: string, name: string, from: string | undefined): Promise<Past> {
  let events: EventView[] = [];
  let after = from;
  for (let page = 0; page < PAGES_MAX; page++) {
    const told = await client.request("events_query", { module, limit: PAGE, ...(name === "" ? {} : { name }), ...(after === undefined ? {} : { after }) });
    events = [...events, ...told.events].slice(-SHOWN_MAX);
    after = told.next;
    if (!told.more) break;
  }
  return { events: events.reverse(), next: after! };
}

/** The newest events until now. */
async function past(module: string, name: string): Promise<Past> {
  const { at } = await client.head();
  for (const span of SPANS) {
    const isAll = span === null || at.height <= span;
    try {
      const found = await read(module, name, isAll ? undefined : String(at.height - span));
      if (isAll || found.events.length >= ENOUGH) return found;
    } catch (error) {
      // So far back the node keeps none: all that it has, then.
      if (!(error instanceof RpcError && error.code === NOT_FOUND)) throw error;
      return read(module, name, undefined);
    }
  }
  return { events: [], next: String(at.height) };
}

export function LiveEvents({ module, events: types }: { module: string; events: EventType[] }) {
  const [name, setName] = useState("");
  const asked = useAsk(() => past(module, name), [module, name]);
  const [fresh, setFresh] = useState<EventView[]>([]);
  const next = asked.data?.next;
  useEffect(() => {
    setFresh([]);
    if (next === undefined) return;
    return follow(
      (signal, cursor: string | undefined) => client.events({ module, signal, after: cursor ?? next, ...(name === "" ? {} : { name }) }),
      (event) => setFresh((before) => [event, ...before].slice(0, SHOWN_MAX)),
    );
  }, [module, name, next]);
  const typeOf = (event: EventView) => types.find((one) => one.name === event.name)?.type ?? null;
  return (
    <div class="stack">
      {types.length > 0 && (
        <div class="row">
          <label for="event-name">Only</label>
          <select id="event-name" value={name} onChange={(event) => setName(event.currentTarget.value)}>
            <option value="">all events</option>
            {types.map((type) => <option key={type.name} value={type.name}>{type.name}</option>)}
          </select>
          <span class="muted"><Docs text={types.find((type) => type.name === name)?.docs ?? ""} /></span>
        </div>
      )}
      <Panel title="Events" extra={<Badge tone="good"><span class="dot good" />live</Badge>}>
        <Answered of={asked}>
          {({ events }) => {
            const rows = [...fresh, ...events].slice(0, SHOWN_MAX);
            if (rows.length === 0) return <Empty>{types.length === 0 ? "This module tells no events." : `None since checkpoint 0 that this node keeps (the chain is at ${head.value?.at.height ?? "the beginning"}). The next one appears here by itself.`}</Empty>;
            return (
              <Table
                label="Events"
                rows={rows}
                keyOf={({ cursor }) => cursor}
                empty=""
                columns={[
                  { name: "Event", cell: (event) => <strong>{event.name}</strong> },
                  { name: "Value", cell: (event) => (event.json === null ? <Bytes bytes={event.data} what="data" /> : <Value value={event.json} type={typeOf(event)} depth={1} />) },
                  { name: "Transaction", cell: ({ transaction }) => <TxLink hash={transaction} hasCopy={false} /> },
                  { name: "Cursor", cell: ({ cursor }) => <code class="nowrap">{cursor}</code> },
                  { name: "Time", cell: ({ timeMs }) => <Time ms={timeMs} /> },
                ]}
              />
            );
          }}
        </Answered>
      </Panel>
    </div>
  );
}
