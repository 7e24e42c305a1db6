/**
 * A component from a file to the ledger: read here, its interface shown, the arguments of its `init` asked for, then
 * signed and sent by the wallet. Where the chain lets new code wait, it is published first.
 */

import { useState } from "preact/hooks";
import {
  contentHash, deployedModule, encodeArguments, isModuleName, moduleAddress, readComponent, ValueError, type FunctionType, type Interface,
} from "@pollen/client";
import { emptyFields, fieldOf, fieldsOf, type Draft } from "../draft.js";
import { duration, size } from "../format.js";
import { client, head, info } from "../node.js";
import { to } from "../route.js";
import { signAndSend } from "../seams.js";
import { Docs } from "./docs.js";
import { Fields, type Wrong } from "./form.js";
import { Id } from "./names.js";
import { Facts, Failure, Panel } from "./parts.js";
import { Sent } from "./sent.js";

const COMPONENT_BYTES_MAX = 1 << 20;
const POLICIES = { owner: "its creator, at once", never: "nobody, ever" } as const;

interface Component {
  file: string;
  bytes: Uint8Array;
  hash: string;
  /** Null for one that does not describe itself. */
  interface: Interface | null;
  init: FunctionType | null;
  drafts: Record<string, Draft>;
}

async function read(file: File): Promise<Component> {
  if (file.size > COMPONENT_BYTES_MAX) throw new Error(`${file.name} has ${size(file.size)}: a component may have at most ${size(COMPONENT_BYTES_MAX)}. Build it for release, and strip it.`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const isComponent = bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d;
  if (!isComponent) throw new Error(`${file.name} is no WebAssembly: it begins otherwise. 'pollen build' makes components.`);
  const told = readComponent(bytes);
  const init = told?.commands.find(({ name }) => name === "init") ?? null;
  return { file: file.name, bytes, hash: contentHash(bytes), interface: told, init, drafts: emptyFields(init?.params ?? []).fields };
}

export function Deploy() {
  const [component, setComponent] = useState<Component | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isOver, setOver] = useState(false);
  const take = (file: File | undefined) => {
    setOver(false);
    if (file === undefined) return;
    setError(null);
    read(file).then(setComponent, (why: unknown) => {
      setComponent(null);
      setError(why);
    });
  };
  return (
    <Panel title="Deploy a module" padded>
      <div class="stack">
        <label
          class={`drop${isOver ? " over" : ""}`}
          onDragOver={(event) => { event.preventDefault(); setOver(true); }}
          onDragLeave={() => setOver(false)}
          onDrop={(event) => { event.preventDefault(); take(event.dataTransfer?.files[0]); }}
        >
          <input type="file" class="hidden-text" accept=".wasm,application/wasm" onChange={(event) => take(event.currentTarget.files?.[0])} />
          <strong>{component === null ? "Drop a component here, or choose a file" : component.file}</strong>
          <span class="muted small">{component === null ? <>a <code>.wasm</code> of <code>pollen build</code>, at most {size(COMPONENT_BYTES_MAX)}</> : `${size(component.bytes.length)}; drop another one to replace it`}</span>
        </label>
        {error !== null && <Failure error={error} />}
        {component !== null && <Prepared key={component.hash} component={component} change={(drafts) => setComponent({ ...component, drafts })} />}
      </div>
    </Panel>
  );
}

function Prepared({ component, change }: { component: Component; change(drafts: Record<string, Draft>): void }) {
  const { bytes, hash, init, drafts } = component;
  const [name, setName] = useState("");
  const [policy, setPolicy] = useState<keyof typeof POLICIES>("owner");
  const [wrong, setWrong] = useState<Wrong | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [sent, setSent] = useState<{ hash: string; step: "publish" | "deploy" } | null>(null);
  const [isBusy, setBusy] = useState(false);
  const waitMs = info.value?.parameters.codeActivationMs ?? 0n;
  const send = async () => {
    setError(null);
    setWrong(null);
    if (name !== "" && !isModuleName(name)) return setWrong({ path: "@name", words: "a name has 2 to 64 lower-case letters, digits and inner hyphens, a letter first" });
    setBusy(true);
    try {
      const known = waitMs === 0n ? null : await client.request("module_code", { code: hash, factsOnly: true }).catch(() => null);
      if (waitMs > 0n && known === null) {
        const published = await signAndSend({ actions: [{ kind: "publish", code: hash }], attachments: [bytes] });
        if (published !== null) setSent({ hash: published, step: "publish" });
      } else if (known !== null && known.activeMs > (head.value?.timeMs ?? 0n)) {
        throw new Error(`the code is published, and may be used in ${duration(Number(known.activeMs - (head.value?.timeMs ?? 0n)))}: try again then`);
      } else {
        const encoded = init === null ? new Uint8Array() : encodeArguments(init.params, fieldsOf(init.params, { fields: drafts }), await client.formats());
        const action = { kind: "deploy" as const, code: hash, name: name === "" ? null : name, arguments: encoded, policy: policy === "never" ? { kind: "never" as const } : { kind: "owner" as const, delayMs: 0n } };
        const deployed = await signAndSend({ actions: [action], attachments: known === null ? [bytes] : [] });
        if (deployed !== null) setSent({ hash: deployed, step: "deploy" });
      }
    } catch (why) {
      if (why instanceof ValueError) setWrong({ path: fieldOf(why.path), words: why.message });
      else setError(why);
    }
    setBusy(false);
  };
  return (
    <form class="stack" onSubmit={(event) => { event.preventDefault(); void send(); }}>
      <Facts
        rows={[
          ["Describes itself as", component.interface === null ? "nothing: it has no description of its interface" : <>{component.interface.package}{component.interface.docs !== null && <div class="muted"><Docs text={component.interface.docs} /></div>}</>],
          component.interface !== null && ["Functions", [...component.interface.commands, ...component.interface.queries].map(({ name }) => name).join(", ")],
          ["Code hash", <Id text={hash} what="code hash" />],
        ]}
      />
      <div class="field">
        <span class="label"><label for="module-name">Name</label> <span class="muted small">registered as @name; may be left out</span></span>
        <input id="module-name" value={name} autocomplete="off" spellcheck={false} {...(wrong?.path === "@name" ? { "aria-invalid": "true" as const } : {})} onInput={(event) => setName(event.currentTarget.value)} />
        {wrong?.path === "@name" && <span class="wrong">{wrong.words}</span>}
      </div>
      <div class="field">
        <span class="label"><label for="module-policy">Who may upgrade it</label></span>
        <select id="module-policy" value={policy} onChange={(event) => setPolicy(event.currentTarget.value as keyof typeof POLICIES)}>
          {Object.entries(POLICIES).map(([kind, words]) => <option key={kind} value={kind}>{words}</option>)}
        </select>
      </div>
      {init !== null && init.params.length > 0 && (
        <fieldset>
          <legend>Arguments of init</legend>
          <Fields fields={init.params} drafts={drafts} wrong={wrong} change={change} />
        </fieldset>
      )}
      {wrong !== null && wrong.path !== "@name" && <div class="failure" role="alert">{wrong.words}</div>}
      {error !== null && <Failure error={error} />}
      <div class="row">
        <button type="submit" class="first" disabled={isBusy}>{waitMs > 0n ? "Publish and deploy" : "Deploy"}</button>
        {waitMs > 0n && <span class="muted small">New code waits {duration(Number(waitMs))} here: it is published first, and deployed by the same button then.</span>}
      </div>
      {sent !== null && (
        <Sent hash={sent.hash}>
          {sent.step === "deploy"
            ? (isOk) => isOk && <DeployedLink hash={sent.hash} />
            : () => <p>Press the button again when it has waited.</p>}
        </Sent>
      )}
    </form>
  );
}

function DeployedLink({ hash }: { hash: string }) {
  const prefix = info.value?.addressPrefix;
  if (prefix === undefined) return null;
  return <a class="button first" href={to("modules", moduleAddress(deployedModule(hash, 0), prefix))}>Open the new module</a>;
}
