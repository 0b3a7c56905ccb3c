// Makes src/config/first-sentence.json: one short sentence as two tokenizers cut it, for the first picture of the page.
// Strings and byte spans alone; the tokenizers come from the npm package gpt-tokenizer, whose version the file names.
//
//   node scripts/record-first-sentence.mjs
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as gpt4o from "gpt-tokenizer/encoding/o200k_base";
import * as gpt2 from "gpt-tokenizer/encoding/r50k_base";

const SENTENCE = "Squirrels adore marmalade.";
const root = resolve(import.meta.dirname, "..");
const { version } = JSON.parse(readFileSync(join(root, "node_modules/gpt-tokenizer/package.json"), "utf8"));
const utf8 = new TextEncoder();

function cut(name, { encode, decode }) {
  const ids = encode(SENTENCE);
  const texts = ids.map((id) => decode([id]));
  if (texts.join("") !== SENTENCE)
    throw new Error(`${name} cuts inside a character: choose another sentence.`);
  let at = 0;
  const start = texts.map((text) => (at += utf8.encode(text).length) - utf8.encode(text).length);
  const end = texts.map((text, i) => start[i] + utf8.encode(text).length);
  return { name, ids, texts: texts.map((text) => text.replaceAll(" ", "␣")), start, end };
}

const file = join(root, "src/config/first-sentence.json");
const recorded = {
  text: SENTENCE,
  from: `gpt-tokenizer ${version}`,
  student: cut("GPT-2", gpt2),
  teacher: cut("GPT-4o", gpt4o),
};
writeFileSync(file, `${JSON.stringify(recorded, null, 2)}\n`);
