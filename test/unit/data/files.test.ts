// files of rows in every dialect — plan
//   samples    each sample (samples.ts) gives its rows, notes and problems: by the importer, by the command line's door,
//              and by the Data page's worker, rows and facts alike; in any cut of its bytes
//   refused    binaries by name, encodings by name with what to do, damaged and endless archives, one row
//   pasted     tables without a name, and text that is none
//   parts      of a file with several lists one is chosen, and can be chosen
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { importReport, readDataFile } from "../../../src/cli/data-file";
import { createRng } from "../../../src/config/rng";
import { checkEnough, DataError, importFile, importText, kindOf, parseRows } from "../../../src/data";
import { pythonAsJson } from "../../../src/data/python-literal";
import { memoryStore } from "../../../src/models";
import { createDatasetImport } from "../../../src/worker/dataset-import";
import { ROWS_FILE } from "../../../src/worker/own-sources";
import type { DataEvent } from "../../../src/worker/protocol";
import { fixture, gzip, lines, SAMPLES, utf16, utf8 } from "./samples";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "couplet-files-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const onDisk = (name: string, bytes: Uint8Array | string): string => {
  writeFileSync(join(dir, name), bytes);
  return join(dir, name);
};

/** What the Data page's worker says of a file, and the rows that it keeps for a run. */
async function throughPage(bytes: Uint8Array<ArrayBuffer>, name: string) {
  const events: DataEvent[] = [];
  const store = memoryStore();
  const folder = () => Promise.reject(new Error("no models here"));
  const dataset = createDatasetImport((event) => events.push(event), { store, folder, now: () => 0 });
  await dataset.handle({ type: "read", file: new Blob([bytes]), name });
  const facts = events.find((event) => event.type === "rows")?.facts;
  await dataset.handle({ type: "keep" });
  const key = events.find((event) => event.type === "kept")?.key;
  const kept = key === undefined ? undefined : await store.open(key, ROWS_FILE);
  return { events, facts, kept: kept && parseRows(await kept.text(), name) };
}

describe.each(SAMPLES.map((sample) => [sample.file, sample] as const))("%s", (file, sample) => {
  test("rows, notes and what drops out", async () => {
    const seen = await importFile(new Blob([sample.bytes]), file);
    expect(seen.rows).toMatchObject(sample.rows);
    for (const wanted of sample.notes ?? []) expect(seen.notes.join("\n")).toMatch(wanted);
    expect(seen.problems.map(({ line }) => line)).toEqual((sample.problems ?? []).map(([at]) => at));
    for (const [i, [, reason]] of (sample.problems ?? []).entries())
      expect(seen.problems[i]!.reason).toMatch(reason);
    const dropped = Object.values(seen.dropped).reduce((sum, n) => sum + n, 0);
    expect(dropped).toBe(sample.problems?.length ?? 0);
  });

  test("the page and the command line read the same", async () => {
    const told: string[] = [];
    const { rows } = await readDataFile(onDisk(file, sample.bytes), (line) => told.push(line));
    const { facts, kept } = await throughPage(sample.bytes, file);
    expect(facts).toMatchObject({ name: file, rows: rows.length });
    expect(facts!.notes.every((note) => told.includes(`data: ${note}`))).toBe(true);
    const skipped = Object.values(facts!.dropped).reduce((sum, n) => sum + n, 0);
    expect(told.some((line) => line.includes(`${skipped} row`) && line.includes("skipped"))).toBe(
      skipped > 0,
    );
    for (const { line, reason } of facts!.problems.slice(0, 1))
      expect(told.join("\n")).toContain(`${reason} (${facts!.places} ${line}`);
    if (rows.length > 1) expect(kept).toEqual(rows);
    else expect(kept).toBeUndefined(); // a run needs two
  });

  test("in any cut of its bytes", async () => {
    const { rows, problems, notes } = await importFile(new Blob([sample.bytes]), file);
    for (const most of [1, 7, 100]) {
      const seen = await importFile(inPieces(sample.bytes, most), file);
      expect({ ...seen, mapping: 0 }).toMatchObject({ rows, problems, notes });
    }
  });
});

/** A file that is read in pieces of random lengths. */
function inPieces(bytes: Uint8Array<ArrayBuffer>, most: number): Blob {
  const rng = createRng(most);
  const blob = new Blob([bytes]);
  blob.stream = () =>
    new ReadableStream({
      start(controller) {
        for (let at = 0; at < bytes.length;) {
          const size = 1 + rng.int(most);
          controller.enqueue(bytes.slice(at, at + size));
          at += size;
        }
        controller.close();
      },
    });
  return blob;
}

const bytes = (...values: (number | string)[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    values.flatMap((v) => (typeof v === "string" ? Array.from(v, (c) => c.charCodeAt(0)) : [v])),
  );
const latin1 = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, "latin1"));
const packed = gzip(utf8(lines({ prompt: "a", output: "b" }).repeat(4000)));

test.each<[string, Uint8Array<ArrayBuffer>, RegExp]>([
  [
    "rows.arrow",
    fixture("sums.arrow"),
    /rows\.arrow is an Arrow \(Feather\) file, which is not read; save its rows/,
  ],
  [
    "rows.parquet",
    fixture("sums-zstd.parquet"),
    /Parquet packed with ZSTD, which is not read; write it with compression="snappy"/,
  ],
  [
    "cut.parquet",
    fixture("sums-none.parquet").slice(0, 900),
    /cut\.parquet begins as a Parquet file, but cannot be read/,
  ],
  [
    "rows.xlsx",
    bytes("PK", 3, 4, "....................xl/workbook.xml"),
    /rows\.xlsx is an Excel file.*save it as CSV UTF-8/,
  ],
  ["rows.zip", bytes("PK", 3, 4, "...................rows.csv"), /rows\.zip is a ZIP archive.*unpack/],
  ["rows.xls", bytes(0xd0, 0xcf, 0x11, 0xe0, 0xa1), /Excel \(\.xls\).*CSV UTF-8/],
  ["rows.jsonl.zst", bytes(0x28, 0xb5, 0x2f, 0xfd, 0), /Zstandard.*gzip/],
  ["rows.jsonl.bz2", bytes("BZh9"), /bzip2.*gzip/],
  ["rows.db", bytes("SQLite format 3", 0), /an SQLite database/],
  ["rows.pkl", bytes(0x80, 4, 0x95, 1), /a Python pickle/],
  [
    "rows.jsonl",
    utf8("version https://git-lfs.github.com/spec/v1\noid sha256:1\n"),
    /Git LFS pointer.*git lfs pull/,
  ],
  ["rows.npy", bytes(0x93, "NUMPY"), /a NumPy array/],
  [
    "noise.csv",
    new Uint8Array(Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 167 + (i >> 3)) % 256))),
    /no text file that is known/,
  ],
  [
    "rows.csv",
    latin1("prompt,output\nTen?,10\nCaf\xe9 ouvert?,oui\n"),
    /not UTF-8 text: byte 0xE9 at 25, in line 3.*reads ".*Café ouvert\?,oui.*Save it as UTF-8.*iconv/,
  ],
  [
    "far.csv",
    latin1(`prompt,output\n${"Ten?,10\n".repeat(9000)}na\xefve?,oui\n`),
    /byte 0xEF at 72016, in line 9002.*naïve/,
  ],
  ["end.csv", latin1("prompt,output\nTen?,10\nCaf\xc3"), /ends in the middle of a character: it was cut off/],
  ["utf32.csv", bytes(0xff, 0xfe, 0, 0, "p", 0, 0, 0), /UTF-32.*UTF-8/],
  ["odd.csv", utf16("prompt,output\na,b").slice(0, -1), /begins as UTF-16LE and does not go on so/],
  ["twice.gz", gzip(gzip(utf8("a"))), /packed with gzip and holds packed twice|packed twice/],
  ["inside.gz", gzip(fixture("sums-none.parquet")), /packed with gzip and holds .*unpack it first/],
  [
    "tar.gz",
    gzip(bytes(..."x".repeat(257), "ustar", ..."x".repeat(250))),
    /packed with gzip and holds a tar archive/,
  ],
  ["cut.jsonl.gz", packed.slice(0, -20), /packed with gzip, and is damaged, cut off/],
  ["short.jsonl.gz", packed.slice(0, -3), /checksum/],
  ["tail.jsonl.gz", new Uint8Array([...packed, 1, 2, 3, 4, 5, 6, 7, 8]), /followed by something else/],
  ["flipped.jsonl.gz", flipped(packed), /gzip, and is damaged/],
])("%s is refused by name", async (name, content, message) => {
  const read = importFile(new Blob([content]), name);
  await expect(read).rejects.toThrow(DataError);
  await expect(importFile(new Blob([content]), name)).rejects.toThrow(message);
  await expect(readDataFile(onDisk(name, content), () => undefined)).rejects.toThrow(message);
  const { events } = await throughPage(content, name);
  expect(events.find((event) => event.type === "failed")?.failure.why).toMatch(message);
});

/** One stored bit of the checksum changed. */
function flipped(file: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const copy = file.slice();
  copy[copy.length - 7]! ^= 4;
  return copy;
}

test("what unpacks without end is refused before it is unpacked", async () => {
  const bomb = new Uint8Array(gzipSync(Buffer.alloc(200e6, " "), { level: 9 }));
  expect(bomb.length).toBeLessThan(400e3);
  const before = process.memoryUsage().rss;
  await expect(importFile(new Blob([bomb]), "a.jsonl.gz")).rejects.toThrow(
    /unpacks to more than 500 times its size/,
  );
  expect(process.memoryUsage().rss - before).toBeLessThan(150e6);
  const rows = gzip(
    utf8(lines(...Array.from({ length: 5000 }, (_, i) => ({ prompt: `p${i}`, output: "b" })))),
  );
  await expect(importFile(new Blob([rows]), "a.jsonl.gz", { mostUnpacked: 1e5 })).rejects.toThrow(
    /more than 0 MB/,
  );
  expect((await importFile(new Blob([rows]), "a.jsonl.gz")).rows).toHaveLength(5000);
});

test("one row, none, and other things that are no data", async () => {
  const one = lines({ prompt: "a", output: "b" });
  expect((await importFile(new Blob([one]), "one.jsonl")).notes.join()).toMatch(/a run needs two rows/);
  expect(() => checkEnough(importText(one, "one.jsonl").rows, "one.jsonl")).toThrow(
    "one.jsonl holds one usable row; a run needs two, one to train on and one that is held out. Add rows.",
  );
  expect(
    (await throughPage(utf8(one), "one.jsonl")).events.findLast(({ type }) => type === "failed"),
  ).toMatchObject({
    ...{
      command: "keep",
      failure: { why: expect.stringMatching(/one usable row; a run needs two/) as string },
    },
  });
  const chat = JSON.stringify({
    messages: [
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Ho" },
    ],
  });
  expect(importText(chat, "one.json").rows).toMatchObject([{ output: "Ho" }]);
  for (const name of ["one.json", "one.jsonl", "pasted"]) {
    const row = { prompt: "a", output: "b", tags: [{ name: "x" }] };
    expect(importText(JSON.stringify(row, null, 1), name).rows).toMatchObject([{ prompt: "a", output: "b" }]);
    const called = {
      ...(JSON.parse(chat) as object),
      tools: [{ type: "function", function: { name: "f" } }],
    };
    expect(importText(JSON.stringify(called), name).rows).toMatchObject([{ output: "Ho" }]);
  }
  const read = (source: string) => readDataFile(source, () => undefined);
  await expect(read(dir)).rejects.toThrow(/is a folder; name a file in it/);
  await expect(read("/dev/zero")).rejects.toThrow(/no regular file/);
  await expect(read(join(dir, "nothing.csv"))).rejects.toThrow(/no file ".*nothing\.csv"/);
  symlinkSync(join(dir, "gone"), join(dir, "link"));
  await expect(read(join(dir, "link"))).rejects.toThrow(/no file/);
  await expect(read(onDisk("accounts", "root:x:0:0:root:/root:/bin/sh\n"))).rejects.toThrow(
    /accounts, read as plain text, holds no usable rows; the first problem, in line 1: a paragraph needs a second line/,
  );
  const broken = `messages\n"[{'role': 'user', 'content': 'Hi"\n`;
  expect(() => importText(broken, "x.csv")).toThrow(/"messages" holds text that is no JSON list of messages/);
});

describe("messages as Python prints them", () => {
  // Printed by Python 3.11 and NumPy 2.4 from the values that are expected of them.
  const REPR = String.raw`[{'role': 'user', 'content': 'It\'s "so"\n\tétrange \\ \x07 \u2028 🐻, isn\'t it?'}, {'role': 'assistant', 'content': 'He said "no"', 'weight': None, 'ok': True, 'n': -1.5e-07, 't': (1,)}]`;
  const ITEMS = `{'content': "Name a river's end.", 'role': 'user'}SEPARATOR {'content': 'The sea.', 'role': 'assistant'}`;
  const cell = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const rowOf = (text: string) => importText(`id,messages\n7,${cell(text)}\n`, "x.csv").rows[0];

  test.each([
    ["a list", REPR, "It's \"so\"\n\tétrange \\ \u0007 \u2028 🐻, isn't it?", 'He said "no"'],
    ["an array, printed", `[${ITEMS.replace("SEPARATOR", "\n")}]`, "Name a river's end.", "The sea."],
    [
      "an array, represented",
      `array([${ITEMS.replace("SEPARATOR", ",\n      ")}], dtype=object)`,
      ...["Name a river's end.", "The sea."],
    ],
    [
      "JSON in JSON",
      JSON.stringify(
        JSON.stringify([
          { role: "user", content: "a" },
          { role: "assistant", content: "b" },
        ]),
      ),
      "a",
      "b",
    ],
  ])("%s", (_, text, asked, said) => {
    expect(rowOf(text)).toMatchObject({ id: "7", output: said, turns: [{ role: "user", content: asked }] });
  });

  test("any damage: JSON text or none, never a hang", () => {
    const rng = createRng(5);
    for (let i = 0; i < 3000; i++) {
      const at = rng.int(REPR.length);
      const text = REPR.slice(0, at) + "'\"\\[({x,1:array("[rng.int(16)] + REPR.slice(at + rng.int(3));
      const json = pythonAsJson(text);
      expect(json === undefined || typeof json === "string").toBe(true);
    }
    const deep = "[".repeat(1e5);
    expect(pythonAsJson(deep)).toBe(deep);
    expect(pythonAsJson("'".repeat(99_999))).toBeUndefined();
    expect(pythonAsJson(" ".repeat(1e6))).toBe("");
  });
});

test("a table needs no name, and text is not taken for one", () => {
  expect(kindOf("pasted", "prompt,output\nWhat is 2+2?,4\nWhat is 3+3?,6")).toBe("csv");
  expect(kindOf("pasted", "frage;antwort\nWas, bitte?;vier\nWas?;fünf\n")).toBe("csv");
  expect(kindOf("pasted", "question\tanswer\na?\tb\n")).toBe("tsv");
  expect(kindOf("pasted", "messages\n[]\n")).toBe("csv");
  for (const text of [
    "Hello, friend\nHi, you\n",
    "What, then?\nThis, that.\n\nWho?\nMe.",
    "frage\tantwort\nWas?\tvier\n", // pairs, as ever
    "One line, two cells",
    "a,b\nc\n",
  ])
    expect(kindOf("pasted", text)).toBe("txt");
});

test("of several lists the one that is named, or all", async () => {
  const file = JSON.stringify({
    train: [
      { prompt: "a", output: "1" },
      { prompt: "b", output: "2" },
    ],
    test: [{ prompt: "c", output: "3" }],
    about: "three rows",
  });
  const prompts = (part?: string) => importText(file, "x.json", { part }).rows.map(({ prompt }) => prompt);
  expect([prompts(), prompts("test"), prompts("all")]).toEqual([["a", "b"], ["c"], ["a", "b", "c"]]);
  expect(() => prompts("dev")).toThrow(/x\.json: there is no part "dev" in the file; there are train, test/);
  const path = onDisk("x.json", file);
  const told: string[] = [];
  expect((await readDataFile(`${path}#all`, (line) => told.push(line))).rows).toHaveLength(3);
  expect(told.join("\n")).toMatch(/train \(2\), test \(1\); all of them are read/);
  const { facts } = await throughPage(utf8(file), "x.json");
  expect(facts!.parts).toEqual({
    all: [
      { name: "train", rows: 2 },
      { name: "test", rows: 1 },
    ],
    chosen: "train",
  });
});

test("the report names reasons once, with the first place and how many", () => {
  const text = lines({ prompt: "a", output: "b" }) + "{\n".repeat(3) + lines({ prompt: "c" });
  const report = importReport("x.jsonl", importText(text, "x.jsonl")).join("\n");
  expect(report).toMatch(/^data: 1 row of x\.jsonl, read as JSON lines, from "prompt" and "output"$/m);
  expect(report).toMatch(/^data: 4 rows of x\.jsonl skipped:$/m);
  expect(report).toMatch(/^ {2}3 × not JSON \(.*\) \(line 2 and others\)$/m);
  expect(report).toMatch(/^ {2}1 × needs an "output" .* \(line 5\)$/m);
});
