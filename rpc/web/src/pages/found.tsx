/** What was found. Of a hash every kind is asked for that has one; where there is but one answer, it is gone to at once. */

import { useEffect } from "preact/hooks";
import { client, info } from "../node.js";
import { useAsk } from "../ask.js";
import { to } from "../route.js";
import { guessed, placeOf, titleOf } from "../ui/search.js";
import { Answered, Empty, PageHead, Panel, Table } from "../ui/parts.js";

interface Hit {
  kind: string;
  title: string;
  address: string;
}

/** Rounds in whose blocks a digest is looked for: those that a node holds. */
const ROUNDS = 200;
/** Checkpoints are asked for by height alone: the newest pages of them are looked through. */
const PAGE = 256;
const PAGES = 4;

async function checkpointOf(hash: string): Promise<Hit[]> {
  let from: bigint | undefined;
  for (let page = 0; page < PAGES; page++) {
    const { checkpoints, next } = await client.request("chain_checkpoints", { limit: PAGE, descending: true, ...(from === undefined ? {} : { from }) });
    const found = checkpoints.find(({ digest, stateRoot }) => digest === hash || stateRoot === hash);
    if (found !== undefined) return [{ kind: "checkpoint", title: String(found.height), address: to("checkpoints", found.height) }];
    if (next === null) break;
    from = next;
  }
  return [];
}

/** Everything that has this hash, as far as the node can be asked. */
async function ofHash(hash: string): Promise<Hit[]> {
  const none = () => [];
  const asked = await Promise.all([
    client.status(hash).then(() => [{ kind: "transaction", title: hash, address: to("transactions", hash) }], none),
    client.request("dag_rounds", { last: ROUNDS }).then(({ rounds }) => {
      const named = rounds.flatMap(({ round, blocks }) => blocks.filter((block) => block.digest === hash).map(({ author }) => ({ round, author })));
      return named.map(({ round, author }) => ({ kind: "block", title: `round ${round}, author ${author}`, address: to("dag", round, author) }));
    }, none),
    checkpointOf(hash).catch(none),
    client.account(hash).then(({ account, exists }) => (exists ? [{ kind: "account", title: account, address: to("accounts", account) }] : []), none),
    client.address(hash, "module").then((module) => client.module(module)).then(({ module, name }) => [{ kind: "module", title: name === null ? module : `@${name}`, address: to("modules", module) }], none),
    client.request("module_list", { limit: PAGE }).then(({ modules }) =>
      modules.filter(({ codeHash }) => codeHash === hash).map(({ module, name }) => ({ kind: "module with this code", title: name === null ? module : `@${name}`, address: to("modules", module) })), none),
  ]);
  return asked.flat();
}

async function find(query: string): Promise<Hit[]> {
  const guesses = guessed(query);
  const found = await Promise.all(
    guesses.map(async (guess): Promise<Hit[]> => {
      if (guess.kind === "hash") return ofHash(guess.hash);
      const [kind, title] = titleOf(guess);
      return [{ kind, title, address: placeOf(guess) }];
    }),
  );
  return found.flat();
}

export function Found({ query }: { query: string }) {
  const prefix = info.value?.addressPrefix;
  const found = useAsk(() => (prefix === undefined ? new Promise<Hit[]>(() => undefined) : find(query)), [query, prefix]);
  const only = found.data?.length === 1 ? found.data[0]!.address : null;
  useEffect(() => {
    // In place of this page: back leads to where one came from.
    if (only !== null) location.replace(only);
  }, [only]);
  return (
    <>
      <PageHead title={<>Search for <code>{query}</code></>} name="Search" />
      <Panel>
        <Answered of={found}>
          {(hits) => hits.length === 0
            ? <Nothing query={query} prefix={prefix ?? ""} />
            : (
              <Table
                label="What was found"
                rows={hits}
                keyOf={(hit) => hit.kind + hit.title}
                empty=""
                columns={[
                  { name: "Kind", cell: (hit) => hit.kind },
                  { name: "What", cell: (hit) => <a href={hit.address} class="mono">{hit.title}</a> },
                ]}
              />
            )}
        </Answered>
      </Panel>
    </>
  );
}

function Nothing({ query, prefix }: { query: string; prefix: string }) {
  const isAddress = query.trim().toLowerCase().startsWith(`${prefix}1`);
  return (
    <Empty>
      {isAddress
        ? "This looks like an address and is none: a letter is wrong, or it is of a validator. Copy it again from where it came."
        : "Nothing of this node has that name. It finds heights, transactions and blocks by hash, addresses, @names of modules, code hashes, validators and methods. Blocks are found by digest while the node holds their round; older ones by round and validator."}
    </Empty>
  );
}
