/** Rounds of the DAG in words: a row for a round, a cell for a validator's slot. */

import type { DagModel } from "../dag/model.js";
import { grouped } from "../format.js";
import { validatorName } from "../names.js";
import { info } from "../node.js";
import { to } from "../route.js";

const SHOWN = 12;

export function RoundsTable({ model }: { model: DagModel }) {
  const authors = (info.value?.committee ?? []).map(({ author }) => author);
  const rounds = Array.from({ length: SHOWN }, (_, place) => model.last - place).filter((round) => model.round(round) !== undefined);
  return (
    <div class="table-wrap" role="region" aria-label="Newest rounds" tabIndex={0}>
      <table>
        <thead>
          <tr><th scope="col">Round</th>{authors.map((author) => <th key={author} scope="col">{validatorName(author)}</th>)}</tr>
        </thead>
        <tbody>
          {rounds.map((round) => (
            <tr key={round}>
              <th scope="row">{grouped(round)}</th>
              {authors.map((author) => {
                const block = model.blockAt(round, author);
                const state = model.slot(round, author);
                return (
                  <td key={author} class="nowrap">
                    {block === undefined ? <span class="muted">no block, {state}</span> : <a href={to("dag", round, author)}>{state}{block.transactions > 0 && `, ${block.transactions} tx`}</a>}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
