/** A field for a public key, whole, with whose it is; and the keys that this browser's wallet could put there. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { PublicKey } from "@pollen/client";
import { makeKey, walletKeys } from "../seams.js";
import { Badge } from "./parts.js";
import type { Sending } from "./change.js";

/** What this wallet calls a key, where it has it. */
export function OwnBadge({ publicKey }: { publicKey: PublicKey }) {
  const own = walletKeys.value.find((one) => one.publicKey === publicKey);
  return own === undefined ? null : <Badge tone="info" title="A key of this browser's wallet.">{own.label}</Badge>;
}

export function KeyField({ label, text, change, isFixed = false }: { label: string; text: string; change(text: string): void; isFixed?: boolean }) {
  const id = useId();
  return (
    <div class="field">
      <span class="label"><label for={id}>{label}</label><OwnBadge publicKey={text.trim()} /></span>
      <textarea id={id} class="key" rows={2} value={text} readOnly={isFixed} placeholder="64 hexadecimal digits, or an address" autocomplete="off" autocapitalize="none" spellcheck={false} onInput={(event) => change(event.currentTarget.value)} />
    </div>
  );
}

interface OwnKeysProps {
  /** Keys that are not offered. */
  taken: readonly string[];
  sending: Sending;
  take(key: PublicKey): void;
  children?: ComponentChildren;
}

/** Keys of this wallet by a press, and one that is made for it. */
export function OwnKeys({ taken, sending, take, children }: OwnKeysProps) {
  const free = walletKeys.value.filter(({ publicKey }) => !taken.includes(publicKey));
  const make = async () => {
    const made = await makeKey();
    if (made !== null) take(made);
  };
  return (
    <div class="row">
      {free.map(({ publicKey, label }) => <button key={publicKey} type="button" disabled={sending.isBusy} onClick={() => take(publicKey)}>Use {label}</button>)}
      <button type="button" disabled={sending.isBusy} onClick={() => void sending.run(make)}>Make a key in this wallet</button>
      {children}
    </div>
  );
}
