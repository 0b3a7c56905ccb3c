// properties of files of rows — plan
//   tables     any cells × separator × quotes × line ends × mark × encoding × gzip: the same rows, by name or without one
//   JSON       lines, list, columns, pretty and packed hold the same rows
//   numbers    JSON as it is written, whatever digits; equal to JSON.parse where that is exact
//   damage     any bytes: rows or a DataError
//   long       work grows with the text: pieces looked at, not seconds
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DataError, importFile, importText, kindOf } from "../../../src/data";
import { parseJson } from "../../../src/data/exact-json";
import { createLineReader } from "../../../src/data/lines";
import { createTableReader } from "../../../src/data/table";
import { fixture, gzip, SAMPLES, utf16, utf8 } from "./samples";

const SEED = 20_260_711;

/** Text that an answer may be: not blank, no bare line ends at the edges that trimming would take. */
const cell = fc
  .string({ unit: fc.constantFrom(..."ab,;|\t\"'\n é中🐻=#{[0.\u2028"), minLength: 1, maxLength: 12 })
  .filter((text) => text.trim() !== "" && !/^\uFEFF/.test(text));
const table = fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 6 });
const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

describe("tables", () => {
  test("the same rows in every dialect", async () => {
    const dialect = fc.record({
      separator: fc.constantFrom(",", ";", "\t", "|"),
      end: fc.constantFrom("\n", "\r\n", "\r"),
      always: fc.boolean(),
      said: fc.boolean(),
      lastEnd: fc.boolean(),
      encoding: fc.constantFrom("utf-8", "utf-8 mark", "utf-16le", "utf-16be"),
      packed: fc.boolean(),
      name: fc.constantFrom("a.csv", "a.tsv", "a.csv.gz", "a.CSV"),
    });
    const property = fc.asyncProperty(table, dialect, async (rows, { separator, end, always, ...how }) => {
      const write = (text: string): string =>
        always || /["\n\r]|^\s|\s$/.test(text) || text.includes(separator) ? quoted(text) : text;
      const all = [["prompt", "output"], ...rows].map((cells) => cells.map(write).join(separator));
      const text = (how.said ? `sep=${separator}${end}` : "") + all.join(end) + (how.lastEnd ? end : "");
      const plain = how.encoding.startsWith("utf-8")
        ? utf8(how.encoding === "utf-8" ? text : `\uFEFF${text}`)
        : utf16(text, how.encoding === "utf-16be");
      const seen = await importFile(new Blob([how.packed ? gzip(plain) : plain]), how.name);
      expect(seen.rows.map(({ prompt, output }) => [prompt, output])).toEqual(rows);
      expect(seen.problems).toEqual([]);
    });
    await fc.assert(property, { numRuns: 400, seed: SEED });
  });

  test("a pasted table needs no name, whatever separates its cells", () => {
    const simple = fc
      .string({ unit: fc.constantFrom(..."ab 中0?"), minLength: 1, maxLength: 9 })
      .filter((t) => t.trim() !== "");
    const property = fc.property(
      fc.array(fc.tuple(simple, simple), { minLength: 1, maxLength: 5 }),
      fc.constantFrom(",", ";", "\t", "|"),
      (rows, separator) => {
        const text = [["question", "answer"], ...rows].map((cells) => cells.join(separator)).join("\n");
        const seen = importText(text, "pasted");
        expect(seen.rows.map(({ prompt, output }) => [prompt, output])).toEqual(rows);
      },
    );
    fc.assert(property, { numRuns: 200, seed: SEED });
  });
});

describe("JSON", () => {
  const records = fc.array(fc.record({ prompt: cell, output: cell, id: fc.uuid() }), {
    minLength: 2,
    maxLength: 6,
  });

  test("lines, lists, columns, splits: the same rows", async () => {
    const property = fc.asyncProperty(records, async (rows) => {
      const want = rows.map((row) => ({ ...row }));
      const column = (name: "prompt" | "output" | "id") => rows.map((row) => row[name]);
      const forms = {
        "a.jsonl": rows.map((row) => JSON.stringify(row)).join("\n"),
        "b.jsonl": JSON.stringify(rows),
        "c.jsonl": rows.map((row) => JSON.stringify(row, null, 1)).join("\r\n"),
        "d.json": JSON.stringify(rows, null, 2),
        "e.json": JSON.stringify({ train: rows }),
        "f.json": rows.map((row) => JSON.stringify(row)).join("\n"),
        "g.json": JSON.stringify({ prompt: column("prompt"), output: column("output"), id: column("id") }),
        pasted: rows.map((row) => JSON.stringify(row)).join("\r"),
      };
      for (const [name, text] of Object.entries(forms)) {
        for (const bytes of [utf8(text), utf16(text), gzip(utf8(text))]) {
          const seen = await importFile(new Blob([bytes]), name);
          expect(seen.rows, name).toEqual(want);
        }
      }
    });
    await fc.assert(property, { numRuns: 40, seed: SEED });
  });

  test("numbers as they are written", () => {
    const digits = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n });
    fc.assert(
      fc.property(digits, fc.string(), (n, text) => {
        const json = `{"n": [${n}, ${JSON.stringify(text)}], "s": ${JSON.stringify(`\\"${n}`)}}`;
        const { n: list, s } = parseJson(json) as { n: unknown[]; s: string };
        expect(String(list[0])).toBe(String(Number(n)) === String(n) ? String(Number(n)) : String(n));
        expect(BigInt(list[0] as string)).toBe(n);
        expect([list[1], s]).toEqual([text, `\\"${n}`]);
      }),
      { numRuns: 500, seed: SEED },
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.stringify(value);
        const exact = /\d{16}|[eE]\+?\d{3}/.test(json) ? undefined : (JSON.parse(json) as unknown);
        if (exact !== undefined) expect(parseJson(json)).toEqual(exact);
        expect(() => parseJson(json)).not.toThrow();
      }),
      { numRuns: 500, seed: SEED },
    );
    expect(parseJson("[1e999, -1e400, 1e16, 0.1234567890123456, 10000000000000000]")).toEqual([
      ...["1e999", "-1e400", 1e16, 0.1234567890123456, 1e16],
    ]);
    expect(() => parseJson("[01234567890123456789]")).toThrow(SyntaxError);
  });
});

test("damaged files: rows or a DataError", async () => {
  const files = [
    ...SAMPLES.map(({ file, bytes }) => [file, bytes] as const),
    ["sums.arrow", fixture("sums.arrow")] as const,
  ];
  const change = fc.record({
    which: fc.nat(files.length - 1),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat(3),
    put: fc.uint8Array({ maxLength: 4 }),
    end: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 3 }),
  });
  let refused = 0;
  const property = fc.asyncProperty(change, async ({ which, at, cut, put, end }) => {
    const [name, bytes] = files[which]!;
    const start = Math.floor(at * bytes.length);
    const mutant = new Uint8Array([...bytes.subarray(0, start), ...put, ...bytes.subarray(start + cut)]);
    const kept = end === null ? mutant : mutant.slice(0, Math.floor(end * mutant.length));
    try {
      const { rows } = await importFile(new Blob([kept]), name);
      expect(rows.length).toBeGreaterThan(0);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      refused++;
    }
  });
  await fc.assert(property, { numRuns: 1500, seed: SEED });
  expect(refused).toBeGreaterThan(100);
});

/** Milliseconds of this process's own time, the least of three: other processes' work does not count. */
function least(work: () => void): number {
  const times = Array.from({ length: 3 }, () => {
    const since = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(since);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}

describe("a line of many megabytes", () => {
  const PIECE = 32 * 1024;
  /** In the pieces that files come in. */
  const feed = (push: (piece: string) => void, text: string): void => {
    for (let at = 0; at < text.length; at += PIECE) push(text.slice(at, at + PIECE));
  };
  test.each<[string, (text: string) => void]>([
    [
      "a line",
      (text) => {
        const reader = createLineReader(
          () => undefined,
          () => undefined,
        );
        feed((p) => reader.push(p), text);
        reader.end();
      },
    ],
    [
      "a quoted cell",
      (text) => {
        const reader = createTableReader(",", { cells: () => undefined, unclosed: () => undefined });
        feed((p) => reader.push(p), `"${text}`);
        reader.end();
      },
    ],
    [
      "a plain cell",
      (text) => {
        const reader = createTableReader(",", { cells: () => undefined, unclosed: () => undefined });
        feed((p) => reader.push(p), text);
        reader.end();
      },
    ],
    ["numbers in JSON", (text) => void parseJson(`[1234567890123456789, ${JSON.stringify(text)}]`)],
    ["the kind", (text) => void kindOf("pasted", text.slice(0, 65_536))],
  ])("%s: eight times the text takes about eight times as long", (_, read) => {
    const [small, large] = ["xy \\".repeat(2 ** 18), "xy \\".repeat(2 ** 21)];
    read(small);
    const ratio =
      least(() => read(large)) /
      Math.max(
        1,
        least(() => read(small)),
      );
    expect(ratio).toBeLessThan(32); // the square would be 64
  });

  test("a minified list of 16 MB called .jsonl, and a line of 16 MB", async () => {
    const rows = Array.from({ length: 40_000 }, (_, i) => ({
      prompt: `p${i} ${"x".repeat(360)}`,
      output: "o",
    }));
    const list = new Blob([JSON.stringify(rows)]);
    expect(list.size).toBeGreaterThan(15e6);
    expect((await importFile(list, "rows.jsonl")).rows).toHaveLength(40_000);
    const line = new Blob([`{"prompt":"${"x".repeat(16e6)}","output":"o"}\n{"prompt":"q","output":"o"}\n`]);
    const { rows: two } = await importFile(line, "rows.jsonl");
    expect(two.map(({ prompt }) => prompt.length)).toEqual([16e6, 1]);
  });
});
