/** Agreeing to a change of a module or of an account's keys: signed and sent by the wallet, followed to its last stage, and what came of it. */

import { useState } from "preact/hooks";
import type { Action, FunctionType, ModuleChange, ModuleView, TxStatus } from "@pollen/client";
import type { Voter } from "../changes.js";
import { client, head } from "../node.js";
import { delayOf, thresholdOf } from "../policy.js";
import { signAndSend } from "../seams.js";
import { Moment } from "./names.js";
import { Failure } from "./parts.js";
import { Sent } from "./sent.js";

/** What a change came to, as its transaction's result tells. */
export interface Report {
  made: boolean;
  weight: number;
  threshold: number;
  readyMs: string | null;
}

/** Of a transaction that agreed to a change, once it was executed. */
export function reportOf({ outcome }: Pick<TxStatus, "outcome">): Report | null {
  const results = outcome?.kind === "success" ? outcome.results.map(({ json }) => json) : [];
  return (results.find((json) => typeof json === "object" && json !== null && "made" in json) as Report | undefined) ?? null;
}

export interface Sending {
  isBusy: boolean;
  error: unknown;
  /** The last one that was sent, and what it is. */
  sent: { hash: string; change: ModuleChange | "cancel" | "keys" } | null;
  /** Agrees, for an account that the wallet's key signs for; `code` is that of an upgrade, where it has to come along. */
  agree(module: ModuleView, voter: Voter, change: ModuleChange, code?: Uint8Array[]): Promise<void>;
  run(what: () => Promise<void>): Promise<void>;
  /** What was wrong is being changed. */
  clear(): void;
  tell(hash: string | null, change: NonNullable<Sending["sent"]>["change"]): void;
}

export function useSending(): Sending {
  const [sent, setSent] = useState<Sending["sent"]>(null);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const run = async (what: () => Promise<void>) => {
    setError(null);
    setBusy(true);
    await what().catch(setError);
    setBusy(false);
  };
  const tell: Sending["tell"] = (hash, change) => {
    if (hash !== null) setSent({ hash, change });
  };
  const agree: Sending["agree"] = async (module, voter, change, code = []) => {
    const actions = agreement(module, voter, await client.idOf(module.module), change, code);
    tell(await signAndSend({ actions, attachments: code, sender: voter.account }), change);
  };
  return { isBusy, error, sent, run, clear: () => setError(null), tell, agree };
}

/** Whether a change is made by this one agreement. */
export function isAtOnce(policy: ModuleView["policy"], voter: Voter): boolean {
  return delayOf(policy) === 0n && voter.weight >= thresholdOf(policy);
}

/**
 * What agrees to a change. Code of an upgrade that is not made at once is published with it: so whoever uses the module
 * can look at what comes, and whoever makes the change needs no file.
 */
export function agreement({ policy }: ModuleView, voter: Voter, module: string, change: ModuleChange, code: Uint8Array[]): Action[] {
  const publish: Action[] = change.kind === "upgrade" && code.length > 0 && !isAtOnce(policy, voter) ? [{ kind: "publish", code: change.code }] : [];
  return [...publish, { kind: "change", module, change }];
}

/** What became of what was sent; `migrate` is that of an upgrade's code. */
export function SendingState({ of: { error, sent }, migrate = null }: { of: Sending; migrate?: FunctionType | null }) {
  return (
    <>
      {error !== null && <Failure error={error} />}
      {sent !== null && (
        <Sent key={sent.hash} hash={sent.hash} hasWords called={migrate}>
          {(status) => status.outcome?.kind === "success" && <Came change={sent.change} report={reportOf(status)} />}
        </Sent>
      )}
    </>
  );
}

const MADE: Record<ModuleChange["kind"], string> = {
  upgrade: "Upgraded: the new code runs now, at the same address.",
  policy: "The policy is changed.",
  pause: "It is paused: only its queries answer.",
  resume: "It takes commands again.",
};

function Came({ change, report }: { change: NonNullable<Sending["sent"]>["change"]; report: Report | null }) {
  if (change === "cancel") return <p>Taken back.</p>;
  if (change === "keys") return <p>The account has these keys from now on.</p>;
  if (report === null) return null;
  return <p>{report.made ? MADE[change.kind] : <NotYet report={report} />}</p>;
}

/** What still misses, of a change that was agreed to. */
export function NotYet({ report: { weight, threshold, readyMs } }: { report: Pick<Report, "weight" | "threshold"> & { readyMs: string | bigint | null } }) {
  if (readyMs === null) return <>Agreed, weight {weight} of {threshold}: the others agree to the same change.</>;
  const ready = BigInt(readyMs);
  return ready > (head.value?.timeMs ?? 0n)
    ? <>Agreed, weight {weight} of {threshold}: it waits until <Moment ms={ready} />, and is made then by who sends it again.</>
    : <>Agreed, weight {weight} of {threshold}, and it has waited: it can be made now.</>;
}
