/** One subscription over one WebSocket: what comes is read strictly and waits in a queue of its own. */

import { AnswerError, RpcError } from "./errors.js";
import type { Read } from "./json.js";

/** What of the WebSocket interface is used. */
export interface Socket {
  send(text: string): void;
  close(): void;
  addEventListener(type: "open" | "close" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (message: { data: unknown }) => void): void;
}

/** Makes a connection. */
export type SocketConstructor = new (url: string) => Socket;

/** Messages that wait to be read; a reader that is slower than that gets them again later. */
const QUEUE_MAX = 4_096;
/** Letters of a message at most. */
const MESSAGE_MAX = 16 << 20;
const OPEN_MS = 10_000;

/** What is subscribed to: `chain` is `chain_subscribe`, whose notices are `chain_notice`. */
export interface Subscription<N> {
  group: string;
  params: object;
  /** Reads a notice. Throws {@link AnswerError}. */
  read: Read<N>;
}

/** See the file's documentation. */
export class Connection<N> {
  readonly openedMs = Date.now();
  readonly #socket: Socket;
  readonly #to: Subscription<N>;
  readonly #queue: N[] = [];
  #ended: Error | null = null;
  #wake: (() => void) | null = null;
  #subscription: unknown;

  private constructor(socket: Socket, to: Subscription<N>) {
    this.#socket = socket;
    this.#to = to;
  }

  /** Subscribes. Throws {@link RpcError} where the node refuses, any error where there is no connection. */
  static async open<N>(socket: Socket, to: Subscription<N>, signal?: AbortSignal): Promise<Connection<N>> {
    const connection = new Connection(socket, to);
    let isOpen = false;
    const subscribed = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no subscription after ${OPEN_MS} ms`)), OPEN_MS);
      const abort = () => end(signal!.reason as Error);
      const end = (error: Error) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        connection.#end(error);
        reject(error);
      };
      const call = { jsonrpc: "2.0", id: 1, method: `${to.group}_subscribe`, params: to.params };
      socket.addEventListener("open", () => {
        isOpen = true;
        if (signal?.aborted !== true) socket.send(JSON.stringify(call));
      });
      socket.addEventListener("error", () => end(new Error("the connection failed")));
      socket.addEventListener("close", () => end(new Error("the connection was closed")));
      socket.addEventListener("message", ({ data }) => {
        try {
          if (connection.#take(data)) {
            clearTimeout(timer);
            resolve();
          }
        } catch (error) {
          end(error as Error);
          socket.close();
        }
      });
      signal?.addEventListener("abort", abort);
    });
    try {
      await subscribed;
    } catch (error) {
      // Of one that nobody wants any more before it is open browsers complain when it is closed: it is as soon as it is.
      if (signal?.aborted === true && !isOpen) socket.addEventListener("open", () => socket.close());
      else socket.close();
      throw error;
    }
    return connection;
  }

  /** Takes a message in. True for the answer to the subscription. */
  #take(data: unknown): boolean {
    if (typeof data !== "string" || data.length > MESSAGE_MAX) throw new AnswerError("message", "expected text of at most 16 MiB");
    let json: { id?: unknown; result?: unknown; error?: { code?: unknown; message?: unknown; data?: unknown }; method?: unknown; params?: { subscription?: unknown; result?: unknown } };
    try {
      json = JSON.parse(data) as typeof json;
    } catch {
      throw new AnswerError("message", "no JSON");
    }
    if (json?.error !== undefined && json.error !== null) {
      const { code, message, data: more } = json.error;
      if (typeof code !== "number" || typeof message !== "string") throw new AnswerError("error", "no code or no message");
      throw new RpcError(code, message, more !== null && typeof more === "object" ? (more as Record<string, unknown>) : {});
    }
    if (json?.id === 1) {
      this.#subscription = json.result;
      return true;
    }
    if (json?.method !== `${this.#to.group}_notice` || json.params?.subscription !== this.#subscription) return false;
    if (this.#queue.length >= QUEUE_MAX) throw new Error("notices come faster than they are read: read again later");
    this.#queue.push(this.#to.read(json.params?.result, "params.result"));
    this.#wake?.();
    return false;
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#wake?.();
  }

  /** The next notice; null after a silence. What was taken in before the connection ended comes first. */
  async next(silenceMs: number, signal?: AbortSignal): Promise<N | null> {
    const deadline = Date.now() + silenceMs;
    for (;;) {
      const notice = this.#queue.shift();
      if (notice !== undefined) return notice;
      signal?.throwIfAborted();
      if (this.#ended !== null) throw this.#ended;
      const left = deadline - Date.now();
      if (left <= 0) return null;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
  }

  close(): void {
    this.#end(new Error("the stream was ended"));
    this.#socket.close();
  }
}
