import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 180_000,
    // Node 20 has WebSocket only by this option; later ones and browsers have it anyway.
    execArgv: typeof globalThis.WebSocket === "undefined" ? ["--experimental-websocket"] : [],
    maxWorkers: 2,
  },
});
