/** Changes of a module that were agreed to and not made yet, and whose say the wallet has in them. */

import {
  changeDigest, fromHex, readProposal, stateKey, toHex, type ActionView, type Hash, type ModuleChange, type ModuleView, type TxList, type UpgradePolicy,
} from "@pollen/client";
import { client } from "./node.js";
import { votersOf } from "./policy.js";
import type { walletAccount } from "./seams.js";

/** A change that was agreed to. */
export interface PendingChange {
  digest: Hash;
  change: ModuleChange;
  /** The transaction that agreed to it last. */
  transaction: Hash;
  /** Addresses of those who agreed. */
  approvals: string[];
  /** Ledger time from which on it can be made; null while weight is missing. */
  readyMs: bigint | null;
}

type ChangeView = Extract<ActionView, { kind: "change" }>["change"];

const PAGE = 100;
const PAGES_MAX = 10;

/**
 * The changes that wait. The state keeps who agreed under a digest that no change can be read from, so the changes
 * themselves are looked for among the module's transactions. Those of an earlier revision of the module are dead.
 */
export async function pendingChanges(module: ModuleView): Promise<PendingChange[]> {
  const id = await client.idOf(module.module);
  const waiting = await waitingUnder(id);
  const found: PendingChange[] = [];
  let after: string | null = null;
  for (let page = 0; page < PAGES_MAX && found.length < waiting.size; page++) {
    const { transactions, next }: TxList = await client.request("tx_list", { account: module.module, limit: PAGE, ...(after === null ? {} : { after }) });
    for (const { hash } of transactions.filter(({ actions }) => actions.some(({ kind }) => kind === "change"))) {
      const { transaction } = await client.status(hash);
      for (const action of transaction?.actions ?? []) {
        if (action.kind !== "change" || action.module !== module.module) continue;
        const change = await changeOf(action.change);
        const digest = changeDigest(id, module.revision, change);
        const proposal = waiting.get(digest);
        if (proposal === undefined || found.some((one) => one.digest === digest)) continue;
        const approvals = await Promise.all(proposal.approvals.map((account) => client.address(account)));
        found.push({ digest, change, transaction: hash, approvals, readyMs: proposal.readyMs });
      }
    }
    if (next === null) break;
    after = next;
  }
  return found;
}

async function waitingUnder(id: string): Promise<Map<Hash, ReturnType<typeof readProposal>>> {
  const { owner } = stateKey.change(id, id);
  const { entries } = await client.request("state_scan", { owner, prefix: fromHex(id), limit: PAGE });
  return new Map(entries.map(({ key, value }) => [toHex(key.subarray(32)), readProposal(value)]));
}

async function changeOf(view: ChangeView): Promise<ModuleChange> {
  if (view.kind !== "policy") return view;
  return { kind: "policy", policy: await idsOf(view.policy) };
}

/** A policy with ids in place of addresses. */
async function idsOf(policy: Extract<ChangeView, { kind: "policy" }>["policy"]): Promise<UpgradePolicy> {
  if (policy.kind !== "keys") return policy;
  return { ...policy, keys: await Promise.all(policy.keys.map(async ({ account, weight }) => ({ account: await client.idOf(account), weight }))) };
}

/** An account with a say in a module, and the key of the wallet that signs for it. */
export interface Voter {
  account: string;
  weight: number;
  publicKey: string;
}

/** For whom the wallet can agree: its own account, or one that its key is an owner of; null for nobody. */
export async function voterOf(module: ModuleView, own: typeof walletAccount.value): Promise<Voter | null> {
  if (own === null) return null;
  const voters = votersOf(module.policy, module.creator);
  const mine = voters.find(({ account }) => account === own.address);
  if (mine !== undefined) return { ...mine, publicKey: own.publicKey };
  for (const voter of voters) {
    const { owners } = await client.accountKeys(voter.account);
    if (owners.some(({ key }) => key === own.publicKey)) return { ...voter, publicKey: own.publicKey };
  }
  return null;
}
