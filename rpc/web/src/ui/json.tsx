/** Answers as they are: JSON, laid out and coloured, to be read and copied. */

import type { ComponentChild } from "preact";
import { toBase64 } from "@pollen/client";
import { Copy } from "./names.js";

/** Larger ones are shown without colours: a browser is slow at a hundred thousand of them. */
const COLOURED_MAX = 60_000;

/** JSON text; whole numbers beyond what JSON has as decimal strings, bytes as base64, as the node tells them. */
export function jsonText(value: unknown): string {
  const plain = (_: string, part: unknown) =>
    typeof part === "bigint" ? part.toString() : part instanceof Uint8Array ? toBase64(part) : part;
  return JSON.stringify(value, plain, 2) ?? "null";
}

/** `isPlain` is of text that is no JSON. */
export function Json({ value, label, isPlain = false }: { value: unknown; label: string; isPlain?: boolean }) {
  const text = isPlain ? String(value) : jsonText(value);
  return (
    <div class="json">
      <div class="row json-copy"><Copy text={text} what={label} /></div>
      <pre tabIndex={0} aria-label={label}>{isPlain || text.length > COLOURED_MAX ? text : coloured(text)}</pre>
    </div>
  );
}

const TOKENS = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b/g;

function coloured(text: string): ComponentChild[] {
  const parts: ComponentChild[] = [];
  let from = 0;
  for (const match of text.matchAll(TOKENS)) {
    const [whole, string, colon, word] = match;
    parts.push(text.slice(from, match.index));
    if (string !== undefined) parts.push(<span class={colon === undefined ? "string" : "key"}>{string}</span>, colon ?? "");
    else parts.push(<span class="word">{word}</span>);
    from = match.index + whole.length;
  }
  return [...parts, text.slice(from)];
}
