// Made by `pollen bind ts` of test:every-kind@0.1.0: do not edit. Calls name the interface
// 0707070707070707070707070707070707070707070707070707070707070707
// and fail where the module has another one by then: make this file anew after an upgrade.

import { encodeArguments, Module } from "@pollen/client";
import type { CommandOptions, EventsOptions, Executed, ModuleDefinition, PollenClient, QueryOptions, Type, TypedEvent } from "@pollen/client";

export interface KeyPair {
  leftSide: bigint;
  right: { some: number | null } | null;
}

export type Choice =
  | "nothing"
  /** Two. */
  | { "a-pair": KeyPair }
  | { "numbers": number[] };

/**
 * Ends the comment * / process.exit(1) /*
 * and goes on
 */
export type EveryKindError =
  /** * / alert(1) */
  | "red"
  | "dark-green"
  | "self";

export type Rights = (
  | "read"
  | "write"
  | "grant"
)[];

export interface EveryKindKeyPair {
  data: Uint8Array;
}

/** An event of the module; `name` tells which. */
export type EveryKindEvent =
  /** Somebody chose. */
  | TypedEvent<"chosen", Choice>
  | TypedEvent<"count", bigint>;

const keyPairType: Type = {
  name: "queries.key-pair",
  record: [
    ["left-side", "u64"],
    ["right", { option: { option: "u8" } }],
  ],
};

const choiceType: Type = {
  name: "commands.choice",
  variant: [
    ["nothing", null],
    ["a-pair", keyPairType],
    ["numbers", { list: "f32" }],
  ],
};

const everyKindErrorType: Type = {
  name: "commands.error",
  enum: [
    "red",
    "dark-green",
    "self",
  ],
};

const rightsType: Type = {
  name: "commands.rights",
  flags: [
    "read",
    "write",
    "grant",
  ],
};

const everyKindKeyPairType: Type = {
  name: "test:other/queries@0.1.0.key-pair",
  record: [
    ["data", "bytes"],
  ],
};

/** The interface that these bindings were made of. */
export const definition: ModuleDefinition = {
  module: "",
  interfaceHash: "0707070707070707070707070707070707070707070707070707070707070707",
  package: "test:every-kind@0.1.0",
  docs: null,
  commands: [
    { name: "init", docs: null, params: [["start", "u64"]], result: null },
    { name: "scalars", docs: null, params: [["a", "bool"], ["b", "u8"], ["c", "u16"], ["d", "u32"], ["e", "u64"], ["f", "s8"], ["g", "s16"], ["h", "s32"], ["i", "s64"], ["j", "f32"], ["k", "f64"], ["l", "char"], ["m", "string"], ["n", "amount"], ["o", "bytes"], ["p", "account"], ["q", "code-hash"], ["r", "hash"], ["s", "id"]], result: { tuple: ["bool", "u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "f32", "f64", "char", "string", "amount", "bytes", "account", "code-hash", "hash", "id"] } },
    { name: "made-of-others", docs: null, params: [["list-of", { list: { option: keyPairType } }], ["choice", choiceType], ["color", everyKindErrorType], ["may", rightsType], ["both", { tuple: ["u8", everyKindKeyPairType] }], ["maybe", { option: "string" }], ["end", { result: { ok: null, err: "u32" } }]], result: { result: { ok: choiceType, err: everyKindErrorType } } },
    { name: "constructor", docs: null, params: [], result: { result: { ok: null, err: null } } },
    { name: "get", docs: null, params: [], result: null },
    { name: "find", docs: null, params: [["type", "u8"], ["self", "string"]], result: null },
  ],
  queries: [
    { name: "get", docs: null, params: [["maybe-this", { option: keyPairType }]], result: everyKindKeyPairType },
    { name: "id", docs: null, params: [], result: { option: "s64" } },
  ],
  events: [
    { name: "chosen", docs: null, type: choiceType },
    { name: "count", docs: null, type: "u64" },
  ],
};

/** Every kind of type. */
export class EveryKind extends Module {
  /** The module at an address or `@name`. */
  constructor(client: PollenClient, module: string) {
    super(client, definition, module);
  }

  static initArguments(args: { start: bigint }, addressPrefix: string): Uint8Array {
    return encodeArguments(definition.commands.find((one) => one.name === "init")!.params, args, { prefix: addressPrefix, form: "native" });
  }

  scalars(args: { a: boolean; b: number; c: number; d: number; e: bigint; f: number; g: number; h: number; i: bigint; j: number; k: number; l: string; m: string; n: bigint; o: Uint8Array; p: string; q: string; r: string; s: string }, options: CommandOptions): Promise<Executed<[boolean, number, number, number, bigint, number, number, number, bigint, number, number, string, string, bigint, Uint8Array, string, string, string, string]>> {
    return this.runCommand("scalars", args, options) as Promise<Executed<[boolean, number, number, number, bigint, number, number, number, bigint, number, number, string, string, bigint, Uint8Array, string, string, string, string]>>;
  }

  madeOfOthers(args: { listOf: (KeyPair | null)[]; choice: Choice; color: EveryKindError; may: Rights; both: [number, EveryKindKeyPair]; maybe?: string | null; end: { ok: null } | { err: number } }, options: CommandOptions): Promise<Executed<Choice>> {
    return this.runCommand("made-of-others", args, options) as Promise<Executed<Choice>>;
  }

  constructorCommand(options: CommandOptions): Promise<Executed<null>> {
    return this.runCommand("constructor", {}, options) as Promise<Executed<null>>;
  }

  get(options: CommandOptions): Promise<Executed<null>> {
    return this.runCommand("get", {}, options) as Promise<Executed<null>>;
  }

  /**
   * Finds * / it.
   *
   *     exit(1);
   * ```
   */
  find(args: { type: number; self: string }, options: CommandOptions): Promise<Executed<null>> {
    return this.runCommand("find", args, options) as Promise<Executed<null>>;
  }

  getQuery(args: { maybeThis?: KeyPair | null }, options?: QueryOptions): Promise<EveryKindKeyPair> {
    return this.runQuery("get", args, options) as Promise<EveryKindKeyPair>;
  }

  idQuery(options?: QueryOptions): Promise<bigint | null> {
    return this.runQuery("id", {}, options) as Promise<bigint | null>;
  }

  /** The module's events as they happen; of one `name` alone, if it is given. */
  events(options?: Omit<EventsOptions, "module">): AsyncGenerator<EveryKindEvent, void, void> {
    return this.runEvents(options) as AsyncGenerator<EveryKindEvent, void, void>;
  }
}
