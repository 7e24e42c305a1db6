/** Where rounds and validators stand on the canvas: columns of a width that zooming changes, rows that fit the height. Pure. */

export interface Size {
  width: number;
  height: number;
}

export const TOP = 26;
export const BOTTOM = 10;
export const COLUMN_MIN = 7;
export const COLUMN_MAX = 72;
/** Rows are never lower than that: a canvas grows instead. */
export const ROW_MIN = 20;
const ROW_MAX = 64;
const NARROW = 560;

/** See the file's documentation. `right` is the round, with its fraction, at the right edge. */
export class Geometry {
  readonly gutter: number;
  readonly row: number;

  constructor(readonly size: Size, readonly validators: number, readonly column: number, readonly right: number) {
    this.gutter = size.width < NARROW ? 34 : 104;
    this.row = Math.min(ROW_MAX, (size.height - TOP - BOTTOM) / Math.max(1, validators));
  }

  get radius(): number {
    return Math.max(2.2, Math.min(8, this.column * 0.24, this.row * 0.32));
  }

  x(round: number): number {
    return this.size.width - (this.right - round) * this.column;
  }

  y(author: number): number {
    return TOP + (author + 0.5) * this.row;
  }

  roundAt(x: number): number {
    return this.right - (this.size.width - x) / this.column;
  }

  authorAt(y: number): number {
    return Math.floor((y - TOP) / this.row);
  }

  /** Rounds that can be seen, both included. */
  get visible(): [number, number] {
    return [Math.floor(this.roundAt(this.gutter)), Math.ceil(this.right)];
  }

  get columns(): number {
    return (this.size.width - this.gutter) / this.column;
  }

  /** The block that a point means: near enough to its middle; null between them. */
  hit(x: number, y: number): { round: number; author: number } | null {
    if (x < this.gutter) return null;
    const round = Math.round(this.roundAt(x));
    const author = this.authorAt(y);
    if (author < 0 || author >= this.validators) return null;
    const far = Math.hypot(x - this.x(round), y - this.y(author));
    return far <= Math.max(9, this.column / 2) ? { round, author } : null;
  }
}

/** The height that so many validators want. */
export function heightFor(validators: number): number {
  return Math.max(220, TOP + BOTTOM + validators * Math.max(ROW_MIN, Math.min(ROW_MAX, 620 / Math.max(1, validators))));
}
