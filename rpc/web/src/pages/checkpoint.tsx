/** One checkpoint: what it names, who signed it, its transactions, and on demand what it changed in the state. */

import { useState } from "preact/hooks";
import type { Answer } from "@pollen/client";
import { useAsk, type Asked } from "../ask.js";
import { counted, grouped } from "../format.js";
import { client, height as newest } from "../node.js";
import { to } from "../route.js";
import { VerifyPanel } from "../seams.js";
import { validatorName } from "../names.js";
import { StateChanges, type StateChange } from "../ui/state.js";
import { HeightLink, Id, Moment } from "../ui/names.js";
import { Answered, Badge, Empty, Facts, Failure, Loading, PageHead, Panel } from "../ui/parts.js";
import { TransactionTable } from "../ui/transactions.js";

const TRANSACTIONS_SHOWN = 50;
const CERTIFICATE_MS = 1_500;
const WRITE_PAGES_MAX = 20;

type Certified = Answer<"chain_certificate">;
type Committee = Answer<"chain_committee">;

export function Checkpoint({ height }: { height: string }) {
  const at = /^\d{1,20}$/.test(height) ? BigInt(height) : null;
  const asked = useAsk(() => (at === null ? Promise.reject(new Error(`'${height}' is no height: heights are whole numbers`)) : client.request("chain_checkpoint", { at })), [height]);
  const title = at === null ? "Checkpoint" : `Checkpoint ${grouped(at)}`;
  return (
    <>
      <PageHead title={title} name={title}>
        {at !== null && (
          <nav class="row" aria-label="Neighbours">
            {at > 0n && <a class="button" href={to("checkpoints", at - 1n)}>Previous</a>}
            {at < newest.value && <a class="button" href={to("checkpoints", at + 1n)}>Next</a>}
          </nav>
        )}
      </PageHead>
      {asked.data === null
        ? <Panel><Answered of={asked} lines={8}>{() => null}</Answered></Panel>
        : <Found checkpoint={asked.data} />}
    </>
  );
}

function Found({ checkpoint }: { checkpoint: Answer<"chain_checkpoint"> }) {
  const { height, stateRoot } = checkpoint.at;
  const [isDone, setDone] = useState(false);
  // Signatures arrive a moment after the checkpoint; what is certified stays so.
  const certificate = useAsk(async () => {
    const told = await client.request("chain_certificate", { at: height });
    setDone(true);
    return told;
  }, [height], isDone ? undefined : CERTIFICATE_MS);
  const committee = useAsk(() => client.request("chain_committee", {}), []);
  const all = checkpoint.transactions;
  const shown = (all ?? []).slice(0, TRANSACTIONS_SHOWN).map((hash, index) => ({ hash, index, height, timeMs: checkpoint.timeMs }));
  return (
    <div class="grid main-side">
      <div class="stack">
        <Panel title="What it names" extra={certificate.data !== null ? <Badge tone="good">certified</Badge> : <Badge>executed</Badge>}>
          <Facts
            rows={[
              ["Ledger time", <Moment ms={checkpoint.timeMs} />],
              ["Digest", <Id text={checkpoint.digest} what="digest" isWhole />],
              ["State root", <Id text={stateRoot} what="state root" isWhole />],
              ["Previous", height === 0n ? "none: the beginning" : <><HeightLink height={height - 1n} /> <Id text={checkpoint.previous} what="previous digest" /></>],
              ["Commit", <>{grouped(checkpoint.commitIndex)} <Id text={checkpoint.commitDigest} what="commit digest" /></>],
              ["Epoch", grouped(checkpoint.epoch)],
              ["Transactions root", <Id text={checkpoint.transactionsRoot} what="transactions root" />],
              ["Receipts root", <Id text={checkpoint.receiptsRoot} what="receipts root" />],
              ["Ordering root", <Id text={checkpoint.orderingRoot} what="ordering root" />],
            ]}
          />
        </Panel>
        <Panel title="Transactions" extra={<span class="muted">{all === null ? "" : all.length > shown.length ? `${grouped(all.length)}, the first ${shown.length}` : counted(all.length, "transaction")}</span>}>
          {all === null
            ? <Empty>This node keeps the checkpoint and no longer its transactions. A node with the role archive has them.</Empty>
            : <TransactionTable label="Transactions of this checkpoint" rows={shown} hasHeight={false} empty="None: a checkpoint without transactions marks that time went on." />}
        </Panel>
        <Writes key={String(height)} height={height} />
      </div>
      <div class="stack">
        <Certificate asked={certificate} committee={committee} height={height} />
        <VerifyPanel of={{ kind: "checkpoint", height }} />
      </div>
    </div>
  );
}

function Certificate({ asked, committee, height }: { asked: Asked<Certified>; committee: Asked<Committee>; height: bigint }) {
  const [told, members] = [asked.data, committee.data];
  if (told === null) {
    return (
      <Panel title="Certificate">
        {asked.error === null ? <Loading /> : <div class="panel-body"><p class="muted">Not certified yet, or no longer kept here. This is asked again.</p><Failure error={asked.error} /></div>}
      </Panel>
    );
  }
  const signed = new Set(told.signers);
  const stake = members?.members.filter(({ author }) => signed.has(author)).reduce((sum, member) => sum + member.stake, 0n) ?? 0n;
  return (
    <Panel title="Certificate" extra={told.certifiedHeight === height ? null : <span class="muted">by <HeightLink height={told.certifiedHeight} /></span>}>
      {members !== null && (
        <div class="panel-body stack">
          <p>
            Signed by <strong>{grouped(stake)} of {grouped(members.totalStake)}</strong> stake; a quorum is {grouped(members.quorumStake)}.
          </p>
          <span class="bar" role="img" aria-label={`${stake} of ${members.totalStake} stake`}><i style={{ width: `${(100 * Number(stake)) / Number(members.totalStake)}%` }} /></span>
        </div>
      )}
      <table class="quiet">
        <thead><tr><th scope="col">Validator</th><th scope="col" class="num">Stake</th><th scope="col">Signature</th></tr></thead>
        <tbody>
          {(members?.members ?? told.signers.map((author) => ({ author, name: validatorName(author), stake: 0n }))).map(({ author, name, stake }) => (
            <tr key={author}>
              <td><a href={`${to("peers")}?validator=${author}`}>{name}</a></td>
              <td class="num">{grouped(stake)}</td>
              <td>{signed.has(author) ? <Badge tone="good">signed</Badge> : <Badge title="A quorum is enough: signatures that come later are not waited for.">not in it</Badge>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

/** What the checkpoint changed: a walk over much of the node's store, so only when somebody asks. */
function Writes({ height }: { height: bigint }) {
  const [changes, setChanges] = useState<StateChange[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const read = async () => {
    setBusy(true);
    setError(null);
    try {
      const found: StateChange[] = [];
      let after: string | undefined;
      for (let page = 0; page < WRITE_PAGES_MAX; page++) {
        const { writes, next } = await client.request("chain_writes", { height, ...(after === undefined ? {} : { after }) });
        found.push(...writes);
        if (next === null) break;
        after = next;
      }
      setChanges(found);
    } catch (why) {
      setError(why);
    }
    setBusy(false);
  };
  return (
    <Panel
      title="State changes"
      extra={changes === null && <button type="button" disabled={isBusy} onClick={() => void read()}>{isBusy ? "Reading" : "Read them"}</button>}
    >
      {error !== null && <div class="panel-body"><Failure error={error} /></div>}
      {changes === null
        ? error === null && <div class="state">Every entry of the state that this checkpoint wrote, before and after.</div>
        : <StateChanges changes={changes} empty="This checkpoint changed nothing in the state." />}
    </Panel>
  );
}
