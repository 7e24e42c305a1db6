/**
 * Events as they happen, over connections and nodes that come and go.
 *
 * A stream knows the cursor of the last event that it told. A connection is opened after that cursor, gaps that a
 * node tells are filled by `events_query`, and what lies at or before the cursor is not told again: so no event is
 * lost or doubled. A program that keeps `cursor` goes on there another time.
 */

import { compareCursors, eventNotice, type Cursor, type EventNotice, type EventsPage, type EventView } from "./api.js";
import type { PollenClient } from "./client.js";
import { AnswerError, PollenError, RpcError, UnreachableError } from "./errors.js";
import { pause } from "./transport.js";

/** What of the WebSocket interface is used. */
export interface Socket {
  send(text: string): void;
  close(): void;
  addEventListener(type: "open" | "close" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (message: { data: unknown }) => void): void;
}

/** Makes a connection. */
export type SocketConstructor = new (url: string) => Socket;

/** Which events, and from where on. */
export interface EventsOptions {
  /** Only of this module: address or `@name`. */
  module?: string;
  /** Only of this name. */
  name?: string;
  /** Only what comes after; from now on unless told. */
  after?: Cursor;
  signal?: AbortSignal;
  /** By which way; over WebSocket where there is one, unless told. */
  transport?: "socket" | "polling";
  /**
   * After so long a silence, in milliseconds, a query tells whether a connection left out events: it may be dead
   * without a word. 30 000 unless told.
   */
  silenceMs?: number;
  /** Told of every connection that was lost, for logs; the stream goes on. */
  onReconnect?: (why: Error) => void;
}

/** Messages that wait to be read; a reader that is slower than that gets them again later. */
const QUEUE_MAX = 4_096;
/** Letters of a message at most. */
const MESSAGE_MAX = 16 << 20;
const OPEN_MS = 10_000;
const SILENCE_MS = 30_000;
/** A connection that held so long was a good one. */
const HELD_MS = 5_000;
const POLL_MS = 20_000;
const PAGE = 500;
const PAUSE_MS = 200;
const PAUSE_MAX_MS = 5_000;
/** Rounds over all nodes without an answer, after which the stream ends with an error. */
const ROUNDS_MAX = 8;

/** See the file's documentation. Throws `RpcError` and `UnreachableError` out of the iteration. */
export class EventStream implements AsyncIterable<EventView> {
  readonly #client: PollenClient;
  readonly #urls: readonly string[];
  readonly #socket: SocketConstructor | undefined;
  readonly #options: EventsOptions;
  #cursor: Cursor | null;
  readonly #start: Promise<Cursor>;
  #place = 0;
  #failures: string[] = [];
  #open: Connection | null = null;

  constructor(
    client: PollenClient,
    urls: readonly string[],
    socket: SocketConstructor | undefined,
    options: EventsOptions,
  ) {
    this.#client = client;
    this.#urls = urls;
    this.#socket = options.transport === "polling" ? undefined : socket;
    this.#options = options;
    this.#cursor = options.after ?? null;
    // "From now on" means from the making of the stream, not from the first reading of it.
    const now = async () => (await client.head()).at.height.toString();
    this.#start = options.after === undefined ? now() : Promise.resolve(options.after);
    this.#start.catch(() => undefined);
  }

  /** Where the stream is: give it as `after` to go on from here another time. */
  get cursor(): Cursor | null {
    return this.#cursor;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<EventView, void, void> {
    try {
      this.#cursor ??= await this.#start;
      yield* this.#socket === undefined ? this.#poll() : this.#listen(this.#socket);
    } finally {
      this.#open?.close();
      this.#open = null;
    }
  }

  /** Tells an event, unless it was told before. */
  #isNew(event: EventView): boolean {
    if (compareCursors(event.cursor, this.#cursor!) <= 0) return false;
    this.#cursor = event.cursor;
    return true;
  }

  #moveTo(cursor: Cursor): void {
    if (compareCursors(cursor, this.#cursor!) > 0) this.#cursor = cursor;
  }

  /** Events up to `until`, or without one for ever, by queries. */
  async *#poll(until?: Cursor): AsyncGenerator<EventView, void, void> {
    const { signal } = this.#options;
    for (let failures = 0; ; ) {
      signal?.throwIfAborted();
      try {
        const page = await this.#page(until === undefined ? POLL_MS : 0);
        failures = 0;
        for (const event of page.events) {
          if (until !== undefined && compareCursors(event.cursor, until) > 0) return;
          if (this.#isNew(event)) yield event;
        }
        this.#moveTo(page.next);
        if (until !== undefined && compareCursors(this.#cursor!, until) >= 0) return;
        // A node that is behind the gap's end has more later.
        if (until !== undefined && !page.more) await pause(PAUSE_MS, signal);
      } catch (error) {
        signal?.throwIfAborted();
        const isPassing = !(error instanceof RpcError) || error.retryable;
        failures += 1;
        if (!(error instanceof PollenError) || !isPassing || failures >= ROUNDS_MAX) throw error;
        this.#options.onReconnect?.(error);
        await pause(Math.min(PAUSE_MS * 2 ** failures, PAUSE_MAX_MS), signal);
      }
    }
  }

  async *#listen(socket: SocketConstructor): AsyncGenerator<EventView, void, void> {
    for (;;) {
      this.#options.signal?.throwIfAborted();
      const notice = await this.#next(socket);
      if (notice === null) {
        let missed = 0;
        for await (const event of this.#catchUp()) {
          missed += 1;
          yield event;
        }
        if (missed > 0) await this.#lost(new Error("the connection told no events"));
      } else if (notice.type === "event") {
        if (this.#isNew(notice.event)) yield notice.event;
      } else if (notice.type === "gap") {
        yield* this.#poll(notice.resume);
        this.#moveTo(notice.resume);
      } else {
        const error = new RpcError(notice.code, notice.message, { name: notice.name });
        if (!error.retryable) throw error;
        await this.#lost(error);
      }
    }
  }

  /** What a silent connection should have told. Moves the cursor on, so that nodes keep what lies after it. */
  async *#catchUp(): AsyncGenerator<EventView, void, void> {
    for (;;) {
      const page = await this.#page(0);
      for (const event of page.events) if (this.#isNew(event)) yield event;
      this.#moveTo(page.next);
      if (!page.more) return;
    }
  }

  #page(waitMs: number): Promise<EventsPage> {
    const { signal } = this.#options;
    const params = { ...this.#filter(), after: this.#cursor!, limit: PAGE, waitMs };
    return this.#client.request("events_query", params, signal === undefined ? {} : { signal });
  }

  #filter(): { module?: string; name?: string } {
    const { module, name } = this.#options;
    return { ...(module === undefined ? {} : { module }), ...(name === undefined ? {} : { name }) };
  }

  /** The next notice, of this connection or of the next one; null after a silence. */
  async #next(socket: SocketConstructor): Promise<EventNotice | null> {
    for (;;) {
      try {
        this.#open ??= await this.#connect(socket);
        const notice = await this.#open.next(this.#options.silenceMs ?? SILENCE_MS, this.#options.signal);
        if (notice !== null && notice.type !== "end") this.#failures = [];
        return notice;
      } catch (error) {
        this.#options.signal?.throwIfAborted();
        if (error instanceof RpcError && !error.retryable) throw error;
        await this.#lost(error as Error);
      }
    }
  }

  /** Goes on at the next node, after a pause where all of them were tried. */
  async #lost(why: Error): Promise<void> {
    if (this.#open !== null && Date.now() - this.#open.openedMs > HELD_MS) this.#failures = [];
    this.#open?.close();
    this.#open = null;
    this.#options.onReconnect?.(why);
    this.#failures.push(`${this.#urls[this.#place]}: ${why.message}`);
    if (this.#failures.length >= ROUNDS_MAX * this.#urls.length) throw new UnreachableError(this.#failures.slice(-this.#urls.length));
    this.#place = (this.#place + 1) % this.#urls.length;
    const rounds = Math.floor(this.#failures.length / this.#urls.length);
    if (rounds > 0) await pause(Math.min(PAUSE_MS * 2 ** (rounds - 1), PAUSE_MAX_MS), this.#options.signal);
  }

  #connect(socket: SocketConstructor): Promise<Connection> {
    const params = { ...this.#filter(), after: this.#cursor! };
    const url = `${this.#urls[this.#place]!.replace(/^http/, "ws")}/ws`;
    return Connection.open(new socket(url), params, this.#options.signal);
  }
}

/** One subscription over one socket. */
class Connection {
  readonly openedMs = Date.now();
  readonly #socket: Socket;
  readonly #queue: EventNotice[] = [];
  #ended: Error | null = null;
  #wake: (() => void) | null = null;
  #subscription: unknown;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async open(socket: Socket, params: object, signal?: AbortSignal): Promise<Connection> {
    const connection = new Connection(socket);
    const subscribed = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no subscription after ${OPEN_MS} ms`)), OPEN_MS);
      const abort = () => end(signal!.reason as Error);
      const end = (error: Error) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        connection.#end(error);
        reject(error);
      };
      socket.addEventListener("open", () =>
        socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "events_subscribe", params })),
      );
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
      socket.close();
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
    if (json?.method !== "events_notice" || json.params?.subscription !== this.#subscription) return false;
    if (this.#queue.length >= QUEUE_MAX) throw new Error("events come faster than they are read: read again later");
    this.#queue.push(eventNotice(json.params?.result, "params.result"));
    this.#wake?.();
    return false;
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#wake?.();
  }

  /** The next notice; null after a silence. What was taken in before the connection ended comes first. */
  async next(silenceMs: number, signal?: AbortSignal): Promise<EventNotice | null> {
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
