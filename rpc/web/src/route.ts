/**
 * Where the page is, as `#/checkpoints/812?tab=raw`: parts of the path and named values after `?`. Everything that can
 * be looked at has an address of its own, which can be sent to somebody.
 */

import { computed, signal } from "@preact/signals";

export interface Route {
  /** Decoded parts; none is the overview. */
  parts: readonly string[];
  query: URLSearchParams;
}

/** Reads the part of an address behind `#`. What is no valid escape is taken as it stands. */
export function readRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const parts = path.split("/").filter((part) => part !== "");
  return { parts: parts.map(unescaped), query: new URLSearchParams(query) };
}

function unescaped(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a place: `to("modules", "@counter")`. */
export function to(...parts: (string | number | bigint)[]): string {
  return `#/${parts.map((part) => encodeURIComponent(String(part)).replace(/%40/g, "@")).join("/")}`;
}

const hash = signal(location.hash);
addEventListener("hashchange", () => (hash.value = location.hash));

export const route = computed(() => readRoute(hash.value));

export function go(address: string): void {
  location.hash = address;
}

/** Sets named values of the present place without a step in the history. */
export function setQuery(values: Record<string, string | null>): void {
  const { parts, query } = route.value;
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString();
  history.replaceState(null, "", to(...parts) + (text === "" ? "" : `?${text}`));
  hash.value = location.hash;
}
