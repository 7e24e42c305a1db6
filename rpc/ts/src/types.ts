/**
 * Types of values in a module's interface, and interfaces as `module_interface` gives them.
 *
 * The JSON of an interface has each type as WIT text beside a JSON Schema. The text tells the type; the schema
 * tells, for a name, of which interface it is. Both come from a node, so reading is strict and bounded, and a
 * text without a fitting schema is refused.
 */

import { AnswerError } from "./errors.js";

/** A type without parts. `account` is a 32-byte id that is shown as an address; `amount` is a u64 of grains. */
export type Scalar =
  | "bool" | "u8" | "u16" | "u32" | "u64" | "s8" | "s16" | "s32" | "s64" | "f32" | "f64"
  | "char" | "string" | "amount" | "bytes" | "account" | "hash" | "code-hash" | "id";

/**
 * The type of a value. Those with a `name` are defined in the interface, such as `queries.box-status`; names of
 * fields, cases and flags are kebab-case.
 */
export type Type =
  | Scalar
  | { list: Type }
  | { option: Type }
  | { result: { ok: Type | null; err: Type | null } }
  | { tuple: Type[] }
  | { record: [string, Type][]; name?: string }
  | { variant: [string, Type | null][]; name?: string }
  | { enum: string[]; name?: string }
  | { flags: string[]; name?: string };

/** A function of a module. */
export interface FunctionType {
  name: string;
  docs: string | null;
  /** Names and types of the parameters, in order. */
  params: [string, Type][];
  /** What it returns, if anything. */
  result: Type | null;
}

/** An event of a module: the type of its data. */
export interface EventType {
  name: string;
  docs: string | null;
  type: Type;
}

/** What a module can be asked. */
export interface Interface {
  /** WIT package with its version, such as `pollen:coldchain@0.1.0`. */
  package: string;
  docs: string | null;
  /** Functions that may change state. */
  commands: FunctionType[];
  /** Functions that only read. */
  queries: FunctionType[];
  events: EventType[];
}

/** Which half of an interface a function belongs to. */
export type FunctionKind = "command" | "query";

const SCALARS: ReadonlySet<string> = new Set<Scalar>([
  "bool", "u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "f32", "f64",
  "char", "string", "amount", "bytes", "account", "hash", "code-hash", "id",
]);

const KEYWORDS: ReadonlySet<string> = new Set(
  ("as async bool borrow char constructor enum error-context export f32 f64 flags from func future import include " +
    "interface list map option own package record resource result s16 s32 s64 s8 static stream string tuple type " +
    "u16 u32 u64 u8 use variant with world").split(" "),
);

/** Deepest nesting of a type; a scalar has depth 1. */
export const TYPE_DEPTH_MAX = 32;
/** Types of an interface, counted with all their parts wherever they are used: small definitions can mean many. */
export const TYPE_NODES_MAX = 16_384;
/** Cases of a variant, enum or flags: a tag is one byte. */
const CASES_MAX = 256;
/** Functions of a module, and its events. */
const FUNCTIONS_MAX = 512;
/** Named types of an interface. */
const TYPES_MAX = 16_384;
/** Letters of a type's text. */
const TEXT_MAX = 1 << 16;

/** What a success carries: of `result<T, E>` the `T`, else the whole result. */
export function successType(called: FunctionType): Type | null {
  return isResult(called.result) ? called.result.result.ok : called.result;
}

/** What the module's own failure carries: of `result<T, E>` the `E`, else nothing. */
export function failureType(called: FunctionType): Type | null {
  return isResult(called.result) ? called.result.result.err : null;
}

function isResult(type: Type | null): type is { result: { ok: Type | null; err: Type | null } } {
  return type !== null && typeof type === "object" && "result" in type;
}

/** A type as WIT writes it where it is used. */
export function typeText(type: Type): string {
  if (typeof type === "string") return type;
  if ("list" in type) return `list<${typeText(type.list)}>`;
  if ("option" in type) return `option<${typeText(type.option)}>`;
  if ("tuple" in type) return `tuple<${type.tuple.map(typeText).join(", ")}>`;
  if ("result" in type) {
    const { ok, err } = type.result;
    if (err === null) return ok === null ? "result" : `result<${typeText(ok)}>`;
    return `result<${ok === null ? "_" : typeText(ok)}, ${typeText(err)}>`;
  }
  return identifier((type.name ?? "").split(".").at(-1)!);
}

/** A name as WIT writes it: its own words with a `%`. */
function identifier(name: string): string {
  return KEYWORDS.has(name) ? `%${name}` : name;
}

/** A function as WIT writes it. */
export function signatureText({ name, params, result }: FunctionType): string {
  const taken = params.map(([name, type]) => `${identifier(name)}: ${typeText(type)}`).join(", ");
  return `${identifier(name)}: func(${taken})${result === null ? "" : ` -> ${typeText(result)}`}`;
}

/** A type as WIT defines it, where it has a name; else as it is used. */
export function definitionText(type: Type): string {
  if (typeof type === "string") return type;
  const block = (keyword: string, parts: string[]) =>
    `${keyword} ${typeText(type)} {\n${parts.map((part) => `  ${part},\n`).join("")}}`;
  if ("record" in type) return block("record", type.record.map(([name, part]) => `${identifier(name)}: ${typeText(part)}`));
  if ("variant" in type) {
    return block("variant", type.variant.map(([name, part]) => `${identifier(name)}${part === null ? "" : `(${typeText(part)})`}`));
  }
  if ("enum" in type) return block("enum", type.enum.map(identifier));
  if ("flags" in type) return block("flags", type.flags.map(identifier));
  return typeText(type);
}

/** Reads `interface` of a `module_interface` answer. Throws {@link AnswerError}. */
export function readInterface(json: unknown): Interface {
  return new InterfaceReader(json).read();
}

type Json = Record<string, unknown>;

/** A type with what its size is measured by. */
interface Sized {
  type: Type;
  depth: number;
  nodes: number;
}

class InterfaceReader {
  readonly #json: Json;
  readonly #types: Json;
  /** Types by their key in `types`; null while one is being read. */
  readonly #read = new Map<string, Sized | null>();
  #nodes = 0;

  constructor(json: unknown) {
    this.#json = object(json, "interface");
    this.#types = object(this.#json["types"] ?? {}, "interface.types");
    if (Object.keys(this.#types).length > TYPES_MAX) throw new AnswerError("interface.types", `more than ${TYPES_MAX} types`);
  }

  read(): Interface {
    const functions = (half: string) =>
      array(this.#json[half], `interface.${half}`, FUNCTIONS_MAX).map((one, index) =>
        this.#function(one, `interface.${half}[${index}]`),
      );
    const events = array(this.#json["events"], "interface.events", FUNCTIONS_MAX).map((one, index) => {
      const path = `interface.events[${index}]`;
      const event = object(one, path);
      return { name: name(event["name"], path), docs: docs(event["docs"], path), type: this.#typed(event, path) };
    });
    return {
      package: string(this.#json["package"], "interface.package"),
      docs: docs(this.#json["docs"], "interface"),
      commands: functions("commands"),
      queries: functions("queries"),
      events,
    };
  }

  #function(json: unknown, path: string): FunctionType {
    const called = object(json, path);
    const params = array(called["params"], `${path}.params`, CASES_MAX).map((one, index): [string, Type] => {
      const place = `${path}.params[${index}]`;
      const param = object(one, place);
      return [name(param["name"], place), this.#typed(param, place)];
    });
    const result = called["result"] ?? null;
    return {
      name: name(called["name"], path),
      docs: docs(called["docs"], path),
      params,
      result: result === null ? null : this.#typed(object(result, `${path}.result`), `${path}.result`),
    };
  }

  #typed(json: Json, path: string): Type {
    const { type, nodes } = this.#type(string(json["type"], `${path}.type`), json["schema"], path);
    this.#nodes += nodes;
    if (this.#nodes > TYPE_NODES_MAX) throw new AnswerError(path, `more than ${TYPE_NODES_MAX} types in all`);
    return type;
  }

  #type(text: string, schema: unknown, path: string): Sized {
    if (text.length > TEXT_MAX) throw new AnswerError(path, "a type that is too long");
    const words = text.match(/[<>,]|%?[A-Za-z0-9_-]+/g) ?? [];
    if (words.join("") !== text.replaceAll(" ", "")) throw new AnswerError(path, `'${text.slice(0, 80)}' is no type`);
    const parser = { words, place: 0 };
    const read = this.#parse(parser, schema, path, 1);
    if (parser.place !== words.length) throw new AnswerError(path, `'${text.slice(0, 80)}' is no type`);
    return read;
  }

  #parse(
    parser: { words: string[]; place: number },
    schema: unknown,
    path: string,
    level: number,
  ): Sized {
    if (level > TYPE_DEPTH_MAX) throw new AnswerError(path, `a type nested more than ${TYPE_DEPTH_MAX} deep`);
    const take = () => parser.words[parser.place++];
    const next = (wanted: string) => {
      if (take() !== wanted) throw new AnswerError(path, `a type without its '${wanted}'`);
    };
    const part = (schema: unknown) => this.#parse(parser, schema, path, level + 1);
    const made = (type: Type, ...parts: Sized[]) => sized(path, type, parts);
    const word = take() ?? "";
    const isGeneric = parser.words[parser.place] === "<";
    if (word === "list" && isGeneric) {
      next("<");
      const item = part(at(schema, "items"));
      next(">");
      return made({ list: item.type }, item);
    }
    if (word === "option" && isGeneric) {
      next("<");
      // The option of an option is `{"some": ..}` in JSON, and so in the schema.
      const isNested = parser.words[parser.place] === "option" && parser.words[parser.place + 1] === "<";
      const some = at(schema, "anyOf", 1);
      const inner = part(isNested ? at(some, "properties", "some") : some);
      next(">");
      return made({ option: inner.type }, inner);
    }
    if (word === "tuple" && isGeneric) {
      next("<");
      const parts = [part(at(schema, "prefixItems", 0))];
      while (parser.words[parser.place] === ",") {
        next(",");
        parts.push(part(at(schema, "prefixItems", parts.length)));
      }
      next(">");
      return made({ tuple: parts.map((one) => one.type) }, ...parts);
    }
    if (word === "result") return this.#result(parser, schema, path, isGeneric, part, made);
    if (SCALARS.has(word) && at(schema, "$ref") === undefined) return made(word as Scalar);
    return this.#named(word.replace("%", ""), schema, path);
  }

  #result(
    parser: { words: string[]; place: number },
    schema: unknown,
    path: string,
    isGeneric: boolean,
    part: (schema: unknown) => Sized,
    made: (type: Type, ...parts: Sized[]) => Sized,
  ): Sized {
    let ok: Sized | null = null;
    let err: Sized | null = null;
    if (isGeneric) {
      parser.place++;
      if (parser.words[parser.place] === "_") parser.place++;
      else ok = part(at(schema, "oneOf", 0, "properties", "ok"));
      if (parser.words[parser.place] === ",") {
        parser.place++;
        err = part(at(schema, "oneOf", 1, "properties", "err"));
      }
      if (parser.words[parser.place++] !== ">") throw new AnswerError(path, "a result without its '>'");
    }
    return made({ result: { ok: ok?.type ?? null, err: err?.type ?? null } }, ...[ok, err].flatMap((one) => one ?? []));
  }

  /** A type that is defined under `types`, found by the schema's reference. */
  #named(word: string, schema: unknown, path: string): Sized {
    const reference = at(schema, "$ref");
    const match = typeof reference === "string" ? /^#\/types\/(.+)\/schema$/.exec(reference) : null;
    const key = match?.[1]!.replaceAll("~1", "/") ?? "";
    if (key.split(".").at(-1) !== word || !Object.hasOwn(this.#types, key)) {
      throw new AnswerError(path, `the type '${word.slice(0, 80)}' is not defined`);
    }
    const known = this.#read.get(key);
    if (known === null) throw new AnswerError(path, `the type '${word}' contains itself`);
    if (known !== undefined) return known;
    this.#read.set(key, null);
    const read = this.#definition(key, `interface.types.${key}`);
    this.#read.set(key, read);
    return read;
  }

  #definition(key: string, path: string): Sized {
    const definition = object(this.#types[key], path);
    const lines = string(definition["wit"], `${path}.wit`)
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && !line.startsWith("///"));
    const head = /^(record|variant|enum|flags) %?([A-Za-z0-9-]+) \{$/.exec(lines[0] ?? "");
    if (head === null || head[2] !== key.split(".").at(-1) || lines.at(-1) !== "}") {
      throw new AnswerError(`${path}.wit`, "no definition of a record, variant, enum or flags");
    }
    const schema = definition["schema"];
    const parts = lines.slice(1, -1).map((line) => {
      const part = /^%?([A-Za-z0-9-]+)(?:: (.+)|\((.+)\))?,$/.exec(line);
      if (part === null) throw new AnswerError(`${path}.wit`, `'${line.slice(0, 80)}' is no part of a type`);
      return { name: part[1]!, field: part[2], payload: part[3] };
    });
    if (parts.length === 0 || new Set(parts.map((part) => part.name)).size !== parts.length) {
      throw new AnswerError(`${path}.wit`, "a type needs parts, each of its own name");
    }
    const kind = head[1] as "record" | "variant" | "enum" | "flags";
    if (kind !== "record" && parts.length > CASES_MAX) throw new AnswerError(path, `more than ${CASES_MAX} cases`);
    const fits = parts.every((part) =>
      kind === "record" ? part.field !== undefined : part.field === undefined && (kind === "variant" || part.payload === undefined),
    );
    if (!fits) throw new AnswerError(`${path}.wit`, `parts that no ${kind} has`);
    if (kind === "enum" || kind === "flags") {
      const names = parts.map((part) => part.name);
      return sized(path, kind === "enum" ? { enum: names, name: key } : { flags: names, name: key }, []);
    }
    const all: Sized[] = [];
    const read = (text: string, schema: unknown, part: string) => {
      const typed = this.#type(text, schema, `${path}.${part}`);
      all.push(typed);
      return typed.type;
    };
    if (kind === "record") {
      const fields = parts.map(({ name, field }): [string, Type] => [
        name,
        read(field!, at(schema, "properties", name), name),
      ]);
      return sized(path, { record: fields, name: key }, all);
    }
    const cases = parts.map(({ name, payload }, index): [string, Type | null] => [
      name,
      payload === undefined ? null : read(payload, at(schema, "oneOf", index, "properties", name), name),
    ]);
    return sized(path, { variant: cases, name: key }, all);
  }
}

function sized(path: string, type: Type, parts: Sized[]): Sized {
  const depth = 1 + Math.max(0, ...parts.map((part) => part.depth));
  const nodes = parts.reduce((sum, part) => sum + part.nodes, 1);
  if (depth > TYPE_DEPTH_MAX) throw new AnswerError(path, `a type nested more than ${TYPE_DEPTH_MAX} deep`);
  if (nodes > TYPE_NODES_MAX) throw new AnswerError(path, `a type of more than ${TYPE_NODES_MAX} parts`);
  return { type, depth, nodes };
}

/** What stands at a path of a schema; nothing where there is none. */
function at(json: unknown, ...path: (string | number)[]): unknown {
  let value = json;
  for (const step of path) {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

function object(json: unknown, path: string): Json {
  if (json === null || typeof json !== "object" || Array.isArray(json)) throw new AnswerError(path, "expected an object");
  return json as Json;
}

function array(json: unknown, path: string, max: number): unknown[] {
  if (!Array.isArray(json) || json.length > max) throw new AnswerError(path, `expected a list of at most ${max}`);
  return json;
}

function string(json: unknown, path: string): string {
  if (typeof json !== "string") throw new AnswerError(path, "expected text");
  return json;
}

function name(json: unknown, path: string): string {
  const text = string(json, `${path}.name`);
  if (!/^[A-Za-z][A-Za-z0-9-]{0,127}$/.test(text)) throw new AnswerError(`${path}.name`, "expected a kebab-case name");
  return text;
}

function docs(json: unknown, path: string): string | null {
  return json === null || json === undefined ? null : string(json, `${path}.docs`);
}

/** The names of `names` that look like `name`, nearest first, at most three. */
export function similar(name: string, names: readonly string[]): string[] {
  if (name.length > 128) return [];
  const lower = name.toLowerCase().replaceAll("_", "-");
  return names
    .map((candidate): [number, string] => [distance(lower, candidate), candidate])
    .filter(([steps, candidate]) => steps <= Math.floor(Math.min([...candidate].length, [...lower].length) / 3) + 1)
    .sort(([a, left], [b, right]) => a - b || (left < right ? -1 : 1))
    .slice(0, 3)
    .map(([, candidate]) => candidate);
}

/** Levenshtein's distance, by one row. */
function distance(left: string, right: string): number {
  const letters = [...right].slice(0, 128);
  const row = Array.from({ length: letters.length + 1 }, (_, index) => index);
  [...left].forEach((letter, index) => {
    let diagonal = row[0]!;
    row[0] = index + 1;
    letters.forEach((other, column) => {
      const replaced = diagonal + (letter === other ? 0 : 1);
      diagonal = row[column + 1]!;
      row[column + 1] = Math.min(replaced, diagonal + 1, row[column]! + 1);
    });
  });
  return row[letters.length]!;
}
