/** Values of a module's types, read by their names: records as lists of facts, tables of records, the rest on a line. */

import type { ComponentChild } from "preact";
import type { Type } from "@pollen/client";
import { formatAmount } from "@pollen/client";
import { grouped, moment } from "../format.js";
import { AddressLink, Id } from "./names.js";

const DEPTH_MAX = 6;
const ITEMS_SHOWN = 200;

/**
 * What a value says, by its type and JSON form; by its JSON alone where the type is not known. Fields of a record stand
 * below each other at depth 0, beside each other deeper.
 */
export function Value({ value, type = null, name = "", depth = 0 }: { value: unknown; type?: Type | null; name?: string; depth?: number }): ComponentChild {
  if (value === null || value === undefined) return <span class="muted">none</span>;
  if (type !== null && typeof type === "object" && "option" in type) {
    const inside = typeof value === "object" && "some" in value ? value.some : value;
    return <Value value={inside} type={type.option} name={name} depth={depth} />;
  }
  if (depth > DEPTH_MAX) return <code>{JSON.stringify(value)}</code>;
  if (Array.isArray(value)) return <List value={value} type={type} depth={depth} />;
  if (typeof value === "object") return <Fields value={value as Record<string, unknown>} type={type} depth={depth} />;
  return <Scalar value={value} type={type} name={name} />;
}

function Scalar({ value, type, name }: { value: unknown; type: Type | null; name: string }): ComponentChild {
  const text = String(value);
  if (type === "amount") return <span title={`${text} grains`}>{formatAmount(BigInt(text))}</span>;
  if (type === "account") return <AddressLink address={text} />;
  if (type === "hash" || type === "id" || type === "code-hash") return <Id text={text} what={type} />;
  // A moment of ledger time is a u64 whose name says its unit.
  if (type === "u64" && /(^|-)ms$/.test(name) && /^1\d{12}$/.test(text)) return <span title={text}>{moment(Number(text))}</span>;
  if (type === null && /^[a-z]{3,16}1q[0-9a-z]{50,}$/.test(text)) return <AddressLink address={text} />;
  if (typeof value === "number" || (typeof type === "string" && /^[us](8|16|32|64)$/.test(type))) return <span class="mono">{/^-?\d{5,}$/.test(text) ? grouped(text as unknown as bigint) : text}</span>;
  if (typeof value === "boolean") return <span class="mono">{text}</span>;
  return type === "string" || type === null ? <span class="break">{text === "" ? <span class="muted">empty text</span> : text}</span> : <code class="break">{text}</code>;
}

function Fields({ value, type, depth }: { value: Record<string, unknown>; type: Type | null; depth: number }) {
  const typeOf = (field: string): Type | null => {
    if (type === null || typeof type === "string") return null;
    if ("record" in type) return type.record.find(([name]) => name === field)?.[1] ?? null;
    if ("variant" in type) return type.variant.find(([name]) => name === field)?.[1] ?? null;
    if ("result" in type) return field === "ok" ? type.result.ok : type.result.err;
    return null;
  };
  const told = Object.entries(value);
  // In the order of the interface: JSON of a node has names in alphabetical order.
  const order = type !== null && typeof type === "object" && "record" in type ? type.record.map(([name]) => name) : [];
  const entries = order.length === told.length ? told.sort(([a], [b]) => order.indexOf(a) - order.indexOf(b)) : told;
  if (entries.length === 0) return <span class="muted">nothing</span>;
  return (
    <dl class={depth === 0 ? "value-fields" : "value-fields inline"}>
      {entries.map(([name, part]) => <div key={name}><dt>{name}</dt><dd><Value value={part} type={typeOf(name)} name={name} depth={depth + 1} /></dd></div>)}
    </dl>
  );
}

function List({ value, type, depth }: { value: unknown[]; type: Type | null; depth: number }) {
  const item = (place: number): Type | null => {
    if (type === null || typeof type === "string") return null;
    return "list" in type ? type.list : "tuple" in type ? (type.tuple[place] ?? null) : null;
  };
  if (value.length === 0) return <span class="muted">empty list</span>;
  const shown = value.slice(0, ITEMS_SHOWN);
  const first = item(0);
  const columns = first !== null && typeof first === "object" && "record" in first ? first.record : null;
  if (columns !== null && depth === 0) {
    return (
      <div class="table-wrap" role="region" aria-label="List" tabIndex={0}>
        <table>
          <thead><tr>{columns.map(([name]) => <th key={name} scope="col">{name}</th>)}</tr></thead>
          <tbody>
            {shown.map((row, place) => (
              <tr key={place}>{columns.map(([name, part]) => <td key={name}><Value value={(row as Record<string, unknown>)[name]} type={part} name={name} depth={1} /></td>)}</tr>
            ))}
          </tbody>
        </table>
      </div>
    );
  }
  return (
    <ol class="value-list">
      {shown.map((part, place) => <li key={place}><Value value={part} type={item(place)} depth={depth + 1} /></li>)}
      {value.length > shown.length && <li class="muted">and {value.length - shown.length} more: see the JSON</li>}
    </ol>
  );
}
