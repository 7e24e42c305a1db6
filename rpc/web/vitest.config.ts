/** Tests take the client from its sources, as the build does. */

import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    alias: { "@pollen/client": fileURLToPath(new URL("../ts/src/index.ts", import.meta.url)) },
    dedupe: ["@noble/curves", "@noble/hashes", "@scure/base", "@scure/bip39"],
  },
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  test: {
    include: ["tests/**/*.test.{ts,tsx}"],
    testTimeout: 60_000,
    hookTimeout: 180_000,
    execArgv: typeof globalThis.WebSocket === "undefined" ? ["--experimental-websocket"] : [],
    maxWorkers: 2,
  },
});
