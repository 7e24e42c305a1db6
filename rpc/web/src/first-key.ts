/** The key that an account began with, which its address is the hash of: who says so needs no trust. */

import { accountOf, InputError, parseAddress, type AccountKeys, type PublicKey, type TxList } from "@pollen/client";
import { client } from "./node.js";

/** Among `known`, else that of its last transaction; null where nobody here knows it. */
export async function firstKey(address: string, account: string, known: readonly PublicKey[], recent: TxList | null): Promise<PublicKey | null> {
  const began = (key: PublicKey) => accountOf(key) === account;
  const found = known.find(began);
  const last = recent?.transactions.find(({ sender }) => sender === address);
  if (found !== undefined || last === undefined) return found ?? null;
  const key = await client.status(last.hash).then(({ transaction }) => transaction?.key, () => undefined);
  return key !== undefined && began(key) ? key : null;
}

/** The key that an address stands for, of an account that it still signs for. Throws {@link InputError}. */
export async function keyOfAddress(address: string, own: readonly PublicKey[]): Promise<PublicKey> {
  const { addressPrefix } = await client.network();
  const { kind, id } = parseAddress(address, addressPrefix);
  if (kind !== "account") throw new InputError(`this is the address of a ${kind}, not of an account`, "give a public key: 64 hexadecimal digits");
  const [keys, recent]: [AccountKeys, TxList | null] = await Promise.all([
    client.accountKeys(address),
    client.request("tx_list", { account: address, limit: 25 }).catch(() => null),
  ]);
  const key = await firstKey(address, id, [...own, ...keys.owners.map(({ key }) => key)], recent);
  if (keys.stored && !keys.owners.some((one) => one.key === key)) {
    throw new InputError("the account of this address has other owners by now", "give the public key that is meant: 64 hexadecimal digits");
  }
  if (key === null) throw new InputError("nobody here knows the key of this address: its account has signed nothing yet", "ask its owner for the public key: 64 hexadecimal digits");
  return key;
}
