/** What these protect: nothing is sent that the ledger refuses for its signatures, and nobody signs what needs no signature of theirs. */

import { KeyPair } from "@pollen/client";
import { describe, expect, it } from "vitest";
import { isComplete, isWanted, othersOf, standingOf, type Party } from "../src/wallet/signers.js";

const [a, b, c, shop] = ["a", "b", "c", "shop"].map((name) => KeyPair.development(name)) as [KeyPair, KeyPair, KeyPair, KeyPair];
const party = (role: Party["role"], of: KeyPair, keys: Partial<Party["keys"]> = {}): Party => ({ role, account: of.account, id: of.account, keys: { stored: false, threshold: 1, owners: [], scoped: [], ...keys } });
const joint = (role: Party["role"]) => party(role, a, { stored: true, threshold: 3, owners: [{ key: a.publicKey, weight: 1 }, { key: b.publicKey, weight: 2 }, { key: c.publicKey, weight: 1 }] });

describe("signatures", () => {
  it("of an account with one key are that key's", () => {
    const own = [party("sender", a)];
    expect([isComplete(own, a.publicKey, []), isComplete(own, a.publicKey, [a.publicKey])]).toEqual([false, true]);
    // A key that has no say leads to nothing.
    expect([isComplete(own, b.publicKey, [b.publicKey]), isWanted(own, b.publicKey, [], b.publicKey)]).toEqual([false, false]);
  });

  it("of several owners are enough by their weight, the one that leads among them", () => {
    const owners = [joint("sender")];
    expect(standingOf(owners[0]!, a.publicKey, [a.publicKey, c.publicKey])).toEqual({ have: 2, needed: 3, isEnough: false });
    expect(isComplete(owners, a.publicKey, [a.publicKey, b.publicKey])).toBe(true);
    expect(isComplete(owners, a.publicKey, [b.publicKey, c.publicKey])).toBe(false);
    expect(isWanted(owners, a.publicKey, [a.publicKey, b.publicKey], c.publicKey)).toBe(false);
    expect(isWanted(owners, a.publicKey, [a.publicKey], shop.publicKey)).toBe(false);
    expect(othersOf(owners, a.publicKey, [])).toEqual([b.publicKey]);
  });

  it("of a scoped key are its own alone where it leads, and of who pays where it may", () => {
    const scoped = (sponsors: boolean) => ({ stored: true, threshold: 1, owners: [{ key: b.publicKey, weight: 1 }], scoped: [{ key: c.publicKey, sponsors }] });
    expect(isComplete([party("sender", b, scoped(false))], c.publicKey, [c.publicKey])).toBe(true);
    const paid = (sponsors: boolean) => [party("sender", a), party("payer", b, scoped(sponsors))];
    expect([true, false].map((sponsors) => isComplete(paid(sponsors), a.publicKey, [a.publicKey, c.publicKey]))).toEqual([true, false]);
  });

  it("of who pays are asked for beside the sender's; of one that the ledger has no keys of, the known ones", () => {
    const paid = [party("sender", a), party("payer", shop)];
    expect([isComplete(paid, a.publicKey, [a.publicKey]), isComplete(paid, a.publicKey, [a.publicKey, shop.publicKey])]).toEqual([false, true]);
    expect([othersOf(paid, a.publicKey, []), othersOf(paid, a.publicKey, [b.publicKey, shop.publicKey])]).toEqual([[], [shop.publicKey]]);
  });
});
