/** Names for addresses: modules as the node lists them, validators as the committee has them. Asked when first needed. */

import { signal } from "@preact/signals";
import type { ModuleList } from "@pollen/client";
import { client, info } from "./node.js";

/** Names of modules by address, without `@`. */
export const moduleNames = signal<ReadonlyMap<string, string>>(new Map());
/** Addresses of all modules that were listed, with a name or without. */
export const moduleList = signal<readonly string[]>([]);

const PAGES_MAX = 8;
const AGAIN_MS = 5_000;
let askedMs = 0;

/** Lists the modules again, unless that was just done. */
export async function readModuleNames(): Promise<void> {
  if (Date.now() - askedMs < AGAIN_MS) return;
  askedMs = Date.now();
  const [names, all] = [new Map<string, string>(), [] as string[]];
  let after: string | null = null;
  try {
    for (let page = 0; page < PAGES_MAX; page++) {
      const { modules, next }: ModuleList = await client.request("module_list", { limit: 256, ...(after === null ? {} : { after }) });
      for (const { module, name } of modules) {
        all.push(module);
        if (name !== null) names.set(module, name);
      }
      if (next === null) break;
      after = next;
    }
  } catch {
    return; // a node without the index, or none at all: addresses stay addresses
  }
  moduleNames.value = names;
  moduleList.value = all;
}

/** What a validator is called. */
export function validatorName(author: number): string {
  return info.value?.committee.find((one) => one.author === author)?.name ?? `validator ${author}`;
}
