/**
 * A modal dialog of the platform: focus stays inside and goes back to where it was, Escape and the close button say no,
 * a click beside it does nothing (what is typed is not lost by a slip). While something runs that cannot be taken back,
 * it does not close.
 */

import "./wallet.css";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";

interface DialogProps {
  title: ComponentChildren;
  /** The user closed it. */
  onClose(): void;
  /** False while it must stay. */
  canClose?: boolean;
  /** Which step of several it shows: with each the focus begins anew. */
  step?: string;
  isWide?: boolean;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, canClose = true, step = "", isWide = false, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      dialog.current?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  // Whoever reads by ear hears the title first; where there is something to fill in, that has the focus.
  useEffect(() => {
    const first = dialog.current?.querySelector<HTMLElement>("[data-first]");
    (first ?? heading.current)?.focus();
  }, [step]);
  return (
    <dialog
      ref={dialog}
      class={`wallet-dialog${isWide ? " wide" : ""}`}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        if (canClose) onClose();
      }}
    >
      <header>
        <h2 id={id} ref={heading} tabIndex={-1}>{title}</h2>
        <button type="button" class="plain" aria-label="close" disabled={!canClose} onClick={onClose}>
          <svg viewBox="0 0 16 16" width="14" height="14" fill="none" stroke="currentColor" stroke-width="1.8" aria-hidden="true"><path d="m3 3 10 10M13 3 3 13" /></svg>
        </button>
      </header>
      <div class="dialog-body">{children}</div>
    </dialog>
  );
}

/** Something that needs attention, told to who reads by ear at once. */
export function Notice({ tone, children }: { tone: "bad" | "warn" | "info" | "good"; children: ComponentChildren }) {
  return <div class={`notice ${tone}`} role={tone === "bad" ? "alert" : "status"}>{children}</div>;
}

/** Says that something takes its time. */
export function Working({ children }: { children: ComponentChildren }) {
  return <div class="working" role="status"><span class="spinner" aria-hidden="true" />{children}</div>;
}
