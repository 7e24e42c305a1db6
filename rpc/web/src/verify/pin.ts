/**
 * The root of all trust of this page: which chain its user means. Kept in this browser at the first visit (the genesis
 * hash, and the committee that the node told), or read from the chain's genesis document, which the user got from
 * somebody they trust: its hash is computed here, and its committee is the one that signs.
 */

import { computed, signal } from "@preact/signals";
import { isHex32, LightClient, PollenClient, readGenesis, type Hash, type NodeInfo, type PublicKey } from "@pollen/client";

export interface Pin {
  /** The genesis hash. */
  chainId: Hash;
  chainName: string;
  addressPrefix: string;
  coinType: number;
  committee: { publicKey: PublicKey; stake: string }[];
  /** When this browser took it, in milliseconds since 1970. */
  sinceMs: number;
  /** Whose word it is: the node's at the first visit, or the genesis document's. */
  from: "first visit" | "genesis document";
}

const KEY = "pollen-trusted-chain";

/** The chain that this browser trusts; null before the first answer of a node. */
export const pin = signal<Pin | null>(stored());
/** False where the browser keeps nothing: then every visit is the first. */
export const isKept = signal(true);

function stored(): Pin | null {
  try {
    return readPin(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

/** Reads what was kept; null for what is none. */
export function readPin(text: string | null): Pin | null {
  if (text === null) return null;
  try {
    const kept = JSON.parse(text) as Pin;
    if (!isHex32(kept.chainId) || typeof kept.sinceMs !== "number" || typeof kept.addressPrefix !== "string") return null;
    lightOf(kept);
    return kept;
  } catch {
    return null;
  }
}

function lightOf({ chainId, committee }: Pin): LightClient {
  return LightClient.of(chainId, committee.map((one) => ({ publicKey: one.publicKey, stake: BigInt(one.stake) })));
}

function keep(next: Pin): void {
  lightOf(next);
  pin.value = next;
  try {
    localStorage.setItem(KEY, JSON.stringify(next));
    isKept.value = true;
  } catch {
    isKept.value = false;
  }
}

/** Trusts the chain of a node, by its own word: at the first visit, or when the user says that it is another one now. */
export function pinNode(info: NodeInfo): void {
  const { chainId, chainName, addressPrefix, coinType } = info;
  const committee = info.committee.map((one) => ({ publicKey: one.publicKey, stake: one.stake.toString() }));
  keep({ chainId, chainName, addressPrefix, coinType, committee, sinceMs: Date.now(), from: "first visit" });
}

/** Trusts a genesis document: the text of `genesis.json`. Throws `InputError` for what is none. */
export function pinGenesis(text: string): Pin {
  const { chainId, name, addressPrefix, coinType, committee } = readGenesis(text);
  const members = committee.map((one) => ({ publicKey: one.publicKey, stake: one.stake.toString() }));
  const sinceMs = pin.value?.chainId === chainId ? pin.value.sinceMs : Date.now();
  keep({ chainId, chainName: name, addressPrefix, coinType, committee: members, sinceMs, from: "genesis document" });
  return pin.value!;
}

/** A client that believes nothing of what the page's node says about this chain unless it is proved. */
export const trusted = computed<PollenClient | null>(() =>
  pin.value === null ? null : new PollenClient(location.origin, { light: lightOf(pin.value), timeoutMs: 8_000 }),
);

/** Least stake that must sign a checkpoint, and all there is. */
export const quorum = computed(() => {
  if (pin.value === null) return null;
  const light = lightOf(pin.value);
  return { needed: light.quorum, total: light.committee.reduce((sum, one) => sum + one.stake, 0n), members: light.committee.length };
});
