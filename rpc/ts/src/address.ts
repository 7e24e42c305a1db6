/** Addresses as people see them: bech32m (BIP-350), a prefix per network, payload = kind byte and 32 bytes. */

import { bech32m } from "@scure/base";
import { bytes32, concat, toHex, type AccountId } from "./bytes.js";
import { InputError } from "./errors.js";

/** What an address names. */
export type AddressKind = "account" | "module" | "validator";

const KINDS: readonly AddressKind[] = ["account", "module", "validator"];

/** An account, module or validator, with its kind. */
export interface Address {
  kind: AddressKind;
  id: AccountId;
}

/** The text of an address for a network's prefix (`addressPrefix` of `node_info`). */
export function formatAddress(address: Address, prefix: string): string {
  const payload = concat(Uint8Array.of(KINDS.indexOf(address.kind)), bytes32(address.id, "the id of an address"));
  return bech32m.encode(prefix as Lowercase<string>, bech32m.toWords(payload));
}

/** The address of an account. */
export function accountAddress(id: AccountId, prefix: string): string {
  return formatAddress({ kind: "account", id }, prefix);
}

/** The address of a module. */
export function moduleAddress(id: AccountId, prefix: string): string {
  return formatAddress({ kind: "module", id }, prefix);
}

/**
 * Reads an address made for the network of `prefix`. Throws {@link InputError}: mistyped (its checksum does
 * not fit), for another network, or with something else inside.
 */
export function parseAddress(text: string, prefix: string): Address {
  let found: string;
  let words: number[];
  try {
    const decoded = bech32m.decode(text as `${string}1${string}`);
    [found, words] = [decoded.prefix, decoded.words];
  } catch {
    throw new InputError(
      `'${text.slice(0, 120)}' is not an address: mistyped or cut off (its checksum does not fit)`,
      "copy the address again, whole",
    );
  }
  if (found !== prefix) {
    throw new InputError(
      `this address is for the network '${found}', not '${prefix}'`,
      "use an address of this network, or a node of the other",
    );
  }
  const payload = bech32m.fromWordsUnsafe(words);
  const kind = payload === undefined ? undefined : KINDS[payload[0] ?? 255];
  if (payload === undefined || kind === undefined || payload.length !== 33) {
    throw new InputError(`'${text.slice(0, 120)}' has no account, module or validator inside`);
  }
  return { kind, id: toHex(payload.subarray(1)) };
}
