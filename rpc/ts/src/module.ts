/**
 * What generated bindings (`pollen bind ts MODULE`) are made of: a module with the types of its functions in the
 * program, so that the compiler checks calls and no node is asked what the types are.
 *
 * Values are in the native form: `bigint` for u64, s64 and amounts, `Uint8Array` for bytes, camelCase names.
 */

import type { At, Cursor, EventView, ReadOptions } from "./api.js";
import type { AccountId, Hash } from "./bytes.js";
import type { CommandOptions, PollenClient } from "./client.js";
import { functionOf } from "./client.js";
import { AnswerError, ValueError } from "./errors.js";
import type { EventsOptions, EventStream } from "./events.js";
import type { Executed } from "./fate.js";
import type { Interface } from "./types.js";
import { decodeValue } from "./values.js";

/** What a generated file knows of its module. */
export interface ModuleDefinition extends Interface {
  /** The name or address that the bindings were made from. */
  module: string;
  /** The interface's hash: calls name it, and fail (1014) where the module has another one by then. */
  interfaceHash: Hash;
}

/** A query's options. */
export type QueryOptions = ReadOptions & { caller?: string };

/** An event with its value. */
export interface TypedEvent<N extends string, V> {
  name: N;
  value: V;
  /** Its place: what a program keeps to go on after it. */
  cursor: Cursor;
  transaction: Hash;
  /** Ledger time, in milliseconds. */
  timeMs: bigint;
  topics: Uint8Array[];
}

/** A module on a chain, with its functions' types. Generated classes have a method for each function. */
export class Module {
  readonly client: PollenClient;
  readonly definition: ModuleDefinition;
  /** Address or `@name`. */
  readonly module: string;
  #id: AccountId | null = null;

  constructor(client: PollenClient, definition: ModuleDefinition, module = definition.module) {
    this.client = client;
    this.definition = definition;
    this.module = module;
  }

  /** The module's id. A `@name` is asked for once. */
  async id(): Promise<AccountId> {
    this.#id ??= await this.client.idOf(this.module);
    return this.#id;
  }

  /** Runs a query; nothing is paid. */
  async runQuery(name: string, args: unknown, options?: QueryOptions): Promise<unknown> {
    return (await this.runQueryAt(name, args, options)).value;
  }

  /** {@link runQuery}, with the state that was read. */
  async runQueryAt(name: string, args: unknown, options: QueryOptions = {}): Promise<{ value: unknown; at: At }> {
    const called = functionOf(this.definition, "query", name);
    return this.client.queryTyped(this.module, called, args, await this.client.formats("native"), options);
  }

  /** Calls a command and waits for its end. Throws `TransactionFailed` where it ended without a success. */
  async runCommand(name: string, args: unknown, options: CommandOptions): Promise<Executed<unknown>> {
    const called = functionOf(this.definition, "command", name);
    const known = { id: await this.id(), interfaceHash: this.definition.interfaceHash };
    return this.client.callTyped(known, called, args, await this.client.formats("native"), options);
  }

  /** The module's events, all or those of a name, as they happen. */
  runEvents(options: Omit<EventsOptions, "module"> = {}): AsyncGenerator<TypedEvent<string, unknown>, void, void> {
    return this.#events(this.client.events({ ...options, module: this.module }));
  }

  async *#events(stream: EventStream): AsyncGenerator<TypedEvent<string, unknown>, void, void> {
    for await (const event of stream) yield await this.#typed(event);
  }

  async #typed(event: EventView): Promise<TypedEvent<string, unknown>> {
    const known = this.definition.events.find((one) => one.name === event.name);
    if (known === undefined) throw new AnswerError("event.name", `the module has no event '${event.name.slice(0, 80)}'`);
    const { name, cursor, transaction, timeMs, topics } = event;
    try {
      const value = decodeValue(known.type, event.data, await this.client.formats("native"));
      return { name, value, cursor, transaction, timeMs, topics };
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      throw new AnswerError("event.data", `no value of the event '${name}': ${error.message}`);
    }
  }
}
