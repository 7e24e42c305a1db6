/**
 * Asking the node from a component: what was answered, what went wrong, and asking again. What was answered stays to be
 * seen while the node is gone; as soon as it answers again, the question is asked again by itself.
 */

import { useEffect, useState } from "preact/hooks";
import { UnreachableError } from "@pollen/client";
import { whenLive } from "./node.js";

export interface Asked<T> {
  data: T | null;
  error: unknown;
  isLoading: boolean;
  /** Asks at once. */
  again(): void;
}

const RETRY_MS = 1_000;

/** Asks when `about` changes, and every `everyMs` where that is given (not while nobody sees the page). */
export function useAsk<T>(ask: (signal: AbortSignal) => Promise<T>, about: readonly unknown[], everyMs?: number): Asked<T> {
  const [state, setState] = useState<Omit<Asked<T>, "again">>({ data: null, error: null, isLoading: true });
  const [tries, setTries] = useState(0);
  const key = about.map(String).join("\n");
  useEffect(() => setState({ data: null, error: null, isLoading: true }), [key]);
  useEffect(() => {
    const stopped = new AbortController();
    const { signal } = stopped;
    let timer: ReturnType<typeof setTimeout>;
    const run = async () => {
      await whenSeen(signal);
      let next = everyMs;
      try {
        const data = await ask(signal);
        if (!signal.aborted) setState({ data, error: null, isLoading: false });
      } catch (error) {
        if (!signal.aborted) setState((before) => ({ ...before, error, isLoading: false }));
        if (error instanceof UnreachableError) next ??= RETRY_MS;
      }
      if (next !== undefined && !signal.aborted) timer = setTimeout(() => void whenLive().then(() => (signal.aborted ? undefined : run())), next);
    };
    void run();
    return () => {
      clearTimeout(timer);
      stopped.abort(new DOMException("nobody asks any more", "AbortError"));
    };
  }, [key, tries, everyMs]);
  return { ...state, again: () => setTries((count) => count + 1) };
}

function whenSeen(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => document.addEventListener("visibilitychange", () => resolve(), { once: true, signal }));
}
