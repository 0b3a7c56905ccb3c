// Model folders from strangers, in the command line — plan (each in a process of its own)
//   a split expression that backtracks without end, a chat template that counts to a thousand million, an id of 2³² − 2,
//   parts nested 50,000 deep: the command ends by itself with an exit code of its own (2 or 3), says whose fault it is in
//   words, prints no stack, holds no lock, and leaves no student
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SMALL_RUN } from "../support/bundled";

const root = resolve(import.meta.dirname, "../..");
const dir = mkdtempSync(join(tmpdir(), "couplet-hostile-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

type Json = Record<string, unknown>;

/** The bundled student's folder with changes, and a run that trains it. */
function prepare(
  name: string,
  tokenizer: (json: Json) => Json,
  settings: Json = {},
): { config: string; out: string } {
  const folder = join(dir, name);
  cpSync(join(root, "public/models/couplet-student"), folder, { recursive: true });
  const edit = (file: string, change: (json: Json) => Json) => {
    const path = join(folder, file);
    writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, "utf8")) as Json)));
  };
  edit("tokenizer.json", tokenizer);
  edit("tokenizer_config.json", (json) => ({ ...json, ...settings }));
  const config = join(dir, `${name}.json`);
  writeFileSync(config, JSON.stringify({ ...SMALL_RUN, method: { id: "sft" }, student: folder, steps: 2 }));
  return { config, out: join(dir, `out-${name}`) };
}

function couplet(...argv: string[]): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, [join(root, "scripts/couplet.mjs"), ...argv]);
  let said = "";
  child.stderr.on("data", (text: Buffer) => (said += text.toString()));
  return new Promise((done) => child.once("close", (code) => done({ code, said })));
}

/** By hand: JSON.stringify calls itself. */
const deep = (levels: number): string =>
  `${'{"type":"Sequence","pretokenizers":['.repeat(levels)}{"type":"Metaspace"}${"]}".repeat(levels)}`;

test.concurrent.each<[string, () => { config: string; out: string }, RegExp]>([
  [
    "a split expression without end",
    () =>
      prepare("redos", (json) => ({
        ...json,
        pre_tokenizer: {
          type: "Sequence",
          pretokenizers: [
            { type: "Split", pattern: { Regex: "([A-Za-z ]+)+#" }, behavior: "Isolated", invert: false },
            json["pre_tokenizer"],
          ],
        },
      })),
    /Ended: the tokenizer of .*redos, while it split a text, took more than \d+ s\./,
  ],
  [
    "a chat template without end",
    () =>
      prepare("template", (json) => json, {
        chat_template: "{% for i in range(1000000000) %}{{ messages[0]['content'] }}{% endfor %}",
      }),
    /Ended: the chat template of .*template, while it wrote a conversation, took more than/,
  ],
  [
    "an absurd id",
    () =>
      prepare("id", (json) => ({
        ...json,
        added_tokens: [{ id: 2 ** 32 - 2, content: "<x>", special: true }],
      })),
    /the token "<x>" has the id 4294967294/,
  ],
  [
    "parts without end",
    () => {
      const made = prepare("deep", (json) => ({ ...json, pre_tokenizer: "HERE" }));
      const file = join(dir, "deep/tokenizer.json");
      writeFileSync(file, readFileSync(file, "utf8").replace('"HERE"', deep(50_000)));
      return made;
    },
    /its pre_tokenizer is nested more than 64 levels deep|tokenizer\.json/,
  ],
])("%s", async (_name, prepared, message) => {
  const { config, out } = prepared();
  const { code, said } = await couplet("run", config, "--out", out);
  expect([2, 3], said).toContain(code);
  expect(said).toMatch(message);
  expect(said).not.toMatch(/\n\s+at |Fatal|Maximum call stack|debugger/);
  expect(existsSync(join(out, ".couplet-lock"))).toBe(false);
  expect(existsSync(join(out, "student"))).toBe(false);
});
