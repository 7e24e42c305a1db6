/** One module: what it can be asked and asking it, what it tells, what it keeps, what it was made of. */

import { useEffect } from "preact/hooks";
import type { Answer, KnownModule } from "@pollen/client";
import { useAsk, type Asked } from "../ask.js";
import { pendingChanges, type PendingChange } from "../changes.js";
import { counted, grouped, size } from "../format.js";
import { client } from "../node.js";
import { canWait, policyWords } from "../policy.js";
import { route, setQuery, to } from "../route.js";
import { VerifyPanel } from "../seams.js";
import { Docs } from "../ui/docs.js";
import { Functions } from "../ui/functions.js";
import { Json } from "../ui/json.js";
import { LiveEvents } from "../ui/events.js";
import { Lifecycle } from "../ui/lifecycle.js";
import { AddressLink, Amount, Id, Moment, Time, TxLink } from "../ui/names.js";
import { Answered, Badge, Empty, Facts, Loading, PageHead, Panel, Table, TabPanel, Tabs } from "../ui/parts.js";
import { Storage } from "../ui/storage.js";
import { List } from "./account.js";

const LIVE_MS = 3_000;

interface Told {
  module: Answer<"module_get">;
  known: KnownModule;
  wit: string;
}

async function read(module: string): Promise<Told> {
  const told = await client.module(module);
  const known = await client.interfaceOf(told.module);
  const fresh = known.interfaceHash === told.interfaceHash ? known : await client.interfaceOf(told.module, true);
  const { wit } = await client.request("module_interface", { module: told.module });
  return { module: told, known: fresh, wit };
}

export function Module({ module }: { module: string }) {
  const asked = useAsk(() => read(module), [module]);
  // Balance and storage change with every call; what it is made of does not, but by an upgrade.
  const live = useAsk(() => client.module(module), [module], LIVE_MS);
  const tab = route.value.query.get("tab") ?? "functions";
  const told = asked.data;
  // Once for each upgrade that is seen: asking at every drawing would ask for ever, since each question ends the one before.
  const interfaceNow = live.data?.interfaceHash;
  useEffect(() => {
    if (told !== null && interfaceNow !== undefined && interfaceNow !== told.module.interfaceHash) asked.again();
  }, [interfaceNow]);
  const now = live.data ?? told?.module ?? null;
  // Whoever uses a module sees on all of its tabs what is announced.
  const pending = useAsk(async () => (now !== null && canWait(now.policy) ? pendingChanges(now) : []), [now?.module, now?.revision], LIVE_MS);
  const title = told === null ? module : told.module.name === null ? "Module" : `@${told.module.name}`;
  return (
    <>
      <PageHead
        title={<>{title} {now?.paused === true && <Badge tone="warn">paused</Badge>}</>}
        name={title}
        lead={told === null ? undefined : <>{told.known.interface.docs !== null && <span class="docs"><Docs text={told.known.interface.docs} /></span>}<span class="own-line"><Id text={told.module.module} what="address" headLength={16} /></span></>}
      />
      {tab !== "upgrades" && (pending.data ?? []).map((one) => <Announced key={one.digest} module={module} one={one} />)}
      {told === null
        ? <Panel><Answered of={asked}>{() => null}</Answered></Panel>
        : (
          <div class="stack">
            <Tabs
              label="Parts of the module"
              chosen={tab}
              choose={(id) => setQuery({ tab: id === "functions" ? null : id, f: null })}
              tabs={[
                { id: "functions", name: "Functions" },
                { id: "events", name: "Events" },
                { id: "storage", name: "Storage" },
                { id: "transactions", name: "Transactions" },
                { id: "code", name: "Code and versions" },
                { id: "upgrades", name: "Upgrades" },
                { id: "interface", name: "Interface" },
              ]}
            />
            <TabPanel id={tab}>
              <TabContent tab={tab} told={told} now={now ?? told.module} pending={pending} />
            </TabPanel>
          </div>
        )}
    </>
  );
}

/** A change that was agreed to and not made yet. */
function Announced({ module, one: { change, readyMs } }: { module: string; one: PendingChange }) {
  const what = { upgrade: "An upgrade", policy: "Another policy", pause: "A pause", resume: "The end of the pause" }[change.kind];
  return (
    <p class="warning announced" role="status">
      <strong>{what} is announced:</strong> {readyMs === null ? "more have to agree to it." : <>it can be made from <Moment ms={readyMs} /> on.</>} <a href={`${to("modules", module)}?tab=upgrades`}>Look at it</a>
    </p>
  );
}

function TabContent({ tab, told, now, pending }: { tab: string; told: Told; now: Told["module"]; pending: Asked<PendingChange[]> }) {
  switch (tab) {
    case "events":
      return <LiveEvents module={told.module.module} events={told.known.interface.events} />;
    case "storage":
      return <Storage module={told.module.module} bytes={now.storageBytes} deposit={now.deposit} />;
    case "transactions":
      return <Transactions address={told.module.module} />;
    case "code":
      return <Code module={now} />;
    case "upgrades":
      return <Lifecycle module={now} known={told.known} pending={pending} />;
    case "interface":
      return <InterfaceText told={told} />;
    default:
      return <Functions key={told.known.interfaceHash} known={told.known} module={now} />;
  }
}

function Transactions({ address }: { address: string }) {
  const asked = useAsk(() => client.request("tx_list", { account: address, limit: 25 }), [address], LIVE_MS);
  return <Panel title="Calls and transfers"><Answered of={asked}>{(newest) => <List address={address} newest={newest} />}</Answered></Panel>;
}

function Code({ module }: { module: Told["module"] }) {
  const build = module.build !== null && typeof module.build === "object" ? Object.entries(module.build as Record<string, unknown>) : [];
  return (
    <div class="grid main-side">
      <div class="stack">
        <Panel title="Versions" extra={<span class="muted">{counted(module.versions.length, "version")}</span>}>
          <Table
            label="Versions"
            rows={module.versions}
            keyOf={({ version }) => String(version)}
            empty="None is told."
            columns={[
              { name: "Version", isNumber: true, cell: ({ version }) => version },
              { name: "Since", cell: ({ sinceMs }) => <Time ms={sinceMs} /> },
              { name: "Code", cell: ({ codeHash }) => <span class="tag-line"><Id text={codeHash} what="code hash" />{codeHash === module.codeHash && <Badge tone="good">runs now</Badge>}</span> },
              { name: "By transaction", cell: ({ transaction }) => <TxLink hash={transaction} /> },
            ]}
          />
        </Panel>
        <Panel title="What its build says of itself" extra={<span class="muted small">nobody checked it</span>}>
          {build.length === 0 ? <Empty>It says nothing.</Empty> : <Facts rows={build.map(([name, value]) => [name, String(value)])} />}
        </Panel>
      </div>
      <div class="stack">
        <Panel title="Code">
          <Facts
            rows={[
              ["Code hash", <Id text={module.codeHash} what="code hash" />],
              ["Size", size(module.codeBytes)],
              ["Interface hash", <Id text={module.interfaceHash} what="interface hash" />],
              ["Who may change it", policyWords(module.policy)],
              ["Changes made", grouped(module.revision)],
              ["Made by", <AddressLink address={module.creator} />],
              ["Since", <Moment ms={module.deployedMs} />],
              ["Balance", <Amount grains={module.balance} />],
              ["Storage", <>{size(module.storageBytes)} <span class="muted">for a deposit of</span> <Amount grains={module.deposit} /></>],
            ]}
          />
        </Panel>
        <VerifyPanel of={{ kind: "account", account: module.module }} />
      </div>
    </div>
  );
}

function InterfaceText({ told }: { told: Told }) {
  const json = useAsk(() => client.request("module_interface", { module: told.module.module }), [told.known.interfaceHash]);
  return (
    <>
      <Panel title={<code>{told.known.interface.package}</code>} extra={<span class="muted small">WIT, as it is inside the code</span>} padded><Json value={told.wit} label="WIT" isPlain /></Panel>
      <Panel title="The same as JSON" padded>{json.data === null ? <Loading /> : <Json value={json.data.interface} label="interface" />}</Panel>
    </>
  );
}
