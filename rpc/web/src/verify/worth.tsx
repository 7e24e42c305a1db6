/** What a check in this page is worth, in plain words, and how to have more: another node's page, the command line. */

import { useState } from "preact/hooks";
import { toHex } from "@pollen/client";
import { certifiedHeight } from "../node.js";
import type { Verifiable } from "./check.js";
import { pageOf } from "./page-of.js";
import { pin } from "./pin.js";

function command(of: Verifiable): string {
  switch (of.kind) {
    case "checkpoint":
      return `pollen verify checkpoint ${of.height}`;
    case "head":
      return `pollen verify checkpoint ${certifiedHeight.value}`;
    case "account":
      return `pollen verify account ${of.account}`;
    case "transaction":
      return `pollen verify receipt ${of.hash}`;
    case "state":
      return `pollen verify state ${of.module} --hex ${toHex(of.key)}`;
  }
}

export function Worth({ of }: { of: Verifiable }) {
  const [typed, setTyped] = useState("");
  const there = pageOf(typed, location.hash);
  return (
    <details class="worth">
      <summary>What this protects from, and what not</summary>
      <ul>
        <li><strong>It protects</strong> from a node, or anybody between it and you, that alters balances, receipts or state, or invents a transaction: without a quorum of the committee's signatures nothing is told as verified. What it leaves out, it cannot prove to be absent.</li>
        <li><strong>It does not protect</strong> from a node that alters this page itself. The program that checks came from the node that is checked: a liar can send one that only pretends. Load the page from a node of your own, or use the command line.</li>
        <li>No proof tells that there is nothing newer. Compare the ledger time with your clock.</li>
        {pin.value?.from === "first visit" && <li>The committee is the one that this node told at your first visit. Give this browser the genesis document (the shield in the header) to take that on nobody's word.</li>}
      </ul>
      <p>On your own computer, with the genesis document of the chain:</p>
      <pre tabIndex={0}>{`${command(of)} --rpc ${location.origin} --genesis genesis.json`}</pre>
      <label class="field">
        <span class="label">See the same at another node</span>
        <span class="small muted">This page may ask its own node only, its policy forbids all others. Another node's page checks what that node says; give it the same genesis document.</span>
        <input type="text" inputMode="url" spellcheck={false} placeholder="node.example:9650" value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
      </label>
      {there !== null && <p><a href={there} target="_blank" rel="noopener noreferrer">{there}</a></p>}
    </details>
  );
}
