/** Every method of the node, from its own description: what it takes, an example, and running it here. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useAsk } from "../ask.js";
import { duration } from "../format.js";
import { paramsOf, readDocument, typedOf, type Method } from "../openrpc.js";
import { to } from "../route.js";
import { Docs } from "../ui/docs.js";
import { Json, jsonText } from "../ui/json.js";
import { Copy } from "../ui/names.js";
import { Answered, Badge, Empty, Failure, PageHead, Panel } from "../ui/parts.js";

interface Ran {
  answer: unknown;
  isError: boolean;
  tookMs: number;
  bytes: number;
}

async function readMethods(): Promise<Method[]> {
  const response = await fetch("./openrpc.json");
  if (!response.ok) throw new Error(`the node does not tell its methods (HTTP ${response.status})`);
  return readDocument(await response.json());
}

/** A call as it stands in the document, and what came back as it came. */
async function run(method: string, params: unknown): Promise<Ran> {
  const begun = performance.now();
  const response = await fetch("./", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const text = await response.text();
  const tookMs = performance.now() - begun;
  let json: { result?: unknown; error?: unknown };
  try {
    json = JSON.parse(text) as typeof json;
  } catch {
    return { answer: `HTTP ${response.status}: ${text}`, isError: true, tookMs, bytes: text.length };
  }
  const isError = json.error !== undefined;
  return { answer: isError ? json.error : json.result, isError, tookMs, bytes: text.length };
}

export function Console({ method }: { method: string | undefined }) {
  const asked = useAsk(readMethods, []);
  const [filter, setFilter] = useState("");
  return (
    <>
      <PageHead title="Console" name="Console" lead="Every method of the node's JSON-RPC, as the node describes it. What runs here runs at this node." />
      {asked.data === null
        ? <Panel><Answered of={asked}>{() => null}</Answered></Panel>
        : <Methods methods={asked.data} chosen={method ?? "node_info"} filter={filter} setFilter={setFilter} />}
    </>
  );
}

function Methods({ methods, chosen, filter, setFilter }: { methods: Method[]; chosen: string; filter: string; setFilter(text: string): void }) {
  const shown = methods.filter(({ name, docs }) => `${name} ${docs}`.toLowerCase().includes(filter.toLowerCase()));
  const found = methods.find(({ name }) => name === chosen);
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    // The list alone moves, and not the page.
    const [whole, one] = [list.current, list.current?.querySelector<HTMLElement>("[aria-current]")];
    if (whole && one && (one.offsetTop < whole.scrollTop || one.offsetTop > whole.scrollTop + whole.clientHeight - one.clientHeight)) {
      whole.scrollTop = one.offsetTop - whole.clientHeight / 2;
    }
  }, [chosen]);
  return (
    <div class="grid side-main">
      <Panel label="Methods">
        <div class="panel-body">
          <input class="wide" type="search" aria-label="Methods with these words" placeholder="Methods with these words" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        </div>
        <ul ref={list} class="functions methods">
          {shown.map(({ name, docs }) => (
            <li key={name}>
              <a href={to("console", name)} aria-current={name === chosen ? "true" : undefined}>
                <strong class="mono">{name}</strong>
                <span class="muted small"><Docs text={docs.split(/(?<=\.)\s/)[0] ?? ""} /></span>
              </a>
            </li>
          ))}
        </ul>
        {shown.length === 0 && <Empty>No method has these words.</Empty>}
      </Panel>
      {found === undefined
        ? <Panel><Empty>The node has no method “{chosen}”.</Empty></Panel>
        : <One key={found.name} method={found} />}
    </div>
  );
}

function One({ method }: { method: Method }) {
  const [typed, setTyped] = useState<Record<string, string>>({});
  const [text, setText] = useState<string | null>(null);
  const [ran, setRan] = useState<Ran | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const isJson = text !== null;
  const params = useMemo(() => {
    try {
      return isJson ? (JSON.parse(text) as unknown) : paramsOf(method.params, typed);
    } catch (why) {
      return why as Error;
    }
  }, [method, typed, text]);
  const submit = async () => {
    setError(null);
    if (params instanceof Error) return setError(params);
    setBusy(true);
    try {
      setRan(await run(method.name, params));
    } catch (why) {
      setError(new Error(`the node does not answer: ${(why as Error).message}`));
    }
    setBusy(false);
  };
  const swap = () => {
    setError(null);
    if (!isJson) return setText(jsonText(params instanceof Error ? {} : params));
    if (params instanceof Error) return setError(params);
    setTyped(typedOf(params as Record<string, unknown>));
    setText(null);
  };
  const curl = `curl -s ${location.origin} -d '${JSON.stringify({ jsonrpc: "2.0", id: 1, method: method.name, params: params instanceof Error ? {} : params }).replaceAll("'", "'\\''")}'`;
  return (
    <div class="stack">
      <Panel title={<code class="function-name">{method.name}</code>} extra={method.params.length > 0 && !method.isSubscription && <button type="button" class="plain" onClick={swap}>{isJson ? "Fields" : "JSON"}</button>} padded>
        <form class="stack" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
          <p class="docs"><Docs text={method.docs} /></p>
          {isJson
            ? <textarea rows={10} aria-label="Parameters as JSON" spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} />
            : method.params.map((param) => <ParamField key={param.name} param={param} value={typed[param.name] ?? ""} change={(value) => setTyped({ ...typed, [param.name]: value })} />)}
          {method.params.length === 0 && <p class="muted">It takes no parameters.</p>}
          {error !== null && <Failure error={error} />}
          {method.isSubscription
            ? <p class="muted">A subscription: over WebSocket, at <code>{location.origin.replace(/^http/, "ws")}/ws</code>. The pages of this site follow it.</p>
            : (
              <div class="row">
                <button type="submit" class="first" disabled={isBusy}>{isBusy ? "Running" : "Run"}</button>
                {method.example !== null && Object.keys(method.example.params).length > 0 && <button type="button" onClick={() => { setText(null); setTyped(typedOf(method.example!.params)); }}>Fill in the example</button>}
                <span class="muted small">as a command <Copy text={curl} what="call as curl" /></span>
              </div>
            )}
        </form>
      </Panel>
      <div aria-live="polite">
        {ran !== null && (
          <Panel title={<>Answer {ran.isError && <Badge tone="bad">error</Badge>}</>} extra={<span class="muted small">{duration(ran.tookMs)}, {ran.bytes} bytes</span>} padded>
            <Json value={ran.answer} label="answer" />
          </Panel>
        )}
      </div>
      {ran === null && method.example !== null && (
        <Panel title="An answer, as recorded from a development network" padded><Json value={method.example.result} label="example" /></Panel>
      )}
    </div>
  );
}

function ParamField({ param, value, change }: { param: Method["params"][number]; value: string; change(value: string): void }) {
  const { name, docs, type, isRequired, choices, kind } = param;
  const id = `param-${name}`;
  return (
    <div class="field">
      <span class="label"><label for={id}>{name}</label><span class="type">{type}</span>{isRequired && <span class="muted small">needed</span>}</span>
      {choices !== null || kind === "boolean"
        ? (
          <select id={id} value={value} onChange={(event) => change(event.currentTarget.value)}>
            <option value="">not given</option>
            {(choices ?? ["true", "false"]).map((choice) => <option key={choice} value={choice}>{choice}</option>)}
          </select>
        )
        : <input id={id} class="mono" value={value} placeholder={kind === "json" ? "JSON" : ""} autocomplete="off" spellcheck={false} onInput={(event) => change(event.currentTarget.value)} />}
      {docs !== "" && <span class="muted small"><Docs text={docs} /></span>}
    </div>
  );
}
