/** Names of things as links that can be copied: hashes, addresses, heights, blocks, moments, amounts. */

import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { formatAmount } from "@pollen/client";
import { ago, grouped, moment, shortened } from "../format.js";
import { moduleNames, readModuleNames, validatorName } from "../names.js";
import { info, nowMs } from "../node.js";
import { to } from "../route.js";

/** Whether times are told as moments and not as how long ago. */
export const isAbsolute = signal(false);

const COPIED_MS = 1_200;

export function Copy({ text, what }: { text: string; what: string }) {
  const [isDone, setDone] = useState(false);
  const copy = async () => {
    await writeClipboard(text);
    setDone(true);
    setTimeout(() => setDone(false), COPIED_MS);
  };
  return (
    <button type="button" class="plain copy" aria-label={isDone ? "copied" : `copy ${what}`} title={isDone ? "copied" : `copy ${what}`} onClick={() => void copy()}>
      <svg viewBox="0 0 16 16" width="13" height="13" fill="none" stroke="currentColor" stroke-width="1.6" aria-hidden="true">
        {isDone ? <path d="m3 8.5 3.5 3.5L13 4.5" /> : <path d="M5.5 5.5v-3h8v8h-3m-8-5h8v8h-8z" />}
      </svg>
    </button>
  );
}

/** By the browser's clipboard; a page that came by plain http from another machine has none, but can select and copy. */
async function writeClipboard(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

interface IdProps {
  text: string;
  what: string;
  href?: string | undefined;
  /** In full, where there is room. */
  isWhole?: boolean | undefined;
  hasCopy?: boolean | undefined;
  headLength?: number | undefined;
}

/** Something long, with its middle left out. */
export function Id({ text, what, href, isWhole = false, hasCopy = true, headLength }: IdProps) {
  const [head, tail] = isWhole ? [text, ""] : shortened(text, headLength);
  const shown = <>{head}{tail !== "" && <>…<span class="tail">{tail}</span></>}</>;
  return (
    <span class={isWhole ? "mono" : "mono id"}>
      {href === undefined ? <span title={text}>{shown}</span> : <a href={href} title={text}>{shown}</a>}
      {hasCopy && <Copy text={text} what={what} />}
    </span>
  );
}

type Shown = Pick<IdProps, "isWhole" | "hasCopy">;

export function TxLink({ hash, ...shown }: { hash: string } & Shown) {
  return <Id text={hash} what="transaction id" href={to("transactions", hash)} {...shown} />;
}

export function HeightLink({ height }: { height: bigint | string }) {
  return <a href={to("checkpoints", height)}>{grouped(BigInt(height))}</a>;
}

/** A module by its name where it has one, anybody else by address. */
export function AddressLink({ address, ...shown }: { address: string } & Shown) {
  const name = moduleNames.value.get(address);
  const isModule = name !== undefined || kindOf(address) === "module";
  if (isModule && name === undefined) void readModuleNames();
  if (name !== undefined && shown.isWhole !== true) {
    return (
      <span class="nowrap">
        <a href={to("modules", `@${name}`)} title={address}>@{name}</a>
        {shown.hasCopy !== false && <Copy text={address} what="address" />}
      </span>
    );
  }
  const prefix = info.value?.addressPrefix.length ?? 6;
  return <Id text={address} what="address" href={to(isModule ? "modules" : "accounts", address)} headLength={prefix + 8} {...shown} />;
}

/** The kind byte is the first of an address's payload: its first letters tell it without decoding. */
function kindOf(address: string): "account" | "module" | "other" {
  const kind = /1q([0-9a-z])[^1]*$/.exec(address)?.[1];
  if (kind === undefined) return "other";
  // The kind byte's upper 5 bits are 0 (`q`); its lower 3 bits lead the next letter.
  const digit = "qpzry9x8gf2tvdw0s3jn54khce6mua7l".indexOf(kind) >> 2;
  return digit === 0 ? "account" : digit === 1 ? "module" : "other";
}

export function BlockLink({ round, author }: { round: number; author: number }) {
  return <a href={to("dag", round, author)}>{validatorName(author)}, round {grouped(round)}</a>;
}

/** A moment: how long ago, with the moment itself on the pointer, or the other way round as the reader chose. */
export function Time({ ms }: { ms: bigint | number }) {
  const at = Number(ms);
  const absolute = moment(at);
  const relative = ago(at, nowMs.value);
  return (
    <time class="nowrap" dateTime={new Date(at).toISOString()} title={isAbsolute.value ? relative : absolute}>
      {isAbsolute.value ? absolute : relative}
    </time>
  );
}

/** Both at once, where there is room. */
export function Moment({ ms }: { ms: bigint | number }) {
  const at = Number(ms);
  return (
    <time dateTime={new Date(at).toISOString()}>
      {moment(at)} <span class="muted">({ago(at, nowMs.value)})</span>
    </time>
  );
}

export function Amount({ grains }: { grains: bigint }) {
  return <span class="nowrap" title={`${grouped(grains)} grains`}>{formatAmount(grains)}</span>;
}
