/**
 * Drawing of the DAG. Links and blocks of eight rounds are drawn once, into a picture of their own, and again only when
 * one of those rounds changed: a frame of a moving view puts a handful of pictures beside each other.
 */

import type { Block, DagModel, SlotState } from "./model.js";
import { Geometry, TOP } from "./geometry.js";

export interface Colours {
  surface: string;
  text: string;
  muted: string;
  line: string;
  link: string;
  honey: string;
  good: string;
  bad: string;
  strong: string;
}

/** Rounds of one picture. */
export const TILE = 8;
/** How strong links of a history are. */
export const HISTORY_ALPHA = 0.45;
/** A picture of how things stand, or of a history that has all blocks of its rounds. */
type Kind = "plain" | "history";
const TILES_MAX = 90;

/** Links never go away, so that new ones are added to those that were drawn; blocks change while they are decided. */
interface Picture {
  links: HTMLCanvasElement;
  /** Digests of blocks whose links were drawn. */
  linked: Set<string>;
  blocks: HTMLCanvasElement;
  shape: string;
  versions: string;
  usedAt: number;
}

/** How a link is drawn: from block to block, ending at their rims. */
function link(path: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number, rim: number): void {
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [dx, dy] = [((x2 - x1) / length) * rim, ((y2 - y1) / length) * rim];
  path.moveTo(x1 + dx, y1 + dy);
  path.lineTo(x2 - dx, y2 - dy);
}

/** See the file's documentation. */
export class Painter {
  readonly #tiles = new Map<string, Picture>();
  #frame = 0;

  constructor(readonly model: DagModel, public colours: Colours, public ratio: number) {}

  /** Forgets all pictures: colours or sizes changed. */
  reset(colours: Colours, ratio: number): void {
    this.colours = colours;
    this.ratio = ratio;
    this.#tiles.clear();
  }

  /** One frame. While `isZooming` old pictures are stretched: they are drawn anew when the hand rests. */
  paint(context: CanvasRenderingContext2D, at: Geometry, isZooming: boolean, without: readonly number[] = []): void {
    this.#frame += 1;
    const { width, height } = at.size;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.fillStyle = this.colours.surface;
    context.fillRect(0, 0, width, height);
    this.#axis(context, at);
    const [from, to] = at.visible;
    const newest = Math.min(to + 1, this.model.last);
    for (let tile = Math.floor(Math.max(from, this.model.first - 1) / TILE); tile * TILE <= newest; tile++) {
      if (!without.includes(tile)) this.tile(context, tile, at, "plain", isZooming);
    }
    this.#longLinks(context, at, from, newest);
    this.#shorten();
  }

  #axis(context: CanvasRenderingContext2D, at: Geometry): void {
    const step = [1, 2, 5, 10, 20, 50, 100].find((many) => many * at.column >= 64) ?? 100;
    const [from, to] = at.visible;
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    context.fillStyle = this.colours.muted;
    context.strokeStyle = this.colours.line;
    context.lineWidth = 1;
    context.beginPath();
    for (let round = Math.ceil(from / step) * step; round <= to; round += step) {
      if (round < 0) continue;
      const x = at.x(round);
      context.fillText(String(round), x, 14);
      context.moveTo(x, TOP - 6);
      context.lineTo(x, at.size.height);
    }
    context.stroke();
    // Where the order has come to: everything to the left of it is settled.
    const x = at.x(this.model.committedRound + 0.5);
    context.strokeStyle = this.colours.strong;
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(x, TOP - 6);
    context.lineTo(x, at.size.height);
    context.stroke();
    context.setLineDash([]);
  }

  /** Puts the picture of eight rounds where they stand. */
  tile(context: CanvasRenderingContext2D, tile: number, at: Geometry, kind: Kind, isZooming: boolean): void {
    const { links, blocks } = this.#picture(tile, at, kind, isZooming);
    const [x, width] = [at.x(tile * TILE - 1) - at.column / 2, (TILE + 1) * at.column];
    context.drawImage(links, x, 0, width, at.size.height);
    context.drawImage(blocks, x, 0, width, at.size.height);
  }

  #picture(tile: number, at: Geometry, kind: Kind, isZooming: boolean): Picture {
    const name = `${kind} ${tile}`;
    const [from, to] = [tile * TILE, tile * TILE + TILE - 1];
    const shape = `${at.column} ${at.row} ${at.validators} ${at.size.height}`;
    const versions = this.model.versionOf(from - 1, to);
    let picture = this.#tiles.get(name);
    if (picture === undefined) {
      picture = { links: document.createElement("canvas"), blocks: document.createElement("canvas"), linked: new Set(), shape: "", versions: "", usedAt: 0 };
      this.#tiles.set(name, picture);
    }
    picture.usedAt = this.#frame;
    const isFit = picture.shape === shape || (isZooming && picture.shape !== "");
    if (isFit && picture.versions === versions) return picture;
    if (picture.shape !== shape) {
      for (const canvas of [picture.links, picture.blocks]) {
        canvas.width = Math.ceil((TILE + 1) * at.column * this.ratio);
        canvas.height = Math.ceil(at.size.height * this.ratio);
        canvas.getContext("2d")!.setTransform(canvas.width / ((TILE + 1) * at.column), 0, 0, this.ratio, 0, 0);
      }
      picture.linked.clear();
    }
    [picture.shape, picture.versions] = [shape, versions];
    const x = (round: number) => (round - from + 1.5) * at.column;
    this.#links(picture, at, kind, from, to, x);
    const context = picture.blocks.getContext("2d")!;
    context.clearRect(0, 0, (TILE + 1) * at.column, at.size.height);
    for (let round = from; round <= to; round++) this.#column(context, at, round, x(round));
    return picture;
  }

  #links({ links, linked }: Picture, at: Geometry, kind: Kind, from: number, to: number, x: (round: number) => number): void {
    const context = links.getContext("2d")!;
    context.strokeStyle = kind === "plain" ? this.colours.link : this.colours.honey;
    context.globalAlpha = kind === "plain" ? 1 : HISTORY_ALPHA;
    context.lineWidth = Math.min(1, at.column / 18);
    for (let round = from; round <= to; round++) {
      const fresh = this.model.round(round)?.blocks.filter(({ digest }) => !linked.has(digest)) ?? [];
      if (fresh.length === 0) continue;
      // A path for each round: a browser is quicker at several small ones than at one large one.
      context.beginPath();
      for (const block of fresh) {
        linked.add(block.digest);
        for (const parent of block.parents) {
          if (parent.round === round - 1) link(context, x(round), at.y(block.author), x(parent.round), at.y(parent.author), at.radius);
        }
      }
      context.stroke();
    }
  }

  /** Links to more than one round before: few, and longer than a picture. */
  #longLinks(context: CanvasRenderingContext2D, at: Geometry, from: number, to: number): void {
    context.strokeStyle = this.colours.muted;
    context.lineWidth = 1;
    context.beginPath();
    for (let round = from; round <= to; round++) {
      for (const block of this.model.round(round)?.blocks ?? []) {
        for (const parent of block.parents) {
          if (parent.round < round - 1) link(context, at.x(round), at.y(block.author), at.x(parent.round), at.y(parent.author), at.radius);
        }
      }
    }
    context.stroke();
  }

  #column(context: CanvasRenderingContext2D, at: Geometry, round: number, x: number): void {
    const told = this.model.round(round);
    if (told === undefined) return;
    const built = new Map<number, number>();
    for (const { author } of told.blocks) built.set(author, (built.get(author) ?? 0) + 1);
    for (const { author, status, onProbation } of told.slots) {
      if (!built.has(author)) this.#noBlock(context, at, x, at.y(author), onProbation ? "probation" : status);
    }
    const drawn = new Map<number, number>();
    for (const block of told.blocks) {
      // Several blocks of one author in one round: beside each other, told as what they are.
      const many = built.get(block.author)!;
      const place = drawn.get(block.author) ?? 0;
      drawn.set(block.author, place + 1);
      const shift = many === 1 ? 0 : (place - (many - 1) / 2) * at.radius * 1.6;
      this.block(context, at, x, at.y(block.author) + shift, { ...block, round }, many > 1);
    }
  }

  /** A slot without a block. */
  #noBlock(context: CanvasRenderingContext2D, at: Geometry, x: number, y: number, state: SlotState): void {
    const size = at.radius * 0.7;
    context.lineWidth = 1.4;
    context.strokeStyle = state === "skipped" ? this.colours.bad : this.colours.strong;
    context.beginPath();
    if (state === "skipped") {
      context.moveTo(x - size, y - size);
      context.lineTo(x + size, y + size);
      context.moveTo(x + size, y - size);
      context.lineTo(x - size, y + size);
    } else if (state === "probation") {
      context.moveTo(x - size, y);
      context.lineTo(x + size, y);
    } else {
      context.setLineDash([2, 2]);
      context.arc(x, y, size, 0, 2 * Math.PI);
    }
    context.stroke();
    context.setLineDash([]);
  }

  /** A block, by how its slot stands; a dot in its middle where it is in the order all the same. */
  block(context: CanvasRenderingContext2D, at: Geometry, x: number, y: number, block: Block, isDouble = false): void {
    const state = this.model.slot(block.round, block.author);
    const { good, bad, strong, surface, muted } = this.colours;
    const colour = isDouble || state === "skipped" ? bad : state === "committed" ? good : state === "probation" ? strong : muted;
    const size = at.radius * (block.transactions === 0 ? 0.78 : Math.min(1.2, 0.9 + Math.log10(block.transactions) * 0.1));
    context.lineWidth = Math.min(1.8, at.radius * 0.35);
    context.strokeStyle = colour;
    context.fillStyle = state === "committed" ? colour : surface;
    context.beginPath();
    if (state === "probation") context.rect(x - size * 0.8, y - size * 0.8, size * 1.6, size * 1.6);
    else context.arc(x, y, size, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
    if (state !== "committed" && block.committed) {
      context.fillStyle = colour;
      context.beginPath();
      context.arc(x, y, size * 0.42, 0, 2 * Math.PI);
      context.fill();
    }
  }

  #shorten(): void {
    if (this.#tiles.size <= TILES_MAX) return;
    for (const [name, { usedAt }] of this.#tiles) if (usedAt < this.#frame) this.#tiles.delete(name);
  }
}
