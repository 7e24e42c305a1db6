/** One transaction: how far it came and when, what it asked for in words, what became of it, what it cost, its proof. */

import { RpcError, type TxStatus } from "@pollen/client";
import { useAsk } from "../ask.js";
import { counted, duration, grouped } from "../format.js";
import { client, connection, nowMs } from "../node.js";
import { route, setQuery } from "../route.js";
import { VerifyPanel } from "../seams.js";
import { useStatus } from "../status.js";
import { Actions, Words } from "../ui/actions.js";
import { Json } from "../ui/json.js";
import { AddressLink, Amount, BlockLink, HeightLink, Id, Moment } from "../ui/names.js";
import { Empty, Facts, Failure, Loading, OutcomeBadge, PageHead, Panel, TabPanel, Tabs } from "../ui/parts.js";
import { Rerun } from "../ui/rerun.js";
import { Events, Outcome } from "../ui/run.js";
import { Stages } from "../ui/stages.js";

export function Transaction({ hash }: { hash: string }) {
  const isHash = /^[0-9a-f]{64}$/.test(hash);
  if (!isHash) return <NoHash hash={hash} />;
  return <Known hash={hash} />;
}

function NoHash({ hash }: { hash: string }) {
  return (
    <>
      <PageHead title="Transaction" name="Transaction" />
      <Panel><Empty>“{hash}” is no transaction id: those have 64 digits, 0 to 9 and a to f. <a href={`#/search?q=${encodeURIComponent(hash)}`}>Search for it</a> instead.</Empty></Panel>
    </>
  );
}

function Known({ hash }: { hash: string }) {
  const { status, error } = useStatus(hash);
  const tab = route.value.query.get("tab") ?? "about";
  return (
    <>
      <PageHead title={<>Transaction {status?.outcome != null && <OutcomeBadge outcome={status.outcome.kind} />}</>} name={`Transaction ${hash.slice(0, 8)}`} lead={<Id text={hash} what="transaction id" isWhole />} />
      {status === null
        ? <Panel>{error === null ? <Loading lines={6} /> : <Unknown error={error} />}</Panel>
        : (
          <div class="stack">
            {error !== null && connection.value.kind === "live" && <Failure error={error} />}
            <Panel label="Stages"><Stages status={status} /></Panel>
            <Tabs
              label="Parts of the transaction"
              chosen={tab}
              choose={(id) => setQuery({ tab: id === "about" ? null : id })}
              tabs={[
                { id: "about", name: "What it is" },
                { id: "events", name: `Events ${status.events.length}` },
                { id: "run", name: "Fuel and state" },
                { id: "raw", name: "Raw" },
              ]}
            />
            <TabPanel id={tab}>
              {tab === "events" ? <Panel><Events events={status.events} empty="It told no events." /></Panel>
                : tab === "run" ? <Rerun status={status} />
                : tab === "raw" ? <Raw status={status} />
                : <About status={status} />}
            </TabPanel>
          </div>
        )}
    </>
  );
}

function Unknown({ error }: { error: unknown }) {
  if (!(error instanceof RpcError)) return <div class="panel-body"><Failure error={error} /></div>;
  return (
    <Empty>
      This node does not know it: it was never accepted here, or it was executed so long ago that it is no longer kept.
      This is asked again, in case it is on its way. Who has its bytes can submit them again, at any node: that is always safe.
    </Empty>
  );
}

function About({ status }: { status: TxStatus }) {
  const { transaction: asked, outcome, note } = status;
  return (
    <div class="grid main-side">
      <div class="stack">
        {outcome !== null && (
          <Panel title="What became of it" padded>
            <Outcome outcome={outcome} />
            {note !== null && <pre class="note">{note}</pre>}
          </Panel>
        )}
        <Panel title="What it asked for">
          {asked === null ? <Empty>This node no longer keeps what it asked for.</Empty> : <Actions actions={asked.actions} />}
        </Panel>
        <Words status={status} />
      </div>
      <div class="stack">
        <Panel title="Place and price"><Place status={status} /></Panel>
        {status.height !== null && <VerifyPanel of={{ kind: "transaction", hash: status.hash }} />}
      </div>
    </div>
  );
}

function Place({ status }: { status: TxStatus }) {
  const { transaction: asked, block, height, index, fee, fuelUsed } = status;
  const left = asked === null ? 0 : Number(asked.validUntilMs) - nowMs.value;
  return (
    <Facts
      rows={[
        asked !== null && ["Sender", <AddressLink address={asked.sender} />],
        asked?.payer != null && ["Fee paid by", <AddressLink address={asked.payer} />],
        height !== null && ["Checkpoint", <><HeightLink height={height} />{index !== null && <span class="muted">, place {index}</span>}</>],
        block !== null && ["Block", <BlockLink round={block.round} author={block.author} />],
        fee !== null && ["Fee", <Amount grains={fee} />],
        fuelUsed !== null && ["Fuel", <>{grouped(fuelUsed)}{asked !== null && <span class="muted"> of at most {grouped(asked.maxFuel)}</span>}</>],
        asked !== null && ["Price", `${counted(asked.fuelPrice, "grain")} for 1\u202f000 fuel`],
        asked !== null && ["Nonce", grouped(asked.nonce)],
        asked !== null && ["Signed by", <Id text={asked.key} what="key" />],
        asked !== null && ["Valid until", status.ended ? <Moment ms={asked.validUntilMs} /> : left > 0 ? `${duration(left)} from now` : "just now: it ends as expired"],
      ]}
    />
  );
}

function Raw({ status }: { status: TxStatus }) {
  const record = useAsk(() => client.request("tx_get", { hash: status.hash }), [status.hash, status.height]);
  return (
    <>
      <Panel title={<code>tx_status</code>} padded><Json value={status} label="tx_status" /></Panel>
      {status.height !== null && record.data !== null && (
        <Panel title={<><code>tx_get</code>: transaction and receipt as they stand in the checkpoint</>} padded><Json value={record.data} label="tx_get" /></Panel>
      )}
    </>
  );
}
