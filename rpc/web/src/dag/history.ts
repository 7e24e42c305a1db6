/** What one block builds on, drawn over the DAG: everything else pale, its own line strong. A picture of its own, too. */

import type { DagModel } from "./model.js";
import type { Painter } from "./draw.js";
import type { Geometry } from "./geometry.js";

/** See the file's documentation. */
export class HistoryLayer {
  readonly #canvas = document.createElement("canvas");
  #key = "";
  #right = 0;

  constructor(readonly model: DagModel, readonly painter: Painter) {}

  /** Puts the history of a block over a frame. */
  paint(context: CanvasRenderingContext2D, at: Geometry, digest: string): void {
    const { width, height } = at.size;
    const [from, to] = at.visible;
    const { ratio, colours } = this.painter;
    const key = `${digest} ${this.model.versionOf(from, to)} ${at.column} ${at.row} ${width} ${height} ${ratio} ${colours.surface}`;
    if (key !== this.#key) {
      this.#key = key;
      this.#right = at.right;
      this.#draw(at, digest);
    }
    context.globalAlpha = 0.72;
    context.fillStyle = colours.surface;
    context.fillRect(at.gutter, 0, width, height);
    context.globalAlpha = 1;
    context.drawImage(this.#canvas, (this.#right - at.right) * at.column, 0, width, height);
  }

  #draw(at: Geometry, digest: string): void {
    const { ratio, colours } = this.painter;
    this.#canvas.width = Math.ceil(at.size.width * ratio);
    this.#canvas.height = Math.ceil(at.size.height * ratio);
    const context = this.#canvas.getContext("2d")!;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const oldest = at.visible[0] - 1;
    const history = this.model.historyOf(digest, oldest);
    const own = this.model.ownLineOf(digest);
    for (const isOwn of [false, true]) {
      context.strokeStyle = colours.honey;
      context.globalAlpha = isOwn ? 1 : 0.45;
      context.lineWidth = isOwn ? 2.4 : 1;
      context.beginPath();
      for (const one of history) {
        const block = this.model.block(one)!;
        for (const parent of block.parents) {
          if (!history.has(parent.digest) || (own.has(one) && own.has(parent.digest)) !== isOwn) continue;
          context.moveTo(at.x(block.round), at.y(block.author));
          context.lineTo(at.x(parent.round), at.y(parent.author));
        }
      }
      context.stroke();
    }
    context.globalAlpha = 1;
    for (const one of history) {
      const block = this.model.block(one)!;
      this.painter.block(context, at, at.x(block.round), at.y(block.author), block);
    }
    const head = this.model.block(digest);
    if (head === undefined) return;
    context.strokeStyle = colours.text;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(at.x(head.round), at.y(head.author), at.radius + 4, 0, 2 * Math.PI);
    context.stroke();
  }
}
