/**
 * Projects that `pollen new --typescript` makes: what a developer types first, with the package as every node serves it
 * and the registry's compiler and test runner. Every template's tests pass on its own `pollen dev`.
 */

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { POLLEN_BIN } from "./network.js";

if (POLLEN_BIN === undefined) {
  console.warn("skipped: POLLEN_BIN is not set; give it the path of a built `pollen` (scripts/test-ts does)");
}

/** Templates, and the arguments of their `init`. */
const TEMPLATES: [template: string, init: string[]][] = [
  ["counter", ["40"]],
  ["token", ["Gold", "GLD", "2", "1000"]],
  ["service", []],
  ["fleet", ["30.5"]],
  ["counter-c", ["40"]],
];
/** A module, its tests and the network are made anew: a first time takes minutes. */
const PATIENCE_MS = 900_000;

/** What a stream said until it said this, or ended. It is read on: who writes must not wait. */
function until(stream: Readable, words: string): Promise<string> {
  let told = "";
  return new Promise((resolve) => {
    stream.on("data", (piece) => {
      told += String(piece);
      if (told.includes(words)) resolve(told);
    });
    stream.once("end", () => resolve(told));
  });
}

describe.skipIf(POLLEN_BIN === undefined)("a new project", () => {
  let folder: string;
  let environment: NodeJS.ProcessEnv;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "pollen-project-"));
    const path = `${dirname(POLLEN_BIN!)}${delimiter}${process.env["PATH"]}`;
    // Compiled where those of the system tests are: their dependencies are the same.
    const target = join(dirname(POLLEN_BIN!), "../projects");
    environment = { ...process.env, PATH: path, CARGO_TARGET_DIR: target, NO_COLOR: "1" };
    delete environment["FORCE_COLOR"];
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs a program in a folder; its output is the error where it fails. */
  function run(inside: string, program: string, ...words: string[]): string {
    try {
      return execFileSync(program, words, { cwd: inside, env: environment, encoding: "utf8", stdio: "pipe" });
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      throw new Error(`${program} ${words.join(" ")}\n${stdout}${stderr}`);
    }
  }

  /** Runs something while `pollen dev` has the project's module on it. */
  async function onNetwork(project: string, init: string[], work: (endpoints: string[]) => void): Promise<void> {
    const home = join(project, ".pollen");
    const words = ["--home", home, "--json", "dev", "--rpc-port", "0", "--network-port", "0", "--", ...init];
    const dev = spawn(POLLEN_BIN!, words, { cwd: project, env: environment, stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise<void>((resolve) => dev.once("exit", () => resolve()));
    try {
      // After its own first tests, so that they do not compete with these.
      const told = await until(dev.stdout, '"event":"tested"');
      expect(told).toContain('"event":"deployed"');
      const { endpoints } = JSON.parse(readFileSync(join(home, "network.json"), "utf8")) as { endpoints: string[] };
      work(endpoints);
    } finally {
      dev.kill("SIGINT");
      await ended;
    }
  }

  it.each(TEMPLATES)(
    "from the template %s passes its tests",
    async (template, init) => {
      const name = `my-${template}`;
      run(folder, POLLEN_BIN!, "new", name, "--typescript", "--template", template);
      const project = join(folder, name);
      const ts = join(project, "ts");
      const bindings = join(ts, `src/${name}.ts`);
      const made = readFileSync(bindings, "utf8");
      run(ts, "npm", "install", "--no-audit", "--no-fund", "--no-progress");
      await onNetwork(project, init, (endpoints) => {
        environment["POLLEN_RPC"] = endpoints.join(",");
        try {
          const said = run(ts, "npm", "test");
          expect(said).toMatch(/Tests {2}.*\d passed/);
        } finally {
          delete environment["POLLEN_RPC"];
        }
        if (template !== "counter") return;
        // A node's own copy of the package is the same, and can be installed from it.
        run(ts, "npm", "install", "--no-audit", "--no-fund", "--no-progress", `${endpoints[0]}/pollen-client.tgz`);
        expect(existsSync(join(ts, "node_modules/@pollen/client/dist/index.js"))).toBe(true);
      });
      expect(readFileSync(bindings, "utf8"), "`npm test` makes the bindings that `pollen new` made").toBe(made);
    },
    PATIENCE_MS,
  );
});
