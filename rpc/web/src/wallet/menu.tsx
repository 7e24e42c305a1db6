/** The wallet's own dialog: accounts, what they have, copies, sites, and when it locks. */

import { useEffect, useRef, useState } from "preact/hooks";
import { formatAmount } from "@pollen/client";
import { height } from "../node.js";
import { to } from "../route.js";
import { Copy } from "../ui/names.js";
import { trusted } from "../verify/pin.js";
import { Dialog, Notice, Working } from "./dialog.js";
import { said } from "./errors.js";
import { Faucet } from "./faucet.js";
import { Secret, take, Text } from "./fields.js";
import { TakeIn } from "./handing.js";
import type { Way } from "./make.js";
import {
  accounts, choose, current, forget, lock, LOCK_CHOICES_MS, lockAfterMs, markBackedUp, rename, setLockAfter, unlock, unlocked,
} from "./session.js";
import { Sites } from "./sites.js";
import { AccountName, addressOf } from "./unlock.js";
import type { KeptAccount } from "./vault.js";

type View = "account" | "accounts" | "draft" | "sites" | "forget" | "rename" | "unlock";

export function Menu({ make, onClose }: { make(way: Way): void; onClose(): void }) {
  const [view, setView] = useState<View>("account");
  const account = current.value!;
  const back = () => setView("account");
  switch (view) {
    case "account":
      return <Account account={account} show={setView} onClose={onClose} />;
    case "accounts":
      return <Accounts make={make} back={back} onClose={onClose} />;
    case "draft":
      return <TakeIn back={back} onClose={onClose} />;
    case "sites":
      return <Sites back={back} onClose={onClose} />;
    case "forget":
      return <Forget account={account} back={back} onClose={onClose} />;
    case "rename":
      return <Rename account={account} back={back} onClose={onClose} />;
    case "unlock":
      return <Unlock account={account} back={back} onClose={onClose} />;
  }
}

function Account({ account, show, onClose }: { account: KeptAccount; show(view: View): void; onClose(): void }) {
  const isUnlocked = unlocked.value.has(account.publicKey);
  const address = addressOf(account);
  return (
    <Dialog title={account.label} onClose={onClose} step="account">
      <div class="address">
        <span class="mono break">{address}</span> <Copy text={address} what="address" />
      </div>
      <Balance address={address} />
      <Former account={account} address={address} />
      {!account.isBackedUp && <Notice tone="warn">There is no copy of this key outside of this browser: export its file.</Notice>}
      <div class="row">
        {isUnlocked
          ? <button type="button" onClick={lock}>Lock</button>
          : <button type="button" onClick={() => show("unlock")}>Unlock</button>}
        <button type="button" onClick={() => download(account)}>Export key file</button>
        <a class="button" href={to("accounts", address)} onClick={onClose}>Show on the ledger</a>
      </div>
      <nav class="menu" aria-label="wallet">
        <button type="button" onClick={() => show("accounts")}>Accounts<span class="muted">{accounts.value!.length}</span></button>
        <button type="button" onClick={() => show("draft")}>Sign or send a draft</button>
        <button type="button" onClick={() => show("sites")}>Sites that may ask</button>
        <button type="button" onClick={() => show("rename")}>Rename</button>
        <button type="button" onClick={() => show("forget")}>Forget this account…</button>
      </nav>
      <label class="field">
        <span class="label">Lock without a touch after</span>
        <select value={lockAfterMs.value} onChange={(event) => void setLockAfter(Number(event.currentTarget.value))}>
          {LOCK_CHOICES_MS.map((ms) => <option key={ms} value={ms}>{ms === 60_000 ? "1 minute" : `${ms / 60_000} minutes`}</option>)}
        </select>
      </label>
    </Dialog>
  );
}

function Balance({ address }: { address: string }) {
  const [balance, setBalance] = useState<string | null>(null);
  const client = trusted.value;
  const now = height.value;
  useEffect(() => {
    let isStale = false;
    client?.account(address).then(
      (account) => isStale || setBalance(account.exists ? formatAmount(account.balance) : "nothing yet"),
      (error: unknown) => isStale || setBalance(`not known: ${said(error)}`),
    );
    return () => void (isStale = true);
  }, [address, client, now]);
  return (
    <>
      <p class="balance"><span class="muted">has</span> <strong>{balance ?? "…"}</strong></p>
      <Faucet address={address} />
    </>
  );
}

/** Where other owners were named for the address, so that its balance is no longer this key's. */
function Former({ account: { publicKey }, address }: { account: KeptAccount; address: string }) {
  const [isFormer, setFormer] = useState(false);
  const client = trusted.value;
  const now = height.value;
  useEffect(() => {
    let isStale = false;
    client?.accountKeys(address).then(
      ({ stored, owners }) => isStale || setFormer(stored && !owners.some(({ key }) => key === publicKey)),
      () => {}, // what has no answer is told beside the balance
    );
    return () => void (isStale = true);
  }, [address, client, now]);
  return isFormer ? <Notice tone="warn">This key signs no more for its address: other owners were named for it. “Show on the ledger” tells which.</Notice> : null;
}

/** Saves the key file, as it is kept here: encrypted, and readable by the command line. */
function download(account: KeptAccount): void {
  const url = URL.createObjectURL(new Blob([account.keyFile], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${account.label}.json`;
  link.click();
  URL.revokeObjectURL(url);
  void markBackedUp(account.publicKey);
}

function Accounts({ make, back, onClose }: { make(way: Way): void; back(): void; onClose(): void }) {
  const pick = async (key: string) => {
    await choose(key);
    back();
  };
  return (
    <Dialog title="Accounts" onClose={onClose} step="accounts">
      <ul class="accounts">
        {accounts.value!.map((one) => (
          <li key={one.publicKey}>
            <button type="button" aria-pressed={one.publicKey === current.value?.publicKey} onClick={() => void pick(one.publicKey)}>
              <AccountName account={one} />
              {unlocked.value.has(one.publicKey) && <span class="small muted">unlocked</span>}
            </button>
          </li>
        ))}
      </ul>
      <div class="row">
        <button type="button" onClick={() => make("new")}>Make a new account</button>
        <button type="button" onClick={() => make("words")}>Restore from words</button>
        <button type="button" onClick={() => make("file")}>Import a key file</button>
      </div>
      <div class="actions"><button type="button" onClick={back}>Back</button></div>
    </Dialog>
  );
}

function Unlock({ account, back, onClose }: { account: KeptAccount; back(): void; onClose(): void }) {
  const field = useRef<HTMLInputElement>(null);
  const [fault, setFault] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const open = async () => {
    setFault(null);
    setBusy(true);
    try {
      await unlock(account.publicKey, take(field));
      back();
    } catch (error) {
      setFault(said(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={`Unlock ${account.label}`} onClose={onClose} canClose={!isBusy} step="unlock">
      <form onSubmit={(event) => (event.preventDefault(), void open())}>
        <Secret label="Passphrase" field={field} isFirst fault={fault} disabled={isBusy} hint="Unlocked it stays until you lock it, or for as long as you chose without a touch." />
        {isBusy && <Working>The key is decrypted…</Working>}
        <div class="actions">
          <button type="button" disabled={isBusy} onClick={back}>Back</button>
          <button type="submit" class="first" disabled={isBusy}>Unlock</button>
        </div>
      </form>
    </Dialog>
  );
}

function Rename({ account, back, onClose }: { account: KeptAccount; back(): void; onClose(): void }) {
  const [label, setLabel] = useState(account.label);
  const [fault, setFault] = useState<string | null>(null);
  const save = async () => {
    try {
      if (label.trim() !== account.label) await rename(account.publicKey, label);
      back();
    } catch (error) {
      setFault(said(error));
    }
  };
  return (
    <Dialog title={`Rename ${account.label}`} onClose={onClose} step="rename">
      <form onSubmit={(event) => (event.preventDefault(), void save())}>
        <Text label="Name" hint="Also the name of its key file when you export it." value={label} onInput={setLabel} fault={fault} isFirst />
        <div class="actions">
          <button type="button" onClick={back}>Back</button>
          <button type="submit" class="first">Rename</button>
        </div>
      </form>
    </Dialog>
  );
}

function Forget({ account, back, onClose }: { account: KeptAccount; back(): void; onClose(): void }) {
  const [typed, setTyped] = useState("");
  const away = async () => {
    await forget(account.publicKey);
    if (accounts.value!.length > 0) back();
  };
  return (
    <Dialog title={`Forget ${account.label}?`} onClose={onClose} step="forget">
      <Notice tone="bad">
        The key is erased from this browser.{" "}
        {account.isBackedUp ? "With its words or its exported file it can be brought back; without, never." : "There is no copy of it anywhere: whatever the account has is lost."}
      </Notice>
      <form onSubmit={(event) => (event.preventDefault(), void away())}>
        <Text label={`Type its name, ${account.label}, to go on`} value={typed} onInput={setTyped} isFirst />
        <div class="actions">
          <button type="button" onClick={back}>Back</button>
          <button type="submit" class="danger" disabled={typed.trim() !== account.label}>Forget it</button>
        </div>
      </form>
    </Dialog>
  );
}
