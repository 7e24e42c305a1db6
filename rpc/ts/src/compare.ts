/**
 * In what two interfaces of a module differ, and whether who calls the first can go on with the second: what a person is
 * shown before an upgrade. The rules are those of vm/src/interface/compare.rs, whose documentation says why; a test
 * holds the two to the same answer. What no comparison sees: behaviour, and what lies in storage.
 */

import { definitionText, signatureText, type FunctionType, type Interface, type Type } from "./types.js";
import { ordered } from "./wit.js";

/** One thing in which two interfaces differ. */
export interface Difference {
  part: "command" | "query" | "event" | "type";
  kind: "added" | "changed" | "removed";
  /** Its name; of a type of another interface than the module's own three with that interface. */
  name: string;
  /** As WIT writes it, in the first. */
  before: string | null;
  /** As WIT writes it, in the second. */
  after: string | null;
  /** Whether who relies on the first is broken by it. */
  breaks: boolean;
}

/** Whether who calls the first, or reads its events, can go on with the second. */
export function isCompatible(differences: readonly Difference[]): boolean {
  return differences.every(({ breaks }) => !breaks);
}

/** All in which `after` differs from `before`, by part and name. Docs do not count. */
export function compareInterfaces(before: Interface, after: Interface): Difference[] {
  const functions = (half: "commands" | "queries") => {
    const of = (one: Interface) => new Map(one[half].map((called) => [called.name, called]));
    return compared(half === "commands" ? "command" : "query", of(before), of(after), signatureText, functionKey, (old, now) => !acceptsCalls(old, now));
  };
  const events = (one: Interface) => new Map(one.events.map(({ name, type }) => [name, type]));
  const differences = [
    ...functions("commands"),
    ...functions("queries"),
    ...compared("event", events(before), events(after), definitionText, ordered, (old, now) => !isSame(old, now, "read")),
    ...compared("type", typesOf(before), typesOf(after), definitionText, ordered, () => false),
  ];
  // `init` and `migrate` are the ledger's to call.
  return differences.map((one) => (one.part === "command" && ["init", "migrate"].includes(one.name) ? { ...one, breaks: false } : one));
}

function functionKey({ params, result }: FunctionType): unknown {
  return [params.map(([name, type]) => [name, ordered(type)]), result && ordered(result)];
}

function compared<T>(
  part: Difference["part"],
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  written: (one: T) => string,
  key: (one: T) => unknown,
  isBroken: (before: T, after: T) => boolean,
): Difference[] {
  const text = (one: T | undefined) => (one === undefined ? null : written(one));
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((name): Difference[] => {
    const [old, now] = [before.get(name), after.get(name)];
    const one = { part, name, before: text(old), after: text(now) };
    if (old === undefined) return [{ ...one, kind: "added", breaks: false }];
    // A type alone is not called; what uses it is told beside it.
    if (now === undefined) return [{ ...one, kind: "removed", breaks: part !== "type" }];
    if (JSON.stringify(key(old)) === JSON.stringify(key(now))) return [];
    return [{ ...one, kind: "changed", breaks: isBroken(old, now) }];
  });
}

/** Named types that functions and events use, without those that are events. */
function typesOf(one: Interface): Map<string, Type> {
  const found = new Map<string, Type>();
  const collect = (type: Type | null): void => {
    if (type === null || typeof type === "string") return;
    const full = "name" in type ? type.name : undefined;
    if (full !== undefined) {
      if (found.has(full)) return;
      found.set(full, type);
    }
    partsOf(type).forEach(collect);
  };
  for (const { params, result } of [...one.commands, ...one.queries]) [...params.map(([, type]) => type), result].forEach(collect);
  for (const { type } of one.events) collect(type);
  const events = new Set(one.events.map(({ name }) => `events.${name}`));
  const own = [...found].filter(([name]) => !events.has(name));
  return new Map(own.map(([name, type]) => [name.replace(/^(commands|queries|events)\./, ""), type]));
}

function partsOf(type: Exclude<Type, string>): (Type | null)[] {
  if ("list" in type) return [type.list];
  if ("option" in type) return [type.option];
  if ("result" in type) return [type.result.ok, type.result.err];
  if ("tuple" in type) return type.tuple;
  if ("record" in type) return type.record.map(([, part]) => part);
  return "variant" in type ? type.variant.map(([, part]) => part) : [];
}

/** Whether calls as `before` describes them are understood, and their results as well. */
function acceptsCalls(before: FunctionType, after: FunctionType): boolean {
  return (
    before.params.length === after.params.length &&
    before.params.every(([name, type], place) => name === after.params[place]![0] && isSame(type, after.params[place]![1], "written")) &&
    isSameMaybe(before.result, after.result, "result")
  );
}

/** What becomes of a value, seen from who calls: what is written, and an error, may take more cases by now. */
type Use = "written" | "result" | "failure" | "read";

/** Whether a value of `old` is one of `now` to who uses it so. */
function isSame(old: Type, now: Type, used: Use): boolean {
  if (typeof old === "string" || typeof now === "string") return old === now;
  // Of a case that is known, what it carries has to be, too.
  const inner = used === "written" ? "written" : "read";
  const fits = (before: readonly unknown[], after: readonly unknown[]) =>
    before.length === after.length || (before.length < after.length && (used === "written" || used === "failure"));
  const begins = (before: string[], after: string[]) => fits(before, after) && before.every((name, place) => name === after[place]);
  if ("list" in old) return "list" in now && isSame(old.list, now.list, inner);
  if ("option" in old) return "option" in now && isSame(old.option, now.option, inner);
  if ("result" in old) {
    const failure = used === "result" ? "failure" : inner;
    return "result" in now && isSameMaybe(old.result.ok, now.result.ok, inner) && isSameMaybe(old.result.err, now.result.err, failure);
  }
  if ("tuple" in old) {
    return "tuple" in now && old.tuple.length === now.tuple.length && old.tuple.every((part, place) => isSame(part, now.tuple[place]!, inner));
  }
  if ("record" in old) {
    if (!("record" in now) || old.record.length !== now.record.length) return false;
    return old.record.every(([name, part], place) => name === now.record[place]![0] && isSame(part, now.record[place]![1], inner));
  }
  if ("variant" in old) {
    if (!("variant" in now) || !fits(old.variant, now.variant)) return false;
    return old.variant.every(([name, part], place) => name === now.variant[place]![0] && isSameMaybe(part, now.variant[place]![1], inner));
  }
  if ("enum" in old) return "enum" in now && begins(old.enum, now.enum);
  const bytes = (names: string[]) => Math.ceil(names.length / 8);
  return "flags" in now && bytes(old.flags) === bytes(now.flags) && begins(old.flags, now.flags);
}

function isSameMaybe(old: Type | null, now: Type | null, used: Use): boolean {
  return old === null || now === null ? old === now : isSame(old, now, used);
}
