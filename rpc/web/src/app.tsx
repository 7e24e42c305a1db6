/** The page as a whole: header with places and search, what the node's state is, the place that the address names. */

import type { ComponentChild } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { duration, grouped } from "./format.js";
import { certifiedHeight, connection, head, health, height, info, nowMs } from "./node.js";
import { Overview } from "./pages/overview.js";
import { route, to, type Route } from "./route.js";
import { TrustBadge, WalletButton } from "./seams.js";
import { choose, theme, type Theme } from "./theme.js";
import { Boundary } from "./ui/boundary.js";
import { lazy } from "./ui/lazy.js";
import { isAbsolute } from "./ui/names.js";
import { Empty, PageHead } from "./ui/parts.js";
import { Search } from "./ui/search.js";

const Dag = lazy(() => import("./pages/dag.js").then((page) => page.Dag));
const Checkpoints = lazy(() => import("./pages/checkpoints.js").then((page) => page.Checkpoints));
const Checkpoint = lazy(() => import("./pages/checkpoint.js").then((page) => page.Checkpoint));
const Transactions = lazy(() => import("./pages/transactions.js").then((page) => page.Transactions));
const Transaction = lazy(() => import("./pages/transaction.js").then((page) => page.Transaction));
const Accounts = lazy(() => import("./pages/accounts.js").then((page) => page.Accounts));
const Account = lazy(() => import("./pages/account.js").then((page) => page.Account));
const Modules = lazy(() => import("./pages/modules.js").then((page) => page.Modules));
const Module = lazy(() => import("./pages/module.js").then((page) => page.Module));
const Peers = lazy(() => import("./pages/peers.js").then((page) => page.Peers));
const Console = lazy(() => import("./pages/console.js").then((page) => page.Console));
const Found = lazy(() => import("./pages/found.js").then((page) => page.Found));

const PLACES: [string, string][] = [
  ["", "Overview"],
  ["dag", "DAG"],
  ["checkpoints", "Checkpoints"],
  ["transactions", "Transactions"],
  ["accounts", "Accounts"],
  ["modules", "Modules"],
  ["peers", "Peers"],
  ["console", "Console"],
];

function Place({ route }: { route: Route }): ComponentChild {
  const [place = "", name, more] = route.parts;
  switch (place) {
    case "":
      return <Overview />;
    case "dag":
      return <Dag round={name} author={more} />;
    case "checkpoints":
      return name === undefined ? <Checkpoints /> : <Checkpoint height={name} />;
    case "transactions":
      return name === undefined ? <Transactions /> : <Transaction hash={name} />;
    case "accounts":
      return name === undefined ? <Accounts /> : <Account address={name} />;
    case "modules":
      return name === undefined ? <Modules /> : <Module module={name} />;
    case "peers":
      return <Peers />;
    case "console":
      return <Console method={name} />;
    case "search":
      return <Found query={route.query.get("q") ?? ""} />;
    default:
      return (
        <>
          <PageHead title="Nothing here" name="Nothing here" />
          <Empty>There is no place of this address. <a href={to()}>The overview</a> has ways to all of them.</Empty>
        </>
      );
  }
}

export function App() {
  const now = route.value;
  // These two have parts that stay while one goes from a block, or a method, to another.
  const name = now.parts.slice(0, ["dag", "console"].includes(now.parts[0] ?? "") ? 1 : 3).join("/");
  const places = useRef<HTMLElement>(null);
  useEffect(() => {
    scrollTo(0, 0);
    const chosen = places.current?.querySelector<HTMLElement>("[aria-current]");
    if (chosen) places.current!.scrollLeft = chosen.offsetLeft - places.current!.clientWidth / 2;
  }, [name]);
  return (
    <>
      <a class="skip" href="#content" onClick={skip}>Skip to the content</a>
      <header class="top">
        <div class="top-row">
          <a class="brand" href={to()}>
            <img src="./icon.svg" alt="" />
            Pollen
            {info.value !== null && <span class="chain">{info.value.chainName}</span>}
          </a>
          <Search />
          <div class="top-end">
            <ThemeButton />
            <TrustBadge />
            <WalletButton />
          </div>
        </div>
        <nav ref={places} class="places" aria-label="Places">
          {PLACES.map(([place, title]) => (
            <a key={place} href={to(...(place === "" ? [] : [place]))} aria-current={(now.parts[0] ?? "") === place ? "page" : undefined}>{title}</a>
          ))}
          <Pulse />
        </nav>
        <Banner />
      </header>
      <main id="content" tabIndex={-1}>
        <Boundary key={name}><Place route={now} /></Boundary>
      </main>
      <Foot />
    </>
  );
}

/** The address names a place of the page, so the usual link to a part of it cannot be followed. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

function Pulse() {
  const state = connection.value;
  const isReady = health.value?.ready === true;
  const tone = state.kind === "gone" ? "bad" : state.kind === "connecting" ? "" : isReady ? "good" : "warn";
  const text = state.kind === "gone" ? "node gone" : state.kind === "connecting" ? "connecting" : isReady ? "live" : "not ready";
  return (
    <span class="pulse">
      <span class={`dot ${tone}`} />
      <span role="status">{text}</span>
      {head.value !== null && <a class="pulse-height" href={to("checkpoints", height.value)} title={`certified: ${certifiedHeight.value}`}>{grouped(height.value)}</a>}
    </span>
  );
}

function Banner() {
  const state = connection.value;
  if (state.kind === "gone") {
    const silent = Math.max(0, nowMs.value - state.sinceMs);
    return (
      <div class="banner" role="alert" data-gone>
        <div>
          <strong>The node does not answer.</strong> {head.value === null
            ? "Nothing is known yet; it is asked every second."
            : `What you see is ${duration(silent)} old; it is asked every second, and the page goes on by itself.`}
        </div>
      </div>
    );
  }
  const reasons = health.value?.ready === false ? health.value.reasons : [];
  if (reasons.length === 0) return null;
  return (
    <div class="banner warn" role="status">
      <div><strong>The node is not ready:</strong> {reasons.join("; ")}. Its answers may be old.</div>
    </div>
  );
}

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };

function ThemeButton() {
  const now = theme.value;
  const label = `Colours: ${now === "system" ? "as the system" : now}`;
  return (
    <button type="button" class="plain" onClick={() => choose(NEXT[now])} aria-label={label} title={label}>
      <svg viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.5" aria-hidden="true">
        {now === "light" && <><circle cx="8" cy="8" r="3" /><path d="M8 1v2m0 10v2M1 8h2m10 0h2M3 3l1.4 1.4m7.2 7.2L13 13M13 3l-1.4 1.4M4.4 11.6 3 13" /></>}
        {now === "dark" && <path d="M13.5 9.5A6 6 0 0 1 6.5 2.500 6 6 0 1 0 13.500 9.500Z" />}
        {now === "system" && <><circle cx="8" cy="8" r="6" /><path d="M8 2v12a6 6 0 0 0 0-12Z" fill="currentColor" /></>}
      </svg>
    </button>
  );
}

function Foot() {
  const node = info.value;
  return (
    <footer class="foot">
      {node !== null && <span>{node.name ?? node.role} · version {node.version} · protocol {node.protocolVersion}</span>}
      <button type="button" class="plain" aria-pressed={isAbsolute.value} onClick={() => (isAbsolute.value = !isAbsolute.value)}>
        {isAbsolute.value ? "Show how long ago" : "Show exact times"}
      </button>
      <span>Keys: <kbd>/</kbd> search, arrows in tables and the DAG</span>
      <a href="./openrpc.json">openrpc.json</a>
    </footer>
  );
}
