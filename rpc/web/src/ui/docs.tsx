/** Docs of an interface as they are written: names between backticks as code, line breaks as spaces, blank lines kept. */

import type { ComponentChild } from "preact";

export function Docs({ text }: { text: string }) {
  const flowing = text.replace(/([^\n])\n(?!\n)/g, "$1 ");
  return <>{flowing.split(/(`[^`\n]+`)/).map((part, place): ComponentChild => (part.startsWith("`") && part.length > 2 ? <code key={place}>{part.slice(1, -1)}</code> : part))}</>;
}
