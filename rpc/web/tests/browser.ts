/** A browser for tests: Debian's Chromium, or that of CHROMIUM_BIN. Without one those tests are skipped, and say so. */

import { existsSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright-core";

const USUAL = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const told = process.env["CHROMIUM_BIN"];

export const CHROMIUM = (told === undefined ? USUAL : [told]).find((path) => existsSync(path));
if (CHROMIUM === undefined) console.warn("SKIPPED: no browser; install chromium (apt-get install chromium), or set CHROMIUM_BIN");

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM!, args: ["--no-sandbox"] });
}

/** Drops a file on the page's place for one. */
export async function drop(page: Page, name: string, bytes: Uint8Array): Promise<void> {
  const base64 = Buffer.from(bytes).toString("base64");
  const dataTransfer = await page.evaluateHandle(({ name, base64 }) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name));
    return transfer;
  }, { name, base64 });
  await page.dispatchEvent(".drop", "drop", { dataTransfer });
}
