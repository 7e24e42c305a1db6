/**
 * Values of a module's types: their one encoding (docs/modules-encoding.md), and the two forms beside it.
 *
 * | type | JSON form | native form |
 * |---|---|---|
 * | `u64`, `s64`, `amount` | decimal string | `bigint` |
 * | `bytes` | base64 | `Uint8Array` |
 * | record | object by kebab-case names | object by camelCase names |
 * | infinite `f32`, `f64` | `"infinity"`, `"-infinity"` | `Infinity`, `-Infinity` |
 *
 * All else is the same in both: `account` is an address, `hash` and `code-hash` 64 hexadecimal digits, `option`
 * null or the value (`{"some": value}` where the value may itself be null), `result` `{"ok": ..}` or
 * `{"err": ..}`, a variant `{"case": payload}` or `"case"`, an enum its name, flags a list of names, a tuple a
 * list. Numbers are read in either form: `bigint`, decimal string, or a whole `number` that is exact.
 *
 * A value has one encoding, of at most 64 KiB and 65 536 values; NaN is in none. Errors are {@link ValueError}.
 */

import { parseAddress, formatAddress } from "./address.js";
import { fromBase64, fromHex, fromUtf8, isText, toBase64, toHex, toUtf8, type AccountId } from "./bytes.js";
import { Writer } from "./codec.js";
import { InputError, ValueError } from "./errors.js";
import { parseAmount, widened } from "./numbers.js";
import { similar, typeText, type Type } from "./types.js";

/** How ids and names are read and shown. */
export interface Formats {
  /** Prefix of the network's addresses. */
  prefix: string;
  /** Finds who a name means (asked with the `@` of a module's name); null where nobody is called so. */
  resolve?: (name: string) => AccountId | null;
  /** Whether an id is a module's: decides the kind that its address shows. An account's unless told. */
  isModule?: (id: AccountId) => boolean;
  /** `json` unless told; see the table above. */
  form?: "json" | "native";
}

const BYTES_MAX = 64 * 1024;
const VALUES_MAX = BYTES_MAX;

const INTEGERS: Readonly<Record<string, { bytes: number; signed: boolean }>> = {
  u8: { bytes: 1, signed: false },
  u16: { bytes: 2, signed: false },
  u32: { bytes: 4, signed: false },
  u64: { bytes: 8, signed: false },
  s8: { bytes: 1, signed: true },
  s16: { bytes: 2, signed: true },
  s32: { bytes: 4, signed: true },
  s64: { bytes: 8, signed: true },
};

/** Encodes one value. */
export function encodeValue(type: Type, value: unknown, formats: Formats): Uint8Array {
  const writer = new ValueWriter(formats);
  writer.write(type, value);
  return writer.finish();
}

/**
 * Encodes a function's arguments: an object by parameter names, or a list in order. Parameters of type
 * `option` may be left out; none at all where the function takes none.
 */
export function encodeArguments(params: [string, Type][], values: unknown, formats: Formats): Uint8Array {
  const writer = new ValueWriter(formats);
  within("arguments", () => writer.params(params, values));
  return writer.finish();
}

/** Decodes one value, strictly. */
export function decodeValue(type: Type, encoded: Uint8Array, formats: Formats): unknown {
  const reader = new ValueReader(encoded);
  const value = read(type, formats, reader);
  reader.finish();
  return value;
}

/** Decodes a function's arguments into an object by parameter names, in order. */
export function decodeArguments(params: [string, Type][], encoded: Uint8Array, formats: Formats): Record<string, unknown> {
  const reader = new ValueReader(encoded);
  const fields = params.map(([name, type]) => [
    label(name, formats),
    within(name, () => read(type, formats, reader)),
  ]);
  reader.finish();
  return Object.fromEntries(fields) as Record<string, unknown>;
}

/** The name in the native form: `max-celsius` is `maxCelsius`. */
export function camelCase(name: string): string {
  return name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function label(name: string, formats: Formats): string {
  return formats.form === "native" ? camelCase(name) : name;
}

/** Runs a part, and tells its errors as seen from the value around it. */
function within<T>(part: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof ValueError ? error.within(part) : error;
  }
}

class ValueWriter {
  readonly #formats: Formats;
  readonly #out = new Writer();
  #bytes = 0;
  #values = 0;

  constructor(formats: Formats) {
    this.#formats = formats;
  }

  finish(): Uint8Array {
    if (this.#bytes > BYTES_MAX) throw tooLong(this.#bytes);
    return this.#out.finish();
  }

  params(params: [string, Type][], values: unknown): void {
    if (Array.isArray(values) && values.length <= params.length) {
      params.forEach(([name, type], index) => this.#part(name, type, index < values.length ? values[index] : undefined));
    } else if (isObject(values)) {
      this.#fields(params, values);
    } else if (!((values === null || values === undefined) && params.every(([, type]) => isNullable(type)))) {
      const names = `the parameters ${few(params.map(([name]) => name))}`;
      throw new ValueError(params.length === 0 ? "no parameters" : names, kindOf(values));
    } else {
      for (const [name, type] of params) this.#part(name, type, undefined);
    }
  }

  write(type: Type, value: unknown): void {
    this.#values += 1;
    if (this.#values > VALUES_MAX) throw new ValueError(`at most ${VALUES_MAX} values`, "more");
    if (this.#bytes > BYTES_MAX) throw tooLong(this.#bytes);
    if (typeof type === "string") this.#scalar(type, value);
    else this.#compound(type, value);
  }

  #put(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    // What is over the bound is refused in the end; it is not kept until then.
    if (this.#bytes <= BYTES_MAX) this.#out.put(bytes);
  }

  #number(value: bigint, bytes: number): void {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, BigInt.asUintN(64, value), true);
    this.#put(new Uint8Array(view.buffer, 0, bytes));
  }

  #length(length: number): void {
    if (length > BYTES_MAX) throw tooLong(length);
    this.#number(BigInt(length), 4);
  }

  #sized(bytes: Uint8Array): void {
    this.#length(bytes.length);
    this.#put(bytes);
  }

  #scalar(type: string, value: unknown): void {
    const wrong = () => new ValueError(expected(type as Type), kindOf(value));
    const integer = INTEGERS[type];
    if (integer !== undefined) {
      const whole = wholeNumber(value);
      const [min, max] = range(integer);
      if (whole === null || whole < min || whole > max) throw wrong();
      return this.#number(whole, integer.bytes);
    }
    switch (type) {
      case "bool":
        if (typeof value !== "boolean") throw wrong();
        return this.#number(value ? 1n : 0n, 1);
      case "amount": {
        const grains = typeof value === "string" ? parseAmount(value) : wholeNumber(value);
        if (grains === null || grains < 0n || grains >= 1n << 64n) throw wrong();
        return this.#number(grains, 8);
      }
      case "f32":
      case "f64": {
        const wide = floatNumber(value);
        if (wide === null) throw wrong();
        if (Number.isNaN(wide)) throw new ValueError(expected(type), "NaN");
        if (type === "f32" && Number.isFinite(wide) && !Number.isFinite(Math.fround(wide))) throw wrong();
        const view = new DataView(new ArrayBuffer(type === "f32" ? 4 : 8));
        if (type === "f32") view.setFloat32(0, wide, true);
        else view.setFloat64(0, wide, true);
        return this.#put(new Uint8Array(view.buffer));
      }
      case "char": {
        const letters = typeof value === "string" && isText(value) ? [...value] : [];
        if (letters.length !== 1) throw wrong();
        return this.#number(BigInt(letters[0]!.codePointAt(0)!), 4);
      }
      case "string":
        if (typeof value !== "string" || !isText(value)) throw wrong();
        return this.#sized(toUtf8(value));
      case "bytes":
        return this.#sized(readBytes(value) ?? fail(wrong()));
      default:
        if (typeof value !== "string") throw wrong();
        return this.#put(readId(type, value, this.#formats));
    }
  }

  #compound(type: Exclude<Type, string>, value: unknown): void {
    const wrong = () => new ValueError(expected(type), kindOf(value));
    if ("list" in type) {
      if (!Array.isArray(value)) throw wrong();
      this.#length(value.length);
      value.forEach((item, index) => within(`[${index}]`, () => this.write(type.list, item)));
    } else if ("option" in type) {
      if (value === null || value === undefined) return this.#number(0n, 1);
      const some = isNullable(type.option) ? only(value, "some") : { value };
      if (some === null) throw wrong();
      this.#number(1n, 1);
      this.write(type.option, some.value);
    } else if ("result" in type) {
      const [name, payload] = tagged(value) ?? fail(wrong());
      if (name !== "ok" && name !== "err") throw wrong();
      this.#number(name === "ok" ? 0n : 1n, 1);
      this.#payload(type.result[name], name, payload);
    } else if ("tuple" in type) {
      if (!Array.isArray(value) || value.length !== type.tuple.length) throw wrong();
      type.tuple.forEach((part, index) => within(`[${index}]`, () => this.write(part, value[index])));
    } else if ("record" in type) {
      if (!isObject(value)) throw wrong();
      this.#fields(type.record, value);
    } else if ("variant" in type) {
      const [name, payload] = tagged(value) ?? fail(wrong());
      const place = type.variant.findIndex(([known]) => known === name);
      if (place < 0) throw wrong();
      this.#number(BigInt(place), 1);
      this.#payload(type.variant[place]![1], name, payload);
    } else if ("enum" in type) {
      const place = typeof value === "string" ? type.enum.indexOf(value) : -1;
      if (place < 0) throw wrong();
      this.#number(BigInt(place), 1);
    } else {
      if (!Array.isArray(value)) throw wrong();
      const bits = new Uint8Array(Math.ceil(type.flags.length / 8));
      value.forEach((name: unknown, index) => {
        const place = typeof name === "string" ? type.flags.indexOf(name) : -1;
        const isNew = place >= 0 && (bits[place >> 3]! & (1 << (place & 7))) === 0;
        if (!isNew) throw new ValueError(expected(type), kindOf(name), `[${index}]`);
        bits[place >> 3]! |= 1 << (place & 7);
      });
      this.#put(bits);
    }
  }

  /** Fields of a record, or parameters by name. Names that nothing has are refused: mistyped optional ones. */
  #fields(fields: [string, Type][], values: Record<string, unknown>): void {
    const names = fields.map(([name]) => label(name, this.#formats));
    for (const key of Object.keys(values)) {
      if (names.includes(key)) continue;
      const near = similar(key, names)[0];
      throw new ValueError(near === undefined ? `only ${few(names)}` : `'${near}'`, `the unknown name '${key}'`);
    }
    fields.forEach(([, type], index) => {
      const key = names[index]!;
      this.#part(key, type, Object.hasOwn(values, key) ? values[key] : undefined);
    });
  }

  #part(name: string, type: Type, value: unknown): void {
    within(name, () => {
      if (value === undefined && !isNullable(type)) throw new ValueError(expected(type), "nothing");
      this.write(type, value === undefined ? null : value);
    });
  }

  #payload(type: Type | null, name: string, payload: { value: unknown } | null): void {
    if (type !== null) return this.#part(name, type, payload?.value);
    if (payload !== null && payload.value !== null && payload.value !== undefined) {
      throw new ValueError("nothing", kindOf(payload.value), name);
    }
  }
}

/** Reads one encoding of a value from its start to its end. */
export class ValueReader {
  readonly #bytes: Uint8Array;
  #place = 0;
  #values = 0;

  constructor(bytes: Uint8Array) {
    if (bytes.length > BYTES_MAX) throw tooLong(bytes.length);
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#place;
  }

  /** Every value is counted when its reading begins. */
  begin(): void {
    this.#values += 1;
    if (this.#values > VALUES_MAX) throw new ValueError(`at most ${VALUES_MAX} values`, "more");
  }

  take(type: Type, count: number): Uint8Array {
    if (count > this.left) throw new ValueError(expected(type), `${this.left} bytes left where ${count} are needed`);
    this.#place += count;
    return this.#bytes.subarray(this.#place - count, this.#place);
  }

  view(type: Type, count: number): DataView {
    const taken = this.take(type, count);
    return new DataView(taken.buffer, taken.byteOffset, count);
  }

  tag(type: Type, count: number): number {
    const tag = this.view(type, 1).getUint8(0);
    if (tag >= count) throw new ValueError(expected(type), `the tag ${tag}`);
    return tag;
  }

  length(type: Type): number {
    const length = this.view(type, 4).getUint32(0, true);
    if (length > this.left) throw new ValueError(expected(type), `${this.left} bytes left where ${length} are needed`);
    return length;
  }

  bytes(type: Type): Uint8Array {
    return this.take(type, this.length(type));
  }

  string(type: Type): string {
    const taken = this.bytes(type);
    try {
      return fromUtf8(taken);
    } catch {
      throw new ValueError(expected(type), "bytes that are not UTF-8");
    }
  }

  integer(type: Type): bigint {
    const { bytes, signed } = INTEGERS[type === "amount" ? "u64" : (type as string)]!;
    const taken = this.take(type, bytes);
    let value = 0n;
    for (let index = bytes - 1; index >= 0; index--) value = (value << 8n) | BigInt(taken[index]!);
    return signed ? BigInt.asIntN(8 * bytes, value) : value;
  }

  /** Never NaN. */
  float(type: "f32" | "f64"): number {
    const value = type === "f32" ? this.view(type, 4).getFloat32(0, true) : this.view(type, 8).getFloat64(0, true);
    if (Number.isNaN(value)) throw new ValueError(expected(type), "NaN");
    return value;
  }

  char(): string {
    const code = this.view("char", 4).getUint32(0, true);
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
      throw new ValueError(expected("char"), `0x${code.toString(16)}, which is no character`);
    }
    return String.fromCodePoint(code);
  }

  /** The places of the flags that are set, in order. */
  flags(type: Type, count: number): number[] {
    const bits = this.take(type, Math.ceil(count / 8));
    const set: number[] = [];
    for (let place = 0; place < 8 * bits.length; place++) {
      if (((bits[place >> 3]! >> (place & 7)) & 1) === 0) continue;
      if (place >= count) throw new ValueError(expected(type), `bit ${place}, which no flag has`);
      set.push(place);
    }
    return set;
  }

  finish(): void {
    if (this.left > 0) throw new ValueError("the end of the encoding", `${this.left} more bytes`);
  }
}

function read(type: Type, formats: Formats, reader: ValueReader): unknown {
  reader.begin();
  const isNative = formats.form === "native";
  if (typeof type === "string") {
    switch (type) {
      case "bool":
        return reader.tag(type, 2) === 1;
      case "u64":
      case "s64":
      case "amount": {
        const value = reader.integer(type);
        return isNative ? value : value.toString();
      }
      case "f32":
      case "f64": {
        const value = reader.float(type);
        if (!Number.isFinite(value) && !isNative) return value > 0 ? "infinity" : "-infinity";
        return type === "f32" ? widened(value) : value;
      }
      case "char":
        return reader.char();
      case "string":
        return reader.string(type);
      case "bytes": {
        const value = reader.bytes(type);
        return isNative ? value.slice() : toBase64(value);
      }
      case "account":
      case "hash":
      case "code-hash":
      case "id":
        return showId(type, reader.take(type, 32), formats);
      default:
        return Number(reader.integer(type));
    }
  }
  if ("list" in type) {
    const length = reader.length(type);
    const items: unknown[] = [];
    for (let index = 0; index < length; index++) {
      items.push(within(`[${index}]`, () => read(type.list, formats, reader)));
    }
    return items;
  }
  if ("option" in type) {
    if (reader.tag(type, 2) === 0) return null;
    const value = read(type.option, formats, reader);
    return isNullable(type.option) ? { some: value } : value;
  }
  if ("result" in type) {
    const name = reader.tag(type, 2) === 0 ? "ok" : "err";
    const payload = type.result[name];
    return { [name]: payload === null ? null : within(name, () => read(payload, formats, reader)) };
  }
  if ("tuple" in type) return type.tuple.map((part, index) => within(`[${index}]`, () => read(part, formats, reader)));
  if ("record" in type) {
    const fields = type.record.map(([name, part]) => [label(name, formats), within(name, () => read(part, formats, reader))]);
    return Object.fromEntries(fields) as unknown;
  }
  if ("variant" in type) {
    const [name, payload] = type.variant[reader.tag(type, type.variant.length)]!;
    return payload === null ? name : { [name]: within(name, () => read(payload, formats, reader)) };
  }
  if ("enum" in type) return type.enum[reader.tag(type, type.enum.length)]!;
  return reader.flags(type, type.flags.length).map((place) => type.flags[place]!);
}

/** An id as people see it. */
export function showId(type: "account" | "hash" | "code-hash" | "id", id: Uint8Array, formats: Formats): string {
  const digits = toHex(id);
  if (type !== "account") return digits;
  return formatAddress({ kind: formats.isModule?.(digits) ? "module" : "account", id: digits }, formats.prefix);
}

function readId(type: string, text: string, formats: Formats): Uint8Array {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return fromHex(text.toLowerCase());
  const wrong = (found: string) => new ValueError(expected(type as Type), found);
  if (type !== "account") throw wrong(`'${text}'`);
  const known = formats.resolve?.(text) ?? null;
  if (known !== null) return fromHex(known);
  try {
    const address = parseAddress(text, formats.prefix);
    if (address.kind === "validator") throw wrong("the address of a validator");
    return fromHex(address.id);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    // A name that nobody knows reads better as such than as a broken checksum.
    if (text.startsWith("@") || text.length < 20) throw wrong(`the unknown name '${text}'`);
    throw wrong(error.message);
  }
}

function readBytes(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== "string") return null;
  try {
    return fromBase64(value);
  } catch {
    return null;
  }
}

/** A whole number: `bigint`, decimal digits, or a number that is exact. */
function wholeNumber(value: unknown): bigint | null {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : null;
  return typeof value === "string" && /^-?[0-9]{1,39}$/.test(value) ? BigInt(value) : null;
}

function floatNumber(value: unknown): number | null {
  if (typeof value === "number") return value;
  if (value === "infinity") return Infinity;
  return value === "-infinity" ? -Infinity : null;
}

/** Whether null is the JSON of a value of this type. */
function isNullable(type: Type): boolean {
  return typeof type === "object" && "option" in type;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** `"case"`, or `{"case": payload}`. */
function tagged(value: unknown): [string, { value: unknown } | null] | null {
  if (typeof value === "string") return [value, null];
  if (!isObject(value)) return null;
  const keys = Object.keys(value);
  return keys.length === 1 ? [keys[0]!, { value: value[keys[0]!] }] : null;
}

/** The value of an object's only key. */
function only(value: unknown, key: string): { value: unknown } | null {
  const found = isObject(value) ? tagged(value) : null;
  return found !== null && found[0] === key ? found[1] : null;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (isObject(value)) return `an object with ${few(Object.keys(value))}`;
  if (typeof value === "string") return JSON.stringify(value);
  return value === undefined ? "nothing" : String(value);
}

function few(names: readonly string[]): string {
  return names.slice(0, 12).join(", ") + (names.length > 12 ? ", ..." : "");
}

function range({ bytes, signed }: { bytes: number; signed: boolean }): [bigint, bigint] {
  const bits = BigInt(8 * bytes);
  return signed ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n] : [0n, (1n << bits) - 1n];
}

/** A type and what its values look like, for people. */
export function expected(type: Type): string {
  const text = typeText(type);
  if (typeof type === "string") {
    const integer = INTEGERS[type];
    if (integer !== undefined) {
      const [min, max] = range(integer);
      return `${type}: a whole number from ${min} to ${max}`;
    }
    const words: Record<string, string> = {
      bool: "true or false",
      f32: "a number, not NaN",
      f64: "a number, not NaN",
      char: "one character",
      string: "text",
      amount: "grains as a whole number, or such as '1.5 pollen'",
      bytes: "base64",
      account: "an address, a known name or 64 hexadecimal digits",
    };
    return `${type}: ${words[type] ?? "64 hexadecimal digits"}`;
  }
  if ("list" in type) return `${text}: a list`;
  if ("option" in type) return `${text}: a value or null`;
  if ("result" in type) return `${text}: {"ok": ...} or {"err": ...}`;
  if ("tuple" in type) return `${text}: a list of ${type.tuple.length}`;
  if ("record" in type) return `${text}: a record of ${few(type.record.map(([name]) => name))}`;
  if ("variant" in type) return `${text}: one of ${few(type.variant.map(([name]) => name))}`;
  if ("enum" in type) return `${text}: one of ${few(type.enum)}`;
  return `${text}: a list of ${few(type.flags)}`;
}

function tooLong(bytes: number): ValueError {
  return new ValueError(`at most ${BYTES_MAX} bytes`, `${bytes}`);
}

function fail(error: Error): never {
  throw error;
}
