/**
 * Strict reading of a node's answers: each value has a reader that gives it its type, or an {@link AnswerError}
 * with the path. Fields that are not known are ignored, since nodes add some; a field that is missing is not.
 */

import { fromBase64, isHex32 } from "./bytes.js";
import { AnswerError } from "./errors.js";

/** Reads one value of an answer. */
export type Read<T> = (json: unknown, path: string) => T;
/** The type that a reader gives. */
export type Out<R> = R extends Read<infer T> ? T : never;

const U64_MAX = (1n << 64n) - 1n;

export const text: Read<string> = (json, path) => {
  if (typeof json !== "string") throw new AnswerError(path, "expected text");
  return json;
};

export const flag: Read<boolean> = (json, path) => {
  if (typeof json !== "boolean") throw new AnswerError(path, "expected true or false");
  return json;
};

/** A whole number that is no u64: a JSON number. */
export const small: Read<number> = (json, path) => {
  if (typeof json !== "number" || !Number.isSafeInteger(json)) throw new AnswerError(path, "expected a whole number");
  return json;
};

/** A u64: decimal digits as text. */
export const u64: Read<bigint> = (json, path) => {
  if (typeof json !== "string" || !/^[0-9]{1,20}$/.test(json) || BigInt(json) > U64_MAX) {
    throw new AnswerError(path, "expected a whole number from 0 to 2^64 - 1 as text");
  }
  return BigInt(json);
};

/** A hash or key: 64 lower-case hexadecimal digits. */
export const hash: Read<string> = (json, path) => {
  if (!isHex32(json)) throw new AnswerError(path, "expected 64 lower-case hexadecimal digits");
  return json as string;
};

/** Base64 with padding. */
export const bytes: Read<Uint8Array> = (json, path) => {
  try {
    return fromBase64(text(json, path));
  } catch (error) {
    throw error instanceof AnswerError ? error : new AnswerError(path, "expected base64 with padding");
  }
};

/** Any JSON, as it is: not checked. */
export const any: Read<unknown> = (json) => json;

/** A value, or null; null too where it is missing. */
export function nullable<T>(read: Read<T>): Read<T | null> {
  return (json, path) => (json === null || json === undefined ? null : read(json, path));
}

export function list<T>(read: Read<T>): Read<T[]> {
  return (json, path) => {
    if (!Array.isArray(json)) throw new AnswerError(path, "expected a list");
    return json.map((item, index) => read(item, `${path}[${index}]`));
  };
}

/** One of some words. */
export function word<const W extends string>(...words: W[]): Read<W> {
  return (json, path) => {
    if (!words.includes(json as W)) throw new AnswerError(path, `expected one of ${words.join(", ")}`);
    return json as W;
  };
}

/** An object with these fields. */
export function object<S extends Record<string, Read<unknown>>>(fields: S): Read<{ [K in keyof S]: Out<S[K]> }> {
  return (json, path) => {
    if (json === null || typeof json !== "object" || Array.isArray(json)) throw new AnswerError(path, "expected an object");
    const given = json as Record<string, unknown>;
    const value: Record<string, unknown> = {};
    for (const [name, read] of Object.entries(fields)) {
      value[name] = read(Object.hasOwn(given, name) ? given[name] : undefined, `${path}.${name}`);
    }
    return value as { [K in keyof S]: Out<S[K]> };
  };
}

/** One of several shapes, told apart by the word in a field; it stays in the value. */
export function oneOf<F extends string, S extends Record<string, Record<string, Read<unknown>>>>(
  field: F,
  shapes: S,
): Read<{ [K in keyof S]: { [P in F]: K } & { [N in keyof S[K]]: Out<S[K][N]> } }[keyof S]> {
  const read = Object.fromEntries(Object.entries(shapes).map(([kind, shape]) => [kind, object(shape)]));
  return (json, path) => {
    const given = (json as Record<string, unknown> | null)?.[field];
    const kind = word(...Object.keys(shapes))(given, `${path}.${field}`);
    return { [field]: kind, ...(read[kind]!(json, path) as object) } as never;
  };
}

/** Two objects' fields in one. */
export function both<A extends object, B extends object>(left: Read<A>, right: Read<B>): Read<A & B> {
  return (json, path) => ({ ...left(json, path), ...right(json, path) });
}
