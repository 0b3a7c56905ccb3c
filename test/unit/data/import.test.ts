// data in the formats in use — plan
//   kinds      JSON lines, JSON lists and objects with one, CSV with quotes, TSV, text; told by name and by content
//   chunks     any cut of a file gives the same rows
//   formats    ours, the authors' four fields, Alpaca, Dolly, GSM8K, chat in both spellings, other columns by likeness
//   problems   a bad line drops out with its reason and the rest is read; nothing usable, no prompt, not UTF-8 are errors
//   large      100,000 rows are read in slices: other work goes on between
//   split      by seed; rows that ask the same stay together
//   preview    both tokenizations, lengths, cut rows, reasons
import { expect, test } from "vitest";
import { createRng } from "../../../src/config/rng";
import {
  createRowImporter,
  DataError,
  importFile,
  importText,
  kindOf,
  previewRows,
  type Row,
  splitRows,
} from "../../../src/data";
import { letters, pairs } from "./words";

const jsonl = (...records: object[]) => records.map((record) => JSON.stringify(record)).join("\n");

test.each([
  ["a.jsonl", "", "jsonl"],
  ["a.json", '{"a": 1}\n{"a": 2}', "jsonl"],
  ["a.json", '[{"a": 1}]', "json"],
  ["a.json", '{"data": [{"a": 1}]}', "json"],
  ["a.CSV", "", "csv"],
  ["a.tsv", "", "tsv"],
  ["pasted", ' {"a": 1}', "jsonl"],
  ["pasted", "[1]", "json"],
  ["notes.txt", "What is it?", "txt"],
])("%s beginning with %j is %s", (name, head, kind) => {
  expect(kindOf(name, head)).toBe(kind);
});

const PLAIN = { prompt: "Question: What is up?\nAnswer:\n", output: "the sky" };
const FORMATS: [string, string, string, Partial<Row>][] = [
  [
    "ours",
    "x.jsonl",
    jsonl({ id: "a", prompt: "Q", output: "A", prompt_cot: "Qc", output_cot: "Ac" }),
    {
      ...{ id: "a", prompt: "Q", output: "A", promptCot: "Qc", outputCot: "Ac" },
    },
  ],
  [
    "the authors'",
    "x.jsonl",
    jsonl({ prompt: "Qc", output: "Ac", prompt_raw: "Q", output_raw: "A" }),
    {
      ...{ prompt: "Q", output: "A", promptCot: "Qc", outputCot: "Ac" },
    },
  ],
  ["alpaca", "x.json", JSON.stringify([{ instruction: "What is up?", input: "", output: "the sky" }]), PLAIN],
  [
    "dolly",
    "x.jsonl",
    jsonl({ instruction: "What is up?", context: "A note.", response: "the sky", category: "qa" }),
    {
      ...{ prompt: `A note.\n\n${PLAIN.prompt}`, output: "the sky", family: "qa" },
    },
  ],
  [
    "gsm8k",
    "x.jsonl",
    jsonl({ question: "How many?", answer: "2 and 3 make <<2+3=5>>5.\n#### 5" }),
    {
      ...{ prompt: "Question: How many?\nAnswer:\n", output: "5", answer: "5" },
      outputCot: "2 and 3 make 5.\nTherefore, the answer is: 5",
    },
  ],
  [
    "chat",
    "x.jsonl",
    jsonl({
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Up?" },
        { role: "assistant", content: "Sky." },
      ],
    }),
    { prompt: "System: Be brief.\nUser: Up?\nAssistant: ", output: "Sky." },
  ],
  [
    "sharegpt",
    "x.json",
    JSON.stringify({
      rows: [
        {
          conversations: [
            { from: "human", value: "Up?" },
            { from: "gpt", value: "Sky." },
          ],
        },
      ],
    }),
    {
      ...{ prompt: "User: Up?\nAssistant: ", output: "Sky." },
    },
  ],
  [
    "csv",
    "x.csv",
    'Question,Answer,reasoning\r\n"Say ""a, b""\nnow",7,because\r\n',
    {
      ...{ prompt: 'Say "a, b"\nnow', output: "7", outputCot: "because\nTherefore, the answer is: 7" },
    },
  ],
  ["tsv", "x.tsv", "input\ttarget\na, b\tc\n", { prompt: "a, b", output: "c" }],
  ["tabbed text", "x.txt", "What?\tThis.\n", { prompt: "What?", output: "This." }],
  [
    "paragraphs",
    "x.txt",
    "What?\nThis\nand that.\n\nWho?\nMe.",
    { prompt: "What?\n", output: "This\nand that." },
  ],
];

test.each(FORMATS)("%s", (_, name, text, want) => {
  const { rows, dropped } = importText(`\uFEFF${text}`, name);
  expect(rows[0]).toMatchObject(want);
  expect(dropped).toEqual({});
});

test.each(FORMATS)("%s, in any cut", (_, name, text) => {
  const whole = importText(text, name).rows;
  const rng = createRng(3);
  for (let round = 0; round < 40; round++) {
    const importer = createRowImporter(name, { kind: kindOf(name, text) });
    for (let at = 0; at < text.length;) {
      const size = round === 0 ? 1 : 1 + rng.int(12);
      importer.push(text.slice(at, at + size));
      at += size;
    }
    expect(importer.end().rows).toEqual(whole);
  }
});

test("a quote after spaces opens a cell, wherever the file is cut; other spaces are the cell's own", () => {
  const text = 'prompt, output\na,   "b, ""c"""\n  "d\ne", f\n g"h, i "j"\n';
  const want = [
    ["a", 'b, "c"'],
    ["d\ne", " f"],
    [' g"h', ' i "j"'],
  ];
  for (let size = 1; size <= text.length; size++) {
    const importer = createRowImporter("x.csv", { kind: "csv" });
    for (let at = 0; at < text.length; at += size) importer.push(text.slice(at, at + size));
    const { rows, problems } = importer.end();
    expect(problems).toEqual([]);
    expect(rows.map(({ prompt, output }) => [prompt, output])).toEqual(want);
  }
});

test("a bad line drops out with its reason, and the rest is read", () => {
  const text = `${jsonl({ prompt: "a", output: "b" })}\n{nope\n[1]\n${jsonl({ prompt: "a" }, { prompt: "c", output: "d" })}`;
  const { rows, problems, dropped } = importText(text, "x.jsonl");
  expect(rows.map(({ prompt }) => prompt)).toEqual(["a", "c"]);
  expect(problems.map(({ line }) => line)).toEqual([2, 3, 4]);
  expect(problems[0]!.reason).toMatch(/^not JSON/);
  expect(Object.values(dropped).reduce((a, b) => a + b, 0)).toBe(3);
  const table = importText('prompt,output\na,b\nc,d,e\nf,"g\n', "x.csv");
  expect(table.problems.map(({ reason }) => reason)).toEqual([
    "has 3 cells, the header 2; cells are separated by commas: quote those that hold one",
    "a quoted cell is never closed; what follows (1 more line breaks) was taken for its text",
  ]);
  expect(
    importText(
      jsonl({ id: 1, prompt: "a", output: "b" }, { id: 1, prompt: "c", output: "d" }),
      "x.jsonl",
    ).rows.map(({ id }) => id),
  ).toEqual(["1", "1 (2)"]);
});

test.each([
  ["nothing", "", "x.jsonl", /holds no usable rows; it is empty/],
  ["no row", '{"prompt": "a"}', "x.jsonl", /no usable rows.*line 1|no column looks like an output/],
  [
    "no prompt",
    '{"a": "b", "c": "d"}',
    "x.jsonl",
    /no column looks like a prompt; there are a, c\. Say which/,
  ],
  ["no JSON", "[nope", "x.json", /the file is not JSON/],
  ["no list", '{"a": 1}', "x.json", /expected a JSON list/],
])("refused: %s", (_, text, name, message) => {
  expect(() => importText(text, name)).toThrow(DataError);
  expect(() => importText(text, name)).toThrow(message);
});

test("a column can be mapped by hand", () => {
  const text = jsonl({ a: "ask", b: "say" });
  const mapping = { format: "columns", prompt: "a", output: "b" } as const;
  expect(importText(text, "x.jsonl", { mapping }).rows[0]).toMatchObject({ prompt: "ask", output: "say" });
});

test("100,000 rows are read in slices; other work goes on between, and an abort ends it", async () => {
  const lines = Array.from(
    { length: 100_000 },
    (_, i) => `{"prompt":"Question ${i}: é?","output":"${i % 97}"}\n`,
  );
  const file = new Blob(lines);
  let beats = 0;
  const timer = setInterval(() => beats++, 1);
  const seen: number[] = [];
  const { rows } = await importFile(file, "x.jsonl", { onProgress: (_, __, count) => seen.push(count) });
  clearInterval(timer);
  expect(rows).toHaveLength(100_000);
  expect(rows[99_999]).toMatchObject({ prompt: "Question 99999: é?", output: "89" });
  expect(beats).toBeGreaterThan(5);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  await expect(
    importFile(file, "x.jsonl", { signal: AbortSignal.abort(new Error("stopped")) }),
  ).rejects.toThrow("stopped");
  await expect(importFile(new Blob([Uint8Array.of(0x61, 0xe9, 0x62)]), "x.txt")).rejects.toThrow(
    /is not UTF-8/,
  );
});

test("the split is by seed, and keeps rows together that ask the same", () => {
  const rows: Row[] = Array.from({ length: 2000 }, (_, i) => ({
    id: `${i}`,
    prompt: `q${i % 500}`,
    output: "a",
  }));
  const { train, heldOut } = splitRows(rows, 7);
  expect(train.length + heldOut.length).toBe(2000);
  expect(heldOut.length / 2000).toBeGreaterThan(0.06);
  expect(heldOut.length / 2000).toBeLessThan(0.14);
  const asked = new Set(heldOut.map(({ prompt }) => prompt));
  expect(train.some(({ prompt }) => asked.has(prompt))).toBe(false);
  expect(splitRows(rows, 7)).toEqual({ train, heldOut });
  expect(splitRows(rows, 8).heldOut).not.toEqual(heldOut);
});

test("a preview in both tokenizations", async () => {
  const rows: Row[] = [
    { id: "a", prompt: "one two", output: "three" },
    { id: "b", prompt: "one", output: "two three four five six seven" },
    { id: "c", prompt: "one two three four five six seven eight", output: "x" },
    { id: "d", prompt: "", output: "x" },
  ];
  const limits = { student: { maxLength: 20, maxPrompt: 15 }, teacher: { maxLength: 60, maxPrompt: 50 } };
  const preview = await previewRows(rows, "plain", letters, pairs, limits);
  expect(preview).toMatchObject({ rows: 4, usable: 3, truncated: 2 });
  expect(Object.values(preview.dropped)).toEqual([1]);
  expect(preview.student).toMatchObject({ longest: 20, median: 17 });
  expect(preview.teacher.longest).toBe(22);
  expect(preview.samples[0]!.student.prompt.length).toBeGreaterThan(0);
  const none = await previewRows(rows.slice(3), "plain", letters, pairs, limits);
  expect(none).toMatchObject({ usable: 0, rows: 1 });
});
