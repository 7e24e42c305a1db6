/**
 * What somebody is writing into a form, by the type of a value: every field as it was typed, nothing lost while another
 * case is tried. Pure; the client's encoder says what does not fit, and where.
 */

import { fromHex, toBase64, type Type } from "@pollen/client";

export type BytesForm = "text" | "hex" | "base64";

export type Draft =
  | string
  | boolean
  | { bytes: string; form: BytesForm }
  | { items: Draft[] }
  | { some: boolean; value: Draft }
  | { fields: Record<string, Draft> }
  | { chosen: string; payload: Draft | null }
  | { flags: string[] };

/** Nothing written yet. */
export function emptyDraft(type: Type): Draft {
  if (typeof type === "string") return type === "bool" ? false : type === "bytes" ? { bytes: "", form: "text" } : "";
  if ("list" in type) return { items: [] };
  if ("option" in type) return { some: false, value: emptyDraft(type.option) };
  if ("tuple" in type) return { items: type.tuple.map(emptyDraft) };
  if ("record" in type) return emptyFields(type.record);
  if ("flags" in type) return { flags: [] };
  if ("enum" in type) return type.enum[0] ?? "";
  const [name = "", payload = null] = casesOf(type)[0] ?? [];
  return { chosen: name, payload: payload === null ? null : emptyDraft(payload) };
}

export function emptyFields(fields: [string, Type][]): Draft & { fields: Record<string, Draft> } {
  return { fields: Object.fromEntries(fields.map(([name, type]) => [name, emptyDraft(type)])) };
}

type Cases = Extract<Type, { variant: unknown }> | Extract<Type, { result: unknown }>;

/** The cases of a variant or result, with what each carries. */
export function casesOf(type: Cases): [string, Type | null][] {
  return "variant" in type ? type.variant : [["ok", type.result.ok], ["err", type.result.err]];
}

/** The value as JSON that the client reads. What is no such value comes out as it was typed: the encoder refuses it. */
export function valueOf(type: Type, draft: Draft): unknown {
  if (typeof type === "string") return scalarOf(type, draft);
  if ("list" in type) return (draft as { items: Draft[] }).items.map((item) => valueOf(type.list, item));
  if ("tuple" in type) return type.tuple.map((part, place) => valueOf(part, (draft as { items: Draft[] }).items[place]!));
  if ("record" in type) return fieldsOf(type.record, draft);
  if ("flags" in type) return (draft as { flags: string[] }).flags;
  if ("enum" in type) return draft;
  if ("option" in type) {
    const { some, value } = draft as { some: boolean; value: Draft };
    if (!some) return null;
    const inside = valueOf(type.option, value);
    return isNullable(type.option) ? { some: inside } : inside;
  }
  const { chosen, payload } = draft as { chosen: string; payload: Draft | null };
  const carried = casesOf(type).find(([name]) => name === chosen)?.[1] ?? null;
  if ("result" in type) return { [chosen]: carried === null || payload === null ? null : valueOf(carried, payload) };
  return carried === null || payload === null ? chosen : { [chosen]: valueOf(carried, payload) };
}

export function fieldsOf(fields: [string, Type][], draft: Draft): Record<string, unknown> {
  const written = (draft as { fields: Record<string, Draft> }).fields;
  return Object.fromEntries(fields.map(([name, type]) => [name, valueOf(type, written[name]!)]));
}

/** Whether a value of the type may be `null` in JSON: an option around it then says so by `{"some": ..}`. */
function isNullable(type: Type): boolean {
  return typeof type === "object" && "option" in type;
}

function scalarOf(type: Extract<Type, string>, draft: Draft): unknown {
  if (type === "bytes") {
    const { bytes, form } = draft as { bytes: string; form: BytesForm };
    if (form === "text") return toBase64(new TextEncoder().encode(bytes));
    const digits = bytes.replace(/\s/g, "").replace(/^0x/i, "").toLowerCase();
    if (form === "base64") return bytes.trim();
    try {
      return toBase64(fromHex(digits));
    } catch {
      return bytes; // no base64 either where it matters: the encoder tells where
    }
  }
  if (typeof draft !== "string") return draft;
  if (type === "string" || type === "char") return draft;
  const text = draft.trim();
  if (type === "f32" || type === "f64") {
    const number = Number(text);
    return text !== "" && Number.isFinite(number) ? number : text;
  }
  if (type === "hash" || type === "code-hash" || type === "id") return text.replace(/^0x/, "").toLowerCase();
  return text;
}

/** The field that an error's path means: `arguments.box.items[3]` without its beginning, as fields name themselves. */
export function fieldOf(path: string): string {
  return path.replace(/^arguments\.?/, "");
}
