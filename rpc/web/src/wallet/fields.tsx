/**
 * Fields of the wallet's dialogs. What is secret is read from the field when it is needed and wiped from it at once: it is
 * in no signal, no state and no attribute.
 */

import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { passphraseFault, suggestPassphrase } from "./passphrase.js";

/** Reads a secret field and empties it. */
export function take(field: RefObject<HTMLInputElement | HTMLTextAreaElement | null>): string {
  const text = field.current?.value ?? "";
  if (field.current !== null) field.current.value = "";
  return text;
}

interface SecretProps {
  label: string;
  field: RefObject<HTMLInputElement | null>;
  hint?: ComponentChildren;
  fault?: string | null;
  isFirst?: boolean;
  isNew?: boolean;
  isShown?: boolean;
  disabled?: boolean;
  onInput?: (text: string) => void;
}

export function Secret({ label, field, hint, fault = null, isFirst = false, isNew = false, isShown = false, disabled = false, onInput }: SecretProps) {
  const id = useId();
  // Who mistyped types again.
  useEffect(() => {
    if (fault !== null && !disabled) field.current?.focus();
  }, [fault, disabled]);
  return (
    <div class="field">
      <label class="label" for={id}>{label}</label>
      <input
        id={id}
        ref={field}
        type={(isShown ? "text" : "password") as "password"}
        autocomplete={(isNew ? "new-password" : "current-password") as AutoFill}
        spellcheck={false}
        disabled={disabled}
        aria-invalid={fault !== null}
        aria-describedby={`${id}-hint`}
        {...(isFirst ? { "data-first": true } : {})}
        onInput={(event) => onInput?.(event.currentTarget.value)}
      />
      <span id={`${id}-hint`} class={fault === null ? "small muted" : "wrong"}>{fault ?? hint}</span>
    </div>
  );
}

/** A new passphrase, twice, with one to take where nobody has an idea. */
export function NewPassphrase({ field, again, avoid, fault, clear, disabled }: {
  field: RefObject<HTMLInputElement | null>;
  again: RefObject<HTMLInputElement | null>;
  avoid: readonly string[];
  fault: string | null;
  /** What was wrong is being changed. */
  clear(): void;
  disabled: boolean;
}) {
  const [told, setTold] = useState<string | null>(null);
  const [isShown, setShown] = useState(false);
  const suggest = () => {
    const words = suggestPassphrase();
    for (const one of [field, again]) if (one.current !== null) one.current.value = words;
    setShown(true);
    setTold(null);
    clear();
  };
  return (
    <>
      <Secret
        label="Passphrase"
        field={field}
        isNew
        isShown={isShown}
        disabled={disabled}
        fault={fault ?? told}
        hint="It encrypts the key in this browser. Nobody can give it back to you."
        onInput={(text) => (clear(), setTold(text.length < 6 ? null : passphraseFault(text, avoid)))}
      />
      <Secret label="The same again" field={again} isNew isShown={isShown} disabled={disabled} onInput={clear} />
      <div class="row">
        <button type="button" disabled={disabled} onClick={suggest}>Suggest one</button>
        <label class="check"><input type="checkbox" checked={isShown} onChange={(event) => setShown(event.currentTarget.checked)} /> Show it</label>
      </div>
    </>
  );
}

/** Takes both fields of a new passphrase. Throws nothing: `fault` is told instead, and the fields stay as they are. */
export function readNew(
  field: RefObject<HTMLInputElement | null>,
  again: RefObject<HTMLInputElement | null>,
  avoid: readonly string[],
): { passphrase: string; fault: null } | { passphrase: null; fault: string } {
  const text = field.current?.value ?? "";
  const fault = passphraseFault(text, avoid) ?? (text === (again.current?.value ?? "") ? null : "the two are not the same");
  if (fault !== null) return { passphrase: null, fault };
  take(field);
  take(again);
  return { passphrase: text, fault: null };
}

export function Text({ label, hint, value, onInput, fault = null, isFirst = false, placeholder = "" }: {
  label: string;
  hint?: ComponentChildren;
  value: string;
  onInput(text: string): void;
  fault?: string | null;
  isFirst?: boolean;
  placeholder?: string;
}) {
  const id = useId();
  return (
    <div class="field">
      <label class="label" for={id}>{label}</label>
      <input
        id={id}
        type="text"
        value={value}
        placeholder={placeholder}
        spellcheck={false}
        autocomplete="off"
        aria-invalid={fault !== null}
        aria-describedby={`${id}-hint`}
        {...(isFirst ? { "data-first": true } : {})}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <span id={`${id}-hint`} class={fault === null ? "small muted" : "wrong"}>{fault ?? hint}</span>
    </div>
  );
}
