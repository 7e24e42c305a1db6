/**
 * Answers the requests of sites: who asks is what the browser says (`event.origin`), what it may is what the owner
 * agreed to for that origin, and everything that is signed is shown first. A site says what it wants by names and values;
 * the wallet encodes that by the module's own interface, pins the call to it, and chooses nonce and fee itself.
 */

import {
  accountAddress, decodeTransaction, encodeArguments, fromHex, parseAddress, parseAmount, PollenError, type Action, type PollenClient, type PublicKey,
} from "@pollen/client";
import { pin } from "../../verify/pin.js";
import { said, WalletError } from "../errors.js";
import { checkOwn } from "../intent.js";
import { askOwner, type Wanted } from "../requests.js";
import { accounts, idOf } from "../session.js";
import { walletClient } from "../sign.js";
import { readSite, writeSite } from "../vault.js";
import { chainName, type ConnectRequest, type ConnectResults, type RequestedAction, type SharedAccount, type Signable } from "./protocol.js";

/** Answers one request of a site. Throws {@link WalletError} or `PollenError`. */
export async function serve<R extends ConnectRequest>(origin: string, request: R): Promise<ConnectResults[R["method"]]>;
export async function serve(origin: string, request: ConnectRequest): Promise<ConnectResults[ConnectRequest["method"]]> {
  if (request.method === "connect") return connect(origin);
  const { address, chain } = request.params;
  const key = await allowed(origin, address);
  checkChain(chain);
  if (request.method === "signMessage") {
    const { signature, signedBytes } = await askOwner({ kind: "message", from: origin, key, message: request.params.message });
    return { signedMessage: signedBytes, signature };
  }
  const isSent = request.method === "signAndSendTransaction";
  const wanted = await wantedOf(request.params.what, key);
  const { hash, signed, stage, status } = await askOwner({ kind: "sign", from: origin, key, wanted, isSent });
  if (!isSent) return { signedTransaction: signed, hash };
  return { hash, stage, outcome: status?.outcome ?? null };
}

/** What a site is told of an error. */
export function errorOf(error: unknown): { code: string; message: string } {
  const code = error instanceof WalletError ? error.code : error instanceof PollenError ? error.name : "Failed";
  return { code, message: said(error).slice(0, 4_000) };
}

async function connect(origin: string): Promise<ConnectResults["connect"]> {
  const { accounts: keys } = await askOwner({ kind: "connect", from: origin });
  const now = Date.now();
  const before = await readSite(origin);
  await writeSite({ origin, accounts: keys, sinceMs: before?.sinceMs ?? now, usedMs: now });
  return { chain: chainName(pin.value!.chainId), accounts: shared(keys) };
}

function shared(keys: readonly PublicKey[]): SharedAccount[] {
  return (accounts.value ?? [])
    .filter((one) => keys.includes(one.publicKey))
    .map((one) => ({ address: accountAddress(idOf(one), pin.value!.addressPrefix), publicKey: fromHex(one.publicKey), label: one.label }));
}

/** The key of an account that a site may ask for. */
async function allowed(origin: string, address: string): Promise<PublicKey> {
  const site = await readSite(origin);
  const account = accounts.value?.find((one) => accountAddress(idOf(one), pin.value!.addressPrefix) === address);
  if (site === null || account === undefined || !site.accounts.includes(account.publicKey)) {
    throw new WalletError("Unauthorized", "the owner of this account has not let this site ask for it, or has taken that back: connect first");
  }
  await writeSite({ ...site, usedMs: Date.now() });
  return account.publicKey;
}

function checkChain(chain: string): void {
  const ours = chainName(pin.value!.chainId);
  if (chain !== ours) throw new WalletError("WrongChain", `the request is for ${chain.slice(0, 80)}, and this wallet is of ${ours}`);
}

async function wantedOf(what: Signable, key: PublicKey): Promise<Wanted> {
  if ("transaction" in what) {
    const transaction = decodeTransaction(what.transaction);
    checkOwn(transaction, key);
    return { kind: "transaction", transaction, attachments: what.attachments };
  }
  const client = walletClient();
  const actions: Action[] = [];
  for (const one of what.actions) actions.push(await actionOf(client, one));
  return { kind: "intent", intent: { actions } };
}

async function actionOf(client: PollenClient, wanted: RequestedAction): Promise<Action> {
  const prefix = pin.value!.addressPrefix;
  if (wanted.kind === "transfer") {
    return { kind: "transfer", to: parseAddress(wanted.to, prefix).id, amount: grains(wanted.amount) };
  }
  const known = await client.interfaceOf(wanted.module, true);
  const called = known.interface.commands.find((one) => one.name === wanted.function);
  if (called === undefined) throw new WalletError("Malformed", `the module has no command '${wanted.function.slice(0, 80)}'`);
  const encoded = encodeArguments(called.params, wanted.arguments, { prefix });
  return {
    kind: "invoke", module: known.id, function: called.name, arguments: encoded,
    deposit: wanted.deposit === undefined ? 0n : grains(wanted.deposit), interface: known.interfaceHash,
  };
}

function grains(text: string): bigint {
  const read = parseAmount(text);
  if (read === null) throw new WalletError("Malformed", `'${text.slice(0, 80)}' is no amount: such as 1.5 pollen`);
  return read;
}
