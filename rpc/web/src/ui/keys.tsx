/** Who may sign for an account and how much of that they used; changed by forms where this browser's wallet may do so. */

import { useEffect, useRef, useState } from "preact/hooks";
import { accountOf, formatAmount, type AccountKeys, type Action, type OwnerKey } from "@pollen/client";
import type { ComponentChildren } from "preact";
import { counted, duration } from "../format.js";
import type { OwnKey } from "../keys.js";
import { signAndSend, walletKeys } from "../seams.js";
import { SendingState, useSending, type Sending } from "./change.js";
import { OwnBadge } from "./key-field.js";
import { AddressLink, Id, Moment } from "./names.js";
import { OwnersForm } from "./owners.js";
import { Badge, Facts, Loading, Panel } from "./parts.js";
import { ScopedForm } from "./scoped.js";

/** What the forms have in common. */
export interface KeysForm {
  keys: AccountKeys;
  owners: OwnerKey[];
  sending: Sending;
  send(action: Action): Promise<void>;
  close(): void;
}

/** What this wallet's keys are to an account. */
interface Standing {
  /** The one that changes its keys: an owner. */
  owner: OwnKey | null;
  scoped: OwnKey | null;
  /** The key that its address was made from, where other owners were named since. */
  former: OwnKey | null;
}

export function standingOf(account: string, keys: AccountKeys, owners: readonly OwnerKey[]): Standing {
  const isOwner = ({ publicKey }: OwnKey) => owners.some(({ key }) => key === publicKey);
  const isScoped = ({ publicKey }: OwnKey) => keys.scoped.some(({ key }) => key === publicKey);
  const mine = walletKeys.value;
  return {
    owner: mine.find(isOwner) ?? null,
    scoped: mine.find(isScoped) ?? null,
    former: mine.find((one) => accountOf(one.publicKey) === account && !isOwner(one) && !isScoped(one)) ?? null,
  };
}

export function StandingBadge({ owner, scoped, former }: Standing) {
  if (owner !== null) return <Badge tone="info" title={`“${owner.label}” of this wallet is an owner.`}>yours</Badge>;
  if (scoped !== null) return <Badge tone="info" title={`“${scoped.label}” of this wallet may do a little.`}>a scoped key of yours</Badge>;
  return former === null ? null : <Badge tone="warn">no longer yours</Badge>;
}

interface KeysProps {
  /** Its address and its id. */
  address: string;
  account: string;
  keys: AccountKeys;
  owners: OwnerKey[];
}

/** A form that is open: that of the owners, or of a scoped key, by its key; `new` for one that is not there yet. */
type Open = { of: "owners" } | { of: "scoped"; key: string } | null;

export function Keys({ told }: { told: KeysProps | null }) {
  if (told === null) return <Panel title="Keys"><Loading lines={2} /></Panel>;
  return <Told {...told} />;
}

function Told({ address, account, keys, owners }: KeysProps) {
  const [open, setOpen] = useState<Open>(null);
  const sending = useSending();
  const { owner, former } = standingOf(account, keys, owners);
  const close = () => {
    sending.clear();
    setOpen(null);
  };
  const send = async (action: Action) => {
    const hash = await signAndSend({ actions: [action], sender: address }, owner!.publicKey);
    sending.tell(hash, "keys");
    if (hash !== null) close();
  };
  const form = { keys, owners, sending, send, close };
  return (
    <Panel title="Keys" extra={keys.stored && <span class="muted">weight {keys.threshold} signs</span>}>
      {!keys.stored && <div class="panel-body muted">One key: the one that its address was made from. The ledger keeps none for it.</div>}
      {owners.length > 0 && <Facts rows={owners.map(({ key, weight }, place) => [`Owner ${place + 1}`, <span class="tag-line"><Id text={key} what="key" /> <span class="muted">weight {weight}</span> <OwnBadge publicKey={key} /></span>])} />}
      {former !== null && <div class="panel-body"><div class="warning">“{former.label}” of this wallet, the key that this address was made from, signs no more for it: it has other owners.</div></div>}
      {keys.scoped.map((scoped) => (
        <Scoped key={scoped.key} scoped={scoped}>
          {owner !== null && (open?.of === "scoped" && open.key === scoped.key
            ? <Form name={`Change “${scoped.label}”`}><ScopedForm {...form} before={scoped} /></Form>
            : (
              <div class="panel-body row">
                <button type="button" disabled={sending.isBusy} onClick={() => setOpen({ of: "scoped", key: scoped.key })}>Change it</button>
                <button type="button" disabled={sending.isBusy} onClick={() => void sending.run(() => send({ kind: "removeKey", key: scoped.key }))}>Remove it</button>
              </div>
            ))}
        </Scoped>
      ))}
      {owner !== null && open?.of === "owners" && <Form name="Change the owners"><OwnersForm {...form} /></Form>}
      {owner !== null && open?.of === "scoped" && open.key === "new" && <Form name="Add a scoped key"><ScopedForm {...form} before={null} /></Form>}
      {owner !== null && open === null && (
        <div class="panel-body row">
          <button type="button" disabled={sending.isBusy} onClick={() => setOpen({ of: "owners" })}>Change the owners</button>
          <button type="button" disabled={sending.isBusy} onClick={() => setOpen({ of: "scoped", key: "new" })}>Add a scoped key</button>
        </div>
      )}
      {(sending.sent !== null || sending.error !== null) && <div class="panel-body"><SendingState of={sending} /></div>}
    </Panel>
  );
}

/** A form with its heading, from which whoever opened it goes on to read. */
function Form({ name, children }: { name: string; children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <div class="panel-body stack">
      <h3 ref={heading} tabIndex={-1}>{name}</h3>
      {children}
    </div>
  );
}

function Scoped({ scoped, children }: { scoped: AccountKeys["scoped"][number]; children: ComponentChildren }) {
  const { label, key, calls, transfers, sponsors, expiresMs, spendMax, window, used } = scoped;
  return (
    <section aria-label={`Scoped key ${label}`}>
      <h3 class="sub">Scoped key “{label}”</h3>
      <Facts
        rows={[
          ["Key", <span class="tag-line"><Id text={key} what="key" /> <OwnBadge publicKey={key} /></span>],
          ["May call", calls.length === 0 ? "no module" : calls.map(({ module, functions }) => <div key={module}><AddressLink address={module} hasCopy={false} /> <span class="muted">{functions.length === 0 ? "everything" : functions.join(", ")}</span></div>)],
          ["May", [transfers && "transfer", sponsors && "pay fees of others"].filter(Boolean).join(", ") || "neither transfer nor pay for others"],
          ["Spent", <>{formatAmount(used.spent)}{spendMax !== null && <span class="muted"> of {formatAmount(spendMax)}</span>}</>],
          window !== null && [`In ${duration(Number(window.lengthMs))}`, <>{formatAmount(used.windowSpent)}{window.spendMax !== null && <span class="muted"> of {formatAmount(window.spendMax)}</span>}, {counted(used.windowTransactions, "transaction")}{window.transactionsMax !== null && <span class="muted"> of {window.transactionsMax}</span>}</>],
          ["Expires", expiresMs === null ? "never" : <Moment ms={expiresMs} />],
        ]}
      />
      {children}
    </section>
  );
}
