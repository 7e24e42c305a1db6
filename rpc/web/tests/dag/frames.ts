/** The page of the frame test: the DAG's view with rounds made up here, and nothing else. */

import { heightFor } from "../../src/dag/geometry.js";
import { DagModel } from "../../src/dag/model.js";
import { DagView } from "../../src/dag/view.js";
import { rounds } from "./rounds.js";

const VALIDATORS = 20;
const SHOWN = 60;
const FEED_MS = 150;
const OPEN = 6;

const model = new DagModel();
const canvas = document.querySelector("canvas")!;
canvas.style.height = `${heightFor(VALIDATORS)}px`;
const colours = {
  surface: "#fff", text: "#1e1b14", muted: "#625c4e", line: "#e5e0d3", link: "rgb(98 92 78 / 26%)", honey: "#e0a112", good: "#17703f", bad: "#b3241c", strong: "#8f8878",
};
const view = new DagView(canvas, model, colours, { onPoint: () => undefined, onOpen: () => undefined, onFollow: () => undefined });
view.validators = VALIDATORS;
let last = 300;
model.put(rounds(VALIDATORS, 1, last, OPEN), last - OPEN);
// As many columns as the figure is about.
view.zoom((canvas.clientWidth - 104) / SHOWN / 24);
view.resize();
view.wake();

let drawn = 0;
const paint = view.painter.paint.bind(view.painter);
let paintMs = 0;
view.painter.paint = (...given) => {
  const begun = performance.now();
  drawn += 1;
  paint(...given);
  paintMs += performance.now() - begun;
};

export interface Told {
  framesPerSecond: number;
  /** Of this script, for a frame. */
  paintMs: number;
  worstMs: number;
  columns: number;
}

/** Frames a second that the view drew while `step` ran at every frame. */
async function measure(ms: number, step: (frame: number) => void): Promise<Told> {
  const [from, fromMs] = [drawn, paintMs];
  const begun = performance.now();
  let before = begun;
  let worstMs = 0;
  for (let frame = 0; performance.now() - begun < ms; frame++) {
    step(frame);
    await new Promise((resolve) => requestAnimationFrame(resolve));
    worstMs = Math.max(worstMs, performance.now() - before);
    before = performance.now();
  }
  const passed = performance.now() - begun;
  return { framesPerSecond: ((drawn - from) * 1_000) / passed, paintMs: (paintMs - fromMs) / (drawn - from), worstMs, columns: view.geometry.columns };
}

/** New rounds as a busy network has them; `perSecond` of them. */
function feed(perSecond: number): () => void {
  const timer = setInterval(() => {
    const count = Math.max(1, Math.round((perSecond * FEED_MS) / 1_000));
    model.put(rounds(VALIDATORS, last - OPEN, last + count, OPEN), last + count - OPEN);
    last += count;
    view.wake();
  }, FEED_MS);
  return () => clearInterval(timer);
}

Object.assign(globalThis, {
  async following(ms: number, perSecond: number) {
    const stop = feed(perSecond);
    view.follow();
    const told = await measure(ms, () => undefined);
    stop();
    return told;
  },
  async panning(ms: number) {
    return measure(ms, (frame) => view.pan(frame % 120 < 60 ? -0.8 : 0.8));
  },
  async pointing(ms: number) {
    const stop = feed(10);
    // A hand that moves over ten blocks a second, while the view goes with it.
    const told = await measure(ms, (frame) => {
      view.pan(frame % 120 < 60 ? -0.2 : 0.2);
      if (frame % 6 === 0) view.point({ round: view.geometry.visible[1] - 4, author: (frame / 6) % VALIDATORS }, false);
    });
    stop();
    view.point(null);
    return told;
  },
  async zooming(ms: number) {
    return measure(ms, (frame) => view.zoom(frame % 60 < 30 ? 0.98 : 1 / 0.98, 700));
  },
});
