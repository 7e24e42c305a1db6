/** Builds the connector as one module without dependencies, `dist/connect.js`, beside the page that `vite build` made. */

import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

export default defineConfig({
  publicDir: false,
  build: {
    outDir: fileURLToPath(new URL("../../../dist", import.meta.url)),
    emptyOutDir: false,
    target: "es2022",
    minify: true,
    reportCompressedSize: false,
    lib: { entry: fileURLToPath(new URL("./connect.ts", import.meta.url)), formats: ["es"], fileName: () => "connect.js" },
  },
});
