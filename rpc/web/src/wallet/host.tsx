/** Which dialog of the wallet is shown now: what somebody asks comes first, then the wallet's own. */

import { useEffect, useState } from "preact/hooks";
import { isOpen } from "./button.js";
import { visitor } from "./connect/popup.js";
import { Connecting, MessageSigning } from "./consent.js";
import { Dialog, Notice, Working } from "./dialog.js";
import { Make, MakeNew, type Way } from "./make.js";
import { Menu } from "./menu.js";
import { presented, type Pending } from "./requests.js";
import { accounts, choose, current, storageFault } from "./session.js";
import { Signing } from "./signing.js";
import type { KeptAccount } from "./vault.js";

export function Host() {
  const [way, setWay] = useState<Way | null>(null);
  const pending = presented();
  const isVisited = visitor.value !== null;
  useEffect(() => {
    if (isVisited) document.title = "Wallet · Pollen";
  }, [isVisited]);
  if (way !== null) return <Make key={way} way={way} onDone={() => setWay(null)} onClose={() => setWay(null)} />;
  const needsAccount = current.value === null && (pending !== null || isOpen.value);
  if (needsAccount) {
    return <Welcome make={setWay} isAsked={pending !== null} onClose={() => (pending === null ? (isOpen.value = false) : pending.close())} />;
  }
  if (pending !== null) return <Asked key={pending.id} pending={pending} />;
  if (isVisited) return <Visited />;
  return isOpen.value ? <Menu make={setWay} onClose={() => (isOpen.value = false)} /> : null;
}

function Asked({ pending }: { pending: Pending }) {
  const { request } = pending;
  switch (request.kind) {
    case "sign":
      return <Signing pending={pending} request={request} />;
    case "message":
      return <MessageSigning pending={pending} request={request} />;
    case "connect":
      return <Connecting pending={pending} request={request} />;
    case "key":
      return <NewKey pending={pending} />;
  }
}

/** Made for somebody's use: who signs unless another is chosen stays who it was. */
function NewKey({ pending }: { pending: Pending }) {
  const [before] = useState(current.value!.publicKey);
  const made = async ({ publicKey }: KeptAccount) => {
    await choose(before);
    pending.resolve({ publicKey });
    pending.close();
  };
  return <MakeNew title="A new key" onDone={(account) => void made(account)} onClose={pending.close} />;
}

function Welcome({ make, isAsked, onClose }: { make(way: Way): void; isAsked: boolean; onClose(): void }) {
  return (
    <Dialog title="Wallet" onClose={onClose}>
      {isAsked && <Notice tone="info">The wallet is asked for, and this browser has no account yet.</Notice>}
      {storageFault.value !== null && <Notice tone="bad">{storageFault.value}</Notice>}
      {!isSecureContext && <Notice tone="warn">This page came without encryption. Whoever is between you and the node can have changed it, and with it this wallet: keep keys that matter elsewhere.</Notice>}
      <p>Keys are made in this browser and stay here, encrypted with your passphrase. The node never sees them.</p>
      <div class="ways">
        <button type="button" class="first" data-first onClick={() => make("new")}>Make a new account</button>
        <button type="button" onClick={() => make("words")}>Restore from words</button>
        <button type="button" onClick={() => make("file")}>Import a key file</button>
      </div>
      <p class="small muted">Key files are those of the command line, in both directions.</p>
    </Dialog>
  );
}

/** Of a window that a site opened: while nothing is asked. */
function Visited() {
  const from = visitor.value!;
  return (
    <Dialog title="Wallet" onClose={() => globalThis.close()}>
      {from === "" || accounts.value === null ? <Working>Waiting for what the site asks…</Working> : <p>This window waits for the next request of <strong class="mono break">{from}</strong>. Its accounts lock by themselves; close it to lock them now.</p>}
    </Dialog>
  );
}
