/**
 * The connector: a small module that a site of another origin includes (built as `connect.js`, without dependencies). It
 * registers a Pollen wallet by the Wallet Standard; each request opens the wallet's page in a window of its own, where
 * the owner decides. The site gets answers from that window alone, and the window answers to this site alone.
 *
 *     import { connectPollen } from "./connect.js";
 *     connectPollen({ wallet: "https://node.example" });
 */

import { CONNECT_HASH, PROTOCOL, readAnswer, type ConnectRequest, type ConnectResults } from "./protocol.js";
import { PollenWallet, register, type Remembered } from "./standard.js";

export interface ConnectorOptions {
  /** The page of a node that the owner's wallet lives in: its origin, such as `https://node.example`. */
  wallet: string;
  /** Chains that the site is for, as `pollen:` and 32 digits of the genesis hash, until a connection tells. */
  chains?: `pollen:${string}`[];
}

/** What the wallet, or its owner, answered instead of a result. `code` is `Refused` where they said no. */
export class PollenWalletError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "PollenWalletError";
    this.code = code;
  }
}

const WINDOW = "popup,width=460,height=720";
/** How often it is looked whether the window was closed: there is no event for that. */
const LOOK_MS = 250;

/** Registers the wallet; returns it, for sites that do without a list of wallets. */
export function connectPollen({ wallet, chains = [] }: ConnectorOptions): PollenWallet {
  const origin = new URL(wallet).origin;
  if (!/^https?:/.test(origin)) throw new TypeError("`wallet` is the address of a node's page, such as https://node.example");
  const made = new PollenWallet("Pollen", asker(origin), chains, recall(origin), (known) => remember(origin, known));
  register(made);
  return made;
}

function asker(origin: string) {
  let open: Window | null = null;
  let running = false;
  return async <R extends ConnectRequest>(request: R): Promise<ConnectResults[R["method"]]> => {
    if (running) throw new PollenWalletError("Busy", "the wallet's window is open already: its owner is deciding");
    running = true;
    try {
      const target = open !== null && !open.closed ? open : null;
      const opened = target ?? window.open(`${origin}/${CONNECT_HASH}`, "_blank", WINDOW);
      if (opened === null) throw new PollenWalletError("Blocked", "the browser opened no window: ask from a click");
      open = opened;
      opened.focus();
      return (await exchange(opened, origin, request, target !== null)) as ConnectResults[R["method"]];
    } finally {
      running = false;
    }
  };
}

/** One request to the wallet's window, and its answer. */
function exchange(opened: Window, origin: string, request: ConnectRequest, isReady: boolean): Promise<unknown> {
  // (A site without encryption has no `crypto.randomUUID`.)
  const id = crypto.getRandomValues(new Uint32Array(4)).join("-");
  return new Promise((resolve, reject) => {
    const end = () => {
      removeEventListener("message", hear);
      clearInterval(timer);
    };
    const post = () => opened.postMessage({ pollen: PROTOCOL, kind: "request", id, request }, origin);
    const hear = (event: MessageEvent<unknown>) => {
      if (event.source !== opened || event.origin !== origin) return;
      const answer = readAnswer(event.data);
      if (answer === null) return;
      if (answer.kind === "ready") return post();
      if (answer.id !== id) return;
      end();
      if ("error" in answer) reject(new PollenWalletError(answer.error.code, answer.error.message));
      else resolve(answer.result);
    };
    const timer = setInterval(() => {
      if (!opened.closed) return;
      end();
      reject(new PollenWalletError("Refused", "the wallet's window was closed"));
    }, LOOK_MS);
    addEventListener("message", hear);
    if (isReady) post();
  });
}

const KEPT = "pollen-wallet:";

function recall(origin: string): Remembered | null {
  try {
    const text = localStorage.getItem(KEPT + origin);
    if (text === null) return null;
    const { chain, accounts } = JSON.parse(text) as { chain: `pollen:${string}`; accounts: { address: string; publicKey: number[]; label: string }[] };
    return { chain, accounts: accounts.map((one) => ({ ...one, publicKey: Uint8Array.from(one.publicKey) })) };
  } catch {
    return null; // kept by somebody else, or nothing is kept: the site connects again
  }
}

function remember(origin: string, known: Remembered | null): void {
  try {
    if (known === null) return localStorage.removeItem(KEPT + origin);
    const accounts = known.accounts.map((one) => ({ ...one, publicKey: [...one.publicKey] }));
    localStorage.setItem(KEPT + origin, JSON.stringify({ chain: known.chain, accounts }));
  } catch {
    // A browser that keeps nothing: the site connects again at its next visit.
  }
}
