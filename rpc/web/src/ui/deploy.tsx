/**
 * A component from a file to the ledger: read here, its interface shown, the arguments of its `init` asked for, then
 * signed and sent by the wallet. Where the chain lets new code wait, it is published first, and deployed when it has waited.
 */

import { useState } from "preact/hooks";
import { deployedModule, encodeArguments, InputError, isModuleName, moduleAddress, ValueError } from "@pollen/client";
import { fieldOf, fieldsOf, type Draft } from "../draft.js";
import { duration } from "../format.js";
import { client, info } from "../node.js";
import { NO_DELAY, policyOf } from "../policy.js";
import { to } from "../route.js";
import { signAndSend } from "../seams.js";
import { CodeWaiting, codeWaitMs, useCodeWait } from "./code-wait.js";
import { Drop, type Component } from "./component.js";
import { Docs } from "./docs.js";
import { Fields, type Wrong } from "./form.js";
import { Id } from "./names.js";
import { Facts, Failure, Panel } from "./parts.js";
import { PolicyFields } from "./policy.js";
import { Sent } from "./sent.js";

export function Deploy() {
  const [component, setComponent] = useState<Component | null>(null);
  return (
    <Panel title="Deploy a module" padded>
      <div class="stack">
        <Drop component={component} take={setComponent} called="init" words="Drop a component here, or choose a file" />
        {component !== null && <Prepared key={component.hash} component={component} change={(drafts) => setComponent({ ...component, drafts })} />}
      </div>
    </Panel>
  );
}

function Prepared({ component, change }: { component: Component; change(drafts: Record<string, Draft>): void }) {
  const { hash, called: init, drafts } = component;
  const [name, setName] = useState("");
  const [policy, setPolicy] = useState(NO_DELAY);
  const [wrong, setWrong] = useState<Wrong | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [sent, setSent] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const codeWait = useCodeWait();
  const waitMs = codeWaitMs();
  const send = async () => {
    setError(null);
    setWrong(null);
    if (name !== "" && !isModuleName(name)) return setWrong({ path: "@name", words: "a name has 2 to 64 lower-case letters, digits and inner hyphens, a letter first" });
    setBusy(true);
    try {
      const upgrade = await policyOf(policy, (address) => client.idOf(address));
      const encoded = init === null ? new Uint8Array() : encodeArguments(init.params, fieldsOf(init.params, { fields: drafts }), await client.formats());
      const action = { kind: "deploy" as const, code: hash, name: name === "" ? null : name, arguments: encoded, policy: upgrade };
      const attachments = await codeWait.ready(component.bytes);
      const deployed = attachments === null ? null : await signAndSend({ actions: [action], attachments });
      if (deployed !== null) setSent(deployed);
    } catch (why) {
      if (why instanceof ValueError) setWrong({ path: fieldOf(why.path), words: why.message });
      else if (why instanceof InputError) setWrong({ path: "@policy", words: why.message });
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
      <fieldset class="bare stack" disabled={isBusy}>
        <div class="field">
          <span class="label"><label for="module-name">Name</label> <span class="muted small">registered as @name; may be left out</span></span>
          <input id="module-name" value={name} autocomplete="off" spellcheck={false} {...(wrong?.path === "@name" ? { "aria-invalid": "true" as const } : {})} onInput={(event) => setName(event.currentTarget.value)} />
          {wrong?.path === "@name" && <span class="wrong">{wrong.words}</span>}
        </div>
        <PolicyFields draft={policy} change={setPolicy} wrong={wrong?.path === "@policy" ? wrong.words : null} />
        {init !== null && init.params.length > 0 && (
          <fieldset>
            <legend>Arguments of init</legend>
            <Fields fields={init.params} drafts={drafts} wrong={wrong} change={change} />
          </fieldset>
        )}
      </fieldset>
      {wrong !== null && !wrong.path.startsWith("@") && <div class="failure" role="alert">{wrong.words}</div>}
      {error !== null && <Failure error={error} />}
      <div class="row">
        <button type="submit" class="first" disabled={isBusy}>{waitMs > 0n ? "Publish and deploy" : "Deploy"}</button>
        {waitMs > 0n && <span class="muted small">New code waits {duration(Number(waitMs))} here: it is published first, and deployed when it has waited. Two signatures.</span>}
      </div>
      <CodeWaiting of={codeWait} />
      {sent !== null && (
        <Sent hash={sent} called={init}>
          {(status) => status.outcome?.kind === "success" && <DeployedLink hash={sent} />}
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
