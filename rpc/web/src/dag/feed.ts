/**
 * What the DAG is drawn from: rounds as the order has passed them, none left out, by subscription; and the newest ones,
 * which are still being decided, by a question a few times a second.
 */

import { client, connection, follow, whenLive } from "../node.js";
import type { DagModel } from "./model.js";

/** Rounds to begin with. */
const FIRST = 120;
/** The newest rounds, in which slots are decided yet. */
const OPEN = 24;
const LAST_MAX = 200;
const ASK_MS = 150;
/** A slow node is left so many times as long as it took. */
const REST = 3;

/** Keeps a model up to date; returns what stops it. `onChange` after each change; `onError` null once all is well again. */
export function feed(model: DagModel, onChange: () => void, onError: (error: unknown) => void): () => void {
  let isStopped = false;
  const ask = async (last: number) => {
    const { rounds, committedRound } = await client.request("dag_rounds", { last });
    if (model.put(rounds, committedRound)) onChange();
  };
  void (async () => {
    let last = FIRST;
    while (!isStopped) {
      const begun = performance.now();
      try {
        const before = model.last;
        await ask(last);
        onError(null);
        // As many as came meanwhile, and those that may be decided yet.
        last = Math.min(LAST_MAX, OPEN + model.last - before);
      } catch (error) {
        if (connection.value.kind === "live") onError(error);
        last = FIRST; // what was missed meanwhile
        await whenLive();
      }
      await new Promise((resolve) => setTimeout(resolve, Math.max(ASK_MS, REST * (performance.now() - begun))));
    }
  })();
  const unfollow = follow(
    (signal, after: number | undefined) => client.rounds({ signal, onGap: () => undefined, ...(after === undefined ? {} : { after }) }),
    (round) => {
      if (model.put([round], round.round)) onChange();
    },
  );
  return () => {
    isStopped = true;
    unfollow();
  };
}
