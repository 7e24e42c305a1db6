/** Parts that every page is made of: its head, panels, facts, tables, badges, and the states of what was asked. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { PollenError, RpcError } from "@pollen/client";
import type { Asked } from "../ask.js";
import { connection } from "../node.js";
import { words } from "../format.js";

/** The head of a page. Who came to another `place` by a link or the keyboard begins to read here. */
export function PageHead({ title, name, place = name, lead, children }: { title: ComponentChildren; name: string; place?: string; lead?: ComponentChildren; children?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${name} · Pollen`;
  }, [name]);
  useEffect(() => {
    // Who searches on while the place is still loading is not interrupted.
    if (document.activeElement?.matches("input, textarea, select")) return;
    // Not on the very first page: a browser begins there by itself.
    if (document.activeElement !== document.body || history.length > 1) heading.current?.focus({ preventScroll: true });
  }, [place]);
  return (
    <div class="page-head">
      <div>
        <h1 ref={heading} tabIndex={-1}>{title}</h1>
        {lead !== undefined && <p class="lead">{lead}</p>}
      </div>
      {children}
    </div>
  );
}

export function Panel({ title, extra, children, padded = false, label }: { title?: ComponentChildren; extra?: ComponentChildren; children?: ComponentChildren; padded?: boolean; label?: string }) {
  return (
    <section class="panel" {...(label === undefined ? {} : { "aria-label": label })}>
      {title !== undefined && (
        <header>
          <h2>{title}</h2>
          {extra}
        </header>
      )}
      {padded ? <div class="panel-body">{children}</div> : children}
    </section>
  );
}

export type Tone = "good" | "bad" | "warn" | "info" | "plain";

export function Badge({ tone = "plain", title, children }: { tone?: Tone; title?: string; children: ComponentChildren }) {
  return <span class={`badge ${tone}`} title={title}>{children}</span>;
}

/** Names with what belongs to them. Rows that are false are left out. */
export function Facts({ rows }: { rows: ([string, ComponentChildren] | false)[] }) {
  return (
    <dl class="facts">
      {rows.map((row) => row !== false && [<dt key={row[0]}>{row[0]}</dt>, <dd key={`${row[0]}.`}>{row[1]}</dd>])}
    </dl>
  );
}

export interface Column<T> {
  name: string;
  cell(row: T): ComponentChildren;
  isNumber?: boolean;
}

/**
 * A table. Its rows have links; the arrows go from one row's to the next row's, since a long table is long to tab through.
 */
export function Table<T>({ label, columns, rows, keyOf, empty }: { label: string; columns: Column<T>[]; rows: readonly T[]; keyOf(row: T): string; empty: ComponentChildren }) {
  if (rows.length === 0) return <Empty>{empty}</Empty>;
  return (
    <div class="table-wrap" role="region" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map(({ name, isNumber }) => <th key={name} scope="col" class={isNumber ? "num" : ""}>{name}</th>)}
          </tr>
        </thead>
        <tbody onKeyDown={moveByArrows}>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ name, cell, isNumber }) => <td key={name} class={isNumber ? "num" : ""}>{cell(row)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function moveByArrows(event: KeyboardEvent): void {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  const from = (event.target as HTMLElement).closest("tr");
  if (step === 0 || from === null || (event.target as HTMLElement).matches("input, textarea, select")) return;
  const linksOf = (row: Element) => [...row.querySelectorAll<HTMLElement>("a, button")];
  const place = linksOf(from).indexOf(event.target as HTMLElement);
  const next = step === 1 ? from.nextElementSibling : from.previousElementSibling;
  if (next === null || place < 0) return;
  const links = linksOf(next);
  (links[place] ?? links[0])?.focus();
  event.preventDefault();
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <div class="state">{children}</div>;
}

export function Loading({ lines = 4 }: { lines?: number }) {
  return (
    <div aria-busy="true">
      <span class="hidden-text">The node is asked.</span>
      {Array.from({ length: lines }, (_, line) => <span key={line} class="skeleton" style={{ width: `${88 - ((line * 23) % 45)}%` }} />)}
    </div>
  );
}

/** What to do next, without the point at its end. */
function hintOf(error: unknown): string | null {
  const oldest = error instanceof RpcError ? error.data["oldestHeight"] : undefined;
  if (typeof oldest === "string") return `this node keeps what is from checkpoint ${oldest} on; ask one with the role archive for what was before`;
  return error instanceof PollenError ? error.hint : null;
}

/** What went wrong, and what to do about it. */
export function Failure({ error, again, name = "Ask again" }: { error: unknown; again?: (() => void) | undefined; name?: string }) {
  const message = error instanceof Error ? error.message : String(error);
  const hint = hintOf(error);
  const isGone = !(error instanceof RpcError) && connection.value.kind === "gone";
  return (
    <div class="failure" role="alert">
      <div>{isGone ? "The node does not answer." : message}</div>
      {isGone
        ? <div class="hint small">This is asked again as soon as it does.</div>
        : hint !== null && <div class="hint small">What to do: {hint}.</div>}
      {again !== undefined && !isGone && <div class="row"><button type="button" onClick={again}>{name}</button></div>}
    </div>
  );
}

/** What was asked, in each of its states. What was told before stays when a later question fails. */
export function Answered<T>({ of, lines, children }: { of: Asked<T>; lines?: number; children(data: T): ComponentChildren }) {
  if (of.data === null) {
    if (of.error === null) return <Loading {...(lines === undefined ? {} : { lines })} />;
    return <div class="panel-body"><Failure error={of.error} again={of.again} /></div>;
  }
  return (
    <>
      {of.error !== null && <div class="panel-body"><Failure error={of.error} again={of.again} /></div>}
      {children(of.data)}
    </>
  );
}

const OUTCOMES: Record<string, Tone> = { success: "good", failure: "bad", rejected: "bad", expired: "warn" };

export function OutcomeBadge({ outcome, name }: { outcome: string; name?: string | null }) {
  return <Badge tone={OUTCOMES[outcome] ?? "plain"}>{outcome}{name ? `: ${words(name)}` : ""}</Badge>;
}

export interface Tab {
  id: string;
  name: ComponentChildren;
}

/** Tabs as the platform has them: arrows move, the panel follows. */
export function Tabs({ label, tabs, chosen, choose }: { label: string; tabs: Tab[]; chosen: string; choose(id: string): void }) {
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const place = tabs.findIndex(({ id }) => id === chosen);
    const next = tabs[(place + step + tabs.length) % tabs.length]!;
    choose(next.id);
    document.getElementById(`tab-${next.id}`)?.focus();
    event.preventDefault();
  };
  // On a narrow screen the chosen one may stand beyond the edge.
  useEffect(() => document.getElementById(`tab-${chosen}`)?.scrollIntoView({ block: "nearest", inline: "nearest" }), [chosen]);
  return (
    <div class="tabs" role="tablist" aria-label={label} onKeyDown={move}>
      {tabs.map(({ id, name }) => (
        <button key={id} id={`tab-${id}`} type="button" role="tab" aria-selected={id === chosen} tabIndex={id === chosen ? 0 : -1} aria-controls="tab-panel" onClick={() => choose(id)}>
          {name}
        </button>
      ))}
    </div>
  );
}

export function TabPanel({ id, children }: { id: string; children: ComponentChildren }) {
  return <div id="tab-panel" role="tabpanel" aria-labelledby={`tab-${id}`} class="stack">{children}</div>;
}
