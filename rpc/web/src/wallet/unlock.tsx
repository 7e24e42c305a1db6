/** The passphrase of an account, where its key is needed: part of each dialog that signs, and of the wallet's own. */

import type { RefObject } from "preact";
import { accountAddress } from "@pollen/client";
import { pin } from "../verify/pin.js";
import { shortened } from "../format.js";
import { Secret } from "./fields.js";
import { idOf, unlocked } from "./session.js";
import type { KeptAccount } from "./vault.js";

export function addressOf(account: KeptAccount): string {
  return accountAddress(idOf(account), pin.value?.addressPrefix ?? "pollen");
}

/** An account as people tell them apart: its name, and both ends of its address. */
export function AccountName({ account }: { account: KeptAccount }) {
  const [head, tail] = shortened(addressOf(account), 14);
  return <span class="account-name"><strong>{account.label}</strong> <span class="mono muted">{head}…{tail}</span></span>;
}

/** Asks for the passphrase where the account is locked. */
export function Passphrase({ account, field, fault, disabled }: { account: KeptAccount; field: RefObject<HTMLInputElement | null>; fault: string | null; disabled: boolean }) {
  if (unlocked.value.has(account.publicKey)) return null;
  return <Secret label={`Passphrase of ${account.label}`} field={field} isFirst fault={fault} disabled={disabled} hint="The account is locked. It locks again by itself." />;
}
