/**
 * Whose signatures a transaction needs, and which it has: of the sender's keys that lead, of owners until their weight is
 * enough, and the same of who pays for it. What the rules are stands in docs/accounts.md; the ledger has the last word.
 */

import { accountOf, type AccountKeys, type Draft, type PollenClient, type PublicKey, type Transaction } from "@pollen/client";

/** An account that must sign, with its keys. */
export interface Party {
  role: "sender" | "payer";
  /** Its address. */
  account: string;
  id: string;
  keys: Pick<AccountKeys, "stored" | "threshold" | "owners"> & { scoped: { key: PublicKey; sponsors: boolean }[] };
}

/** What one account's signatures come to. */
export interface Standing {
  have: number;
  needed: number;
  isEnough: boolean;
}

/** The accounts that must sign. */
export async function partiesOf(client: PollenClient, { sender, payer }: Pick<Transaction, "sender" | "payer">): Promise<Party[]> {
  const named = [{ role: "sender" as const, id: sender }, ...(payer === null ? [] : [{ role: "payer" as const, id: payer }])];
  return Promise.all(named.map(async ({ role, id }) => {
    const { account, stored, threshold, owners, scoped } = await client.accountKeys(id);
    return { role, account, id, keys: { stored, threshold, owners, scoped } };
  }));
}

/** The weight of a key among the owners; 0 for none. An account that the ledger keeps no keys of has the one that it began with. */
export function weightOf({ id, keys }: Party, key: PublicKey): number {
  if (!keys.stored) return accountOf(key) === id ? 1 : 0;
  return keys.owners.find((one) => one.key === key)?.weight ?? 0;
}

/** Whether a scoped key signs alone: the one that leads, or one that may pay for others. */
function signsAlone({ role, keys }: Party, key: PublicKey, lead: PublicKey): boolean {
  const scoped = keys.scoped.find((one) => one.key === key);
  return scoped !== undefined && (role === "sender" ? key === lead : scoped.sponsors);
}

/** What a set of signatures comes to for one account. */
export function standingOf(party: Party, lead: PublicKey, signed: readonly PublicKey[]): Standing {
  const needed = party.keys.stored ? party.keys.threshold : 1;
  if (signed.some((key) => signsAlone(party, key, lead))) return { have: needed, needed, isEnough: true };
  const have = signed.reduce((sum, key) => sum + weightOf(party, key), 0);
  return { have, needed, isEnough: have >= needed };
}

/** Whether these signatures are all that it needs. The key that leads always signs. */
export function isComplete(parties: readonly Party[], lead: PublicKey, signed: readonly PublicKey[]): boolean {
  return signed.includes(lead) && parties.every((party) => standingOf(party, lead, signed).isEnough);
}

/** Whether a key's signature is of any use, where `signed` are there already: of strangers and too many none is. */
export function isWanted(parties: readonly Party[], lead: PublicKey, signed: readonly PublicKey[], key: PublicKey): boolean {
  if (signed.includes(key)) return false;
  if (key === lead) return parties.some((party) => party.role === "sender" && (weightOf(party, key) > 0 || signsAlone(party, key, lead)));
  return parties.some((party) => !standingOf(party, lead, signed).isEnough && (weightOf(party, key) > 0 || signsAlone(party, key, lead)));
}

/** Keys beside the first that would make it complete, of the accounts' own and of `known`: what a trial is asked with. */
export function othersOf(parties: readonly Party[], lead: PublicKey, known: readonly PublicKey[]): PublicKey[] {
  const signed = [lead];
  for (const party of parties) {
    const keys = [...party.keys.owners.map(({ key }) => key), ...party.keys.scoped.map(({ key }) => key), ...known];
    for (const key of keys) if (!standingOf(party, lead, signed).isEnough && isWanted([party], lead, signed, key)) signed.push(key);
  }
  return signed.slice(1).sort();
}

export function signedBy({ signatures }: Draft): PublicKey[] {
  return signatures.map(({ key }) => key);
}
