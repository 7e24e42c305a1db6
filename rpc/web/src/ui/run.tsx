/** What a run did or would do: outcome, calls with their fuel, events, reads and changes of the state. */

import type { ComponentChildren } from "preact";
import { decodeValue, failureType, ValueError, type EventView, type FunctionType, type TxOutcome, type TxSimulation } from "@pollen/client";
import { grouped, words } from "../format.js";
import { info } from "../node.js";
import { to } from "../route.js";
import { AddressLink } from "./names.js";
import { Badge, Empty, Table } from "./parts.js";
import { Bytes, Owner, StateChanges, StateKey, StateValue } from "./state.js";
import { Value } from "./value.js";

/** The module's own error value. Of code that begins (`called` is its `init` or `migrate`) the node tells its bytes alone. */
function ErrorValue({ error: { json, bytes }, called }: { error: { json: unknown; bytes: Uint8Array }; called: FunctionType | null }) {
  if (json !== null) return <Value value={json} />;
  const type = called === null ? null : failureType(called);
  if (type !== null) {
    try {
      return <Value value={decodeValue(type, bytes, { prefix: info.value?.addressPrefix ?? "" })} type={type} />;
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
    }
  }
  return <Bytes bytes={bytes} what="error value" />;
}

/** How it ended, with the module's own error value where there is one. */
export function Outcome({ outcome, called = null }: { outcome: TxOutcome; called?: FunctionType | null }) {
  switch (outcome.kind) {
    case "success": {
      const results = outcome.results.filter(({ json, bytes }) => json !== null || bytes.length > 0);
      return (
        <div class="outcome">
          <Badge tone="good">success</Badge>
          {results.map(({ json, bytes }, place) => <span key={place}>{json === null ? <Bytes bytes={bytes} what="result" /> : <Value value={json} />}</span>)}
        </div>
      );
    }
    case "failure":
      return (
        <div class="outcome">
          <Badge tone="bad">failure: {words(outcome.name)}</Badge>
          <span>{outcome.message}</span>
          {outcome.error !== null && <span><ErrorValue error={outcome.error} called={called} /></span>}
        </div>
      );
    case "rejected":
      return <div class="outcome"><Badge tone="bad">rejected: {words(outcome.name)}</Badge><span>{outcome.message}</span></div>;
    case "expired":
      return <div class="outcome"><Badge tone="warn">expired</Badge><span>It did not run while it was valid, and never will.</span></div>;
  }
}

/** Calls of modules, nested, each with the fuel that it used: its own and of what it called. */
export function Calls({ calls, fuelUsed }: Pick<TxSimulation, "calls" | "fuelUsed">) {
  if (calls.length === 0) return <Empty>No module was called.</Empty>;
  const total = Number(fuelUsed) || 1;
  const inModules = calls.filter(({ depth }) => depth === 0).reduce((sum, call) => sum + call.fuelUsed, 0n);
  const rest = fuelUsed - inModules;
  const row = (key: string, name: ComponentChildren, fuel: bigint, depth: number, failed: string | null) => (
    <tr key={key}>
      <td><span class="nest" style={{ paddingLeft: `${depth * 18}px` }}>{name}</span>{failed !== null && <Badge tone="bad">{failed}</Badge>}</td>
      <td class="num">{grouped(fuel)}</td>
      <td class="fuel"><span class="bar"><i style={{ width: `${Math.max(0.5, (100 * Number(fuel)) / total)}%` }} /></span></td>
    </tr>
  );
  return (
    <div class="table-wrap" role="region" aria-label="Fuel by function" tabIndex={0}>
      <table>
        <thead><tr><th scope="col">Function</th><th scope="col" class="num">Fuel</th><th scope="col">Share of {grouped(fuelUsed)}</th></tr></thead>
        <tbody>
          {calls.map(({ depth, module, moduleName, function: called, fuelUsed: fuel, failed }, place) =>
            row(String(place), <>{moduleName === null ? <AddressLink address={module} hasCopy={false} /> : <a href={to("modules", `@${moduleName}`)}>@{moduleName}</a>} <code>{called}</code></>, fuel, depth, failed))}
          {rest > 0n && row("rest", <span class="muted">transaction: signature, bytes, state</span>, rest, 0, null)}
        </tbody>
      </table>
    </div>
  );
}

export function Events({ events, empty = "No events." }: { events: readonly EventView[]; empty?: ComponentChildren }) {
  return (
    <Table
      label="Events"
      rows={events}
      keyOf={({ cursor }) => cursor}
      empty={empty}
      columns={[
        { name: "Event", cell: ({ name, module }) => <><AddressLink address={module} hasCopy={false} /> <strong>{name}</strong></> },
        { name: "Value", cell: ({ json, data }) => (json === null ? <Bytes bytes={data} what="data" /> : <Value value={json} depth={1} />) },
        { name: "Topics", cell: ({ topics }) => topics.map((topic, place) => <div key={place}><Bytes bytes={topic} what="topic" hasCopy={false} /></div>) },
        { name: "Cursor", cell: ({ cursor }) => <code class="nowrap">{cursor}</code> },
      ]}
    />
  );
}

export function Reads({ reads }: Pick<TxSimulation, "reads">) {
  const rows = reads.map((read, place) => ({ ...read, place }));
  return (
    <Table
      label="Reads"
      rows={rows}
      keyOf={({ place }) => String(place)}
      empty="It read nothing of the state."
      columns={[
        { name: "Of", cell: ({ owner }) => <Owner owner={owner} /> },
        { name: "Key", cell: ({ owner, key }) => <StateKey owner={owner} bytes={key} /> },
        { name: "Value", cell: ({ owner, value }) => <StateValue owner={owner} bytes={value?.bytes ?? null} length={value?.length} what="value" /> },
      ]}
    />
  );
}

export function Changes({ changes, empty = "It changed nothing in the state." }: { changes: TxSimulation["changes"]; empty?: string }) {
  const rows = changes.map(({ owner, key, before, after }) => ({
    owner,
    key,
    before: before?.bytes ?? null,
    after: after?.bytes ?? null,
    lengths: [before?.length ?? null, after?.length ?? null] as [number | null, number | null],
  }));
  return <StateChanges changes={rows} empty={empty} />;
}
