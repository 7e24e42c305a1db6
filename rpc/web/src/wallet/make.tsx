/** How an account comes into this browser: new words, words that somebody has, or a key file of the command line. */

import { useEffect, useRef, useState } from "preact/hooks";
import { KeyPair, newWords, readWords } from "@pollen/client";
import { pin } from "../verify/pin.js";
import { Dialog, Notice, Working } from "./dialog.js";
import { said, WalletError } from "./errors.js";
import { NewPassphrase, readNew, Secret, take, Text } from "./fields.js";
import { readKeyFile, openKey, type KeyFile } from "./keystore.js";
import { checkNewLabel, freeLabel, keepFile, keepKey } from "./session.js";
import type { KeptAccount } from "./vault.js";

export type Way = "new" | "words" | "file";

/** Words that are asked for again, so that they were written down. */
const ASKED = 3;

function coinType(): number {
  if (pin.value === null) throw new WalletError("WrongChain", "the node has not told its chain yet: wait until it answers");
  return pin.value.coinType;
}

export function Make({ way, onDone, onClose }: { way: Way; onDone(): void; onClose(): void }) {
  switch (way) {
    case "new":
      return <MakeNew onDone={onDone} onClose={onClose} />;
    case "words":
      return <FromWords onDone={onDone} onClose={onClose} />;
    case "file":
      return <FromFile onDone={onDone} onClose={onClose} />;
  }
}

/** Three different places of the words, ascending. */
function places(count: number): number[] {
  const left = Array.from({ length: count }, (_, place) => place);
  const random = crypto.getRandomValues(new Uint32Array(ASKED));
  return [...random].map((number) => left.splice(number % left.length, 1)[0]!).sort((a, b) => a - b);
}

export function MakeNew({ title = "A new account", onDone, onClose }: { title?: string; onDone(account: KeptAccount): void; onClose(): void }) {
  const [strength, setStrength] = useState<128 | 256>(128);
  // Words live in this dialog alone, until it closes.
  const words = useRef<string[]>([]);
  const [step, setStep] = useState<"choose" | "show" | "ask" | "protect">("choose");
  const [asked, setAsked] = useState<number[]>([]);
  const [fault, setFault] = useState<string | null>(null);
  const answers = useRef<(HTMLInputElement | null)[]>([]);
  useEffect(() => () => void (words.current = []), []);

  const show = () => {
    words.current = newWords(strength).split(" ");
    setStep("show");
  };
  const ask = () => {
    setAsked(places(words.current.length));
    setFault(null);
    setStep("ask");
  };
  const compare = () => {
    const wrong = asked.find((place, index) => answers.current[index]?.value.trim().toLowerCase() !== words.current[place]);
    if (wrong !== undefined) return setFault(`word ${wrong + 1} is another one: look at what you wrote down`);
    setStep("protect");
  };
  return (
    <Dialog title={title} step={step} onClose={onClose}>
      {step === "choose" && (
        <form onSubmit={(event) => (event.preventDefault(), show())}>
          <p>An account is made of words that only you have. With them it can be made again in any browser, by the command line, and by wallets of other makers that know BIP-39 and SLIP-0010. Without them and without a copy of the key file, nobody can.</p>
          <fieldset class="choices">
            <legend>How many words</legend>
            <label class="check"><input type="radio" name="strength" checked={strength === 128} onChange={() => setStrength(128)} /> 12 words (128 bits, enough for everything)</label>
            <label class="check"><input type="radio" name="strength" checked={strength === 256} onChange={() => setStrength(256)} /> 24 words (256 bits)</label>
          </fieldset>
          <div class="actions"><button type="submit" class="first" data-first>Make the words</button></div>
        </form>
      )}
      {step === "show" && (
        <>
          <p><strong>Write these words down, on paper, in this order.</strong> They are shown this once and kept nowhere. Whoever has them has the account; nobody who helps you will ever ask for them.</p>
          <ol class="words">{words.current.map((word, place) => <li key={place}>{word}</li>)}</ol>
          <div class="actions"><button type="button" class="first" onClick={ask}>I have written them down</button></div>
        </>
      )}
      {step === "ask" && (
        <form onSubmit={(event) => (event.preventDefault(), compare())}>
          <p>Three of them, as you wrote them down:</p>
          <div class="asked">
            {asked.map((place, index) => (
              <label class="field" key={place}>
                <span class="label">Word {place + 1}</span>
                <input
                  ref={(field) => void (answers.current[index] = field)}
                  type="text"
                  autocomplete="off"
                  autocapitalize="none"
                  spellcheck={false}
                  aria-invalid={fault !== null}
                  {...(index === 0 ? { "data-first": true } : {})}
                />
              </label>
            ))}
          </div>
          {fault !== null && <Notice tone="bad">{fault}</Notice>}
          <div class="actions">
            <button type="button" onClick={() => setStep("show")}>Show the words again</button>
            <button type="submit" class="first">Go on</button>
          </div>
        </form>
      )}
      {step === "protect" && (
        <Protect
          make={() => KeyPair.fromWords(words.current.join(" "), { coinType: coinType() })}
          isBackedUp
          onDone={onDone}
          say="Make the account"
        />
      )}
    </Dialog>
  );
}

/** The last step of all ways but one: a name and a passphrase. */
function Protect({ make, isBackedUp, say, name = freeLabel(), onDone }: { make(): KeyPair | Promise<KeyPair>; isBackedUp: boolean; say: string; name?: string; onDone(account: KeptAccount): void }) {
  const [label, setLabel] = useState(name);
  const [labelFault, setLabelFault] = useState<string | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [field, again] = [useRef<HTMLInputElement>(null), useRef<HTMLInputElement>(null)];
  const done = async () => {
    setLabelFault(null);
    setError(null);
    try {
      checkNewLabel(label);
    } catch (refused) {
      return setLabelFault(said(refused));
    }
    const read = readNew(field, again, [label]);
    setFault(read.fault);
    if (read.passphrase === null) return;
    setBusy(true);
    let key: KeyPair | null = null;
    try {
      key = await make();
      onDone(await keepKey(key, label, read.passphrase, isBackedUp));
    } catch (refused) {
      key?.forget();
      setError(said(refused));
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => (event.preventDefault(), void done())}>
      <Text label="Name" hint="What you call it; also the name of its key file when you export it." value={label} onInput={setLabel} fault={labelFault} isFirst />
      <NewPassphrase field={field} again={again} avoid={[label]} fault={fault} clear={() => setFault(null)} disabled={isBusy} />
      {error !== null && <Notice tone="bad">{error}</Notice>}
      {isBusy && <Working>The key is encrypted: that is meant to take a moment.</Working>}
      <div class="actions"><button type="submit" class="first" disabled={isBusy}>{say}</button></div>
    </form>
  );
}

function FromWords({ onDone, onClose }: { onDone(): void; onClose(): void }) {
  const typed = useRef<HTMLTextAreaElement>(null);
  const words = useRef("");
  const [index, setIndex] = useState("0");
  const [fault, setFault] = useState<string | null>(null);
  const [isRead, setRead] = useState(false);
  useEffect(() => () => void (words.current = ""), []);
  const number = /^[0-9]{1,10}$/.test(index) ? Number(index) : NaN;
  const read = () => {
    try {
      if (!(number < 2 ** 31)) throw new WalletError("Malformed", "the number of an account is 0 to 2147483647");
      words.current = readWords(typed.current?.value ?? "");
      take(typed);
      setFault(null);
      setRead(true);
    } catch (refused) {
      setFault(said(refused));
    }
  };
  return (
    <Dialog title="Restore from words" step={isRead ? "protect" : "words"} onClose={onClose}>
      {isRead ? (
        <Protect make={() => KeyPair.fromWords(words.current, { coinType: coinType(), index: number })} isBackedUp say="Restore the account" onDone={onDone} />
      ) : (
        <form onSubmit={(event) => (event.preventDefault(), read())}>
          <label class="field">
            <span class="label">The 12 or 24 words</span>
            <textarea ref={typed} rows={4} autocomplete="off" autocapitalize="none" spellcheck={false} data-first aria-invalid={fault !== null} />
          </label>
          <Text label="Number of the account" hint={`The first is 0. The path is m/44'/${pin.value?.coinType ?? "coin"}'/${Number.isNaN(number) ? "number" : number}'.`} value={index} onInput={setIndex} />
          {fault !== null && <Notice tone="bad">{fault}</Notice>}
          <div class="actions"><button type="submit" class="first">Go on</button></div>
        </form>
      )}
    </Dialog>
  );
}

function FromFile({ onDone, onClose }: { onDone(): void; onClose(): void }) {
  const [file, setFile] = useState<{ text: string; read: KeyFile } | null>(null);
  const [label, setLabel] = useState("");
  const [fault, setFault] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const passphrase = useRef<HTMLInputElement>(null);
  const choose = async (chosen: File | undefined) => {
    if (chosen === undefined) return;
    try {
      if (chosen.size > 16_384) throw new WalletError("Malformed", "this is no key file: it is too long");
      const text = await chosen.text();
      setFile({ text, read: readKeyFile(text) });
      const name = chosen.name.replace(/\.json$/, "");
      setLabel(/^[A-Za-z][A-Za-z0-9._-]{0,63}$/.test(name) ? name : freeLabel());
      setFault(null);
    } catch (refused) {
      setFile(null);
      setFault(said(refused));
    }
  };
  const keep = async () => {
    if (file === null) return;
    setFault(null);
    setBusy(true);
    try {
      await keepFile(file.text, label, take(passphrase));
      onDone();
    } catch (refused) {
      setFault(said(refused));
      setBusy(false);
    }
  };
  const plain = file?.read.version === 1 ? file.text : null;
  return (
    <Dialog title="Import a key file" step={file === null ? "choose" : "open"} onClose={onClose}>
      <p>A key file of the command line: <code>keys/NAME.json</code> in its home folder. It stays as it is, so a copy can go back any time.</p>
      <label class="field">
        <span class="label">Key file</span>
        <input type="file" accept=".json,application/json" data-first={file === null} disabled={isBusy} onChange={(event) => void choose(event.currentTarget.files?.[0])} />
      </label>
      {plain !== null && (
        <>
          <Notice tone="warn">This key file is not encrypted. In this browser its key is kept under a passphrase; the file itself stays open to whoever finds it.</Notice>
          <Protect make={() => openKey(readKeyFile(plain), "")} isBackedUp name={label} say="Import the account" onDone={onDone} />
        </>
      )}
      {file !== null && plain === null && (
        <form onSubmit={(event) => (event.preventDefault(), void keep())}>
          <Text label="Name" value={label} onInput={setLabel} />
          <Secret label="Passphrase of the file" field={passphrase} isFirst disabled={isBusy} hint="The one that the file was encrypted with. It stays the passphrase here." />
          {isBusy && <Working>The key is decrypted: files of the command line take some seconds.</Working>}
          <div class="actions"><button type="submit" class="first" disabled={isBusy}>Import the account</button></div>
        </form>
      )}
      {fault !== null && <Notice tone="bad">{fault}</Notice>}
    </Dialog>
  );
}
