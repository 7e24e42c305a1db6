/**
 * The build: one folder `dist` with relative addresses and hashed names, nothing inline, so that a node can serve it
 * below a strict policy. `npm run dev` serves the sources beside a node's JSON-RPC (POLLEN_NODE, else the first node of
 * `pollen dev`).
 */

import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { isForNode, passOn, passOnSocket } from "./dev/proxy.js";

const NODE = process.env["POLLEN_NODE"] ?? "http://127.0.0.1:9650";

const node: Plugin = {
  name: "pollen-node",
  configureServer(server) {
    server.middlewares.use((request, response, next) => (isForNode(request) ? passOn(NODE, request, response) : next()));
    server.httpServer?.on("upgrade", (request, socket, head) => {
      if (request.url === "/ws") passOnSocket(NODE, request, socket, head);
    });
  },
};

export default defineConfig({
  base: "./",
  plugins: [node],
  resolve: {
    // The client from its sources: nothing has to be built before, and only what is used is taken.
    alias: { "@pollen/client": fileURLToPath(new URL("../ts/src/index.ts", import.meta.url)) },
    dedupe: ["@noble/curves", "@noble/hashes", "@scure/base", "@scure/bip39"],
  },
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: {
    outDir: "dist",
    assetsDir: "assets",
    // A picture inside a style sheet would be a `data:` address; nothing is inlined at all.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2023",
    cssCodeSplit: false,
    reportCompressedSize: false,
  },
});
