import { defineConfig } from "vitest/config";

export default defineConfig({
  // The package by its own name, as generated bindings and examples import it.
  resolve: { alias: { "@pollen/client": new URL("./src/index.ts", import.meta.url).pathname } },
  test: {
    include: ["tests/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 180_000,
    // Node 20 has WebSocket only by this option; later ones and browsers have it anyway.
    execArgv: typeof globalThis.WebSocket === "undefined" ? ["--experimental-websocket"] : [],
    maxWorkers: 2,
  },
});
