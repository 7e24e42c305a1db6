/**
 * What a site of another origin and the wallet's window say to each other by `postMessage`. Both ends know with whom
 * they speak by the browser's word (`event.origin`, `event.source`), never by what a message says of itself. Every
 * message is read strictly and is bounded; what is none is not answered.
 *
 *     wallet -> site   { pollen: 1, kind: "ready" }                       the window is there
 *     site -> wallet   { pollen: 1, kind: "request", id, method, params }
 *     wallet -> site   { pollen: 1, kind: "answer", id, result } or { .., error: { code, message } }
 *
 * Shared by the connector, which sites include, and so free of everything else of the page.
 */

export const PROTOCOL = 1;
/** Where the wallet's page listens to its opener. */
export const CONNECT_HASH = "#/connect";
/** A transaction with its attachments, encoded, at most. */
const TRANSACTION_BYTES_MAX = 4 << 20;
const MESSAGE_BYTES_MAX = 64 << 10;
const ACTIONS_MAX = 16;

/** An account as a site is told of it. */
export interface SharedAccount {
  address: string;
  publicKey: Uint8Array;
  label: string;
}

/** One thing to do, as a site asks for it: names and JSON values, which the wallet encodes by the module's interface. */
export type RequestedAction =
  | { kind: "transfer"; to: string; amount: string }
  /** A command of a module (address or `@name`). `deposit` is text such as `"1.5 pollen"`. */
  | { kind: "call"; module: string; function: string; arguments: unknown; deposit?: string };

/** What may be signed: actions, of which the wallet makes a transaction, or one that the site made (borsh). */
export type Signable = { actions: RequestedAction[] } | { transaction: Uint8Array; attachments: Uint8Array[] };

export type ConnectRequest =
  | { method: "connect"; params: Record<string, never> }
  | { method: "signTransaction" | "signAndSendTransaction"; params: { address: string; chain: string; what: Signable } }
  | { method: "signMessage"; params: { address: string; chain: string; message: Uint8Array } };

export interface ConnectResults {
  connect: { chain: `pollen:${string}`; accounts: SharedAccount[] };
  signTransaction: { signedTransaction: Uint8Array; hash: string };
  /** `outcome` is null where the time was over before it ended: the hash tells more later. */
  signAndSendTransaction: { hash: string; stage: string | null; outcome: unknown };
  signMessage: { signedMessage: Uint8Array; signature: Uint8Array };
}

export interface RequestMessage {
  pollen: typeof PROTOCOL;
  kind: "request";
  id: string;
  request: ConnectRequest;
}

export type AnswerMessage =
  | { pollen: typeof PROTOCOL; kind: "ready" }
  | { pollen: typeof PROTOCOL; kind: "answer"; id: string; result: unknown }
  | { pollen: typeof PROTOCOL; kind: "answer"; id: string; error: { code: string; message: string } };

/** The name of a chain: as CAIP-2 has it, whose references have at most 32 letters. */
export function chainName(chainId: string): `pollen:${string}` {
  return `pollen:${chainId.slice(0, 32)}`;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === "object" && !Array.isArray(value) && !(value instanceof Uint8Array);
const isText = (value: unknown, most: number): value is string => typeof value === "string" && value.length > 0 && value.length <= most;
const isBytes = (value: unknown, most: number): value is Uint8Array => value instanceof Uint8Array && value.length <= most;
const hasOnly = (value: Record<string, unknown>, ...names: string[]) => Object.keys(value).every((name) => names.includes(name));

/** Reads what a site sent; null for what is no request. */
export function readRequest(data: unknown): RequestMessage | null {
  if (!isRecord(data) || !hasOnly(data, "pollen", "kind", "id", "request")) return null;
  const { pollen, kind, id, request } = data;
  if (pollen !== PROTOCOL || kind !== "request" || !isText(id, 64) || !isRecord(request)) return null;
  const { method, params } = request;
  if (!hasOnly(request, "method", "params") || !isRecord(params)) return null;
  const good =
    method === "connect"
      ? hasOnly(params)
      : isText(params["address"], 120) && isText(params["chain"], 80) &&
        (method === "signMessage"
          ? hasOnly(params, "address", "chain", "message") && isBytes(params["message"], MESSAGE_BYTES_MAX)
          : (method === "signTransaction" || method === "signAndSendTransaction") &&
            hasOnly(params, "address", "chain", "what") && isSignable(params["what"]));
  return good ? (data as unknown as RequestMessage) : null;
}

function isSignable(what: unknown): boolean {
  if (!isRecord(what)) return false;
  if ("transaction" in what) {
    const { transaction, attachments } = what;
    return (
      hasOnly(what, "transaction", "attachments") && isBytes(transaction, TRANSACTION_BYTES_MAX) &&
      Array.isArray(attachments) && attachments.length <= 4 && attachments.every((one) => isBytes(one, TRANSACTION_BYTES_MAX))
    );
  }
  const { actions } = what;
  return hasOnly(what, "actions") && Array.isArray(actions) && actions.length > 0 && actions.length <= ACTIONS_MAX && actions.every(isAction);
}

function isAction(action: unknown): boolean {
  if (!isRecord(action)) return false;
  if (action["kind"] === "transfer") {
    return hasOnly(action, "kind", "to", "amount") && isText(action["to"], 120) && isText(action["amount"], 80);
  }
  return (
    action["kind"] === "call" && hasOnly(action, "kind", "module", "function", "arguments", "deposit") &&
    isText(action["module"], 120) && isText(action["function"], 128) &&
    (action["deposit"] === undefined || isText(action["deposit"], 80))
  );
}

/** Reads what the wallet sent; null for what is no answer. */
export function readAnswer(data: unknown): AnswerMessage | null {
  if (!isRecord(data) || data["pollen"] !== PROTOCOL) return null;
  if (data["kind"] === "ready") return { pollen: PROTOCOL, kind: "ready" };
  if (data["kind"] !== "answer" || !isText(data["id"], 64)) return null;
  const { error } = data;
  if (error === undefined) return data as unknown as AnswerMessage;
  return isRecord(error) && isText(error["code"], 64) && isText(error["message"], 4_096) ? (data as unknown as AnswerMessage) : null;
}
