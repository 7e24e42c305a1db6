/** Who this node talks to, and the committee with what of each validator is seen in the newest rounds. */

import { useAsk } from "../ask.js";
import { counted, duration, grouped } from "../format.js";
import { client, info } from "../node.js";
import { route } from "../route.js";
import { Id } from "../ui/names.js";
import { Answered, Badge, PageHead, Panel, Table } from "../ui/parts.js";

const LIVE_MS = 2_000;
const ROUNDS = 40;

export function Peers() {
  const chosen = route.value.query.get("validator");
  const peers = useAsk(() => client.request("node_peers", {}), [], LIVE_MS);
  const committee = useAsk(
    async () => {
      const [members, dag] = await Promise.all([client.request("chain_committee", {}), client.request("dag_rounds", { last: ROUNDS })]);
      return { ...members, dag };
    },
    [],
    LIVE_MS,
  );
  return (
    <>
      <PageHead title="Peers" name="Peers" lead="Connections of this node, and the validators that order transactions together." />
      <div class="stack">
        <Panel title="The committee" extra={committee.data !== null && <span class="muted">epoch {grouped(committee.data.epoch)} · quorum {grouped(committee.data.quorumStake)} of {grouped(committee.data.totalStake)} stake</span>}>
          <Answered of={committee}>
            {({ members, dag, totalStake }) => {
              const last = (author: number) => dag.rounds.findLast(({ blocks }) => blocks.some((block) => block.author === author))?.round ?? null;
              const blocksOf = (author: number) => dag.rounds.filter(({ blocks }) => blocks.some((block) => block.author === author)).length;
              const isOnProbation = (author: number) => dag.rounds.at(-1)?.slots.find((slot) => slot.author === author)?.onProbation === true;
              const lies = (author: number) => dag.evidence.some((one) => one.author === author);
              return (
                <Table
                  label="The committee"
                  rows={members}
                  keyOf={({ author }) => String(author)}
                  empty="No validators are told."
                  columns={[
                    { name: "Validator", cell: ({ author, name }) => <span class={String(author) === chosen ? "marked" : ""}>{name}{author === info.value?.author && <span class="muted"> (this node)</span>}</span> },
                    { name: "Number", isNumber: true, cell: ({ author }) => author },
                    { name: "Stake", isNumber: true, cell: ({ stake }) => <>{grouped(stake)} <span class="muted">{((100 * Number(stake)) / Number(totalStake)).toFixed(1)}%</span></> },
                    { name: `Blocks in ${counted(dag.rounds.length, "round")}`, isNumber: true, cell: ({ author }) => blocksOf(author) },
                    { name: "State", cell: ({ author }) => <State last={last(author)} round={dag.round} isOnProbation={isOnProbation(author)} hasLied={lies(author)} /> },
                    { name: "Public key", cell: ({ publicKey }) => <Id text={publicKey} what="public key" /> },
                  ]}
                />
              );
            }}
          </Answered>
        </Panel>
        <Panel title="Connections" extra={peers.data !== null && <span class="muted">{peers.data.peers.length}</span>}>
          <Answered of={peers}>
            {({ peers }) => (
              <Table
                label="Connections"
                rows={peers}
                keyOf={({ peerId, address }) => peerId + address}
                empty="This node is connected to nobody: look at its network port and its list of peers."
                columns={[
                  { name: "Peer", cell: ({ name, author }) => name ?? (author === null ? <span class="muted">no validator</span> : `validator ${author}`) },
                  { name: "Round trip", isNumber: true, cell: ({ roundTripUs }) => roundTripUs === null ? <span class="muted">not measured</span> : duration(Number(roundTripUs) / 1_000) },
                  { name: "Opened by", cell: ({ inbound }) => (inbound ? "the peer" : "this node") },
                  { name: "Address", cell: ({ address }) => <code>{address.replace(/\/p2p\/.*/, "")}</code> },
                  { name: "Peer id", cell: ({ peerId }) => <Id text={peerId} what="peer id" /> },
                ]}
              />
            )}
          </Answered>
        </Panel>
      </div>
    </>
  );
}

/** A validator whose last block is so many rounds old is silent. */
const SILENT_ROUNDS = 10;

function State({ last, round, isOnProbation, hasLied }: { last: number | null; round: number; isOnProbation: boolean; hasLied: boolean }) {
  return (
    <span class="tag-line">
      {last === null
        ? <Badge tone="bad">silent</Badge>
        : round - last > SILENT_ROUNDS ? <Badge tone="warn">last block {counted(round - last, "round")} ago</Badge> : <Badge tone="good">building</Badge>}
      {isOnProbation && <Badge tone="warn" title="Its slots are skipped until it keeps up again.">on probation</Badge>}
      {hasLied && <Badge tone="bad" title="This node holds two blocks that it signed for one round.">signed two blocks for one round</Badge>}
    </span>
  );
}
