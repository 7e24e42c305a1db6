/**
 * What one block builds on, drawn over the DAG: everything else pale, its own line strong. A few rounds before the block
 * its history has all blocks there are: for those there are pictures that serve every block. The rest is drawn once.
 */

import type { DagModel } from "./model.js";
import { HISTORY_ALPHA, TILE, type Painter } from "./draw.js";
import type { Geometry } from "./geometry.js";

/** See the file's documentation. */
export class HistoryLayer {
  readonly #canvas = document.createElement("canvas");
  #key = "";
  #right = 0;
  /** Pictures all of whose blocks are in the history. */
  #whole: number[] = [];

  constructor(readonly model: DagModel, readonly painter: Painter) {}

  /** Makes ready for a frame; which pictures it brings itself, so that they need not be drawn below it. */
  prepare(at: Geometry, digest: string): readonly number[] {
    const head = this.model.block(digest)!;
    const { width, height } = at.size;
    const { ratio, colours } = this.painter;
    const key = `${digest} ${this.model.versionOf(at.visible[0], head.round)} ${at.column} ${at.row} ${width} ${height} ${ratio} ${colours.surface}`;
    if (key !== this.#key) {
      this.#key = key;
      this.#right = at.right;
      this.#draw(at, digest);
    }
    return this.#whole;
  }

  /** Puts what was made ready over a frame. */
  paint(context: CanvasRenderingContext2D, at: Geometry, isZooming: boolean): void {
    const { width, height } = at.size;
    const { colours } = this.painter;
    context.globalAlpha = 0.72;
    context.fillStyle = colours.surface;
    context.fillRect(at.gutter, 0, width, height);
    context.globalAlpha = 1;
    for (const tile of this.#whole) this.painter.tile(context, tile, at, "history", isZooming);
    context.drawImage(this.#canvas, (this.#right - at.right) * at.column, 0, width, height);
  }

  #draw(at: Geometry, digest: string): void {
    const { ratio, colours } = this.painter;
    this.#canvas.width = Math.ceil(at.size.width * ratio);
    this.#canvas.height = Math.ceil(at.size.height * ratio);
    const context = this.#canvas.getContext("2d")!;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const head = this.model.block(digest)!;
    const oldest = at.visible[0] - TILE;
    const history = this.model.historyOf(digest, oldest);
    const own = this.model.ownLineOf(digest);
    this.#whole = this.#wholeTiles(history, oldest, head.round);
    const isDrawn = (round: number) => this.#whole.includes(Math.floor(round / TILE));
    const rest = [...history].map((one) => this.model.block(one)!).filter(({ round }) => !isDrawn(round));

    context.strokeStyle = colours.honey;
    context.globalAlpha = HISTORY_ALPHA;
    context.lineWidth = Math.min(1, at.column / 18);
    for (const block of rest) {
      context.beginPath();
      for (const parent of block.parents) {
        if (!history.has(parent.digest)) continue;
        context.moveTo(at.x(block.round), at.y(block.author));
        context.lineTo(at.x(parent.round), at.y(parent.author));
      }
      context.stroke();
    }
    context.globalAlpha = 1;
    context.lineWidth = 2.4;
    context.beginPath();
    for (const block of [...own].map((one) => this.model.block(one)!)) {
      const parent = block.parents.find(({ author, digest: named }) => author === block.author && own.has(named));
      if (parent === undefined || block.round < oldest) continue;
      context.moveTo(at.x(block.round), at.y(block.author));
      context.lineTo(at.x(parent.round), at.y(parent.author));
    }
    context.stroke();
    for (const block of [...rest, ...[...own].map((one) => this.model.block(one)!)]) {
      this.painter.block(context, at, at.x(block.round), at.y(block.author), block);
    }
    context.strokeStyle = colours.text;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(at.x(head.round), at.y(head.author), at.radius + 4, 0, 2 * Math.PI);
    context.stroke();
  }

  /** Pictures before the block that have no block outside of its history, nor has the round before them. */
  #wholeTiles(history: ReadonlySet<string>, oldest: number, head: number): number[] {
    const isWhole = (round: number) => this.model.round(round)?.blocks.every(({ digest }) => history.has(digest)) !== false;
    const found: number[] = [];
    for (let tile = Math.ceil(oldest / TILE); tile * TILE + TILE - 1 < head; tile++) {
      let all = true;
      for (let round = tile * TILE - 1; all && round < (tile + 1) * TILE; round++) all = round < oldest || isWhole(round);
      if (all) found.push(tile);
    }
    return found;
  }
}
