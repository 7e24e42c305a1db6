/**
 * The built page beside a node's JSON-RPC, as a node serves it: one origin, the strict policy. The node can be another
 * one from one moment to the next, or none, which is how a test takes it away.
 */

import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import type { Duplex } from "node:stream";
import { isForNode, passOn, passOnSocket } from "../dev/proxy.js";

export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json",
};

export class Site {
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();
  url = "";

  /** Files of `folder`; what is for a node goes to `node`. */
  constructor(folder: string, public node: string) {
    this.#server = createServer((request, response) => {
      if (isForNode(request)) return passOn(this.node, request, response);
      const path = normalize(new URL(request.url!, "http://site").pathname);
      const file = join(folder, path === "/" ? "index.html" : path);
      if (!existsSync(file) || !statSync(file).isFile()) return void response.writeHead(404).end();
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "content-security-policy": POLICY, "x-content-type-options": "nosniff" });
      createReadStream(file).pipe(response);
    });
    this.#server.on("upgrade", (request, socket, head) => {
      for (const one of passOnSocket(this.node, request, socket, head)) {
        this.#sockets.add(one);
        one.on("close", () => this.#sockets.delete(one));
      }
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
