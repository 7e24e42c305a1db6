/** A browser for tests: Debian's Chromium, or that of CHROMIUM_BIN. Without one those tests are skipped, and say so. */

import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";

const USUAL = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const told = process.env["CHROMIUM_BIN"];

export const CHROMIUM = (told === undefined ? USUAL : [told]).find((path) => existsSync(path));
if (CHROMIUM === undefined) console.warn("SKIPPED: no browser; install chromium (apt-get install chromium), or set CHROMIUM_BIN");

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM!, args: ["--no-sandbox"] });
}
