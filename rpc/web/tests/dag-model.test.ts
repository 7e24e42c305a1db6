/** What the DAG's model says of rounds, against a plain reading of the same rounds. */

import { describe, expect, it } from "vitest";
import { Geometry, heightFor } from "../src/dag/geometry.js";
import { DagModel, described, ROUNDS_MAX } from "../src/dag/model.js";
import { digestOf, rounds } from "./dag/rounds.js";

describe("the model", () => {
  it("takes rounds in, and tells whether anything changed", () => {
    const model = new DagModel();
    expect(model.isEmpty).toBe(true);
    expect(model.put(rounds(4, 1, 20), 16)).toBe(true);
    expect([model.first, model.last, model.committedRound]).toEqual([1, 20, 16]);
    const { version } = model;
    expect(model.put(rounds(4, 1, 20), 16)).toBe(false);
    expect(model.version).toBe(version);
    expect(model.put(rounds(4, 1, 20, 0), 20)).toBe(true);
    expect(model.slot(20, 0)).toBe("committed");
  });

  it("takes nothing back when an older answer comes later", () => {
    const model = new DagModel();
    model.put(rounds(4, 1, 10, 0), 10);
    expect(model.put(rounds(4, 1, 10, 5), 5)).toBe(false);
    expect([model.slot(10, 0), model.committedRound]).toEqual(["committed", 10]);
  });

  it("draws anew only what changed", () => {
    const model = new DagModel();
    model.put(rounds(4, 1, 20, 4), 16);
    const [settled, open] = [model.versionOf(1, 8), model.versionOf(17, 20)];
    model.put(rounds(4, 1, 20, 0), 20);
    expect(model.versionOf(1, 8)).toBe(settled);
    expect(model.versionOf(17, 20)).not.toBe(open);
  });

  it("forgets what is long ago, and nothing else", () => {
    const model = new DagModel();
    model.put(rounds(4, 1, ROUNDS_MAX + 50), 1);
    expect([model.first, model.last]).toEqual([51, ROUNDS_MAX + 50]);
    expect(model.block(digestOf(50, 0))).toBeUndefined();
    expect(model.block(digestOf(51, 0))?.round).toBe(51);
  });

  it("finds the history of a block as a plain search does, and its own line in it", () => {
    const model = new DagModel();
    const all = rounds(7, 1, 30);
    model.put(all);
    const blocks = new Map(all.flatMap((one) => one.blocks.map((block) => [block.digest, block] as const)));
    const start = digestOf(25, 2);
    const plain = new Set<string>();
    const walk = (digest: string) => {
      if (plain.has(digest) || !blocks.has(digest)) return;
      plain.add(digest);
      blocks.get(digest)!.parents.forEach((parent) => walk(parent.digest));
    };
    walk(start);
    expect(model.historyOf(start)).toEqual(plain);
    expect([...model.historyOf(start, 20)].every((digest) => model.block(digest)!.round >= 20)).toBe(true);
    expect(model.ownLineOf(start)).toEqual(new Set(Array.from({ length: 25 }, (_, place) => digestOf(25 - place, 2))));
    expect(model.historyOf("none").size).toBe(0);
  });

  it("tells each slot in words", () => {
    const model = new DagModel();
    model.put(rounds(8, 1, 40, 3), 37);
    expect(described(model, 7, 3, "three")).toBe("Round 7, three: no block, slot skipped");
    expect(described(model, 40, 0, "zero")).toMatch(/^Round 40, zero: slot not decided yet, not in the order yet, .* builds on \d blocks?$/);
    expect(described(model, 35, 5, "five")).toContain("on probation");
  });
});

describe("the geometry", () => {
  it("finds under a point what stands there", () => {
    const at = new Geometry({ width: 1_200, height: heightFor(20) }, 20, 20, 100.5);
    for (const [round, author] of [[100, 0], [70, 19], [55, 7]] as const) {
      expect(at.hit(at.x(round), at.y(author))).toEqual({ round, author });
    }
    expect(at.hit(10, 100)).toBeNull();
    expect(at.hit(at.x(80), 5)).toBeNull();
    expect(at.roundAt(at.x(77))).toBeCloseTo(77);
    expect(at.visible[0]).toBeLessThan(at.visible[1]);
  });
});
