/** One block of the DAG: who built it on what and when, its transactions, the checkpoints that its author attested to. */

import { useState } from "preact/hooks";
import type { DagBlocks } from "@pollen/client";
import { useAsk } from "../ask.js";
import { counted, grouped, size } from "../format.js";
import { client } from "../node.js";
import { validatorName } from "../names.js";
import { to } from "../route.js";
import { BlockLink, HeightLink, Id, Moment, TxLink } from "./names.js";
import { Answered, Badge, Empty, Facts, Panel } from "./parts.js";

const SHOWN = 20;

export function BlockPanel({ round, author }: { round: number; author: number }) {
  const asked = useAsk(() => client.request("dag_block", { round, author }), [round, author]);
  return (
    <div class="stack">
      <Panel
        title={<>{validatorName(author)}, round {grouped(round)}</>}
        extra={<a href={to("dag")} aria-label="Close the block">Close</a>}
      >
        <Answered of={asked} lines={6}>
          {({ blocks }) => blocks.length === 0
            ? <Empty>This node has no block of {validatorName(author)} in round {grouped(round)}: it built none, or the node did not keep it.</Empty>
            : (
              <>
                {blocks.length > 1 && <div class="panel-body"><Badge tone="bad">{blocks.length} blocks signed for one round: that is a proof against the validator</Badge></div>}
                {blocks.map((block) => <One key={block.digest} block={block} />)}
              </>
            )}
        </Answered>
      </Panel>
      <nav class="row" aria-label="Neighbours">
        {round > 0 && <a class="button" href={to("dag", round - 1, author)}>Round before</a>}
        <a class="button" href={to("dag", round + 1, author)}>Round after</a>
      </nav>
    </div>
  );
}

function One({ block }: { block: DagBlocks["blocks"][number] }) {
  const [shown, setShown] = useState(SHOWN);
  const { transactions, parents, attested } = block;
  return (
    <>
      <Facts
        rows={[
          ["Digest", <Id text={block.digest} what="digest" />],
          ["Built", <Moment ms={block.timeMs} />],
          ["Body", size(block.bodyBytes)],
          ["Builds on", parents.length === 0 ? "nothing: it is of the first round" : <ul class="plain-list">{parents.map((parent) => <li key={parent.digest}><BlockLink round={parent.round} author={parent.author} /></li>)}</ul>],
          attested.length > 0 && ["Attests to", <ul class="plain-list">{attested.map(({ height }) => <li key={String(height)}>checkpoint <HeightLink height={height} /></li>)}</ul>],
          ["Transactions", transactions.length === 0 ? "none" : (
            <>
              {counted(transactions.length, "transaction")}
              <ul class="plain-list">{transactions.slice(0, shown).map((hash) => <li key={hash}><TxLink hash={hash} /></li>)}</ul>
              {transactions.length > shown && <button type="button" onClick={() => setShown(shown + 5 * SHOWN)}>More</button>}
            </>
          )],
        ]}
      />
    </>
  );
}
