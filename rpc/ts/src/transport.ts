/**
 * Calls over one or several nodes. A call goes to the node that answered last; when that cannot be reached, says
 * that it is not ready, or answers what cannot be believed, the next is asked. That is safe for every method:
 * reads change nothing, and a submission is idempotent by hash.
 */

import { METHODS, READS, sent, type Answer, type Method, type Params } from "./api.js";
import { AnswerError, InputError, ProofError, RpcError, UnreachableError, type PollenError } from "./errors.js";

/** How a client talks to its nodes. */
export interface TransportOptions {
  /** How long one node may take, beyond what it was asked to wait, in milliseconds; 10 000 unless told. */
  timeoutMs?: number;
  /** In place of the platform's `fetch`. */
  fetch?: typeof fetch;
}

const TIMEOUT_MS = 10_000;
/** How long a node that is behind is waited for, in milliseconds. */
const BEHIND_MS = 5_000;
const ANSWER_BYTES_MAX = 16 << 20;
/** Errors after which another node may answer: `NotFound`, `NotKept`, `InternalError`, and those of nodes behind. */
const ELSEWHERE: ReadonlySet<number> = new Set([-32_040, -32_041, -32_042, -32_043, -32_044, -32_603]);
const LIMIT = -32_042;
const BEHIND = -32_044;
/** What `fetch` of Node tells of a connection that was never made: nothing was sent. */
const NEVER_SENT: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

/** What a call may take beside its parameters. */
export interface CallOptions<M extends Method> {
  /** Refuses an answer that is not to be believed: then the next node is asked. */
  check?: (answer: Answer<M>) => void;
  signal?: AbortSignal;
  /** Asks one node, once. */
  once?: boolean;
  /** Set when a node may have taken what was sent, although it gave no answer. */
  onUnanswered?: () => void;
}

/** See the file's documentation. */
export class Transport {
  readonly endpoints: readonly string[];
  readonly #timeoutMs: number;
  readonly #fetch: typeof fetch;
  #current = 0;
  #seen = 0n;
  #id = 0;

  constructor(urls: string | readonly string[], options: TransportOptions = {}) {
    const given = typeof urls === "string" ? [urls] : urls;
    if (given.length === 0) throw new InputError("a client needs the URL of a node", "give one such as http://127.0.0.1:9650");
    this.endpoints = given.map((url) => {
      if (!/^https?:\/\/[^/]/.test(url)) {
        throw new InputError(`'${url}' is no node's URL`, "give one such as http://127.0.0.1:9650");
      }
      return url.replace(/\/+$/, "");
    });
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  }

  /** The place of the node that is asked first now. */
  get current(): number {
    return this.#current;
  }

  /** The highest height that an answer told: reads wait for it, at whatever node. */
  get seen(): bigint {
    return this.#seen;
  }

  /** Reads need not know of any height any more: the network went back. */
  forgetHeight(): void {
    this.#seen = 0n;
  }

  /** Calls a method. Throws {@link RpcError}, {@link UnreachableError}, {@link AnswerError} or {@link ProofError}. */
  async call<M extends Method>(method: M, params: Params[M], options: CallOptions<M> = {}): Promise<Answer<M>> {
    const deadline = Date.now() + this.#timeoutMs;
    for (;;) {
      try {
        return await this.#round(method, params, options);
      } catch (error) {
        const isLimit = error instanceof RpcError && error.code === LIMIT;
        if (!isLimit || Date.now() + error.retryAfterMs >= deadline) throw error;
        await pause(error.retryAfterMs, options.signal);
      }
    }
  }

  /** Asks every node at most once, and the first twice: its connection may just have grown old. */
  async #round<M extends Method>(method: M, params: Params[M], options: CallOptions<M>): Promise<Answer<M>> {
    const count = this.endpoints.length;
    const first = this.#current;
    const failures: string[] = [];
    let refusal: PollenError | null = null;
    const seen = this.#seen;
    const whole = this.#read(method, params);
    for (let step = 0; step <= count; step++) {
      if (step === count && failures.length === 0) break;
      if (step > 0 && options.once === true) break;
      const place = (first + step) % count;
      const url = this.endpoints[place]!;
      try {
        const json = await this.#post(url, method, whole, options);
        const answer = METHODS[method](json, "result") as Answer<M>;
        options.check?.(answer);
        this.#current = place;
        // All but `rpc.discover` tell the state that they were made from.
        if ("at" in answer && answer.at.height > this.#seen) this.#seen = answer.at.height;
        return answer;
      } catch (error) {
        options.signal?.throwIfAborted();
        if (error instanceof RpcError) {
          if (!ELSEWHERE.has(error.code)) throw error;
          refusal = worse(refusal, error);
        } else if (error instanceof AnswerError || error instanceof ProofError) {
          refusal = worse(refusal, error);
          failures.push(`${url}: ${error.message}`);
          options.onUnanswered?.();
        } else {
          const cause = (error as { cause?: { code?: unknown; message?: unknown } }).cause;
          if (!NEVER_SENT.has(String(cause?.code))) options.onUnanswered?.();
          failures.push(`${url}: ${(error as Error).message}${cause?.message === undefined ? "" : ` (${String(cause.message)})`}`);
        }
      }
    }
    // A node that told a height which no other ever reaches must not spoil what comes after.
    if (refusal instanceof RpcError && refusal.code === BEHIND && this.#seen === seen) this.#seen = 0n;
    throw refusal ?? new UnreachableError(failures);
  }

  /** Parameters of a read with the height that it must not lie behind. */
  #read<M extends Method>(method: M, params: Params[M]): Record<string, unknown> {
    const given = params as Record<string, unknown>;
    if (!READS.has(method) || this.#seen === 0n) return given;
    if (given["at"] !== undefined && given["at"] !== "latest") return given;
    const asked = (given["atLeast"] as bigint | undefined) ?? 0n;
    const atLeast = asked > this.#seen ? asked : this.#seen;
    // Who waits for a height in `events_query` waits for an event, too.
    const waitMs = given["waitMs"] ?? (method === "events_query" ? undefined : BEHIND_MS);
    return { ...given, atLeast, waitMs };
  }

  async #post(
    url: string,
    method: string,
    params: Record<string, unknown>,
    { signal }: { signal?: AbortSignal },
  ): Promise<unknown> {
    signal?.throwIfAborted();
    const id = ++this.#id;
    const waits = Number(params["waitMs"] ?? 0) + Number(params["timeoutMs"] ?? 0);
    const controller = new AbortController();
    const abort = () => controller.abort(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    const timeout = this.#timeoutMs + waits;
    const timer = setTimeout(() => controller.abort(new Error(`no answer after ${timeout} ms`)), timeout);
    try {
      const response = await this.#fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id, method, params: sent(params) }),
        signal: controller.signal,
        redirect: "error",
        credentials: "omit",
      });
      const body = await bounded(response);
      if (!response.ok) throw new Error(`HTTP ${response.status}: ${body.slice(0, 200)}`);
      return answerOf(body, id);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }
}

/** The text of a response, of which there may be at most 16 MiB. */
async function bounded(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  if (reader === undefined) return "";
  let text = "";
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.length;
    if (bytes > ANSWER_BYTES_MAX) {
      await reader.cancel();
      throw new AnswerError("answer", `more than ${ANSWER_BYTES_MAX} bytes`);
    }
    text += decoder.decode(value, { stream: true });
  }
}

/** The result of a JSON-RPC answer. Throws {@link RpcError} for an error in it, {@link AnswerError} for no answer. */
export function answerOf(body: string, id: number | string): unknown {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw new AnswerError("answer", "no JSON");
  }
  const answer = (json ?? {}) as { id?: unknown; result?: unknown; error?: { code?: unknown; message?: unknown; data?: unknown } };
  if (answer.error !== undefined && answer.error !== null) {
    const { code, message, data } = answer.error;
    if (typeof code !== "number" || typeof message !== "string") throw new AnswerError("error", "no code or no message");
    const isObject = data !== null && typeof data === "object" && !Array.isArray(data);
    throw new RpcError(code, message, isObject ? (data as Record<string, unknown>) : {});
  }
  if (answer.id !== id) throw new AnswerError("answer.id", "of another call");
  return answer.result;
}

/** Of two refusals the one that tells more: that a node lies, that it is behind, that it does not know. */
function worse(before: PollenError | null, now: PollenError): PollenError {
  if (before === null) return now;
  const rank = (error: PollenError) =>
    error instanceof ProofError ? 3 : error instanceof RpcError && error.retryable ? 2 : error instanceof RpcError ? 1 : 0;
  return rank(now) > rank(before) ? now : before;
}

/** Waits; ends early with the signal's reason. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
