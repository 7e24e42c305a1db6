/**
 * Values on one line, for people. Strings are quoted and escaped, so that no value can move a terminal's cursor or
 * pretend to be another one. The ledger's own programs write the very same text (vm/src/value/show.rs).
 */

import { toHex } from "./bytes.js";
import { ValueError } from "./errors.js";
import type { Type } from "./types.js";
import { formatAmount, widened } from "./numbers.js";
import { showId, ValueReader, type Formats } from "./values.js";

/** Bytes that are shown in full. */
const BYTES_SHOWN = 32;
/** The end of the year 9999, beyond which RFC 3339 has no dates, in milliseconds since 1970. */
const MOMENT_MAX_MS = 253_402_300_799_000n;
/**
 * Characters that are escaped: control characters, what joins or turns the text around it, and what only some machines
 * have a picture of. Ranges and no property of Unicode, so that it is the same in every program, whatever its version.
 */
const HIDDEN =
  /[\0-\x1f\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f-\u1160\u17b4-\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3164\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\u{e0000}-\u{10ffff}]/u;

/** A text in double quotes on one line. */
export function quoted(text: string): string {
  return `"${[...text].map((letter) => escaped(letter, '"')).join("")}"`;
}

function escaped(letter: string, quote: string): string {
  const short: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\" };
  if (Object.hasOwn(short, letter)) return short[letter]!;
  if (letter === quote) return `\\${letter}`;
  return HIDDEN.test(letter) ? `\\u{${letter.codePointAt(0)!.toString(16)}}` : letter;
}

/** Bytes in hexadecimal digits, of long ones the first 32. */
export function showBytes(bytes: Uint8Array): string {
  if (bytes.length <= BYTES_SHOWN) return `0x${toHex(bytes)}`;
  return `0x${toHex(bytes.subarray(0, BYTES_SHOWN))}... (${bytes.length} bytes)`;
}

/** A moment: RFC 3339 in UTC, to the second, cut off; the end of the year 9999 for all that comes later. */
export function showMoment(timeMs: bigint): string {
  const shown = timeMs < MOMENT_MAX_MS ? timeMs : MOMENT_MAX_MS;
  return new Date(Number(shown)).toISOString().replace(/\.\d+Z$/, "Z");
}

/** One value on one line. Bytes that are no such value are shown as what they are, with the reason. */
export function showValue(type: Type, encoded: Uint8Array, formats: Formats): string {
  try {
    const reader = new ValueReader(encoded);
    const line = show(type, formats, reader);
    reader.finish();
    return line;
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    return `${showBytes(encoded)} (unreadable: ${error.message})`;
  }
}

/** Each of a function's arguments, in order. Throws {@link ValueError}. */
export function showArguments(params: [string, Type][], encoded: Uint8Array, formats: Formats): string[] {
  const reader = new ValueReader(encoded);
  const shown = params.map(([name, type]) => inside(name, () => show(type, formats, reader)));
  reader.finish();
  return shown;
}

function inside<T>(part: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof ValueError ? error.within(part) : error;
  }
}

function show(type: Type, formats: Formats, reader: ValueReader): string {
  reader.begin();
  if (typeof type === "string") {
    switch (type) {
      case "bool":
        return reader.tag(type, 2) === 1 ? "true" : "false";
      case "f32":
      case "f64":
        return showFloat(type, reader.float(type));
      case "amount":
        return formatAmount(reader.integer(type));
      case "char":
        return `'${escaped(reader.char(), "'")}'`;
      case "string":
        return quoted(reader.string(type));
      case "bytes":
        return showBytes(reader.bytes(type));
      case "account":
      case "hash":
      case "code-hash":
      case "id":
        return showId(type, reader.take(type, 32), formats);
      default:
        return reader.integer(type).toString();
    }
  }
  const caseOf = (name: string, payload: Type | null) =>
    payload === null ? name : `${name}(${inside(name, () => show(payload, formats, reader))})`;
  if ("list" in type) {
    const items: string[] = [];
    const length = reader.length(type);
    for (let index = 0; index < length; index++) items.push(inside(`[${index}]`, () => show(type.list, formats, reader)));
    return `[${items.join(", ")}]`;
  }
  if ("tuple" in type) {
    return `(${type.tuple.map((part, index) => inside(`[${index}]`, () => show(part, formats, reader))).join(", ")})`;
  }
  if ("record" in type) {
    const fields = type.record.map(([name, part]) => `${name}: ${inside(name, () => show(part, formats, reader))}`);
    return `{${fields.join(", ")}}`;
  }
  if ("option" in type) return reader.tag(type, 2) === 0 ? "none" : caseOf("some", type.option);
  if ("result" in type) {
    const name = reader.tag(type, 2) === 0 ? "ok" : "err";
    return caseOf(name, type.result[name]);
  }
  if ("variant" in type) return caseOf(...type.variant[reader.tag(type, type.variant.length)]!);
  if ("enum" in type) return type.enum[reader.tag(type, type.enum.length)]!;
  return `{${reader.flags(type, type.flags.length).map((place) => type.flags[place]!).join(", ")}}`;
}

/** The shortest digits that are this number, without an exponent. */
function showFloat(type: "f32" | "f64", value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const sign = Object.is(value, -0) || value < 0 ? "-" : "";
  const [mantissa, exponent] = Math.abs(type === "f32" ? widened(value) : value).toExponential().split("e") as [string, string];
  const digits = mantissa.replace(".", "");
  const point = 1 + Number(exponent);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  if (digits.length <= point) return `${sign}${digits}${"0".repeat(point - digits.length)}`;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
