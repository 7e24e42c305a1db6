/**
 * Makes a node's JSON-RPC part of another origin, for the development server and for tests: POST /, /ws and the plain
 * GET paths go to the node. A node answers to its own name only and to pages of its own origin only (DNS rebinding), so
 * `Host` and `Origin` are those of the node.
 */

import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { createConnection, type Socket } from "node:net";
import type { Duplex } from "node:stream";

const PLAIN: ReadonlySet<string> = new Set(["/openrpc.json", "/genesis.json", "/healthz", "/readyz"]);

/** Whether a request is one for the node and not for the page. */
export function isForNode({ method, url }: IncomingMessage): boolean {
  const path = (url ?? "/").split("?")[0]!;
  return (method === "POST" && path === "/") || PLAIN.has(path);
}

/** Passes a request on; where the node does not answer, 502. */
export function passOn(target: string, request: IncomingMessage, response: ServerResponse): void {
  const { host, hostname, port, origin } = new URL(target);
  const headers = { ...request.headers, host, ...(request.headers.origin === undefined ? {} : { origin }) };
  const asked = httpRequest({ hostname, port, path: request.url, method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  asked.on("error", () => {
    if (response.headersSent) response.destroy();
    else response.writeHead(502, { "content-type": "text/plain" }).end("the node does not answer");
  });
  request.pipe(asked);
}

/** Passes a WebSocket on. Both ends, so that who asked can cut them. */
export function passOnSocket(target: string, request: IncomingMessage, socket: Duplex, head: Buffer): [Socket, Duplex] {
  const { host, hostname, port, origin } = new URL(target);
  const node = createConnection(Number(port), hostname, () => {
    const changed: Record<string, string> = { host, origin };
    const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${changed[name] ?? String(value)}`);
    node.write(`GET ${request.url} HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`);
    node.write(head);
    node.pipe(socket);
    socket.pipe(node);
  });
  for (const [one, other] of [[node, socket], [socket, node]] as const) {
    one.on("error", () => one.destroy());
    one.on("close", () => other.destroy());
  }
  return [node, socket];
}
