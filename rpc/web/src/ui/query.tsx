/** A query by a form: run by the node, its result by its type, with the state that it was read from. */

import { useState } from "preact/hooks";
import { encodeArguments, successType, ValueError, type Answer, type FunctionType, type KnownModule } from "@pollen/client";
import { emptyFields, fieldOf, fieldsOf } from "../draft.js";
import { grouped } from "../format.js";
import { client } from "../node.js";
import { Fields, type Wrong } from "./form.js";
import { jsonText } from "./json.js";
import { Copy, HeightLink } from "./names.js";
import { Failure } from "./parts.js";
import { Value } from "./value.js";

export function Query({ called, known }: { called: FunctionType; known: KnownModule }) {
  const [drafts, setDrafts] = useState(() => emptyFields(called.params).fields);
  const [wrong, setWrong] = useState<Wrong | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [answer, setAnswer] = useState<Answer<"module_call"> | null>(null);
  const [isBusy, setBusy] = useState(false);
  const run = async () => {
    setWrong(null);
    setError(null);
    setBusy(true);
    try {
      const argumentsBytes = encodeArguments(called.params, fieldsOf(called.params, { fields: drafts }), await client.formats());
      setAnswer(await client.request("module_call", { module: known.address, function: called.name, argumentsBytes }));
    } catch (why) {
      setAnswer(null);
      if (why instanceof ValueError) setWrong({ path: fieldOf(why.path), words: `expected ${why.expected}` });
      else setError(why);
    }
    setBusy(false);
  };
  return (
    <form class="stack" onSubmit={(event) => { event.preventDefault(); void run(); }}>
      <Fields fields={called.params} drafts={drafts} wrong={wrong} change={setDrafts} />
      <div class="row">
        <button type="submit" class="first" disabled={isBusy}>{isBusy ? "Running" : "Run the query"}</button>
        <span class="muted small">Free; nothing is signed.</span>
      </div>
      <div aria-live="polite" class="stack">
        {error !== null && <Failure error={error} />}
        {answer !== null && (
          <section class="result" aria-label="Result">
            <div class="result-value"><Value value={answer.result} type={successType(called)} /></div>
            <div class="row muted small">
              <span>state of checkpoint <HeightLink height={answer.at.height} />{answer.at.certified ? ", certified" : ""}</span>
              <span>{grouped(answer.fuelUsed)} fuel, paid by nobody</span>
              <span>JSON <Copy text={jsonText(answer.result)} what="result as JSON" /></span>
            </div>
          </section>
        )}
      </div>
    </form>
  );
}
