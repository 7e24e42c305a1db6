/** What sites and the wallet say to each other: read strictly, and by the Wallet Standard's own types. */

import { describe, expect, it } from "vitest";
import type { Wallet } from "@wallet-standard/base";
import { chainName, PROTOCOL, readAnswer, readRequest, type ConnectRequest, type ConnectResults } from "../src/wallet/connect/protocol.js";
import { PollenWallet, register, type Ask, type Remembered } from "../src/wallet/connect/standard.js";

const address = "pollend1qq";
const chain = chainName("ab".repeat(32));
const transfer = { kind: "transfer", to: address, amount: "1 pollen" };
const call = { kind: "call", module: "@counter", function: "increment", arguments: { by: 2 } };
const request = (method: string, params: unknown, rest: object = {}) => ({ pollen: PROTOCOL, kind: "request", id: "1", request: { method, params }, ...rest });
const sign = (what: unknown, rest: object = {}) => request("signTransaction", { address, chain, what, ...rest });

describe("requests of sites", () => {
  it("are read", () => {
    for (const good of [
      request("connect", {}),
      request("signMessage", { address, chain, message: new Uint8Array(3) }),
      sign({ actions: [transfer, call, { ...call, deposit: "1.5 pollen" }] }),
      sign({ transaction: new Uint8Array(200), attachments: [new Uint8Array(9)] }),
    ]) {
      expect(readRequest(good)).toBe(good);
    }
  });

  it("that are none are not", () => {
    const none = [
      null, undefined, "connect", 7, [], {}, new Uint8Array(4),
      request("connect", {}, { pollen: 2 }), request("connect", {}, { kind: "answer" }), request("connect", {}, { id: 1 }),
      request("connect", {}, { id: "" }), request("connect", {}, { id: "x".repeat(65) }), request("connect", {}, { origin: "https://bank.example" }),
      request("connect", { silent: true }), request("connect", []), request("reveal", {}), request("__proto__", {}),
      request("signMessage", { address, chain, message: "text" }), request("signMessage", { address, chain, message: new Uint8Array(65_537) }),
      request("signMessage", { address, message: new Uint8Array(1) }), request("signMessage", { address, chain: 1, message: new Uint8Array(1) }),
      sign({ actions: [] }), sign({ actions: Array.from({ length: 17 }, () => transfer) }), sign({ actions: [{ ...transfer, amount: 5 }] }),
      sign({ actions: [{ ...transfer, memo: "x" }] }), sign({ actions: [{ ...call, kind: "setOwners" }] }), sign({ actions: [{ ...call, function: "" }] }),
      sign({ actions: "all" }), sign({ transaction: new Uint8Array(1) }), sign({ transaction: [1], attachments: [] }),
      sign({ transaction: new Uint8Array(1), attachments: Array.from({ length: 5 }, () => new Uint8Array(1)) }),
      sign({ transaction: new Uint8Array((4 << 20) + 1), attachments: [] }), sign({ actions: [transfer] }, { key: "mine" }),
    ];
    expect(none.findIndex((bad) => readRequest(bad) !== null)).toBe(-1);
  });

  it("are answered in a shape that the connector reads, and nothing else", () => {
    expect(readAnswer({ pollen: PROTOCOL, kind: "ready" })).toEqual({ pollen: PROTOCOL, kind: "ready" });
    const answer = { pollen: PROTOCOL, kind: "answer", id: "1", result: {} };
    expect(readAnswer(answer)).toBe(answer);
    for (const bad of [null, "ready", { kind: "ready" }, { ...answer, id: 1 }, { ...answer, error: "no" }, { ...answer, error: { code: 1, message: "x" } }]) {
      expect(readAnswer(bad)).toBeNull();
    }
  });
});

describe("the wallet of the standard", () => {
  const asked: ConnectRequest[] = [];
  const shared = { address, publicKey: new Uint8Array(32).fill(7), label: "main" };
  const ask = (async (one: ConnectRequest) => {
    asked.push(one);
    return one.method === "connect" ? { chain, accounts: [shared] } : { hash: "h" };
  }) as unknown as Ask;
  const made = (known: Remembered | null = null, remember: (known: Remembered | null) => void = () => {}) => new PollenWallet("Pollen", ask, [], known, remember);

  it("has chains by CAIP-2, and accounts after it was connected", async () => {
    expect(chain).toMatch(/^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$/);
    const remembered: (Remembered | null)[] = [];
    const wallet = made(null, (known) => remembered.push(known));
    const typed: Wallet = wallet;
    expect(typed).toMatchObject({ version: "1.0.0", chains: [], accounts: [] });
    expect(Object.keys(wallet.features).sort()).toEqual([
      "pollen:signAndSendTransaction", "pollen:signMessage", "pollen:signTransaction", "standard:connect", "standard:disconnect", "standard:events",
    ]);
    const changes: unknown[] = [];
    const off = wallet.features["standard:events"].on("change", (change) => changes.push(change));
    expect(await wallet.features["standard:connect"].connect({ silent: true })).toEqual({ accounts: [] });
    expect(asked).toEqual([]);
    const { accounts } = await wallet.features["standard:connect"].connect();
    expect(accounts).toMatchObject([{ address, label: "main", chains: [chain] }]);
    expect(Object.isFrozen(accounts[0])).toBe(true);
    expect(changes).toMatchObject([{ chains: [chain], accounts: [{ address }] }]);
    off();
    await wallet.features["standard:disconnect"].disconnect();
    expect(wallet.accounts).toEqual([]);
    expect(changes).toHaveLength(1);
    expect(remembered).toEqual([{ chain, accounts: [shared] }, null]);
  });

  it("asks for its own accounts only, and for one kind of thing at a time", async () => {
    const wallet = made({ chain, accounts: [shared] });
    const account = wallet.accounts[0]!;
    asked.length = 0;
    await wallet.features["pollen:signAndSendTransaction"].signAndSendTransaction({ account, actions: [call as never] });
    expect(asked).toEqual([{ method: "signAndSendTransaction", params: { address, chain, what: { actions: [call] } } }]);
    expect(readRequest(request(asked[0]!.method, asked[0]!.params))).not.toBeNull();
    const { signTransaction } = wallet.features["pollen:signTransaction"];
    expect(() => signTransaction({ account })).toThrow("either `actions` or `transaction`");
    expect(() => signTransaction({ account, actions: [], transaction: new Uint8Array(1) })).toThrow("either");
    expect(() => signTransaction({ account: { ...account, address: "pollend1zz" }, transaction: new Uint8Array(1) })).toThrow("connect first");
    const signed: ConnectResults["signTransaction"] = await signTransaction({ account, transaction: new Uint8Array(1) });
    expect(signed).toEqual({ hash: "h" });
  });

  it("is found by sites that were there before, and by those that come later", () => {
    const target = new EventTarget();
    const found: unknown[] = [];
    const window = Object.assign(globalThis, { window: target });
    try {
      target.addEventListener("wallet-standard:register-wallet", (event) => (event as CustomEvent<(api: object) => void>).detail({ register: (one: unknown) => found.push(one) }));
      const wallet = made();
      register(wallet);
      expect(found).toEqual([wallet]);
      target.dispatchEvent(new CustomEvent("wallet-standard:app-ready", { detail: { register: (one: unknown) => found.push(one) } }));
      expect(found).toEqual([wallet, wallet]);
    } finally {
      Reflect.deleteProperty(window, "window");
    }
  });
});
