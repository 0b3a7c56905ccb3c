// Files in every dialect that is read, each with the rows that its own format says it holds: written out by hand, the
// bytes made here by Node's own encoders, Parquet by pyarrow (reference/data/make_parquet.py).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Row } from "../../../src/data";

export interface Sample {
  readonly file: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of each row the fields that matter, in order. */
  readonly rows: readonly Partial<Row>[];
  /** Of notes: what they must say. */
  readonly notes?: readonly RegExp[];
  /** Of rows that drop out: where, and why. */
  readonly problems?: readonly (readonly [place: number, reason: RegExp])[];
}

export const fixture = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(join(import.meta.dirname, "../../fixtures/data", name)));
export const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
export const utf16 = (text: string, big = false, mark = true): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(Buffer.from(`${mark ? "\uFEFF" : ""}${text}`, "utf16le"));
  return big ? new Uint8Array(Buffer.from(bytes).swap16()) : bytes;
};
export const gzip = (...parts: Uint8Array[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.concat(parts.map((part) => gzipSync(part))));
export const lines = (...records: unknown[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join("");

const PAIRS = [
  { prompt: "Ten and one?", output: "11" },
  { prompt: "Café ouvert?", output: "oui; dès 8 h" },
];
const TABLE = (separator: string, end = "\n"): string =>
  ["prompt,output", "Ten and one?,11", '"Café ouvert?","oui; dès 8 h"']
    .map((line) => line.replaceAll(/,(?! )/g, separator))
    .join(end) + end;
const plain = (
  file: string,
  text: string,
  rows: Sample["rows"] = PAIRS,
  more: Partial<Sample> = {},
): Sample => ({
  ...{ file, bytes: utf8(text), rows },
  ...more,
});
const packed = (file: string, bytes: Uint8Array<ArrayBuffer>, more: Partial<Sample> = {}): Sample => ({
  ...{ file, bytes, rows: PAIRS },
  ...more,
});

const talk = (asked: string, said: string) => [
  { role: "user", content: asked },
  { role: "assistant", content: said },
];
const TALKS: Sample["rows"] = [
  { prompt: "User: Name a river.\nAssistant: ", output: "The Aare." },
  { prompt: "User: Another?\nAssistant: ", output: "The Rhine." },
];
const CHATS = [talk("Name a river.", "The Aare."), talk("Another?", "The Rhine.")];
const STEP = "Let's think step by step.\n";

export const SAMPLES: readonly Sample[] = [
  // separators
  plain("comma.csv", TABLE(",")),
  plain("semicolon.csv", TABLE(";", "\r\n"), PAIRS, { notes: [/separated by semicolons/] }),
  plain("tab.csv", TABLE("\t"), PAIRS, { notes: [/separated by tabs/] }),
  plain("bar.csv", TABLE("|"), PAIRS, { notes: [/separated by "\|"/] }),
  plain("comma.tsv", TABLE(","), PAIRS, { notes: [/separated by commas/] }),
  plain("said.csv", `sep=;\r\n${TABLE(";", "\r\n")}`, PAIRS, {
    notes: [/semicolons, as the file's first line says/],
  }),
  plain("said-odd.csv", `"sep=^"\n${TABLE("^")}`, PAIRS, { notes: [/separated by "\^"/] }),
  plain("carriage.csv", TABLE(",", "\r")),
  plain("table-without-a-name", TABLE(",")),
  plain("pasted", TABLE(";"), PAIRS, { notes: [/semicolons/] }),
  plain("spreadsheet.txt", TABLE("\t")),
  plain("words-in-cells.csv", "question;answer\na, b, c?;d\ne, f, g?;h\n", [
    { prompt: "a, b, c?", output: "d" },
    { prompt: "e, f, g?", output: "h" },
  ]),
  // byte order marks
  plain("mark.csv", `\uFEFF${TABLE(",")}`),
  plain("mark-quoted.csv", `\uFEFF"prompt","output"\n"Ten and one?","11"\n"Café ouvert?","oui; dès 8 h"\n`),
  plain("mark-inside.csv", `"\uFEFFprompt","output"\n"Ten and one?","11"\n"Café ouvert?","oui; dès 8 h"\n`),
  plain("mark-twice.csv", `\uFEFF\uFEFF${TABLE(",")}`),
  plain(
    "joined.csv",
    `\uFEFFprompt,output\nTen and one?,11\n\uFEFFprompt,output\nCafé ouvert?,oui; dès 8 h\n`,
    PAIRS,
    {
      problems: [[3, /^repeats the header$/]],
    },
  ),
  plain("joined.jsonl", `\uFEFF${lines(PAIRS[0])}\uFEFF${lines(PAIRS[1])}`),
  plain(
    "mark-in-name.jsonl",
    PAIRS.map((row) => `{"\uFEFFprompt": "${row.prompt}", "output": "${row.output}"}\n`).join(""),
  ),
  plain("mark.json", `\uFEFF${JSON.stringify(PAIRS)}`),
  plain(
    "lines-of-cells.csv",
    'sep=,\r\nprompt,output\r\n"Ten\r\nand ""one""?",11\r\n"x\ny\rz",\r\nz,w,v\r\n\r\nCafé?,oui,\r\n"open',
    [
      { id: "line 3", prompt: 'Ten\r\nand "one"?', output: "11" },
      { id: "line 10", prompt: "Café?", output: "oui" },
    ],
    {
      problems: [
        [5, /needs an "output"/],
        [8, /has 3 cells, the header 2/],
        [11, /never closed/],
      ],
    },
  ),
  // encodings
  packed("utf16.csv", utf16(TABLE(",", "\r\n")), { notes: [/UTF-16LE/] }),
  packed("utf16-big.csv", utf16(TABLE(";", "\r\n"), true), { notes: [/UTF-16BE/, /semicolons/] }),
  packed("utf16-without-mark.csv", utf16(TABLE(","), false, false), { notes: [/UTF-16LE/] }),
  packed("utf16-big-without-mark.jsonl", utf16(lines(...PAIRS), true, false), { notes: [/UTF-16BE/] }),
  packed("unicode-text.txt", utf16(TABLE("\t", "\r\n")), { notes: [/UTF-16LE/] }),
  packed("utf16.json", utf16(JSON.stringify(PAIRS))),
  // gzip
  packed("rows.jsonl.gz", gzip(utf8(lines(...PAIRS))), { notes: [/unpacked from gzip/] }),
  packed("rows.csv.gz", gzip(utf8(TABLE(";")))),
  packed("members.jsonl.gz", gzip(utf8(lines(PAIRS[0])), utf8(lines(PAIRS[1])))),
  packed("no-ending", gzip(utf16(TABLE(","))), { notes: [/gzip/, /UTF-16LE/] }),
  packed("wrong-ending.jsonl", gzip(utf8(JSON.stringify({ rows: PAIRS })))),
  // JSON
  plain("list.json", JSON.stringify(PAIRS)),
  plain("pretty.json", JSON.stringify(PAIRS, null, 2)),
  plain("pretty.jsonl", PAIRS.map((row) => JSON.stringify(row, null, 2)).join("\n")),
  plain("list.jsonl", JSON.stringify(PAIRS)),
  plain("lines.json", lines(...PAIRS)),
  plain("lines.csv", lines(...PAIRS)),
  plain("under-a-name.json", JSON.stringify({ version: "1.0", data: PAIRS })),
  plain("under-a-name.jsonl", JSON.stringify({ data: PAIRS })),
  plain(
    "columns.json",
    JSON.stringify({ prompt: PAIRS.map((r) => r.prompt), output: PAIRS.map((r) => r.output) }),
  ),
  plain(
    "pandas.json",
    '{"prompt":{"0":"Ten and one?","1":"Café ouvert?"},"output":{"0":"11","1":"oui; dès 8 h"}}',
  ),
  plain(
    "pandas-split.json",
    '{"columns":["prompt","output"],"index":[0,1],"data":[["Ten and one?","11"],["Café ouvert?","oui; dès 8 h"]]}',
  ),
  plain(
    "pandas-index.json",
    '{"0":{"prompt":"Ten and one?","output":"11"},"1":{"prompt":"Café ouvert?","output":"oui; dès 8 h"}}',
  ),
  plain("nested.json", JSON.stringify({ status: 200, response: { next: null, items: PAIRS } })),
  plain("pandas-table.json", JSON.stringify({ schema: { fields: [{ name: "prompt" }] }, data: PAIRS })),
  plain("splits.json", JSON.stringify({ test: [{ prompt: "t?", output: "u" }], train: PAIRS }), PAIRS, {
    notes: [/several lists of rows: test \(1\), train \(2\); "train" is read/],
  }),
  plain(
    "splits-of-columns.json",
    JSON.stringify({
      train: { prompt: PAIRS.map((r) => r.prompt), output: PAIRS.map((r) => r.output) },
      validation: [],
    }),
  ),
  plain(
    "viewer.json",
    JSON.stringify({
      features: [{ feature_idx: 0, name: "prompt", type: { dtype: "string", _type: "Value" } }],
      rows: [
        { row_idx: 0, row: PAIRS[0], truncated_cells: [] },
        { row_idx: 1, row: { prompt: "long", output: "cut sh" }, truncated_cells: ["output"] },
        { row_idx: 2, row: PAIRS[1], truncated_cells: [] },
      ],
      num_rows_total: 90,
    }),
    PAIRS,
    { notes: [/3 of the data set's 90 rows/], problems: [[2, /viewer cut output short/]] },
  ),
  // 64-bit numbers
  plain(
    "ids.jsonl",
    '{"id": 9007199254740992, "prompt": "a?", "output": 72057594037927937}\n{"id": 9007199254740993, "prompt": "b\\"1234567890123456789?", "output": -3}\n',
    [
      { id: "9007199254740992", prompt: "a?", output: "72057594037927937" },
      { id: "9007199254740993", prompt: 'b"1234567890123456789?', output: "-3" },
    ],
  ),
  // fields
  plain(
    "trl.jsonl",
    lines({ prompt: "Rain is", completion: " wet." }, { prompt: "Ice is", completion: " cold." }),
    [
      { prompt: "Rain is", output: " wet." },
      { prompt: "Ice is", output: " cold." },
    ],
  ),
  plain(
    "trl-conversations.jsonl",
    lines(...CHATS.map(([prompt, completion]) => ({ prompt: [prompt], completion: [completion] }))),
    TALKS,
  ),
  plain(
    "trl-mixed.jsonl",
    lines(...CHATS.map(([prompt, completion]) => ({ prompt: [prompt], completion: completion!.content }))),
    TALKS,
  ),
  plain(
    "preferences.jsonl",
    lines(...CHATS.map((chat) => ({ chosen: chat, rejected: talk("Name a river.", "No.") }))),
    TALKS,
    { notes: [/take no part: rejected/] },
  ),
  plain(
    "ultrachat.jsonl",
    lines(...CHATS.map((messages, i) => ({ prompt: messages[0]!.content, prompt_id: `p${i}`, messages }))),
    TALKS,
    { notes: [/take no part: prompt, prompt_id/] },
  ),
  plain("chats.jsonl", lines(...CHATS), TALKS),
  plain("chats.json", JSON.stringify(CHATS), TALKS),
  plain("one-chat-a-line.jsonl", lines(...CHATS.map((messages) => ({ messages }))), TALKS),
  plain(
    "messages-in-cells.csv",
    `messages\n${CHATS.map((chat) => `"${JSON.stringify(chat).replaceAll('"', '""')}"\n`).join("")}`,
    TALKS,
  ),
  plain(
    "messages-as-text.jsonl",
    lines(...CHATS.map((messages) => ({ messages: JSON.stringify(messages) }))),
    TALKS,
  ),
  plain(
    "ours-with-messages.jsonl",
    lines(
      ...CHATS.map(([user, reply]) => ({ prompt: user!.content, output: reply!.content, messages: [user] })),
    ),
    [
      { prompt: "Name a river.", output: "The Aare.", turns: [{ role: "user", content: "Name a river." }] },
      { prompt: "Another?", output: "The Rhine." },
    ],
  ),
  plain(
    "late-chains.jsonl",
    lines(...Array.from({ length: 30 }, (_, i) => ({ prompt: `p${i}`, output: "o", answer: 1 })), {
      prompt: "q",
      output: "r",
      prompt_cot: "qc",
      output_cot: "rc",
    }),
    [
      ...Array.from({ length: 30 }, (_, i) => ({ prompt: `p${i}`, output: "o", answer: "1" })),
      { prompt: "q", output: "r", promptCot: "qc", outputCot: "rc" },
    ],
  ),
  plain(
    "system-and-history.json",
    JSON.stringify([
      { instruction: "Add 1.", input: "3", output: "4", system: "Be exact.", history: [], source_file: "a" },
      { instruction: "Add 2.", input: "", output: "5", system: "", history: [["a", "b"]] },
    ]),
    [
      { prompt: "Be exact.\n\n3\n\nQuestion: Add 1.\nAnswer:\n", output: "4" },
      { prompt: "Question: a\nAnswer:\nb\n\nQuestion: Add 2.\nAnswer:\n", output: "5" },
    ],
    { notes: [/take no part: source_file/] },
  ),
  // GSM8K
  plain(
    "gsm8k.jsonl",
    lines(
      {
        question: "A car costs 90,000 and sells for 160,000. Gain?",
        answer: "160,000-90,000=<<160000-90000=70000>>70,000\n#### 70,000",
      },
      {
        question: "If the answer is wanted in grams, what is 3 kg?",
        answer: "The answer is wanted in grams, so 3*1000=<<3*1000=3000>>3000\n#### 3000",
      },
      { question: "Loss?", answer: "2-9=<<2-9=-7>>-7\r\n#### -7\n" },
      { question: "No chain?", answer: "#### 8" },
      { question: "No end?", answer: "So the answer is 8" },
    ),
    [
      {
        ...{
          prompt: "Question: A car costs 90,000 and sells for 160,000. Gain?\nAnswer:\n",
          output: "70,000",
          answer: "70,000",
        },
        promptCot: `Question: A car costs 90,000 and sells for 160,000. Gain?\n${STEP}`,
        outputCot: "160,000-90,000=70,000\nTherefore, the answer is: 70,000",
      },
      {
        outputCot: "The answer is wanted in grams, so 3*1000=3000\nTherefore, the answer is: 3000",
        output: "3000",
      },
      { output: "-7", outputCot: "2-9=-7\nTherefore, the answer is: -7" },
      { output: "8" },
    ],
    { problems: [[5, /does not end in "#### answer"/]] },
  ),
  plain(
    "chain-in-a-column.csv",
    "question,answer,rationale\nOne and one?,2,1+1=2. So the answer is 2.\nTwo and one?,3,The answer is small\n",
    [
      { promptCot: `One and one?\n${STEP}`, outputCot: "1+1=2. So the answer is 2." },
      { outputCot: "The answer is small\nTherefore, the answer is: 3" },
    ],
  ),
  // rows that drop out
  plain(
    "holes.jsonl",
    `${lines(PAIRS[0])}{"prompt": "x"}\n{broken\n[1, 2]\n${lines({ prompt: ["x"], output: "y" }, PAIRS[1])}`,
    PAIRS,
    {
      problems: [
        [2, /needs an "output"/],
        [3, /^not JSON/],
        [4, /expected a JSON object, got \[1, 2\]/],
        [5, /"prompt" must be text, got \["x"\]/],
      ],
    },
  ),
  plain("holes.json", JSON.stringify([PAIRS[0], 7, { prompt: "x", output: " " }, PAIRS[1]]), PAIRS, {
    problems: [
      [2, /^is not an object$/],
      [3, /needs an "output"/],
    ],
  }),
  plain(
    "lists.jsonl",
    lines(
      { question: "a?", answer: ["b"] },
      { question: "c?", answer: "d" },
      { question: "e?", answer: { f: 1 } },
    ),
    [{ prompt: "c?", output: "d" }],
    {
      ...{
        problems: [
          [1, /"answer" must be text, it is a list/],
          [3, /"answer" must be text, it is an object/],
        ],
      },
    },
  ),
  // Parquet
  ...["snappy", "gzip", "none", "v2"].map((how): Sample => {
    const rows = [
      { id: "9007199254740993", prompt: "What is 4 + 5?", output: "9" },
      { id: "9007199254740995", prompt: "Was heißt „Bär“?", output: "bear 🐻" },
    ];
    const file = `sums-${how}.parquet`;
    return { file, bytes: fixture(file), rows, problems: [[3, /"question" is missing or empty/]] };
  }),
  { file: "chat.parquet", bytes: fixture("chat.parquet"), rows: TALKS },
  {
    file: "chat-columns.bin",
    bytes: fixture("chat-columns.parquet"),
    rows: [
      { prompt: "User: Name a lake.\nAssistant: ", output: "Lake Thun." },
      { prompt: "User: Another?\nAssistant: ", output: "Lake Biel." },
    ],
  },
];
