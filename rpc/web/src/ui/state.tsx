/**
 * Entries of the state: what the ledger itself keeps in words (docs/storage.md), everything else as text where it is
 * some, else as hexadecimal digits.
 */

import type { ComponentChild } from "preact";
import { accountAddress, formatAmount, moduleAddress, readAccountRecord, showBytes, toHex } from "@pollen/client";
import { grouped, readableText } from "../format.js";
import { moduleNames } from "../names.js";
import { info } from "../node.js";
import { AddressLink, Copy, Id } from "./names.js";
import { Badge, Empty, Table } from "./parts.js";

/** One entry that changed; `owner` and `key` are null where the node knows but the hash of the key. */
export interface StateChange {
  owner: string | null;
  key: Uint8Array | null;
  before: Uint8Array | null;
  after: Uint8Array | null;
  /** Lengths, where a value was too long to be told. */
  lengths?: [number | null, number | null];
}

/** The ledger's own owners, by their number. */
const LEDGER: Record<number, string> = {
  1: "account", 2: "nonce window", 3: "module", 4: "name", 5: "ledger", 6: "code", 7: "version", 8: "change", 9: "keys", 10: "key use",
};
const [ACCOUNTS, NONCES, MODULES, NAMES, SYSTEM, CODE, VERSIONS, CHANGES, KEYS, KEY_USES] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

function ledgerOwner(owner: string): number | null {
  const number = /^0{56}([0-9a-f]{8})$/.exec(owner)?.[1];
  return number === undefined ? null : parseInt(number, 16);
}

/** Who owns an entry: a part of the ledger itself, or a module. */
export function Owner({ owner }: { owner: string }) {
  const number = ledgerOwner(owner);
  if (number !== null) return <Badge>{LEDGER[number] ?? `ledger ${number}`}</Badge>;
  const prefix = info.value?.addressPrefix;
  return prefix === undefined ? <code>{owner}</code> : <AddressLink address={moduleAddress(owner, prefix)} hasCopy={false} />;
}

/** An id of an account or a module: which of the two, the state does not tell but by its list of modules. */
function Holder({ id }: { id: Uint8Array }) {
  const prefix = info.value?.addressPrefix ?? "";
  const asModule = moduleAddress(toHex(id), prefix);
  return <AddressLink address={moduleNames.value.has(asModule) ? asModule : accountAddress(toHex(id), prefix)} hasCopy={false} />;
}

export function StateKey({ owner, bytes }: { owner: string | null; bytes: Uint8Array }): ComponentChild {
  const number = owner === null ? null : ledgerOwner(owner);
  const [id, rest] = [bytes.subarray(0, 32), bytes.subarray(32)];
  switch (number) {
    case ACCOUNTS:
    case MODULES:
    case KEYS:
      return <Holder id={id} />;
    case NONCES:
    case KEY_USES:
      return <><Holder id={id} /> <span class="muted">key</span> <Id text={toHex(rest)} what="key" hasCopy={false} /></>;
    case VERSIONS:
    case CHANGES:
      return <><Holder id={id} /> <span class="mono">{showBytes(rest)}</span></>;
    case CODE:
      return <Id text={toHex(bytes)} what="code hash" />;
    case NAMES:
    case SYSTEM:
      return <span class="mono">{new TextDecoder().decode(bytes)}</span>;
    default:
      return <Bytes bytes={bytes} what="key" />;
  }
}

/** What the ledger's own values say; null where they are shown as bytes. */
function ledgerValue(owner: string | null, bytes: Uint8Array): ComponentChild {
  const number = owner === null ? null : ledgerOwner(owner);
  if (number === SYSTEM && bytes.length === 8) return formatAmount(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (number === NAMES && bytes.length === 32) return <Holder id={bytes} />;
  if (number !== ACCOUNTS) return null;
  try {
    const { balance, deposit } = readAccountRecord(bytes);
    return <>balance {formatAmount(balance)}<br /><span class="muted">deposit {formatAmount(deposit)}</span></>;
  } catch {
    return null; // of another protocol version: its bytes are shown
  }
}

const SHOWN_BYTES = 48;

/** Four or eight bytes as the whole number that they mostly are; null where it would be a strange one. */
function asNumber(bytes: Uint8Array): string | null {
  if (bytes.length !== 4 && bytes.length !== 8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const number = bytes.length === 4 ? BigInt(view.getUint32(0, true)) : view.getBigUint64(0, true);
  return number < 1n << 53n ? grouped(number) : null;
}

/** Bytes: as text where they are some, with all of their digits on the pointer. */
export function Bytes({ bytes, what, hasCopy = true }: { bytes: Uint8Array; what: string; hasCopy?: boolean }) {
  if (bytes.length === 0) return <span class="muted">empty</span>;
  const text = readableText(bytes);
  const shown = text !== null ? `"${text.slice(0, SHOWN_BYTES)}${text.length > SHOWN_BYTES ? "…" : ""}"` : showBytes(bytes);
  const number = text === null ? asNumber(bytes) : null;
  return (
    <span class="mono bytes">
      <span title={bytes.length <= 512 ? `0x${toHex(bytes)}` : `${bytes.length} bytes`}>{shown}</span>
      {number !== null && <span class="muted" title="as a whole number, little-endian"> = {number}</span>}
      {hasCopy && <Copy text={`0x${toHex(bytes)}`} what={what} />}
    </span>
  );
}

export function StateValue({ owner, bytes, length, what }: { owner: string | null; bytes: Uint8Array | null; length: number | null | undefined; what: string }) {
  if (bytes !== null) return <>{ledgerValue(owner, bytes) ?? <Bytes bytes={bytes} what={what} />}</>;
  if (length != null) return <span class="muted">{length} bytes, too long to be told here</span>;
  return <span class="muted">none</span>;
}

export function StateChanges({ changes, empty }: { changes: readonly StateChange[]; empty: string }) {
  if (changes.length === 0) return <Empty>{empty}</Empty>;
  const rows = changes.map((change, place) => ({ ...change, place }));
  return (
    <Table
      label="State changes"
      rows={rows}
      keyOf={({ place }) => String(place)}
      empty={empty}
      columns={[
        { name: "Of", cell: ({ owner }) => (owner === null ? <span class="muted">not told</span> : <Owner owner={owner} />) },
        { name: "Key", cell: ({ owner, key }) => (key === null ? "" : <StateKey owner={owner} bytes={key} />) },
        { name: "Before", cell: ({ owner, before, lengths }) => <StateValue owner={owner} bytes={before} length={lengths?.[0]} what="value before" /> },
        { name: "After", cell: ({ owner, after, lengths }) => <StateValue owner={owner} bytes={after} length={lengths?.[1]} what="value after" /> },
      ]}
    />
  );
}
