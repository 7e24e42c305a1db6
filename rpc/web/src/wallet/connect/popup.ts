/**
 * This page as the window that a site of another origin opened (`#/connect`): it hears its opener alone, and answers to
 * the origin that the browser names. When a request has its answer the window closes, unless the owner keeps it, so that
 * the next request finds it unlocked.
 */

import { effect, signal } from "@preact/signals";
import { pin } from "../../verify/pin.js";
import { accounts } from "../session.js";
import { CONNECT_HASH, PROTOCOL, readRequest, type AnswerMessage } from "./protocol.js";
import { errorOf, serve } from "./serve.js";

/** The site that opened this window; null in a page that was opened by its user. "" before it has said anything. */
export const visitor = signal<string | null>(null);
/** Whether the owner keeps the window for the next request. */
export const keepsWindow = signal(false);

/** Begins to listen, where a site opened this window; once, when the page opens. */
export function startPopup(): void {
  const opener = globalThis.opener as Window | null;
  if (location.hash !== CONNECT_HASH || opener === null || opener === globalThis.self || globalThis.top !== globalThis.self) return;
  visitor.value = "";
  // Nothing of the page is seen around the question.
  document.documentElement.dataset["visitor"] = "";
  let isBusy = false;
  addEventListener("message", (event: MessageEvent<unknown>) => {
    if (event.source !== opener || !/^https?:\/\//.test(event.origin)) return;
    const message = readRequest(event.data);
    if (message === null || isBusy) return;
    isBusy = true;
    visitor.value = event.origin;
    const answer = (rest: { result: unknown } | { error: { code: string; message: string } }) => {
      const told: AnswerMessage = { pollen: PROTOCOL, kind: "answer", id: message.id, ...rest };
      opener.postMessage(told, event.origin);
    };
    void whenKnown()
      .then(() => serve(event.origin, message.request))
      .then((result) => answer({ result }), (error: unknown) => answer({ error: errorOf(error) }))
      .finally(() => {
        isBusy = false;
        if (!keepsWindow.value) globalThis.close();
      });
  });
  // Tells nothing: whoever opened this window may know that it is there.
  opener.postMessage({ pollen: PROTOCOL, kind: "ready" } satisfies AnswerMessage, "*");
}

/** Resolves when the accounts were read and the chain is known. */
function whenKnown(): Promise<void> {
  return new Promise((resolve) => {
    const stop = effect(() => {
      if (accounts.value === null || pin.value === null) return;
      queueMicrotask(() => stop());
      resolve();
    });
  });
}
