/** The questions before a site sees accounts, and before a text is signed. */

import { useRef, useState } from "preact/hooks";
import { Asking, KeepWindow } from "./asker.js";
import { Dialog, Notice, Working } from "./dialog.js";
import { said } from "./errors.js";
import { take } from "./fields.js";
import { quoted, toHex } from "@pollen/client";
import type { Pending, Request } from "./requests.js";
import { accountByKey, accounts, current, unlock } from "./session.js";
import { signText, walletClient } from "./sign.js";
import { AccountName, Passphrase } from "./unlock.js";

export function Connecting({ pending, request }: { pending: Pending; request: Request & { kind: "connect" } }) {
  const [chosen, setChosen] = useState<readonly string[]>([current.value!.publicKey]);
  const toggle = (key: string) => setChosen(chosen.includes(key) ? chosen.filter((one) => one !== key) : [...chosen, key]);
  const agree = () => {
    pending.resolve({ accounts: [...chosen] });
    pending.close();
  };
  return (
    <Dialog title="Let this site see accounts?" onClose={() => pending.close()}>
      <Asking from={request.from} />
      <p>It will see address, public key and name of what you choose, and may ask you to sign. It signs nothing by itself: every request is shown to you. You can take this back in the wallet, under Sites.</p>
      <fieldset class="choices">
        <legend>Accounts</legend>
        {(accounts.value ?? []).map((one) => (
          <label class="check" key={one.publicKey}><input type="checkbox" checked={chosen.includes(one.publicKey)} onChange={() => toggle(one.publicKey)} /> <AccountName account={one} /></label>
        ))}
      </fieldset>
      <div class="actions">
        <KeepWindow from={request.from} />
        <button type="button" onClick={() => pending.close()}>Refuse</button>
        <button type="button" class="first" disabled={chosen.length === 0} onClick={agree}>Let it see {chosen.length === 1 ? "this account" : `these ${chosen.length}`}</button>
      </div>
    </Dialog>
  );
}

/** Why nothing may be signed now; null where it may. */
function hindrance(): string | null {
  try {
    walletClient();
    return null;
  } catch (error) {
    return said(error);
  }
}

/** A message as people read it where it is text, else as bytes. */
function readable(message: Uint8Array): { isText: boolean; shown: string } {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(message);
    // Line by line, each so that it can hide nothing.
    return { isText: true, shown: text.split("\n").map((line) => quoted(line).slice(1, -1)).join("\n") };
  } catch {
    return { isText: false, shown: toHex(message) };
  }
}

export function MessageSigning({ pending, request }: { pending: Pending; request: Request & { kind: "message" } }) {
  const account = request.key === null ? current.value! : accountByKey(request.key);
  const [fault, setFault] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const { isText, shown } = readable(request.message);
  const why = hindrance();
  const agree = async () => {
    setFault(null);
    setBusy(true);
    try {
      await unlock(account.publicKey, take(field));
      pending.resolve({ publicKey: account.publicKey, ...signText(account.publicKey, request.message) });
      pending.close();
    } catch (error) {
      setFault(said(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Sign this text?" onClose={() => pending.close()} canClose={!isBusy} isWide>
      <Asking from={request.from} />
      <p>Signing shows that you have the key of <AccountName account={account} />. It moves nothing: a text can never be a transaction.</p>
      <pre class="message" tabIndex={0}>{shown}</pre>
      {!isText && <Notice tone="warn">These bytes are no text, so nobody can read what they say. Sign them only where you know what they are for.</Notice>}
      {why !== null && <Notice tone="bad">{why}</Notice>}
      <form onSubmit={(event) => (event.preventDefault(), void agree())}>
        <Passphrase account={account} field={field} fault={fault} disabled={isBusy} />
        {isBusy && <Working>The key is unlocked…</Working>}
        <div class="actions">
          <KeepWindow from={request.from} />
          <button type="button" disabled={isBusy} onClick={() => pending.close()}>Refuse</button>
          <button type="submit" class="first" disabled={isBusy || why !== null}>Sign</button>
        </div>
      </form>
    </Dialog>
  );
}
