/**
 * What a first visit loads, compressed: the page, every script and style that it names, what those load at once, and
 * the charts of the overview. Fails at 200 kB. What other places load when they are opened is told beside it.
 */

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const LIMIT_BYTES = 200_000;
const dist = fileURLToPath(new URL("../dist", import.meta.url));
const sizeOf = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;

const page = readFileSync(join(dist, "index.html"), "utf8");
const first = new Set(["index.html", ...[...page.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map((match) => match[1])]);
for (const file of first) {
  if (!file.endsWith(".js")) continue;
  const code = readFileSync(join(dist, file), "utf8");
  for (const [, name] of code.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) first.add(`assets/${name}`);
}
// (Not the compressed copies, which `scripts/build-page` lays beside the files: they are sent instead of them.)
const assets = readdirSync(join(dist, "assets")).filter((name) => !name.endsWith(".gz"));
const ON_OVERVIEW = /^chart-/;
for (const name of assets) if (ON_OVERVIEW.test(name)) first.add(`assets/${name}`);
const later = assets.map((name) => `assets/${name}`).filter((file) => !first.has(file));

const total = (files) => files.reduce((sum, file) => sum + sizeOf(file), 0);
for (const file of [...first]) console.log(`${String(sizeOf(file)).padStart(8)}  ${file}`);
for (const file of later) console.log(`${String(sizeOf(file)).padStart(8)}  ${file} (when it is needed)`);
const [now, all] = [total([...first]), total([...first, ...later])];
console.log(`${String(now).padStart(8)}  bytes gzip of a first visit, ${all} of everything; at most ${LIMIT_BYTES}`);
if (now >= LIMIT_BYTES) {
  console.error("size: the page is too large");
  process.exit(1);
}
