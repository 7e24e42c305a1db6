/** The wallet in the header. Everything behind it is loaded when it is opened, or when something is to be signed. */

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { visitor } from "./connect/popup.js";
import { presented } from "./requests.js";
import { accounts, current, unlocked } from "./session.js";

/** Whether the wallet's own dialog is open. */
export const isOpen = signal(false);

export function WalletButton() {
  const account = current.value;
  const isUnlocked = account !== null && unlocked.value.has(account.publicKey);
  const isWanted = isOpen.value || presented() !== null || visitor.value !== null;
  return (
    <>
      <button type="button" class="wallet-button" aria-haspopup="dialog" disabled={accounts.value === null} onClick={() => (isOpen.value = true)}>
        <svg viewBox="0 0 16 16" width="14" height="14" fill="none" stroke="currentColor" stroke-width="1.5" aria-hidden="true">
          <rect x="3" y="7" width="10" height="7" rx="1.5" />
          <path d={isUnlocked ? "M5.2 7V4.6a2.8 2.8 0 0 1 5.3-1.3" : "M5.2 7V4.8a2.8 2.8 0 0 1 5.6 0V7"} />
        </svg>
        {account === null ? "Wallet" : account.label}
        {account !== null && <span class="hidden-text">{isUnlocked ? ", unlocked" : ", locked"}</span>}
      </button>
      {isWanted && <Behind />}
    </>
  );
}

function Behind() {
  const [Host, setHost] = useState<ComponentType | null>(null);
  useEffect(() => {
    void import("./host.js").then((loaded) => setHost(() => loaded.Host));
  }, []);
  return Host === null ? null : <Host />;
}
