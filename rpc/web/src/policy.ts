/** Who may change a module: in words, and as somebody writes it into a form. Pure. */

import { checkPolicy, type PolicyView, type UpgradePolicy } from "@pollen/client";
import { counted, duration } from "./format.js";
import { millisecondsOf, spanOf, wholeOf, type Unit } from "./typed.js";

/** Kinds of policies as they are chosen. */
export const POLICIES: Record<UpgradePolicy["kind"], string> = {
  owner: "its creator",
  keys: "several accounts, by weight",
  never: "nobody, ever",
  itself: "the module itself, by its own code",
};

/** A policy as it is being written. */
export interface PolicyDraft {
  kind: UpgradePolicy["kind"];
  delay: string;
  unit: Unit;
  threshold: string;
  keys: { account: string; weight: string }[];
}

export const NO_DELAY: PolicyDraft = { kind: "owner", delay: "0", unit: "hours", threshold: "1", keys: [] };

/** The same as a draft, to be changed. */
export function draftOf(policy: PolicyView): PolicyDraft {
  if (policy.kind !== "owner" && policy.kind !== "keys") return { ...NO_DELAY, kind: policy.kind };
  const { count: delay, unit } = spanOf(policy.delayMs);
  const draft: PolicyDraft = { ...NO_DELAY, kind: policy.kind, unit, delay };
  if (policy.kind === "owner") return draft;
  return { ...draft, threshold: String(policy.threshold), keys: policy.keys.map(({ account, weight }) => ({ account, weight: String(weight) })) };
}

/** What was written, as the ledger has it; `idOf` reads an address. Throws {@link InputError}. */
export async function policyOf(draft: PolicyDraft, idOf: (address: string) => Promise<string>): Promise<UpgradePolicy> {
  if (draft.kind === "never" || draft.kind === "itself") return { kind: draft.kind };
  const delayMs = millisecondsOf({ count: draft.delay.trim() || "0", unit: draft.unit }, "the wait");
  const policy: UpgradePolicy = draft.kind === "owner" ? { kind: "owner", delayMs } : {
    kind: "keys",
    threshold: wholeOf(draft.threshold, "the weight that is needed"),
    keys: await Promise.all(draft.keys.map(async ({ account, weight }) => ({ account: await idOf(account.trim()), weight: wholeOf(weight, "a weight") }))),
    delayMs,
  };
  checkPolicy(policy);
  return policy;
}

/** Who may change a module, in words. */
export function policyWords(policy: PolicyView): string {
  const wait = (delayMs: bigint) => (delayMs === 0n ? "at once" : `after ${duration(Number(delayMs))}`);
  switch (policy.kind) {
    case "never":
      return "nobody, ever";
    case "itself":
      return "the module itself";
    case "owner":
      return `its creator, ${wait(policy.delayMs)}`;
    case "keys":
      return `weight ${policy.threshold} of ${counted(policy.keys.length, "account")}, ${wait(policy.delayMs)}`;
  }
}

/** How long a change waits once enough have agreed. */
export function delayOf(policy: PolicyView): bigint {
  return "delayMs" in policy ? policy.delayMs : 0n;
}

/** Accounts with a say, by address, with what their agreement counts. */
export function votersOf(policy: PolicyView, creator: string): { account: string; weight: number }[] {
  if (policy.kind === "owner") return [{ account: creator, weight: 1 }];
  return policy.kind === "keys" ? policy.keys : [];
}

/** The weight that a change needs. */
export function thresholdOf(policy: PolicyView): number {
  return policy.kind === "keys" ? policy.threshold : 1;
}

/** Whether a change can stand and wait under it: for its time, or for others to agree. */
export function canWait(policy: PolicyView): boolean {
  return policy.kind === "keys" || delayOf(policy) > 0n;
}
