/** How many frames a second the DAG draws, 20 validators by 60 rounds, in a browser without a display. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHROMIUM, launch } from "./browser.js";
import { Site } from "./site.js";

const LEAST = 30;
const MS = 3_000;
/** Other programs want the same processors: what counts is what it can do. */
const TRIES = 4;

interface Told {
  framesPerSecond: number;
  worstMs: number;
  columns: number;
}

describe.skipIf(CHROMIUM === undefined)("frames of the DAG", () => {
  let folder: string;
  let site: Site;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pollen-frames-"));
    await build({
      configFile: false,
      logLevel: "error",
      build: { outDir: folder, target: "es2023", lib: { entry: fileURLToPath(new URL("./dag/frames.ts", import.meta.url)), formats: ["es"], fileName: "frames" } },
    });
    writeFileSync(join(folder, "index.html"), '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><link rel="stylesheet" href="./frames.css"><canvas></canvas><script type="module" src="./frames.js"></script>');
    writeFileSync(join(folder, "frames.css"), "canvas { display: block; width: 1336px }");
    site = await new Site(folder, "http://127.0.0.1:1").start();
    browser = await launch();
    page = await browser.newPage({ viewport: { width: 1_440, height: 900 } });
    await page.goto(site.url);
    await page.waitForFunction("typeof following === 'function'");
  });
  afterAll(async () => {
    await browser?.close();
    await site?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const [name, call] of [
    ["following 10 rounds a second", `following(${MS}, 10)`],
    ["following 60 rounds a second", `following(${MS}, 60)`],
    ["panning", `panning(${MS})`],
    ["with the history of one block after the other", `pointing(${MS})`],
    ["zooming", `zooming(${MS})`],
  ] as const) {
    it(`are at least ${LEAST} a second ${name}`, async () => {
      let best = 0;
      for (let tries = 0; tries < TRIES && best < LEAST; tries++) {
        const told = (await page.evaluate(call)) as Told;
        console.info(`${name}: ${told.framesPerSecond.toFixed(1)} frames/s, longest ${told.worstMs.toFixed(0)} ms, ${told.columns.toFixed(0)} rounds shown`);
        best = Math.max(best, told.framesPerSecond);
      }
      expect(best).toBeGreaterThanOrEqual(LEAST);
    });
  }
});
