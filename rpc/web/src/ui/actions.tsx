/** What a transaction asks for: each action with its arguments by name, and all of it in words, made from signed bytes. */

import type { ComponentChild } from "preact";
import { decodeArguments, decodeSigned, showBytes, type ActionView, type KnownModule, type Preview, type TxStatus } from "@pollen/client";
import { useAsk } from "../ask.js";
import { counted } from "../format.js";
import { client } from "../node.js";
import { policyWords } from "../policy.js";
import { AddressLink, Amount, Id } from "./names.js";
import { Answered, Badge, Facts, Panel } from "./parts.js";
import { Docs } from "./docs.js";
import { Value } from "./value.js";

export function Actions({ actions }: { actions: readonly ActionView[] }) {
  return (
    <ol class="actions">
      {actions.map((action, place) => <li key={place}><Action action={action} /></li>)}
    </ol>
  );
}

function Action({ action }: { action: ActionView }): ComponentChild {
  switch (action.kind) {
    case "transfer":
      return <Facts rows={[["Transfer", <Amount grains={action.amount} />], ["To", <AddressLink address={action.to} />]]} />;
    case "invoke":
      return <Invoke action={action} />;
    case "deploy":
      return (
        <Facts
          rows={[
            ["Deploy", action.name === null ? "a module without a name" : `@${action.name}`],
            ["Module", <AddressLink address={action.module} isWhole />],
            ["Code", <Id text={action.code} what="code hash" />],
            ["Upgrades", policyWords(action.policy)],
            action.arguments.length > 0 && ["Arguments of init", <code>{showBytes(action.arguments)}</code>],
          ]}
        />
      );
    case "publish":
      return <Facts rows={[["Publish code", <Id text={action.code} what="code hash" />]]} />;
    case "change": {
      const { change } = action;
      return (
        <Facts
          rows={[
            ["Change", { upgrade: "upgrade", policy: "who may change it", pause: "pause", resume: "resume" }[change.kind]],
            ["Of", <AddressLink address={action.module} />],
            change.kind === "upgrade" && ["New code", <Id text={change.code} what="code hash" />],
            change.kind === "policy" && ["From then on", policyWords(change.policy)],
          ]}
        />
      );
    }
    case "cancel":
      return <Facts rows={[["Take back", <Id text={action.change} what="change" />], ["Of", <AddressLink address={action.module} />]]} />;
    case "setOwners":
      return <Facts rows={[["Set owners", `${counted(action.owners.length, "key")}, threshold ${action.threshold}`], ...action.owners.map(({ key, weight }): [string, ComponentChild] => [`Weight ${weight}`, <Id text={key} what="key" />])]} />;
    case "putKey":
      return <Facts rows={[["Put scoped key", <Id text={action.key.key} what="key" />], ["Label", action.key.label], ["May call", action.key.calls.length === 0 ? "no module" : action.key.calls.map(({ module, functions }) => <div key={module}><AddressLink address={module} hasCopy={false} /> {functions.length === 0 ? "everything" : functions.join(", ")}</div>)], ["May transfer", action.key.transfers ? "yes" : "no"]]} />;
    case "removeKey":
      return <Facts rows={[["Remove key", <Id text={action.key} what="key" />]]} />;
  }
}

type Invoked = Extract<ActionView, { kind: "invoke" }>;

/** The arguments by the interface that the call names; where the module has another one by now, that is said. */
async function decode(action: Invoked): Promise<{ known: KnownModule; values: Record<string, unknown> | null }> {
  const known = await client.interfaceOf(action.module);
  const called = known.interface.commands.find(({ name }) => name === action.function);
  if (called === undefined || (action.interface !== null && action.interface !== known.interfaceHash)) return { known, values: null };
  return { known, values: decodeArguments(called.params, action.arguments, await client.formats()) };
}

function Invoke({ action }: { action: Invoked }) {
  const decoded = useAsk(() => decode(action), [action.module, action.function, showBytes(action.arguments)]);
  const values = decoded.data?.values ?? null;
  const called = decoded.data?.known.interface.commands.find(({ name }) => name === action.function);
  const asBytes = <code>{showBytes(action.arguments)}</code>;
  return (
    <Facts
      rows={[
        ["Call", <><AddressLink address={action.module} /> <code>{action.function}</code></>],
        called?.docs != null && ["Which", <span class="muted"><Docs text={called.docs} /></span>],
        ...(values === null
          ? [["Arguments", decoded.data === null ? asBytes : <>{asBytes} <Badge tone="warn" title="The module was upgraded since: its interface now is another one.">of another interface than the module's now</Badge></>] as [string, ComponentChild]]
          : Object.entries(values).map(([name, value]): [string, ComponentChild] => [name, <Value value={value} type={called?.params.find(([param]) => param === name)?.[1] ?? null} name={name} />])),
        action.deposit > 0n && ["Sent along", <Amount grains={action.deposit} />],
      ]}
    />
  );
}

/** The preview that a signer sees, made here from the signed bytes. */
export function Words({ status }: { status: TxStatus }) {
  const { hash, height } = status;
  const asked = useAsk(async () => {
    if (height === null) return null;
    const { transaction } = await client.request("tx_get", { hash });
    return client.preview(decodeSigned(transaction).transaction);
  }, [hash, height]);
  if (height === null) return null;
  return (
    <Panel title="In words" extra={<span class="muted small">from the signed bytes and the modules' interfaces, as a wallet shows it</span>} padded>
      <Answered of={asked}>{(preview) => (preview === null ? null : <PreviewWords preview={preview} />)}</Answered>
    </Panel>
  );
}

export function PreviewWords({ preview }: { preview: Preview }) {
  return (
    <div class="preview-words">
      {preview.actions.map((line, place) => <p key={place}>{line}</p>)}
      {preview.terms.map((line, place) => <p key={`t${place}`} class="muted">{line}</p>)}
    </div>
  );
}
