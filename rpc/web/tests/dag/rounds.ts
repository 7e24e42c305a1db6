/** Rounds that could be: every validator builds on a quorum of the round before, some are late, some slots are skipped. */

import type { DagRound } from "@pollen/client";

/** Reproducible numbers from 0 to 1 (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const digestOf = (round: number, author: number) => `${round.toString(16).padStart(32, "0")}${author.toString(16).padStart(32, "0")}`;

/** The rounds `from` to `to`, of which the last `open` are not decided. */
export function rounds(validators: number, from: number, to: number, open = 4, seed = 1): DagRound[] {
  const draw = random(seed + from);
  const made: DagRound[] = [];
  for (let round = from; round <= to; round++) {
    const isOpen = round > to - open;
    const isLate = (author: number) => author === 3 && round % 7 === 0;
    const blocks = Array.from({ length: validators }, (_, author) => author)
      .filter((author) => !isLate(author))
      .map((author) => ({
        author,
        digest: digestOf(round, author),
        timeMs: BigInt(1_700_000_000_000 + round * 50),
        parents: Array.from({ length: validators }, (_, other) => other)
          .filter((other) => other === author || draw() < 0.72)
          .map((other) => ({ author: other, round: round - 1, digest: digestOf(round - 1, other) })),
        transactions: draw() < 0.3 ? Math.floor(draw() * 100) : 0,
        committed: !isOpen,
      }));
    const slots = Array.from({ length: validators }, (_, author) => ({
      author,
      status: isOpen ? ("undecided" as const) : isLate(author) ? ("skipped" as const) : ("committed" as const),
      onProbation: author === 5 && round % 40 > 30,
    }));
    made.push({ round, blocks, slots });
  }
  return made;
}
