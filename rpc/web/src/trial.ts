/** What a transaction would do now, asked without a signature: a simulation looks at none. */

import { signedOf, type Action, type Answer, type Signed } from "@pollen/client";
import { client } from "./node.js";

/** A transaction of `account`, led by one of its keys, as if it were signed. */
export async function unsigned(account: string, publicKey: string, actions: Action[], maxFuel: bigint, attachments: Uint8Array[] = []): Promise<Signed> {
  const neverSigns = () => Promise.reject(new Error("a simulation is not signed"));
  const signer = { account, keys: [{ publicKey, sign: neverSigns }] };
  const transaction = await client.build(signer, actions, { maxFuel });
  const { chainId } = await client.network();
  return signedOf({ transaction, signature: new Uint8Array(64), cosignatures: [], attachments }, chainId);
}

/** Tries it. */
export async function tryOut(...what: Parameters<typeof unsigned>): Promise<Answer<"tx_simulate">> {
  return client.simulate(await unsigned(...what));
}
