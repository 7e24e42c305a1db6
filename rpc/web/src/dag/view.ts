/**
 * The DAG on a canvas, to be moved, zoomed and followed: it draws when something changed or moves, and not otherwise.
 */

import { Painter, type Colours } from "./draw.js";
import { BOTTOM, COLUMN_MAX, COLUMN_MIN, Geometry, TOP } from "./geometry.js";
import { HistoryLayer } from "./history.js";
import type { DagModel } from "./model.js";

export interface Place {
  round: number;
  author: number;
}

interface Events {
  /** A block is under the pointer or under the keys; null when none is. */
  onPoint(place: Place | null): void;
  onOpen(place: Place): void;
  onFollow(isFollowing: boolean): void;
}

/** Rounds of air to the right of the newest one. */
const AIR = 1.6;
/** How quickly the view comes to the newest round: part of the way in a second. */
const SPEED = 3;
const ZOOM_REST_MS = 140;
const CLICK_PX = 4;
const PACE_MS = 2_000;

/** How fast rounds come, over the last second or two. */
class Pace {
  #told: [number, number][] = [];
  roundsPerSecond = 0;

  take(nowMs: number, last: number): void {
    if (this.#told.at(-1)?.[1] !== last) this.#told.push([nowMs, last]);
    while (this.#told.length > 2 && nowMs - this.#told[0]![0] > PACE_MS) this.#told.shift();
    const [from, to] = [this.#told[0]!, this.#told.at(-1)!];
    this.roundsPerSecond = to[0] - from[0] < 100 ? 0 : ((to[1] - from[1]) * 1_000) / (to[0] - from[0]);
  }
}

/** See the file's documentation. */
export class DagView {
  readonly painter: Painter;
  readonly #history: HistoryLayer;
  readonly #context: CanvasRenderingContext2D;
  readonly #stopped = new AbortController();
  readonly #pace = new Pace();
  readonly #isCalm = matchMedia("(prefers-reduced-motion: reduce)");
  #width = 0;
  #height = 0;
  #column = 24;
  #right = 0;
  #isFollowing = true;
  #pointed: Place | null = null;
  #chosen: Place | null = null;
  #frame = 0;
  #lastMs = 0;
  #drawnVersion = -1;
  #zoomedMs = 0;
  #drag: { x: number; right: number; moved: number } | null = null;
  readonly #touches = new Map<number, number>();
  names: (author: number) => string = String;
  validators = 0;

  constructor(readonly canvas: HTMLCanvasElement, readonly model: DagModel, colours: Colours, readonly events: Events) {
    this.painter = new Painter(model, colours, devicePixelRatio);
    this.#history = new HistoryLayer(model, this.painter);
    this.#context = canvas.getContext("2d", { alpha: false })!;
    const observer = new ResizeObserver(() => this.resize());
    observer.observe(canvas);
    this.#stopped.signal.addEventListener("abort", () => observer.disconnect());
    this.#listen();
    this.resize();
  }

  stop(): void {
    this.#stopped.abort();
    cancelAnimationFrame(this.#frame);
  }

  get geometry(): Geometry {
    return new Geometry({ width: this.#width, height: this.#height }, this.validators, this.#column, this.#right);
  }

  get isFollowing(): boolean {
    return this.#isFollowing;
  }

  resize(): void {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (width === 0 || height === 0) return;
    [this.#width, this.#height] = [width, height];
    this.painter.reset(this.painter.colours, devicePixelRatio);
    this.canvas.width = Math.round(width * devicePixelRatio);
    this.canvas.height = Math.round(height * devicePixelRatio);
    this.#drawnVersion = -1;
    this.#draw(performance.now());
  }

  recolour(colours: Colours): void {
    this.painter.reset(colours, devicePixelRatio);
    this.#drawnVersion = -1;
    this.wake();
  }

  /** Something may have changed: draws the next frame. */
  wake(): void {
    if (this.#frame === 0 && !this.#stopped.signal.aborted) this.#frame = requestAnimationFrame((now) => this.#tick(now));
  }

  #tick(now: number): void {
    this.#frame = 0;
    const isMoving = this.#move(now);
    const isZooming = now - this.#zoomedMs < ZOOM_REST_MS;
    this.#draw(now);
    if (isMoving || isZooming || this.#drag !== null || this.#drawnVersion !== this.model.version) this.wake();
  }

  /** Comes nearer to the newest round; true while on the way. */
  #move(now: number): boolean {
    const passed = Math.min(0.1, (now - this.#lastMs) / 1_000);
    this.#lastMs = now;
    if (!this.#isFollowing || this.model.isEmpty) return false;
    const target = this.model.last + AIR;
    this.#pace.take(now, this.model.last);
    const way = target - this.#right;
    const isFar = Math.abs(way) > this.geometry.columns * 1.5;
    if (isFar || this.#isCalm.matches || Math.abs(way) < 0.01) {
      this.#right = target;
      return false;
    }
    // As fast as rounds come, and a part of the way on top: rounds come in handfuls, the view moves evenly.
    this.#right = Math.min(target, this.#right + this.#pace.roundsPerSecond * passed + way * Math.min(1, passed * SPEED));
    return true;
  }

  #draw(now: number): void {
    const at = this.geometry;
    const place = this.#pointed ?? this.#chosen;
    const block = place === null ? undefined : this.model.blockAt(place.round, place.author);
    const isZooming = now - this.#zoomedMs < ZOOM_REST_MS;
    const whole = block === undefined ? [] : this.#history.prepare(at, block.digest);
    this.painter.paint(this.#context, at, isZooming, whole);
    if (block !== undefined) this.#history.paint(this.#context, at, isZooming);
    this.#names(at);
    this.#drawnVersion = this.model.version;
  }

  #names(at: Geometry): void {
    const context = this.#context;
    const { surface, text, line } = this.painter.colours;
    context.fillStyle = surface;
    context.fillRect(0, 0, at.gutter, at.size.height);
    context.strokeStyle = line;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(at.gutter - 0.5, TOP - 6);
    context.lineTo(at.gutter - 0.5, at.size.height - BOTTOM);
    context.stroke();
    context.fillStyle = text;
    context.textAlign = "left";
    context.font = `${at.row < 24 ? 11 : 12.5}px system-ui, sans-serif`;
    for (let author = 0; author < this.validators; author++) {
      const name = at.gutter < 60 ? String(author) : this.names(author);
      context.fillText(name.length > 15 ? `${name.slice(0, 14)}…` : name, 6, at.y(author) + 4, at.gutter - 10);
    }
  }

  // ---- Moving ---------------------------------------------------------------------------------------------------

  /** Goes with the newest round, or stays where it is. */
  follow(isFollowing = true): void {
    this.#setFollowing(isFollowing);
    this.wake();
  }

  #setFollowing(isFollowing: boolean): void {
    if (isFollowing === this.#isFollowing) return;
    this.#isFollowing = isFollowing;
    this.events.onFollow(isFollowing);
  }

  /** Moves by rounds, and no longer follows. */
  pan(rounds: number): void {
    const { columns } = this.geometry;
    const [least, most] = [this.model.first + Math.min(columns, 4), this.model.last + AIR];
    this.#right = Math.max(least, Math.min(most, this.#right + rounds));
    this.#setFollowing(this.#right >= most && rounds > 0);
    this.wake();
  }

  /** Zooms so that the round at `x` stays where it is. */
  zoom(factor: number, x = this.#width): void {
    const round = this.geometry.roundAt(x);
    this.#column = Math.max(COLUMN_MIN, Math.min(COLUMN_MAX, this.#column * factor));
    if (!this.#isFollowing) this.#right = round + (this.#width - x) / this.#column;
    this.#zoomedMs = performance.now();
    this.wake();
  }

  /** Points at a block, and moves so far that it is seen. */
  point(place: Place | null, isShown = true): void {
    this.#pointed = place;
    this.events.onPoint(place);
    if (place !== null && isShown) this.#show(place);
    this.wake();
  }

  /** The block that was opened: its history is shown where none is pointed at, and the view stays with it. */
  choose(place: Place | null): void {
    this.#chosen = place;
    if (place !== null) {
      this.follow(false);
      this.#show(place);
    }
    this.wake();
  }

  /** Moves so far that a block is seen. */
  #show(place: Place): void {
    const [from, to] = this.geometry.visible;
    if (place.round <= from + 1) this.pan(place.round - from - 4);
    else if (place.round >= to) this.pan(place.round - to + 2);
  }

  get pointed(): Place | null {
    return this.#pointed;
  }

  #listen(): void {
    const { signal } = this.#stopped;
    const on = <K extends keyof HTMLElementEventMap>(kind: K, run: (event: HTMLElementEventMap[K]) => void) =>
      this.canvas.addEventListener(kind, run, { signal, passive: false });
    on("wheel", (event) => {
      const isZoom = event.ctrlKey || event.metaKey || event.altKey;
      const isAcross = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
      if (!isZoom && !isAcross) return; // the page scrolls
      event.preventDefault();
      if (isZoom) this.zoom(Math.exp(-event.deltaY / 300), event.offsetX);
      else this.pan((event.deltaX || event.deltaY) / this.#column);
    });
    on("pointerdown", (event) => {
      this.#touches.set(event.pointerId, event.offsetX);
      this.#drag = { x: event.offsetX, right: this.#right, moved: 0 };
      this.canvas.setPointerCapture(event.pointerId);
    });
    on("pointermove", (event) => this.#pointerMoved(event));
    on("pointerup", (event) => {
      this.#touches.delete(event.pointerId);
      const wasClick = this.#drag !== null && this.#drag.moved < CLICK_PX;
      this.#drag = null;
      const place = this.geometry.hit(event.offsetX, event.offsetY);
      if (wasClick && place !== null) this.events.onOpen(place);
    });
    on("pointercancel", (event) => {
      this.#touches.delete(event.pointerId);
      this.#drag = null;
    });
    on("pointerleave", () => this.#drag === null && this.#pointed !== null && this.point(null));
  }

  #pointerMoved(event: PointerEvent): void {
    const before = this.#touches.get(event.pointerId);
    if (this.#touches.size === 2 && before !== undefined) {
      const [other] = [...this.#touches].find(([id]) => id !== event.pointerId)!.slice(1) as [number];
      const [was, is] = [Math.abs(before - other), Math.abs(event.offsetX - other)];
      this.#touches.set(event.pointerId, event.offsetX);
      if (was > 10 && is > 10) this.zoom(is / was, (event.offsetX + other) / 2);
      return;
    }
    if (this.#drag !== null) {
      const moved = event.offsetX - this.#drag.x;
      this.#drag.moved = Math.max(this.#drag.moved, Math.abs(moved));
      if (this.#drag.moved >= CLICK_PX) this.pan(this.#drag.right - moved / this.#column - this.#right);
      return;
    }
    const place = this.geometry.hit(event.offsetX, event.offsetY);
    if (place?.round === this.#pointed?.round && place?.author === this.#pointed?.author) return;
    this.point(place, false);
  }
}
