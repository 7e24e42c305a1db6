/** A component from a file: dropped, or chosen by the keyboard, and read in the browser. What a deployment and an upgrade begin with. */

import { useState } from "preact/hooks";
import { contentHash, readComponent, type FunctionType, type Interface } from "@pollen/client";
import { emptyFields, type Draft } from "../draft.js";
import { size } from "../format.js";
import { Failure } from "./parts.js";

const COMPONENT_BYTES_MAX = 1 << 20;

export interface Component {
  file: string;
  bytes: Uint8Array;
  hash: string;
  /** Null for one that does not describe itself. */
  interface: Interface | null;
  /** What the ledger calls: `init` at a deployment, `migrate` at an upgrade. */
  called: FunctionType | null;
  drafts: Record<string, Draft>;
}

type Called = "init" | "migrate";

async function read(file: File, called: Called): Promise<Component> {
  if (file.size > COMPONENT_BYTES_MAX) throw new Error(`${file.name} has ${size(file.size)}: a component may have at most ${size(COMPONENT_BYTES_MAX)}. Build it for release, and strip it.`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const isWasm = bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d;
  if (!isWasm) throw new Error(`${file.name} is no WebAssembly: it begins otherwise. 'pollen build' makes components.`);
  const told = readComponent(bytes);
  const found = told?.commands.find(({ name }) => name === called) ?? null;
  return { file: file.name, bytes, hash: contentHash(bytes), interface: told, called: found, drafts: emptyFields(found?.params ?? []).fields };
}

interface DropProps {
  component: Component | null;
  take(component: Component | null): void;
  called: Called;
  /** What is wanted, where nothing was dropped yet. */
  words: string;
}

/** The place to drop a file on. It is a label of a file field, so Enter and a touch open the chooser. */
export function Drop({ component, take, called, words }: DropProps) {
  const [error, setError] = useState<unknown>(null);
  const [isOver, setOver] = useState(false);
  const choose = (file: File | undefined) => {
    setOver(false);
    if (file === undefined) return;
    setError(null);
    read(file, called).then(take, (why: unknown) => {
      take(null);
      setError(why);
    });
  };
  return (
    <>
      <label
        class={`drop${isOver ? " over" : ""}`}
        onDragOver={(event) => { event.preventDefault(); setOver(true); }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => { event.preventDefault(); choose(event.dataTransfer?.files[0]); }}
      >
        <input type="file" class="hidden-text" accept=".wasm,application/wasm" onChange={(event) => choose(event.currentTarget.files?.[0])} />
        <strong>{component === null ? words : component.file}</strong>
        <span class="muted small">{component === null ? <>a <code>.wasm</code> of <code>pollen build</code>, at most {size(COMPONENT_BYTES_MAX)}</> : `${size(component.bytes.length)}; drop another one to replace it`}</span>
      </label>
      {error !== null && <Failure error={error} />}
    </>
  );
}

