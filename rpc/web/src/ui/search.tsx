/** Search by anything, in the header: `/` leads here, suggestions come while one types, Enter goes. */

import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { METHOD_NAMES } from "../methods.js";
import { moduleNames, readModuleNames } from "../names.js";
import { info } from "../node.js";
import { go, route, to } from "../route.js";
import { guesses, type Guess } from "../search.js";

const isOpen = signal(false);

export function guessed(text: string): Guess[] {
  return guesses(text, {
    addressPrefix: info.value?.addressPrefix ?? "",
    committee: info.value?.committee ?? [],
    names: [...moduleNames.value.values()],
    methods: METHOD_NAMES,
  });
}

/** Where a guess leads; a hash is asked about first. */
export function placeOf(guess: Guess): string {
  switch (guess.kind) {
    case "checkpoint":
      return to("checkpoints", guess.height);
    case "round":
      return to("dag", guess.round);
    case "hash":
      return `#/search?q=${guess.hash}`;
    case "account":
      return to("accounts", guess.address);
    case "module":
      return to("modules", guess.address);
    case "name":
      return to("modules", `@${guess.name}`);
    case "validator":
      return `${to("peers")}?validator=${guess.author}`;
    case "method":
      return to("console", guess.name);
  }
}

export function titleOf(guess: Guess): [string, string] {
  switch (guess.kind) {
    case "checkpoint":
      return ["checkpoint", String(guess.height)];
    case "round":
      return ["round of the DAG", String(guess.round)];
    case "hash":
      return ["hash", `${guess.hash.slice(0, 16)}…`];
    case "account":
    case "module":
      return [guess.kind, `${guess.address.slice(0, 20)}…`];
    case "name":
      return ["module", `@${guess.name}`];
    case "validator":
      return ["validator", guess.name];
    case "method":
      return ["method", guess.name];
  }
}

export function Search() {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      if ((event.target as HTMLElement).closest("input, textarea, select, [contenteditable]") !== null) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    addEventListener("keydown", focus);
    return () => removeEventListener("keydown", focus);
  }, []);
  const place = route.value;
  useEffect(() => setText(""), [place]);
  const found = isOpen.value ? guessed(text) : [];
  const leave = (address: string) => {
    isOpen.value = false;
    setText("");
    setChosen(-1);
    input.current?.blur();
    go(address);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const asked = text.trim();
    const guess = found[chosen] ?? (found.length === 1 ? found[0] : undefined);
    if (guess !== undefined) leave(placeOf(guess));
    else if (asked !== "") leave(`#/search?q=${encodeURIComponent(asked)}`);
  };
  const move = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      isOpen.value = false;
      input.current?.blur();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined || found.length === 0) return;
    event.preventDefault();
    setChosen((chosen + step + found.length + 1) % (found.length + 1) === found.length ? -1 : (chosen + step + found.length + 1) % (found.length + 1));
  };
  return (
    <form class="search" role="search" onSubmit={submit}>
      <input
        ref={input}
        type="text"
        role="combobox"
        value={text}
        placeholder="Height, transaction, address, @module…"
        aria-label="Search: height, transaction, block or code hash, address, @module, validator, method"
        aria-expanded={found.length > 0}
        aria-controls="found"
        aria-autocomplete="list"
        aria-activedescendant={chosen >= 0 ? `found-${chosen}` : undefined}
        autocomplete="off"
        spellcheck={false}
        onFocus={() => {
          isOpen.value = true;
          void readModuleNames();
        }}
        onBlur={() => setTimeout(() => (isOpen.value = false), 150)}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setChosen(-1);
          isOpen.value = true;
        }}
        onKeyDown={move}
      />
      <kbd class="search-key" aria-hidden="true">/</kbd>
      <div id="found" class="found" role="listbox" aria-label="What it may be" hidden={found.length === 0}>
        {found.map((guess, place) => {
          const [kind, title] = titleOf(guess);
          return (
            <div key={`${kind} ${title}`} id={`found-${place}`} role="option" aria-selected={place === chosen} onMouseDown={() => leave(placeOf(guess))}>
              <span class="muted">{kind}</span> <span class="mono">{title}</span>
            </div>
          );
        })}
      </div>
    </form>
  );
}
