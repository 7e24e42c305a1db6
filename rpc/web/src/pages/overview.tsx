/** The overview: whether the node is well, how quick the chain is, what happened last. All of it live. */

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { formatAmount } from "@pollen/client";
import { counted, duration, grouped, measured } from "../format.js";
import { certifiedHeight, connection, head, health, height, info, recent } from "../node.js";
import { to } from "../route.js";
import { countOf, isSeeded, lately, samples, seen, type Sample } from "../traffic.js";
import { lazy } from "../ui/lazy.js";
import { HeightLink, Id, Time } from "../ui/names.js";
import { Badge, Facts, Loading, PageHead, Panel, Table } from "../ui/parts.js";
import { TransactionTable } from "../ui/transactions.js";

const ROWS = 10;
/** By itself: figures and lists are read before the charts are there. */
const Chart = lazy(() => import("../ui/chart.js").then(({ Chart }) => Chart), () => <div class="chart" />);

export function Overview() {
  return (
    <>
      <PageHead title="The ledger now" name="Overview" lead={<>What the node at <code>{location.host}</code> sees, as it happens.</>} />
      <div class="stack">
        <Figures />
        <div class="grid three">
          <Line title="Commit latency" unit="ms" of={(sample) => sample.commitMs} />
          <Line title="Rounds a second" unit="rounds/s" of={(sample) => sample.roundsPerSecond} />
          <Line title="Transactions a second" unit="tx/s" of={(sample) => sample.transactionsPerSecond} />
        </div>
        <div class="grid overview-lists">
          <LatestCheckpoints />
          <LatestTransactions />
        </div>
        <Node />
      </div>
    </>
  );
}

function Figure({ name, value, unit, note }: { name: string; value: ComponentChildren; unit?: string; note?: ComponentChildren }) {
  return (
    <div class="figure">
      <div class="name">{name}</div>
      <div class="value">{value}{unit !== undefined && <span class="unit"> {unit}</span>}</div>
      {note !== undefined && <div class="note">{note}</div>}
    </div>
  );
}

function Figures() {
  const [now, state, node] = [head.value, health.value, info.value];
  const [rounds, transactions, commit] = [lately((s) => s.roundsPerSecond), lately((s) => s.transactionsPerSecond), lately((s) => s.commitMs)];
  const isGone = connection.value.kind === "gone";
  const behind = height.value - certifiedHeight.value;
  const reasons = state === null || state.ready ? "started, caught up, going on" : state.reasons.join("; ");
  return (
    <section class="figures" aria-label="Figures">
      {isGone
        ? <Figure name="Health" value={<Badge tone="bad">gone</Badge>} note="it does not answer" />
        : <Figure name="Health" value={state === null ? "-" : <Badge tone={state.ready ? "good" : "warn"}>{state.ready ? "ready" : "not ready"}</Badge>} note={state === null ? "asking" : reasons} />}
      <Figure name="Height" value={now === null ? "-" : grouped(height.value)} note={now === null ? "" : behind <= 0n ? "certified" : `certified: ${behind} behind`} />
      <Figure name="Commit latency" value={commit === null ? "-" : measured(commit)} unit="ms" note={now === null ? "" : `${counted(now.round - now.committedRound, "round")} to the order`} />
      <Figure name="Rounds" value={rounds === null ? "-" : measured(rounds)} unit="/s" note={now === null ? "" : `round ${grouped(now.round)}`} />
      <Figure name="Transactions" value={transactions === null ? "-" : measured(transactions)} unit="/s" note={state === null ? "" : `${grouped(state.pool)} waiting in the pool`} />
      <Figure name="Fee floor" value={node === null ? "-" : grouped(node.parameters.fuelPriceFloor)} unit={node?.parameters.fuelPriceFloor === 1n ? "grain" : "grains"} note={"for 1\u202f000 fuel"} />
      <Figure name="Peers" value={state === null ? "-" : state.peers} note={<a href={to("peers")}>who they are</a>} />
    </section>
  );
}

function Line({ title, unit, of }: { title: string; unit: string; of(sample: Sample): number | null }) {
  const all = samples.value;
  const data = useMemo((): [number[], (number | null)[]] => [all.map(({ atMs }) => atMs / 1_000), all.map(of)], [all]);
  const last = data[1].findLast((value) => value !== null);
  return (
    <Panel title={title} extra={<span class="muted">{last === undefined ? "measuring" : `${measured(last!)} ${unit}`}</span>}>
      <Chart name={title} unit={unit} data={data} />
    </Panel>
  );
}

function LatestCheckpoints() {
  return (
    <Panel title="Latest checkpoints" extra={<a href={to("checkpoints")}>All checkpoints</a>}>
      {recent.value.length === 0
        ? <Loading lines={8} />
        : (
          <Table
            label="Latest checkpoints"
            rows={recent.value.slice(0, ROWS)}
            keyOf={({ checkpoint }) => String(checkpoint.height)}
            empty=""
            columns={[
              { name: "Height", cell: ({ checkpoint }) => <HeightLink height={checkpoint.height} /> },
              { name: "Tx", isNumber: true, cell: ({ checkpoint }) => countOf(checkpoint.height) ?? <span class="muted">…</span> },
              { name: "Stage", cell: ({ checkpoint }) => checkpoint.height <= certifiedHeight.value ? <Badge tone="good">certified</Badge> : <Badge>executed</Badge> },
              { name: "Time", cell: ({ checkpoint }) => <Time ms={checkpoint.timeMs} /> },
            ]}
          />
        )}
    </Panel>
  );
}

function LatestTransactions() {
  const rows = seen.value.slice(0, ROWS);
  return (
    <Panel title="Latest transactions" extra={<a href={to("transactions")}>More transactions</a>}>
      {rows.length === 0 && !isSeeded.value
        ? <Loading lines={8} />
        : <TransactionTable label="Latest transactions" rows={rows} hasHeight={false} empty="None that this node tells of. The next one appears here by itself." />}
    </Panel>
  );
}

function Node() {
  const node = info.value;
  const state = health.value;
  if (node === null) return null;
  return (
    <div class="grid two">
      <Panel title="This node">
        <Facts
          rows={[
            ["Role", <>{node.role}{node.author !== null && <>, {node.name}</>}</>],
            ["Keeps", node.indexes.length === 0 ? "no indexes" : `indexes ${node.indexes.join(", ")}`],
            ["Behind the clock", state === null ? "-" : `${duration(Number(state.lagMs))} (ledger time against the node's own)`],
            node.peerId !== null && ["Peer", <Id text={node.peerId} what="peer id" />],
            ["Program", `version ${node.version}, protocol ${node.protocolVersion}`],
          ]}
        />
      </Panel>
      <Panel title="The chain">
        <Facts
          rows={[
            ["Name", node.chainName],
            ["Identity", <Id text={node.chainId} what="chain id" />],
            ["Committee", `${counted(node.committee.length, "validator")}, stake ${grouped(node.committee.reduce((sum, one) => sum + one.stake, 0n))}`],
            ["Addresses", <code>{node.addressPrefix}1…</code>],
            ["Opening an account", `locks ${formatAmount(node.parameters.accountDeposit)}`],
          ]}
        />
      </Panel>
    </div>
  );
}
