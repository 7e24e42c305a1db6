/** All modules, and a new one: dropped as a file, described by its own interface, deployed by the wallet. */

import { useAsk } from "../ask.js";
import { client } from "../node.js";
import { readModuleNames } from "../names.js";
import { route, setQuery, to } from "../route.js";
import { AddressLink, Id, Time } from "../ui/names.js";
import { Answered, Badge, PageHead, Panel, Table } from "../ui/parts.js";
import { Deploy } from "../ui/deploy.js";

const PAGE = 100;
const LIVE_MS = 5_000;

export function Modules() {
  const after = route.value.query.get("after");
  const asked = useAsk(() => {
    void readModuleNames();
    return client.request("module_list", { limit: PAGE, ...(after === null ? {} : { after }) });
  }, [after], LIVE_MS);
  return (
    <>
      <PageHead title="Modules" name="Modules" lead="Programs on the ledger. Each says itself what it can be asked: its interface is part of its code." />
      <div class="stack">
        <Panel title="On the ledger" extra={asked.data !== null && <span class="muted">{asked.data.modules.length}{asked.data.next === null ? "" : " of more"}</span>}>
          <Answered of={asked}>
            {({ modules, next }) => (
              <>
                <Table
                  label="Modules"
                  rows={[...modules].sort((a, b) => (a.name ?? "\uffff") < (b.name ?? "\uffff") ? -1 : 1)}
                  keyOf={({ module }) => module}
                  empty="No module yet. The first one is a file away: drop it below."
                  columns={[
                    { name: "Name", cell: ({ name, module, paused }) => <span class="tag-line">{name === null ? <span class="muted">no name</span> : <a href={to("modules", `@${name}`)}>@{name}</a>}{paused && <Badge tone="warn">paused</Badge>}<span class="hidden-text">{module}</span></span> },
                    { name: "Address", cell: ({ module }) => <Id text={module} what="address" href={to("modules", module)} headLength={14} /> },
                    { name: "Code", cell: ({ codeHash }) => <Id text={codeHash} what="code hash" /> },
                    { name: "Made by", cell: ({ creator }) => <AddressLink address={creator} hasCopy={false} /> },
                    { name: "Since", cell: ({ deployedMs }) => <Time ms={deployedMs} /> },
                  ]}
                />
                {(next !== null || after !== null) && (
                  <div class="pager">
                    <button type="button" disabled={after === null} onClick={() => setQuery({ after: null })}>First</button>
                    <button type="button" disabled={next === null} onClick={() => setQuery({ after: next })}>More</button>
                  </div>
                )}
              </>
            )}
          </Answered>
        </Panel>
        <Deploy />
      </div>
    </>
  );
}
