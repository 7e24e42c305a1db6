/** What an upgrade changes of a module's interface: each part as it was and as it will be, and what breaks callers. */

import type { Difference } from "@pollen/client";
import { Badge, Empty } from "./parts.js";

const MARKS: Record<Difference["kind"], [string, string]> = { added: ["+", "added"], changed: ["~", "changed"], removed: ["-", "removed"] };

export function Differences({ differences }: { differences: readonly Difference[] }) {
  if (differences.length === 0) return <Empty>The interface stays as it is.</Empty>;
  // What breaks callers is read first.
  const shown = [...differences].sort((a, b) => Number(b.breaks) - Number(a.breaks));
  return (
    <ul class="differences" aria-label="Differences">
      {shown.map((one) => (
        <li key={`${one.part} ${one.name}`} class={one.breaks ? "breaks" : one.kind}>
          <span class="mark" aria-hidden="true">{MARKS[one.kind][0]}</span>
          <span class="hidden-text">{MARKS[one.kind][1]}</span>
          <span class="muted">{one.part}</span>
          <div class="definitions">
            {one.kind !== "added" && <del>{line(one.before)}</del>}
            {one.kind !== "removed" && <ins>{line(one.after)}{one.before === one.after && <span class="muted"> by its types</span>}</ins>}
          </div>
          {one.breaks && <Badge tone="bad">breaks callers</Badge>}
        </li>
      ))}
    </ul>
  );
}

/** A definition on one line. */
function line(definition: string | null): string {
  return (definition ?? "").split("\n").map((part) => part.trim()).join(" ").replace(", }", " }");
}
