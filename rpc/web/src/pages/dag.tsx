/** The DAG as it grows: the canvas, its controls by hand and by keys, the block that is looked at, and all of it as text. */

import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { feed } from "../dag/feed.js";
import { heightFor } from "../dag/geometry.js";
import { described, DagModel } from "../dag/model.js";
import { DagView, type Place } from "../dag/view.js";
import { counted, grouped } from "../format.js";
import { validatorName } from "../names.js";
import { connection, info } from "../node.js";
import { go, to } from "../route.js";
import { colour, isDark } from "../theme.js";
import { BlockPanel } from "../ui/block.js";
import { Failure, Loading, PageHead, Panel } from "../ui/parts.js";
import { RoundsTable } from "../ui/rounds.js";

/** One for the page: what was seen stays while other places are looked at. */
const model = new DagModel();
const version = signal(0);
const TEXT_MS = 1_000;

function colours() {
  const names = { surface: "surface", text: "text", muted: "muted", line: "line", link: "link-line", honey: "honey", good: "good", bad: "bad", strong: "strong-line" };
  return Object.fromEntries(Object.entries(names).map(([name, variable]) => [name, colour(variable)])) as unknown as Record<keyof typeof names, string>;
}

function placeOf(round: string | undefined, author: string | undefined): Place | null {
  if (round === undefined || !/^\d{1,9}$/.test(round)) return null;
  return { round: Number(round), author: author !== undefined && /^\d{1,5}$/.test(author) ? Number(author) : 0 };
}

export function Dag({ round, author }: { round: string | undefined; author: string | undefined }) {
  const chosen = placeOf(round, author);
  const name = chosen === null ? "Live DAG" : `Block of round ${grouped(chosen.round)}`;
  return (
    <>
      <PageHead title={name} name={name} place="dag" lead="Validators build blocks on each other's blocks, a round at a time. From that graph alone each of them reads the same order." />
      <div class={chosen === null ? "stack" : "grid main-side"}>
        <div class="stack">
          <Graph chosen={chosen} />
          <AsText />
        </div>
        {chosen !== null && <BlockPanel key={`${chosen.round}.${chosen.author}`} round={chosen.round} author={chosen.author} />}
      </div>
    </>
  );
}

function Graph({ chosen }: { chosen: Place | null }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const view = useRef<DagView | null>(null);
  const [isFollowing, setFollowing] = useState(true);
  const [said, setSaid] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [isEmpty, setEmpty] = useState(model.isEmpty);
  const validators = Math.max(info.value?.committee.length ?? 0, 1);
  const dark = isDark.value;

  useEffect(() => {
    const made = new DagView(canvas.current!, model, colours(), {
      onPoint: (place) => setSaid(place === null ? "" : described(model, place.round, place.author, validatorName(place.author))),
      onOpen: (place) => go(to("dag", place.round, place.author)),
      onFollow: setFollowing,
    });
    made.names = validatorName;
    view.current = made;
    const stop = feed(model, () => {
      setEmpty(model.isEmpty);
      version.value = model.version;
      made.wake();
    }, setError);
    return () => {
      stop();
      made.stop();
      view.current = null;
    };
  }, []);
  useEffect(() => {
    if (view.current === null) return;
    view.current.validators = validators;
    view.current.resize();
  }, [validators]);
  useEffect(() => view.current?.recolour(colours()), [dark]);
  useEffect(() => {
    const isSeen = chosen !== null && model.round(chosen.round) !== undefined;
    view.current?.choose(isSeen ? chosen : null);
  }, [isEmpty, chosen?.round, chosen?.author]);

  return (
    <Panel
      title="Rounds"
      extra={
        <div class="row">
          <button type="button" class="plain" aria-label="Zoom out" onClick={() => view.current?.zoom(1 / 1.3)}>−</button>
          <button type="button" class="plain" aria-label="Zoom in" onClick={() => view.current?.zoom(1.3)}>+</button>
          <button type="button" onClick={() => view.current?.follow(!isFollowing)}>{isFollowing ? "Hold still" : "Follow live"}</button>
        </div>
      }
    >
      {error !== null && connection.value.kind === "live" && <div class="panel-body"><Failure error={error} /></div>}
      <div
        class="dag"
        role="application"
        tabIndex={0}
        aria-label={`Graph of blocks, ${counted(validators, "validator")}. Arrows move from block to block, Enter opens one, plus and minus zoom, End follows the newest.`}
        aria-describedby="dag-said"
        onKeyDown={(event) => onKey(event, view.current, validators)}
        onBlur={() => view.current?.point(null)}
      >
        <canvas ref={canvas} style={{ height: `${heightFor(validators)}px` }} aria-hidden="true" />
        {isEmpty && error === null && <div class="dag-empty"><Loading lines={3} /></div>}
      </div>
      <div class="dag-foot">
        <div id="dag-said" class="dag-said" aria-live="polite">{said === "" ? <span class="muted">Point at a block to see what it builds on; click or press Enter to open it. Drag to go back in time, hold Ctrl and scroll to zoom.</span> : said}</div>
        <Legend />
      </div>
    </Panel>
  );
}

function onKey(event: KeyboardEvent, view: DagView | null, validators: number): void {
  if (view === null || event.ctrlKey || event.metaKey || event.altKey) return;
  const from = view.pointed ?? { round: model.last + 1, author: 0 };
  const step = (rounds: number, authors: number) => {
    const round = Math.max(model.first, Math.min(model.last, from.round + rounds));
    const author = Math.max(0, Math.min(validators - 1, from.author + authors));
    view.point({ round, author });
  };
  const actions: Record<string, () => void> = {
    ArrowLeft: () => step(-1, 0),
    ArrowRight: () => step(1, 0),
    ArrowUp: () => step(view.pointed === null ? -1 : 0, -1),
    ArrowDown: () => step(view.pointed === null ? -1 : 0, view.pointed === null ? 0 : 1),
    PageUp: () => step(-10, 0),
    PageDown: () => step(10, 0),
    Home: () => view.point({ round: model.first, author: from.author }),
    End: () => {
      view.point(null);
      view.follow();
    },
    Escape: () => view.point(null),
    "+": () => view.zoom(1.25),
    "-": () => view.zoom(0.8),
    Enter: () => view.pointed !== null && go(to("dag", view.pointed.round, view.pointed.author)),
  };
  const action = actions[event.key];
  if (action === undefined) return;
  event.preventDefault();
  action();
}

function Legend() {
  const items: [string, string, string][] = [
    ["committed", "committed", "The slot is decided: its block leads a commit."],
    ["undecided", "undecided", "Nobody needs to decide it yet."],
    ["skipped", "skipped", "Decided: no block of it leads a commit."],
    ["probation", "on probation", "Its validator was too slow; it has no slot until it keeps up."],
    ["ordered", "in the order by another block", "Its slot was not committed; a later commit took it in."],
  ];
  return (
    <ul class="legend" aria-label="Legend">
      {items.map(([kind, name, meaning]) => (
        <li key={kind} title={meaning}>
          <svg viewBox="0 0 16 16" width="14" height="14" class={`legend-${kind}`} aria-hidden="true">
            {kind === "probation" ? <rect x="3.500" y="3.500" width="9" height="9" /> : kind === "skipped" ? <path d="m4 4 8 8M12 4l-8 8" /> : <circle cx="8" cy="8" r="5" />}
            {kind === "ordered" && <circle class="inside" cx="8" cy="8" r="2" />}
          </svg>
          {name}
        </li>
      ))}
      <li title="Rounds to the left of it are in the order for good.">
        <svg viewBox="0 0 16 16" width="14" height="14" class="legend-line" aria-hidden="true"><path d="M8 1v14" /></svg>
        the order has come here
      </li>
    </ul>
  );
}

/** The newest rounds as a table: at most once a second, so that it can be read. */
function AsText() {
  const [isOpen, setOpen] = useState(false);
  const [shown, setShown] = useState(0);
  useEffect(() => {
    if (!isOpen) return;
    const timer = setInterval(() => setShown(version.peek()), TEXT_MS);
    return () => clearInterval(timer);
  }, [isOpen]);
  return (
    <details class="panel more" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>The newest rounds as text</summary>
      {isOpen && <RoundsTable key={shown} model={model} />}
    </details>
  );
}
