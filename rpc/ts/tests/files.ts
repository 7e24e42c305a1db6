import { readFileSync } from "node:fs";
import { resolve } from "node:path";

/** A file of the repository. */
export function repository(path: string): string {
  return resolve(import.meta.dirname, "../../..", path);
}

/** JSON of a file of the repository. Its shape is the test's affair. */
export function vectors(path: string): any {
  return JSON.parse(readFileSync(repository(path), "utf8"));
}

/** The same bytes with one bit of one byte changed, for every byte. */
export function* flips(bytes: Uint8Array): Generator<Uint8Array> {
  for (let place = 0; place < bytes.length; place++) {
    const flipped = Uint8Array.from(bytes);
    flipped[place]! ^= 1 << (place % 8);
    yield flipped;
  }
}
