/**
 * The interface in a binary WIT package: what `package` of `module_interface` holds, and what an interface's hash is of.
 *
 * A node's JSON of an interface says how arguments are encoded, and so what a signature means. It is believed only as
 * far as the package says the same, since calls name the package's hash. Read is what `wit_component` writes: for each
 * interface a component type with an instance type inside. The format is that of the component model's Binary.md.
 */

import { Reader } from "./codec.js";
import { AnswerError, DecodeError, InputError, ProofError } from "./errors.js";
import { fromUtf8 } from "./bytes.js";
import { TYPE_DEPTH_MAX, TYPE_NODES_MAX, type Interface, type Scalar, type Type } from "./types.js";

/** Custom section of a component with its package. */
const SECTION = "pollen-wit";
const HOST_TYPES = "pollen:host/types";
const IDS: ReadonlySet<string> = new Set(["account", "code-hash", "hash", "id"]);
const HALVES: ReadonlySet<string> = new Set(["commands", "queries", "events"]);
const ITEMS_MAX = 4_096;
const PACKAGE_BYTES_MAX = 1 << 20;

const PRIMITIVES: ReadonlyMap<number, Scalar> = new Map<number, Scalar>([
  [0x7f, "bool"], [0x7e, "s8"], [0x7d, "u8"], [0x7c, "s16"], [0x7b, "u16"], [0x7a, "s32"], [0x79, "u32"], [0x78, "s64"],
  [0x77, "u64"], [0x76, "f32"], [0x75, "f64"], [0x74, "char"], [0x73, "string"],
]);

/** A type by index, with what its names tell of it. */
interface Slot {
  type: Type;
  depth: number;
  /** Types, counted with all their parts. */
  nodes: number;
  /** Whether it came from another interface. */
  isBorrowed: boolean;
}

interface Signature {
  params: [string, Type][];
  result: Type | null;
  nodes: number;
}

interface Instance {
  types: Map<string, Slot>;
  functions: Map<string, Signature>;
  /** Records and their like that are defined here, with the name that each was given first. */
  defined: Map<Type, string>;
}

type Definition = { slot: Slot } | { signature: Signature } | { instance: Instance };

/** The interface in a package, without docs. Throws {@link AnswerError} for bytes that hold none. */
export function readPackage(encoded: Uint8Array): Interface {
  try {
    if (encoded.length > PACKAGE_BYTES_MAX) fail(`more than ${PACKAGE_BYTES_MAX} bytes`);
    return new PackageReader().read(new Reader(encoded));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new AnswerError("result.package", `no WIT package that this client reads: ${error.message}`);
  }
}

/**
 * The interface of a component, as its section `pollen-wit` describes it; null where it has none. The ledger refuses a
 * component whose section is not about its exports. Throws {@link InputError} for bytes that are no component.
 */
export function readComponent(component: Uint8Array): Interface | null {
  let found: Uint8Array | null = null;
  try {
    const reader = new Reader(component);
    if (reader.left < 8 || reader.take(8).join() !== "0,97,115,109,13,0,1,0") fail("no component of WebAssembly");
    while (reader.left > 0) {
      const kind = byte(reader);
      const section = new Reader(reader.take(number(reader)));
      if (kind !== 0 || fromUtf8Strict(section) !== SECTION) continue;
      if (found !== null) fail(`two sections ${SECTION}`);
      found = section.take(section.left);
    }
    return found === null ? null : readPackage(found);
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof AnswerError)) throw error;
    throw new InputError(`no module: ${error.message}`, "give the bytes of a component, as `pollen build` makes it");
  }
}

/** Checks that an interface is the one in a package, docs apart. Throws {@link ProofError}. */
export function checkPackage(told: Interface, encoded: Uint8Array): void {
  if (plain(told) !== plain(readPackage(encoded))) {
    throw new ProofError("the interface that the node tells is not the one whose hash calls name", "ask another node");
  }
}

/** A text that two interfaces have in common when they are the same but for docs. */
function plain(one: Interface): string {
  const functions = (half: Interface["commands"]) =>
    half.map(({ name, params, result }) => [name, params.map(([name, type]) => [name, ordered(type)]), result && ordered(result)]);
  const events = one.events.map(({ name, type }) => [name, ordered(type)]);
  return JSON.stringify([one.package, functions(one.commands), functions(one.queries), events]);
}

/** A type as JSON that is the same for the same type, whatever the order of its object's fields. */
export function ordered(type: Type): unknown {
  if (typeof type === "string") return type;
  if ("list" in type) return ["list", ordered(type.list)];
  if ("option" in type) return ["option", ordered(type.option)];
  if ("tuple" in type) return ["tuple", type.tuple.map(ordered)];
  if ("result" in type) return ["result", type.result.ok && ordered(type.result.ok), type.result.err && ordered(type.result.err)];
  if ("record" in type) return ["record", type.name, type.record.map(([name, part]) => [name, ordered(part)])];
  if ("variant" in type) return ["variant", type.name, type.variant.map(([name, part]) => [name, part && ordered(part)])];
  return "enum" in type ? ["enum", type.name, type.enum] : ["flags", type.name, type.flags];
}

class PackageReader {
  /** Interfaces whose types are named in the end, when the package's own name is known. */
  readonly #interfaces: { id: string; instance: Instance }[] = [];
  readonly #found: Interface = { package: "", docs: null, commands: [], queries: [], events: [] };
  #items = 0;
  #nodes = 0;

  read(reader: Reader): Interface {
    if (reader.take(8).join() !== "0,97,115,109,13,0,1,0") fail("no component");
    // The package's types: each in a section of its own, followed by that of its export.
    const types: (Uint8Array | null)[] = [];
    const seen = new Set<string>();
    while (reader.left > 0) {
      const kind = byte(reader);
      const section = new Reader(reader.take(number(reader)));
      if (kind === 0) continue; // docs, and who made it
      if (kind !== 7 && kind !== 11) fail(`a section ${kind}`);
      if (number(section) !== 1) fail("a section with other than one item");
      if (kind === 7) {
        types.push(section.take(section.left));
        continue;
      }
      const name = externName(section);
      if (byte(section) !== 3) fail("an export that is no type");
      const definition = types[number(section)] ?? fail("an export of nothing");
      if (byte(section) !== 0) fail("an export with a type of its own");
      section.finish();
      types.push(null);
      if (seen.has(name)) fail(`'${name}' twice`);
      seen.add(name);
      if (HALVES.has(name)) this.#interface(name, new Reader(definition));
    }
    if (this.#found.package === "") fail("neither commands nor queries nor events");
    for (const { id, instance } of this.#interfaces) {
      const split = splitId(id);
      const known = split?.package === this.#found.package ? split.part : id;
      for (const [type, name] of instance.defined) (type as { name?: string }).name = `${known}.${name}`;
    }
    return this.#found;
  }

  #interface(half: string, reader: Reader): void {
    if (byte(reader) !== 0x41) fail("an interface that is no component type");
    const types: Definition[] = [];
    const instances: { id: string; instance: Instance }[] = [];
    let exported: { id: string; instance: Instance } | null = null;
    for (let left = number(reader); left > 0; left--) {
      const kind = byte(reader);
      if (kind === 0x01) {
        if (byte(reader) !== 0x42) fail("a type beside the interface");
        types.push({ instance: this.#instance(reader, types) });
      } else if (kind === 0x02) {
        types.push({ slot: aliasOfExport(reader, instances) });
      } else if (kind === 0x03 || kind === 0x04) {
        const id = externName(reader);
        if (byte(reader) !== 0x05) fail("an interface that is no instance");
        const of = types[number(reader)];
        if (of === undefined || !("instance" in of)) fail("an instance without a type");
        const one = { id, instance: of.instance };
        this.#interfaces.push(one);
        if (kind === 0x03) instances.push(one);
        else if (exported !== null) fail("two interfaces in one");
        else exported = one;
      } else fail(`a declaration ${kind}`);
    }
    reader.finish();
    const { id, instance } = exported ?? fail("an interface without its export");
    const split = splitId(id);
    if (split?.part !== half) fail(`the interface ${id} as ${half}`);
    if (this.#found.package !== "" && this.#found.package !== split.package) fail("interfaces of two packages");
    this.#found.package = split.package;
    if (half === "events") {
      for (const [name, { type, nodes, isBorrowed }] of instance.types) {
        if (isBorrowed) continue;
        this.#count(nodes);
        this.#found.events.push({ name, docs: null, type });
      }
      return;
    }
    const functions = half === "commands" ? this.#found.commands : this.#found.queries;
    for (const [name, { params, result, nodes }] of instance.functions) {
      this.#count(nodes);
      functions.push({ name, docs: null, params, result });
    }
  }

  #count(nodes: number): void {
    this.#nodes += nodes;
    if (this.#nodes > TYPE_NODES_MAX) fail(`more than ${TYPE_NODES_MAX} types in all`);
  }

  #instance(reader: Reader, outer: readonly Definition[]): Instance {
    const types: Definition[] = [];
    const made: Instance = { types: new Map(), functions: new Map(), defined: new Map() };
    for (let left = number(reader); left > 0; left--) {
      if (++this.#items > ITEMS_MAX) fail(`more than ${ITEMS_MAX} items`);
      const kind = byte(reader);
      if (kind === 0x01) types.push(definition(reader, types));
      else if (kind === 0x02) types.push({ slot: aliasOfOuter(reader, outer) });
      else if (kind === 0x04) this.#export(reader, types, made);
      else fail(`a declaration ${kind}`);
    }
    return made;
  }

  #export(reader: Reader, types: Definition[], made: Instance): void {
    const name = externName(reader);
    const sort = byte(reader);
    if (sort === 0x01) {
      const of = types[number(reader)];
      if (of === undefined || !("signature" in of)) fail("a function without a type");
      if (made.functions.has(name)) fail(`the function '${name}' twice`);
      made.functions.set(name, of.signature);
      return;
    }
    if (sort !== 0x03 || byte(reader) !== 0x00) fail("an export that is no type and no function");
    const of = types[number(reader)];
    if (of === undefined || !("slot" in of)) fail("a type of nothing");
    if (made.types.has(name)) fail(`the type '${name}' twice`);
    const slot = { ...of.slot };
    if (IDS.has(name) && isFourWords(slot.type)) {
      // By name and shape, as the ledger knows ids that have lost their alias.
      Object.assign(slot, { type: name, depth: 1, nodes: 1 });
    } else if (!slot.isBorrowed && isNominal(slot.type) && !made.defined.has(slot.type)) {
      made.defined.set(slot.type, name);
    }
    made.types.set(name, slot);
    types.push({ slot });
  }
}

/** A type of an imported interface. Those of the host are what they mean. */
function aliasOfExport(reader: Reader, instances: readonly { id: string; instance: Instance }[]): Slot {
  if (byte(reader) !== 0x03 || byte(reader) !== 0x00) fail("an alias of something else than an interface's type");
  const from = instances[number(reader)] ?? fail("an alias of no interface");
  const name = fromUtf8Strict(reader);
  const slot = from.instance.types.get(name) ?? fail(`an alias of '${name}', which is not there`);
  if (from.id.split("@")[0] !== HOST_TYPES) return { ...slot, isBorrowed: true };
  const isKnown = (IDS.has(name) && slot.type === name) || (name === "amount" && slot.type === "u64") || (name === "bytes" && slot.type === "bytes");
  if (!isKnown) fail(`${HOST_TYPES}.${name}, which is not the host's type of that name`);
  return { type: name as Scalar, depth: 1, nodes: 1, isBorrowed: true };
}

/** A type of the component type around. */
function aliasOfOuter(reader: Reader, outer: readonly Definition[]): Slot {
  if (byte(reader) !== 0x03 || byte(reader) !== 0x02 || number(reader) !== 1) fail("an alias of something else than a type outside");
  const of = outer[number(reader)];
  if (of === undefined || !("slot" in of)) fail("an alias of nothing");
  return { ...of.slot, isBorrowed: true };
}

function definition(reader: Reader, types: readonly Definition[]): Definition {
  const slot = (type: Type, ...parts: Slot[]): { slot: Slot } => {
    const depth = 1 + Math.max(0, ...parts.map((part) => part.depth));
    const nodes = parts.reduce((sum, part) => sum + part.nodes, 1);
    if (depth > TYPE_DEPTH_MAX) fail(`types nested more than ${TYPE_DEPTH_MAX} deep`);
    if (nodes > TYPE_NODES_MAX) fail(`a type of more than ${TYPE_NODES_MAX} parts`);
    return { slot: { type, depth, nodes, isBorrowed: false } };
  };
  const value = () => valueType(reader, types);
  const maybe = () => (flag(reader) ? value() : null);
  const many = <T>(read: () => T): T[] => Array.from({ length: count(reader) }, read);
  const kind = byte(reader);
  const primitive = PRIMITIVES.get(kind);
  if (primitive !== undefined) return slot(primitive);
  switch (kind) {
    case 0x40: {
      const params = many((): [string, Slot] => [fromUtf8Strict(reader), value()]);
      const result = flag(reader) ? null : value();
      if (result === null && number(reader) !== 0) fail("a function with several results");
      const nodes = params.reduce((sum, [, part]) => sum + part.nodes, result?.nodes ?? 0);
      return { signature: { params: params.map(([name, part]) => [name, part.type]), result: result && result.type, nodes } };
    }
    case 0x72: {
      const fields = many((): [string, Slot] => [fromUtf8Strict(reader), value()]);
      return slot({ record: fields.map(([name, part]) => [name, part.type]) }, ...fields.map(([, part]) => part));
    }
    case 0x71: {
      const cases = many((): [string, Slot | null] => {
        const one: [string, Slot | null] = [fromUtf8Strict(reader), maybe()];
        if (byte(reader) !== 0) fail("a case that refines another");
        return one;
      });
      return slot({ variant: cases.map(([name, part]) => [name, part && part.type]) }, ...cases.flatMap(([, part]) => part ?? []));
    }
    case 0x70: {
      const item = value();
      return item.type === "u8" ? slot("bytes") : slot({ list: item.type }, item);
    }
    case 0x6f: {
      const parts = many(value);
      return slot({ tuple: parts.map((part) => part.type) }, ...parts);
    }
    case 0x6e:
      return slot({ flags: many(() => fromUtf8Strict(reader)) });
    case 0x6d:
      return slot({ enum: many(() => fromUtf8Strict(reader)) });
    case 0x6b: {
      const inner = value();
      return slot({ option: inner.type }, inner);
    }
    case 0x6a: {
      const [ok, err] = [maybe(), maybe()];
      return slot({ result: { ok: ok && ok.type, err: err && err.type } }, ...[ok, err].flatMap((part) => part ?? []));
    }
    default:
      return fail(`a type ${kind}`);
  }
}

/** A primitive, or a type by index (a signed LEB128, of which primitives are the small negative numbers). */
function valueType(reader: Reader, types: readonly Definition[]): Slot {
  let index = 0;
  for (let shift = 0; ; shift += 7) {
    const part = byte(reader);
    const primitive = shift === 0 ? PRIMITIVES.get(part) : undefined;
    if (primitive !== undefined) return { type: primitive, depth: 1, nodes: 1, isBorrowed: false };
    index += (part & 0x7f) * 2 ** shift;
    if (part < 0x80) {
      if ((part & 0x40) !== 0 || shift > 21) fail("an index of a type that is none");
      break;
    }
  }
  const of = types[index];
  return of !== undefined && "slot" in of ? of.slot : fail("a value of no type");
}

function isNominal(type: Type): boolean {
  return typeof type === "object" && ("record" in type || "variant" in type || "enum" in type || "flags" in type);
}

/** The shape of every id. */
function isFourWords(type: Type): boolean {
  if (typeof type === "string") return IDS.has(type);
  return "record" in type && type.record.map(([name, part]) => `${name} ${part as string}`).join() === "a u64,b u64,c u64,d u64";
}

/** `ns:package/interface@version` as `ns:package@version` and `interface`. */
function splitId(id: string): { package: string; part: string } | null {
  const match = /^([^/@]+)\/([^/@]+)(@.+)?$/.exec(id);
  return match === null ? null : { package: match[1]! + (match[3] ?? ""), part: match[2]! };
}

function byte(reader: Reader): number {
  return reader.take(1)[0]!;
}

function flag(reader: Reader): boolean {
  const value = byte(reader);
  return value > 1 ? fail("neither yes nor no") : value === 1;
}

/** A u32 in LEB128. */
function number(reader: Reader): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const part = byte(reader);
    value += (part & 0x7f) * 2 ** shift;
    if (part < 0x80) return value;
  }
  return fail("a number that is too long");
}

/** A count of items that have at least one byte each. */
function count(reader: Reader): number {
  const value = number(reader);
  return value <= reader.left && value <= ITEMS_MAX ? value : fail("more items than bytes");
}

function externName(reader: Reader): string {
  if (byte(reader) > 1) fail("a name of another kind");
  return fromUtf8Strict(reader);
}

function fromUtf8Strict(reader: Reader): string {
  try {
    return fromUtf8(reader.take(number(reader)));
  } catch (error) {
    return error instanceof DecodeError ? fail(error.message) : fail("a name that is not UTF-8");
  }
}

function fail(what: string): never {
  throw new DecodeError(what);
}
