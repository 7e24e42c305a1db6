/**
 * What happens, as it happens, over connections and nodes that come and go.
 *
 * A stream knows the place of the last item that it told. A connection is opened after that place, gaps that a node
 * tells (or that show, where every place is taken) are filled by queries, and what lies at or before the place is not
 * told again: so nothing is lost or doubled. A program that keeps `cursor` goes on there another time.
 */

import type { PollenClient } from "./client.js";
import { PollenError, RpcError, UnreachableError } from "./errors.js";
import { Connection, type SocketConstructor } from "./socket.js";
import { pause } from "./transport.js";

/** How a stream is followed. */
export interface FollowOptions {
  signal?: AbortSignal;
  /** By which way; over WebSocket where there is one, unless told. */
  transport?: "socket" | "polling";
  /**
   * After so long a silence, in milliseconds, a query tells whether a connection left something out: it may be dead
   * without a word. 30 000 unless told.
   */
  silenceMs?: number;
  /** Told of every connection that was lost, for logs; the stream goes on. */
  onReconnect?: (why: Error) => void;
}

/** What a node tells: an item, that it left some out, or its last word. */
export type Notice<P, T> =
  | { type: "item"; item: T }
  | { type: "gap"; after: P; resume: P }
  | { type: "end"; code: number; name: string; message: string };

/** What a query tells: items in order, and the place up to which these are all. */
export interface Page<P, T> {
  items: T[];
  next: P;
  more: boolean;
}

/** How a page is asked for. */
export interface PageOptions<P> {
  /** How long to wait for the first item. */
  waitMs: number;
  /** A place that the answering node must have reached: {@link refuseBehind}. */
  until?: P;
  signal?: AbortSignal;
}

/** Of an answer whose node is behind what another has told: the next node is asked. */
export function refuseBehind(isBehind: boolean): void {
  if (isBehind) throw new RpcError(-32_041, "the node is behind what another has told", { name: "NotReady", retryable: true });
}

/** What can be followed: items `T` at places `P`. */
export interface Feed<P, T> {
  /** Group of the methods: `chain_subscribe`, `chain_notice`. */
  group: string;
  /** Where "from now on" begins. */
  now(client: PollenClient): Promise<P>;
  /** Parameters of a subscription after a place. */
  params(after: P): object;
  /** Reads a notice. Throws `AnswerError`. */
  read(json: unknown, path: string): Notice<P, T>;
  /** What comes after a place, by a query. */
  page(client: PollenClient, after: P, asked: PageOptions<P>): Promise<Page<P, T>>;
  placeOf(item: T): P;
  compare(left: P, right: P): number;
  /** Where every place is taken: the one before an item's. */
  before?(item: T): P;
  /** Whether nothing comes after an item. */
  isLast?(item: T): boolean;
  /** Whether what one node knew another may come to know: `NotFound` is no end then, once something was told. */
  isSpreading?: boolean;
}

/** A silence after which a query is made, unless told. */
const SILENCE_MS = 30_000;
/** A connection that held so long was a good one. */
const HELD_MS = 5_000;
const POLL_MS = 20_000;
const PAUSE_MS = 200;
const PAUSE_MAX_MS = 5_000;
/** Rounds over all nodes without an answer, after which the stream ends with an error. */
const ROUNDS_MAX = 8;
const NOBODY = "it told of what no node has";
/** `NotFound` and `NotKept`: another node may keep more. */
const ELSEWHERE: ReadonlySet<number> = new Set([-32_040, -32_043]);

/** See the file's documentation. Throws `RpcError` and `UnreachableError` out of the iteration. */
export class Stream<P, T> implements AsyncIterable<T> {
  readonly #client: PollenClient;
  readonly #feed: Feed<P, T>;
  readonly #socket: SocketConstructor | undefined;
  readonly #options: FollowOptions;
  readonly #urls: readonly string[];
  #cursor: P | null;
  readonly #start: Promise<P>;
  #place: number;
  #failures: string[] = [];
  /** Nodes in a row that said that they do not have it. */
  #refusals = 0;
  #hasTold = false;
  #open: Connection<Notice<P, T>> | null = null;

  /** Made by the client's methods; `after` undefined is from now on. */
  constructor(
    client: PollenClient,
    feed: Feed<P, T>,
    after: P | undefined,
    socket: SocketConstructor | undefined,
    options: FollowOptions,
  ) {
    this.#client = client;
    this.#feed = feed;
    this.#socket = options.transport === "polling" ? undefined : socket;
    this.#options = options;
    this.#urls = client.urls;
    this.#place = client.urls.indexOf(client.url);
    this.#cursor = after ?? null;
    // "From now on" means from the making of the stream, not from the first reading of it.
    this.#start = after === undefined ? feed.now(client) : Promise.resolve(after);
    this.#start.catch(() => undefined);
  }

  /** Where the stream is: give it as `after` to go on from here another time. */
  get cursor(): P | null {
    return this.#cursor;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    try {
      this.#cursor ??= await this.#start;
      const items = this.#socket === undefined ? this.#poll() : this.#listen(this.#socket);
      for await (const item of items) {
        yield item;
        if (this.#feed.isLast?.(item)) return;
      }
    } finally {
      this.#open?.close();
      this.#open = null;
    }
  }

  /** Whether an item was not told before; it is from then on. */
  #isNew(item: T): boolean {
    const place = this.#feed.placeOf(item);
    if (this.#isAt(place)) return false;
    this.#moveTo(place);
    this.#hasTold = true;
    return true;
  }

  #moveTo(place: P): void {
    if (this.#isAt(place)) return;
    this.#cursor = place;
    // Only who tells something new counts as one that answers.
    [this.#failures, this.#refusals] = [[], 0];
  }

  /** Whether all up to a place was told. */
  #isAt(place: P): boolean {
    return this.#feed.compare(this.#cursor!, place) >= 0;
  }

  #page(waitMs: number, until?: P): Promise<Page<P, T>> {
    const { signal } = this.#options;
    const asked = { waitMs, ...(until === undefined ? {} : { until }), ...(signal === undefined ? {} : { signal }) };
    return this.#feed.page(this.#client, this.#cursor!, asked);
  }

  /** Whether the same may succeed later. */
  #isPassing(error: unknown): error is PollenError {
    if (!(error instanceof RpcError)) return error instanceof PollenError;
    return error.retryable || (this.#feed.isSpreading === true && this.#hasTold && ELSEWHERE.has(error.code));
  }

  /** Items by queries, for ever. */
  async *#poll(): AsyncGenerator<T, void, void> {
    const { signal } = this.#options;
    for (let failures = 0; ; ) {
      signal?.throwIfAborted();
      try {
        const [asked, cursor] = [Date.now(), this.#cursor];
        const page = await this.#page(POLL_MS);
        failures = 0;
        for (const item of page.items) if (this.#isNew(item)) yield item;
        this.#moveTo(page.next);
        // A node that does not wait as it was asked to is not rushed.
        if (cursor === this.#cursor && Date.now() - asked < PAUSE_MS) await pause(PAUSE_MS, signal);
      } catch (error) {
        signal?.throwIfAborted();
        failures += 1;
        if (!this.#isPassing(error) || failures >= ROUNDS_MAX) throw error;
        this.#options.onReconnect?.(error);
        await pause(Math.min(PAUSE_MS * 2 ** failures, PAUSE_MAX_MS), signal);
      }
    }
  }

  /** What a connection left out, up to a place. False where no node has it: then who told of it is not believed. */
  async *#fill(until: P): AsyncGenerator<T, boolean, void> {
    const { signal } = this.#options;
    for (let failures = 0; !this.#isAt(until); ) {
      signal?.throwIfAborted();
      try {
        const cursor = this.#cursor;
        const page = await this.#page(0, until);
        for (const item of page.items) {
          if (this.#feed.compare(this.#feed.placeOf(item), until) <= 0 && this.#isNew(item)) yield item;
        }
        this.#moveTo(this.#feed.compare(page.next, until) < 0 ? page.next : until);
        failures = cursor === this.#cursor ? failures + 1 : 0;
      } catch (error) {
        signal?.throwIfAborted();
        if (!this.#isPassing(error)) throw error;
        failures += 1;
      }
      if (failures >= ROUNDS_MAX) return false;
      if (failures > 0) await pause(PAUSE_MS, signal);
    }
    return true;
  }

  async *#listen(socket: SocketConstructor): AsyncGenerator<T, void, void> {
    for (;;) {
      this.#options.signal?.throwIfAborted();
      const notice = await this.#next(socket);
      if (notice === null) {
        let missed = 0;
        for await (const item of this.#catchUp()) {
          missed += 1;
          yield item;
        }
        if (missed > 0) await this.#lost(new Error("the connection told nothing of what happened"));
      } else if (notice.type === "item") {
        const before = this.#feed.before?.(notice.item);
        if (before !== undefined && !(yield* this.#fill(before))) await this.#lost(new Error(NOBODY));
        else if (this.#isNew(notice.item)) yield notice.item;
      } else if (notice.type === "gap") {
        if (!(yield* this.#fill(notice.resume))) await this.#lost(new Error(NOBODY));
      } else {
        const error = new RpcError(notice.code, notice.message, { name: notice.name });
        if (!this.#goesOn(error)) throw error;
        await this.#lost(error);
      }
    }
  }

  /** What a silent connection should have told. Moves the cursor on, so that nodes keep what lies after it. */
  async *#catchUp(): AsyncGenerator<T, void, void> {
    for (;;) {
      const page = await this.#page(0);
      for (const item of page.items) if (this.#isNew(item)) yield item;
      this.#moveTo(page.next);
      if (!page.more) return;
    }
  }

  /** Whether another node may do what one refused: each is asked whether it has it. */
  #goesOn(error: RpcError): boolean {
    if (ELSEWHERE.has(error.code) && ++this.#refusals < this.#urls.length) return true;
    return this.#isPassing(error);
  }

  /** The next notice, of this connection or of the next one; null after a silence. */
  async #next(socket: SocketConstructor): Promise<Notice<P, T> | null> {
    for (;;) {
      try {
        this.#open ??= await this.#connect(socket);
        return await this.#open.next(this.#options.silenceMs ?? SILENCE_MS, this.#options.signal);
      } catch (error) {
        this.#options.signal?.throwIfAborted();
        if (error instanceof RpcError && !this.#goesOn(error)) throw error;
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
    if (this.#failures.length >= ROUNDS_MAX * this.#urls.length) {
      throw why instanceof RpcError && !why.retryable ? why : new UnreachableError(this.#failures.slice(-this.#urls.length));
    }
    this.#place = (this.#place + 1) % this.#urls.length;
    const rounds = Math.floor(this.#failures.length / this.#urls.length);
    if (rounds > 0) await pause(Math.min(PAUSE_MS * 2 ** (rounds - 1), PAUSE_MAX_MS), this.#options.signal);
  }

  #connect(socket: SocketConstructor): Promise<Connection<Notice<P, T>>> {
    const { group } = this.#feed;
    const params = this.#feed.params(this.#cursor!);
    const read = (json: unknown, path: string) => this.#feed.read(json, path);
    const url = `${this.#urls[this.#place]!.replace(/^http/, "ws")}/ws`;
    return Connection.open(new socket(url), { group, params, read }, this.#options.signal);
  }
}
