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
  /**
   * Whose word it is: the node's at the first visit; or the genesis document's, whose hash was computed here, as the node
   * gave it at the first visit, or as the user did.
   */
  from: "first visit" | "node's document" | "genesis document";
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

/**
 * Trusts the chain of a node: at the first visit, or when the user says that it is another one now. Its committee is
 * that of the genesis document, which the node serves and whose hash is the chain; without one it is the node's word.
 */
export async function pinNode(info: NodeInfo): Promise<void> {
  const { chainId, chainName, addressPrefix, coinType } = info;
  const document = await genesisOf(chainId);
  if (document !== null) return keep({ ...document, sinceMs: Date.now(), from: "node's document" });
  const committee = info.committee.map((one) => ({ publicKey: one.publicKey, stake: one.stake.toString() }));
  keep({ chainId, chainName, addressPrefix, coinType, committee, sinceMs: Date.now(), from: "first visit" });
}

/** What a genesis document says of a chain. Throws `InputError` for what is none. */
function chainOf(text: string): Omit<Pin, "sinceMs" | "from"> {
  const { chainId, name, addressPrefix, coinType, committee } = readGenesis(text);
  const members = committee.map((one) => ({ publicKey: one.publicKey, stake: one.stake.toString() }));
  return { chainId, chainName: name, addressPrefix, coinType, committee: members };
}

/** What the genesis document that the node serves says of a chain; null where it serves none of that chain. */
async function genesisOf(chainId: Hash): Promise<Omit<Pin, "sinceMs" | "from"> | null> {
  try {
    const response = await fetch("genesis.json", { credentials: "omit", redirect: "error", signal: AbortSignal.timeout(8_000) });
    const chain = chainOf(await response.text());
    return chain.chainId === chainId ? chain : null;
  } catch {
    return null;
  }
}

/** Trusts a genesis document: the text of `genesis.json`. Throws `InputError` for what is none. */
export function pinGenesis(text: string): Pin {
  const chain = chainOf(text);
  const sinceMs = pin.value?.chainId === chain.chainId ? pin.value.sinceMs : Date.now();
  keep({ ...chain, sinceMs, from: "genesis document" });
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
