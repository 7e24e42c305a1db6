/**
 * Borsh, strict: what was written by a {@link Codec} is read by it, and nothing else is. Every reader has a
 * bound, allocates nothing by a length that the bytes left cannot hold, and leaves nothing over.
 */

import { bytes32, fromUtf8, toHex, toUtf8, type Hex32 } from "./bytes.js";
import { DecodeError } from "./errors.js";

/** How values of one type are written and read. */
export interface Codec<T> {
  write(writer: Writer, value: T): void;
  read(reader: Reader): T;
}

/** Collects bytes. */
export class Writer {
  #bytes = new Uint8Array(256);
  #length = 0;

  put(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + more));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
  }
}

/** Reads one encoding from its start to its end. */
export class Reader {
  readonly #bytes: Uint8Array;
  #place = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#place;
  }

  take(count: number): Uint8Array {
    if (count > this.left) throw new DecodeError(`not a valid encoding: ${this.left} bytes left where ${count} are needed`);
    const taken = this.#bytes.subarray(this.#place, this.#place + count);
    this.#place += count;
    return taken;
  }

  view(count: number): DataView {
    const taken = this.take(count);
    return new DataView(taken.buffer, taken.byteOffset, count);
  }

  /** A length of items that have at least one byte each. */
  length(): number {
    const length = this.view(4).getUint32(0, true);
    if (length > this.left) throw new DecodeError(`not a valid encoding: ${this.left} bytes left for ${length} items`);
    return length;
  }

  finish(): void {
    if (this.left > 0) throw new DecodeError(`not a valid encoding: ${this.left} bytes are left over`);
  }
}

/** Encodes a value. Throws `TypeError` for one that its type does not allow. */
export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const writer = new Writer();
  codec.write(writer, value);
  return writer.finish();
}

/** Decodes exactly one value from all of `bytes`, of which there may be at most `max`. Throws {@link DecodeError}. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array, max: number): T {
  if (bytes.length > max) throw new DecodeError(`${bytes.length} bytes are more than the ${max} allowed`);
  const reader = new Reader(bytes);
  const value = codec.read(reader);
  reader.finish();
  return value;
}

function whole(bits: 8 | 16 | 32): Codec<number> {
  const max = 2 ** bits - 1;
  return {
    write(writer, value) {
      if (!Number.isInteger(value) || value < 0 || value > max) throw new TypeError(`expected a whole number from 0 to ${max}`);
      for (let shift = 0; shift < bits; shift += 8) writer.byte((value >>> shift) & 255);
    },
    read(reader) {
      const view = reader.view(bits / 8);
      return bits === 8 ? view.getUint8(0) : bits === 16 ? view.getUint16(0, true) : view.getUint32(0, true);
    },
  };
}

export const u8 = whole(8);
export const u16 = whole(16);
export const u32 = whole(32);

const U64_MAX = (1n << 64n) - 1n;

export const u64: Codec<bigint> = {
  write(writer, value) {
    if (typeof value !== "bigint" || value < 0n || value > U64_MAX) {
      throw new TypeError("expected a bigint from 0n to 2n ** 64n - 1n");
    }
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    writer.put(bytes);
  },
  read: (reader) => reader.view(8).getBigUint64(0, true),
};

export const bool: Codec<boolean> = {
  write: (writer, value) => writer.byte(value ? 1 : 0),
  read: (reader) => tag(reader, 2) === 1,
};

/** A tag byte below `count`. */
function tag(reader: Reader, count: number): number {
  const value = reader.view(1).getUint8(0);
  if (value >= count) throw new DecodeError(`not a valid encoding: the tag ${value} where ${count} are known`);
  return value;
}

/** 32 bytes as 64 lower-case hexadecimal digits. */
export const hex32: Codec<Hex32> = {
  write: (writer, value) => writer.put(bytes32(value)),
  read: (reader) => toHex(reader.take(32)),
};

/** Exactly `count` bytes. */
export function fixed(count: number): Codec<Uint8Array> {
  return {
    write(writer, value) {
      if (value.length !== count) throw new TypeError(`expected ${count} bytes, not ${value.length}`);
      writer.put(value);
    },
    read: (reader) => reader.take(count).slice(),
  };
}

export const bytes: Codec<Uint8Array> = {
  write(writer, value) {
    u32.write(writer, value.length);
    writer.put(value);
  },
  read: (reader) => reader.take(reader.length()).slice(),
};

export const text: Codec<string> = {
  write: (writer, value) => bytes.write(writer, toUtf8(value)),
  read(reader) {
    try {
      return fromUtf8(reader.take(reader.length()));
    } catch (error) {
      throw error instanceof DecodeError ? error : new DecodeError("not a valid encoding: a text that is not UTF-8");
    }
  },
};

export function option<T>(inner: Codec<T>): Codec<T | null> {
  return {
    write(writer, value) {
      writer.byte(value === null ? 0 : 1);
      if (value !== null) inner.write(writer, value);
    },
    read: (reader) => (tag(reader, 2) === 0 ? null : inner.read(reader)),
  };
}

export function list<T>(item: Codec<T>): Codec<T[]> {
  return {
    write(writer, values) {
      u32.write(writer, values.length);
      for (const value of values) item.write(writer, value);
    },
    read(reader) {
      const length = reader.length();
      const values: T[] = [];
      for (let index = 0; index < length; index++) values.push(item.read(reader));
      return values;
    },
  };
}

/** Fields in the order in which they stand here. */
export function struct<T extends object>(fields: { [K in keyof T]: Codec<T[K]> }): Codec<T> {
  const names = Object.keys(fields) as (keyof T)[];
  return {
    write(writer, value) {
      for (const name of names) fields[name].write(writer, value[name]);
    },
    read(reader) {
      const value: Partial<T> = {};
      for (const name of names) value[name] = fields[name].read(reader);
      return value as T;
    },
  };
}

/** One of several shapes, told apart by `kind`: a tag byte, then the shape's fields.. */
export function oneOf<T extends { kind: string }>(
  cases: { [K in T["kind"]]: Codec<Omit<Extract<T, { kind: K }>, "kind">> },
): Codec<T> {
  const kinds = Object.keys(cases) as T["kind"][];
  return {
    write(writer, value) {
      const place = kinds.indexOf(value.kind);
      if (place < 0) throw new TypeError(`'${String(value.kind)}' is none of ${kinds.join(", ")}`);
      writer.byte(place);
      (cases[value.kind as T["kind"]] as unknown as Codec<T>).write(writer, value);
    },
    read(reader) {
      const kind = kinds[tag(reader, kinds.length)]!;
      return { kind, ...(cases[kind] as Codec<object>).read(reader) } as T;
    },
  };
}

/** A shape with nothing in it. */
export const nothing: Codec<object> = struct({});

/** Bytes of a value's encoding. */
export function length<T>(codec: Codec<T>, value: T): number {
  return encode(codec, value).length;
}
