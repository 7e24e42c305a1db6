/**
 * What a text that somebody looks for may mean. Pure: of a hash only the node can tell what it is of, see
 * `pages/found.tsx`; everything else is told here.
 */

import { isModuleName, parseAddress } from "@pollen/client";

export type Guess =
  | { kind: "checkpoint"; height: bigint }
  | { kind: "round"; round: number }
  | { kind: "hash"; hash: string }
  | { kind: "account" | "module"; address: string }
  | { kind: "name"; name: string }
  | { kind: "validator"; author: number; name: string }
  | { kind: "method"; name: string };

/** What is known without asking. */
export interface Known {
  addressPrefix: string;
  committee: readonly { author: number; name: string; publicKey: string }[];
  /** Names of modules, without `@`. */
  names: readonly string[];
  methods: readonly string[];
}

const ROUND_MAX = 2 ** 32 - 1;
const GUESSES_MAX = 8;

/** What `text` may be, the likeliest first. */
export function guesses(text: string, { addressPrefix, committee, names, methods }: Known): Guess[] {
  const asked = text.trim();
  if (asked === "") return [];
  const lower = asked.toLowerCase();
  const found: Guess[] = [];
  const number = /^#?([\d\s_\u202f',]*\d)$/.exec(asked)?.[1]?.replace(/[^\d]/g, "");
  if (number !== undefined && number.length <= 20) {
    found.push({ kind: "checkpoint", height: BigInt(number) });
    if (BigInt(number) <= BigInt(ROUND_MAX)) found.push({ kind: "round", round: Number(number) });
  }
  // A cursor of an event: of the checkpoint's height, transaction and event.
  const cursor = /^(\d{1,20})\.\d+(?:\.\d+)?$/.exec(asked)?.[1];
  if (cursor !== undefined) found.push({ kind: "checkpoint", height: BigInt(cursor) });
  const hash = /^(?:0x)?([0-9a-f]{64})$/.exec(lower)?.[1];
  if (hash !== undefined) {
    const member = committee.find(({ publicKey }) => publicKey === hash);
    if (member !== undefined) found.push({ kind: "validator", author: member.author, name: member.name });
    found.push({ kind: "hash", hash });
  }
  if (addressPrefix !== "" && lower.startsWith(`${addressPrefix}1`)) {
    const address = addressOf(lower, addressPrefix);
    if (address !== null) found.push(address);
  }
  const name = lower.replace(/^@/, "");
  const exact = names.includes(name);
  if (exact || (asked.startsWith("@") && isModuleName(name))) found.push({ kind: "name", name });
  const like = (other: string) => other.toLowerCase().includes(name) && name !== "";
  for (const other of names) if (other !== name && like(other)) found.push({ kind: "name", name: other });
  for (const { author, name: called } of committee) if (!asked.startsWith("@") && like(called)) found.push({ kind: "validator", author, name: called });
  for (const method of methods) if (name.length > 2 && like(method)) found.push({ kind: "method", name: method });
  return found.slice(0, GUESSES_MAX);
}

function addressOf(text: string, prefix: string): Guess | null {
  try {
    const { kind } = parseAddress(text, prefix);
    return kind === "validator" ? null : { kind, address: text };
  } catch {
    return null; // mistyped: the found page says so
  }
}
