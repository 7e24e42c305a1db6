// Made by `pollen bind ts` of pollen:coldchain@0.1.0: do not edit. Calls name the interface
// 3273e7840f86e37626962048a26364876767360c607cae7a7c0e27cd33f958ef
// and fail where the module has another one by then: make this file anew after an upgrade.

import { Module } from "@pollen/client";
import type { CommandOptions, EventsOptions, Executed, ModuleDefinition, PollenClient, QueryOptions, Type, TypedEvent } from "@pollen/client";

/** Why nothing was done. */
export type ColdchainError =
  /** No box has this name. */
  | "unknown-box"
  /** A box of this name was opened before; names are used once. */
  | "name-taken"
  /** The box is closed. */
  | "box-closed"
  /** The box was opened for other sensors, or may only be closed by its opener and its carrier. */
  | "not-allowed"
  /** A name is 1 to 64 bytes long. */
  | "bad-name"
  /** No temperature: below absolute zero or not finite. */
  | "not-a-temperature"
  /** A box has at most 64 named sensors. */
  | "too-many-sensors"
  /** The box has had all the readings that it can have: 2^32 - 1. */
  | "box-full";

/** What a reading says about the box. */
export type Verdict =
  /** Cold enough. */
  | "good"
  /** Above the limit: the alarm was raised. */
  | "too-warm";

/** How a box stands. */
export interface BoxStatus {
  /** Whether it takes readings. */
  open: boolean;
  /** The limit, in degrees Celsius. */
  maxCelsius: number;
  /** The newest reading, in degrees Celsius. */
  lastCelsius: number | null;
  /** When it came: ledger time, in milliseconds since 1970. */
  lastAtMs: bigint | null;
  /** The warmest reading, in degrees Celsius. */
  warmestCelsius: number | null;
  /** How many readings it has. */
  readings: number;
  /** How many of them were too warm. */
  alarms: number;
  /** Who opened it. */
  openedBy: string;
  /** When: ledger time, in milliseconds since 1970. */
  openedAtMs: bigint;
  /** Who carries it, if that was said: may close it too. */
  carrier: string | null;
  /** Whether only the sensors named at its opening may record. */
  restricted: boolean;
}

/** One reading of a sensor. */
export interface Measurement {
  /** Degrees Celsius. */
  celsius: number;
  /** Who signed it. */
  sensor: string;
  /** Ledger time, in milliseconds since 1970. */
  atMs: bigint;
}

/** A reading that was too warm. */
export interface Warning {
  /** When: ledger time, in milliseconds since 1970. */
  atMs: bigint;
  /** Which box. */
  box: string;
  /** The reading's number in its box. */
  reading: number;
  /** Degrees Celsius. */
  celsius: number;
}

/** A box was opened. */
export interface Opened {
  /** Which. */
  box: string;
  /** Its limit, in degrees Celsius. */
  maxCelsius: number;
  /** By whom. */
  by: string;
}

/** A sensor recorded a temperature. */
export interface Reading {
  /** Of which box. */
  box: string;
  /** Degrees Celsius. */
  celsius: number;
  /** Who signed it. */
  sensor: string;
  /** Ledger time, in milliseconds since 1970. */
  atMs: bigint;
}

/** A box is too warm. */
export interface Alarm {
  /** Which. */
  box: string;
  /** Degrees Celsius. */
  celsius: number;
  /** The limit that it passed, in degrees Celsius. */
  limit: number;
  /** Who signed the reading. */
  sensor: string;
  /** Ledger time, in milliseconds since 1970. */
  atMs: bigint;
}

/** A box was closed. */
export interface Closed {
  /** Which. */
  box: string;
  /** How many readings it had. */
  readings: number;
  /** How many of them were too warm. */
  alarms: number;
}

/** An event of the module; `name` tells which. */
export type ColdchainEvent =
  /** A box was opened. */
  | TypedEvent<"opened", Opened>
  /** A sensor recorded a temperature. */
  | TypedEvent<"reading", Reading>
  /** A box is too warm. */
  | TypedEvent<"alarm", Alarm>
  /** A box was closed. */
  | TypedEvent<"closed", Closed>;

const coldchainErrorType: Type = {
  name: "commands.error",
  enum: [
    "unknown-box",
    "name-taken",
    "box-closed",
    "not-allowed",
    "bad-name",
    "not-a-temperature",
    "too-many-sensors",
    "box-full",
  ],
};

const verdictType: Type = {
  name: "commands.verdict",
  enum: [
    "good",
    "too-warm",
  ],
};

const boxStatusType: Type = {
  name: "queries.box-status",
  record: [
    ["open", "bool"],
    ["max-celsius", "f64"],
    ["last-celsius", { option: "f64" }],
    ["last-at-ms", { option: "u64" }],
    ["warmest-celsius", { option: "f64" }],
    ["readings", "u32"],
    ["alarms", "u32"],
    ["opened-by", "account"],
    ["opened-at-ms", "u64"],
    ["carrier", { option: "account" }],
    ["restricted", "bool"],
  ],
};

const measurementType: Type = {
  name: "queries.measurement",
  record: [
    ["celsius", "f64"],
    ["sensor", "account"],
    ["at-ms", "u64"],
  ],
};

const warningType: Type = {
  name: "queries.warning",
  record: [
    ["at-ms", "u64"],
    ["box", "string"],
    ["reading", "u32"],
    ["celsius", "f64"],
  ],
};

const openedType: Type = {
  name: "events.opened",
  record: [
    ["box", "string"],
    ["max-celsius", "f64"],
    ["by", "account"],
  ],
};

const readingType: Type = {
  name: "events.reading",
  record: [
    ["box", "string"],
    ["celsius", "f64"],
    ["sensor", "account"],
    ["at-ms", "u64"],
  ],
};

const alarmType: Type = {
  name: "events.alarm",
  record: [
    ["box", "string"],
    ["celsius", "f64"],
    ["limit", "f64"],
    ["sensor", "account"],
    ["at-ms", "u64"],
  ],
};

const closedType: Type = {
  name: "events.closed",
  record: [
    ["box", "string"],
    ["readings", "u32"],
    ["alarms", "u32"],
  ],
};

/** The interface that these bindings were made of. */
export const definition: ModuleDefinition = {
  module: "@coldchain",
  interfaceHash: "3273e7840f86e37626962048a26364876767360c607cae7a7c0e27cd33f958ef",
  package: "pollen:coldchain@0.1.0",
  docs: null,
  commands: [
    { name: "open-box", docs: null, params: [["box", "string"], ["max-celsius", "f64"], ["carrier", { option: "account" }], ["sensors", { option: { list: "account" } }]], result: { result: { ok: null, err: coldchainErrorType } } },
    { name: "record", docs: null, params: [["box", "string"], ["celsius", "f64"]], result: { result: { ok: verdictType, err: coldchainErrorType } } },
    { name: "close-box", docs: null, params: [["box", "string"]], result: { result: { ok: null, err: coldchainErrorType } } },
  ],
  queries: [
    { name: "status", docs: null, params: [["box", "string"]], result: { result: { ok: boxStatusType, err: coldchainErrorType } } },
    { name: "readings", docs: null, params: [["box", "string"], ["first", "u32"], ["max", "u32"]], result: { result: { ok: { list: measurementType }, err: coldchainErrorType } } },
    { name: "warnings", docs: null, params: [["since-ms", "u64"], ["max", "u32"]], result: { list: warningType } },
    { name: "boxes", docs: null, params: [["first", "u32"], ["max", "u32"]], result: { list: "string" } },
  ],
  events: [
    { name: "opened", docs: null, type: openedType },
    { name: "reading", docs: null, type: readingType },
    { name: "alarm", docs: null, type: alarmType },
    { name: "closed", docs: null, type: closedType },
  ],
};

/**
 * A cold chain: boxes that must stay cold, the readings of their sensors, and an alarm when one is too
 * warm. A producer, a carrier and a shop share it and trust none of the others to run it.
 */
export class Coldchain extends Module {
  /** The module at an address or `@name`. */
  constructor(client: PollenClient, module: string = definition.module) {
    super(client, definition, module);
  }

  /**
   * Opens a box that must not become warmer than `max-celsius`. The `carrier` may close it too. With
   * `sensors`, only they may record; without, anybody may.
   */
  openBox(args: { box: string; maxCelsius: number; carrier?: string | null; sensors?: string[] | null }, options: CommandOptions): Promise<Executed<null>> {
    return this.runCommand("open-box", args, options) as Promise<Executed<null>>;
  }

  /** Records the temperature of a box, signed by the sensor that calls. Too warm a reading raises `alarm`. */
  record(args: { box: string; celsius: number }, options: CommandOptions): Promise<Executed<Verdict>> {
    return this.runCommand("record", args, options) as Promise<Executed<Verdict>>;
  }

  /** Closes a box for good. Its opener and its carrier may. */
  closeBox(args: { box: string }, options: CommandOptions): Promise<Executed<null>> {
    return this.runCommand("close-box", args, options) as Promise<Executed<null>>;
  }

  /** How a box stands. */
  status(args: { box: string }, options?: QueryOptions): Promise<BoxStatus> {
    return this.runQuery("status", args, options) as Promise<BoxStatus>;
  }

  /**
   * Readings of a box in the order they came, from number `first` (0 is the oldest), at most `max` and
   * at most 256.
   */
  readings(args: { box: string; first: number; max: number }, options?: QueryOptions): Promise<Measurement[]> {
    return this.runQuery("readings", args, options) as Promise<Measurement[]>;
  }

  /**
   * Readings of all boxes that were too warm, in the order of time, from `since-ms` of ledger time on (in
   * milliseconds since 1970), at most `max` and at most 256. To go on, ask from the last one's time and leave
   * out what is known.
   */
  warnings(args: { sinceMs: bigint; max: number }, options?: QueryOptions): Promise<Warning[]> {
    return this.runQuery("warnings", args, options) as Promise<Warning[]>;
  }

  /** Names of all boxes in the order they were opened, from number `first`, at most `max` and at most 256. */
  boxes(args: { first: number; max: number }, options?: QueryOptions): Promise<string[]> {
    return this.runQuery("boxes", args, options) as Promise<string[]>;
  }

  /** The module's events as they happen; of one `name` alone, if it is given. */
  events(options?: Omit<EventsOptions, "module">): AsyncGenerator<ColdchainEvent, void, void> {
    return this.runEvents(options) as AsyncGenerator<ColdchainEvent, void, void>;
  }
}
