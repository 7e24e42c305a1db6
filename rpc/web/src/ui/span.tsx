/** Fields for a length of time: a number and its unit. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { UNITS, type Span, type Unit } from "../typed.js";

interface SpanFieldsProps {
  label: string;
  unitLabel?: string;
  span: Span;
  change(span: Span): void;
  hint?: ComponentChildren;
}

export function SpanFields({ label, unitLabel = "Unit", span, change, hint }: SpanFieldsProps) {
  const id = useId();
  return (
    <div class="span-fields">
      <label class="field"><span class="label">{label}</span><input value={span.count} inputMode="decimal" autocomplete="off" onInput={(event) => change({ ...span, count: event.currentTarget.value })} /></label>
      <div class="field">
        <span class="label"><label for={id}>{unitLabel}</label></span>
        <select id={id} value={span.unit} onChange={(event) => change({ ...span, unit: event.currentTarget.value as Unit })}>
          {Object.keys(UNITS).map((unit) => <option key={unit} value={unit}>{unit}</option>)}
        </select>
      </div>
      {hint !== undefined && <span class="muted small">{hint}</span>}
    </div>
  );
}
