/** tests/vectors/previews.json: the same words as the ledger's own programs, letter by letter. */

import { describe, expect, it } from "vitest";
import { fromHex } from "../src/bytes.js";
import { previewTransaction, type PreviewModule } from "../src/preview.js";
import { quoted, showValue } from "../src/show.js";
import { decodeTransaction } from "../src/transaction.js";
import { readInterface } from "../src/types.js";
import { vectors } from "./files.js";

const document = vectors("tests/vectors/previews.json") as {
  addressPrefix: string;
  modules: { id: string; name: string | null; interface: unknown; interfaceHash: string }[];
  previews: { name: string; transaction: string; actions: string[]; terms: string[] }[];
};
const modules = new Map<string, PreviewModule>(
  document.modules.map(({ id, name, interface: json, interfaceHash }) => [id, { name, interface: readInterface(json), interfaceHash }]),
);
const find = (id: string) => modules.get(id) ?? null;

describe("previews", () => {
  it.each(document.previews)("$name", ({ transaction, actions, terms }) => {
    const read = decodeTransaction(fromHex(transaction));
    expect(previewTransaction(read, document.addressPrefix, find)).toEqual({ actions, terms });
  });

  it("say what cannot be read", () => {
    const invoke = document.previews.find(({ name }) => name === "no pin")!;
    const transaction = decodeTransaction(fromHex(invoke.transaction));
    const action = transaction.actions[0]!;
    if (action.kind !== "invoke") throw new Error("expected a call");
    const words = previewTransaction({ ...transaction, actions: [{ ...action, arguments: Uint8Array.of(1, 2) }] }, "pollend", find);
    expect(words.actions[0]).toContain("arguments 0x0102; they are wrong: box: ");
    expect(showValue("u64", Uint8Array.of(1), { prefix: "pollend" })).toMatch(/^0x01 \(unreadable: expected u64: /);
  });

  it("show no letter of a stranger that does more than stand there", () => {
    for (const [text, shown] of [
      ["a\"b", '"a\\"b"'],
      ["\u202e1-xob", '"\\u{202e}1-xob"'],
      ["\u001b[2Jbox", '"\\u{1b}[2Jbox"'],
      ["für dich – 花", '"für dich – 花"'],
      ["a\u200bb\ufeff", '"a\\u{200b}b\\u{feff}"'],
      ["\u{e0001}\u{10ffff}", '"\\u{e0001}\\u{10ffff}"'],
    ] as const) {
      expect(quoted(text)).toBe(shown);
    }
  });
});
