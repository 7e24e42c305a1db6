/** Functions of a module, and asking them: queries answer here and now, commands are tried or signed and sent. */

import { useState } from "preact/hooks";
import { typeText, type Answer, type FunctionKind, type FunctionType, type KnownModule } from "@pollen/client";
import { route, setQuery } from "../route.js";
import { Badge, Empty, Panel } from "./parts.js";
import { Command } from "./command.js";
import { Docs } from "./docs.js";
import { Query } from "./query.js";

export function signature({ params, result }: FunctionType): string {
  const taken = params.map(([name, type]) => `${name}: ${typeText(type)}`).join(", ");
  return `(${taken})${result === null ? "" : ` -> ${typeText(result)}`}`;
}

export function Functions({ known, module }: { known: KnownModule; module: Answer<"module_get"> }) {
  const { queries, commands } = known.interface;
  const callable = commands.filter(({ name }) => name !== "init" && name !== "migrate");
  const asked = route.value.query.get("f");
  const all = [...queries.map((one) => ["query", one] as const), ...callable.map((one) => ["command", one] as const)];
  const chosen = all.find(([kind, { name }]) => `${kind}:${name}` === asked) ?? all[0];
  if (chosen === undefined) return <Panel><Empty>This module has no functions to call.</Empty></Panel>;
  const [kind, called] = chosen;
  const list = (title: string, of: FunctionKind, functions: FunctionType[]) => functions.length > 0 && (
    <section aria-label={title}>
      <h2 class="sub">{title}</h2>
      <ul class="functions">
        {functions.map((one) => (
          <li key={one.name}>
            <button type="button" aria-current={one === called ? "true" : undefined} onClick={() => setQuery({ f: `${of}:${one.name}` })}>
              <strong>{one.name}</strong>
              <span class="signature">{signature(one)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
  return (
    <div class="grid side-main">
      <Panel label="Functions">
        {list("Queries: only read", "query", queries)}
        {list("Commands: may change the state", "command", callable)}
      </Panel>
      <Chosen key={`${kind}:${called.name}`} kind={kind} called={called} known={known} module={module} />
    </div>
  );
}

interface ChosenProps {
  kind: FunctionKind;
  called: FunctionType;
  known: KnownModule;
  module: Answer<"module_get">;
}

function Chosen({ kind, called, known, module }: ChosenProps) {
  const [isFolded, setFolded] = useState(true);
  const docs = called.docs ?? "";
  const long = docs.length > 400;
  return (
    <Panel title={<><code class="function-name">{called.name}</code> <Badge tone={kind === "query" ? "info" : "plain"}>{kind}</Badge></>} padded>
      <div class="stack">
        {docs !== "" && <p class="docs"><Docs text={long && isFolded ? `${docs.slice(0, 380)}…` : docs} /> {long && <button type="button" class="plain" onClick={() => setFolded(!isFolded)}>{isFolded ? "all of it" : "less"}</button>}</p>}
        <code class="signature whole">{called.name}{signature(called)}</code>
        {kind === "query" ? <Query called={called} known={known} /> : <Command called={called} known={known} module={module} />}
      </div>
    </Panel>
  );
}
