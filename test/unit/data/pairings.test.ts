// how methods pair tokens, on the screen as in training — plan
//   by hand     ties of MinED's path step back in the teacher first, as training's
//   training    random lines over small vocabularies: the screen's chunks are those that GOLD and ALM train on, MinED's path
//               is the one that training takes its targets from, positions are ULD's (checked against the objectives)
//   the path    goes from end to end by single steps, and none is cheaper (every path of small lines is tried)
//   a run       on bundled rows the Transport screen's pairings are those of the prepared batch
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { createRng } from "../../../src/config/rng";
import {
  makePairBatch,
  makeSideBatch,
  parseRows,
  prepareDataset,
  tokenPairings,
  type TokenTable,
  type TokenTables,
  tokenTables,
  type ViewBatch,
} from "../../../src/data";
import { loadTokenizer } from "../../../src/models";
import { folderFiles } from "../../../src/models/files/node-files";
import { batchChunks } from "../../../src/objectives/align/chunks";
import { alignMined } from "../../../src/objectives/align/mined";
import { pairedRows } from "../../../src/objectives/uld";
import { NO_ROW } from "../../../src/student";
import { createTextReader } from "../../../src/worker/text-reader";
import type { ReaderEvent } from "../../../src/worker/protocol";

const table = (texts: readonly string[]): TokenTable => ({
  ...{ size: texts.length, space: "Ġ", raw: (id) => texts[id]! },
  bytes: (id) => new TextEncoder().encode(texts[id]!.replaceAll("Ġ", " ")),
});

test("ties step back in the teacher first", () => {
  const tables = { student: table(["a"]), teacher: table(["a"]) };
  expect(tokenPairings([0, 0], [0, 0, 0], tables).path).toEqual([
    [0, 0],
    [0, 1],
    [1, 2],
  ]);
  expect(tokenPairings([0, 0, 0], [0, 0], tables).path).toEqual([
    [0, 0],
    [1, 0],
    [2, 1],
  ]);
});

const LEFT = ["a", "b", "ab", "Ġa", "Ġb", "ba", "Ġab"];
const RIGHT = ["a", "b", "aa", "Ġa", "bĠ", "ab", "abĠa"];

function lines(rng: ReturnType<typeof createRng>) {
  const draw = (vocabulary: readonly string[]) =>
    Array.from({ length: 1 + rng.int(7) }, () => rng.int(vocabulary.length));
  return { student: draw(LEFT), teacher: draw(RIGHT) };
}

const view = (student: readonly number[], teacher: readonly number[]): ViewBatch => {
  const side = (tokens: readonly number[]) => {
    const all = Int32Array.from([tokens[0]!, ...tokens]);
    return makeSideBatch([{ ids: all, promptLength: 1, truncated: false }], 0);
  };
  return { student: side(student), teacher: side(teacher) };
};

describe("training's", () => {
  const tables: TokenTables = { student: table(LEFT), teacher: table(RIGHT) };
  test("chunks and positions", () => {
    const rng = createRng(7);
    let many = 0;
    for (let trial = 0; trial < 300; trial++) {
      const { student, teacher } = lines(rng);
      const { chunks, positions } = tokenPairings(student, teacher, tables);
      const trained = batchChunks(view(student, teacher), tables);
      expect(trained.map(({ student: s, teacher: t }) => ({ student: s, teacher: t }))).toEqual(chunks);
      const [rows] = pairedRows({ ...view(student, teacher), rowIndices: [0] }, 10);
      expect(rows.filter((row) => row !== NO_ROW)).toHaveLength(positions);
      if (chunks.length > 1) many++;
    }
    expect(many).toBeGreaterThan(15);
  });

  test("MinED's targets", () => {
    const rng = createRng(9);
    let taken = 0;
    for (let trial = 0; trial < 500; trial++) {
      const { student, teacher } = lines(rng);
      const { path } = tokenPairings(student, teacher, tables);
      // Training reads the tokens before those that it predicts.
      const inputs: ViewBatch = view([...student, 0], [...teacher, 0]);
      const shifted = {
        student: { ...inputs.student, ids: Int32Array.from([...student, 0]) },
        teacher: { ...inputs.teacher, ids: Int32Array.from([...teacher, 0]) },
      };
      const whole = tokenPairings([...student, 0], [...teacher, 0], tables).path;
      const { source } = alignMined(shifted, tables, "bytes", LEFT.length);
      source.forEach((row, j) => {
        const partners = whole.filter(([student]) => student === j).map(([, teacher]) => teacher);
        const only = partners.length === 1 ? partners[0] : undefined;
        const same = only !== undefined && RIGHT[[...teacher, 0][only]!] === LEFT[[...student, 0][j]!];
        if (same) expect(row).toBe(only);
        if (row !== NO_ROW) {
          expect(row).toBe(only);
          taken++;
        }
      });
      expect(path[0]).toEqual([0, 0]);
      expect(path.at(-1)).toEqual([student.length - 1, teacher.length - 1]);
    }
    expect(taken).toBeGreaterThan(500);
  });
});

/** Levenshtein by its recursion. */
function distance(a: string, b: string): number {
  if (a === "" || b === "") return a.length + b.length;
  const rest = distance(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1);
  return Math.min(rest, distance(a.slice(1), b) + 1, distance(a, b.slice(1)) + 1);
}

test("no path is cheaper", () => {
  const rng = createRng(11);
  const tables: TokenTables = { student: table(LEFT), teacher: table(RIGHT) };
  for (let trial = 0; trial < 60; trial++) {
    const { student, teacher } = lines(rng);
    const plain = (text: string) => text.replaceAll("Ġ", "");
    const cost = (i: number, j: number) => distance(plain(LEFT[student[i]!]!), plain(RIGHT[teacher[j]!]!));
    const cheapest = (i: number, j: number): number => {
      if (i === 0 && j === 0) return cost(0, 0);
      const before = [
        ...(i > 0 && j > 0 ? [cheapest(i - 1, j - 1)] : []),
        ...(i > 0 ? [cheapest(i - 1, j)] : []),
        ...(j > 0 ? [cheapest(i, j - 1)] : []),
      ];
      return cost(i, j) + Math.min(...before);
    };
    const { path } = tokenPairings(student, teacher, tables);
    expect(path.reduce((sum, [i, j]) => sum + cost(i, j), 0)).toBe(
      cheapest(student.length - 1, teacher.length - 1),
    );
    path.slice(1).forEach(([i, j], k) => {
      const [a, b] = [i - path[k]![0], j - path[k]![1]];
      expect([a + b > 0, a <= 1, b <= 1]).toEqual([true, true, true]);
    });
  }
});

test("the Transport screen's pairings are those of the run", async () => {
  const bundled = (id: string) =>
    loadTokenizer(folderFiles(id, fileURLToPath(new URL(`../../../public/models/${id}`, import.meta.url))));
  const [student, teacher] = [await bundled("couplet-student"), await bundled("couplet-teacher")];
  const file = new URL("../../../public/data/reasoning-heldout.jsonl", import.meta.url);
  const rows = parseRows(readFileSync(file, "utf8"), "heldout").slice(0, 5);
  const limits = { maxLength: 512, maxPrompt: 256 };
  const { usable } = prepareDataset(rows, "cot", student, teacher, { student: limits, teacher: limits });
  const tables = tokenTables(student, teacher);
  const missing = () => Promise.reject(new Error("bytes need no models"));
  for (const prepared of usable) {
    const batch = makePairBatch([prepared], { student: student.padId, teacher: teacher.padId });
    const trained = batchChunks(batch, tables).map((chunk) => ({
      student: chunk.student,
      teacher: chunk.teacher,
    }));
    const events: ReaderEvent[] = [];
    const reader = createTextReader(
      { tokenizers: async () => ({ student, teacher }), models: missing, heldOut: missing, train: missing },
      (event) => events.push(event),
    );
    const text = { prompt: prepared.row.promptCot!, response: prepared.row.outputCot! };
    const models = { student: "couplet-student", teacher: "couplet-teacher" };
    await reader.read({
      type: "read",
      id: 1,
      student: text,
      teacher: text,
      features: "bytes",
      models,
      projector: "random",
    });
    const tokens = events.find((event) => event.type === "tokens")!;
    expect(tokens.pairings.chunks).toEqual(trained);
    expect(trained.length).toBeGreaterThan(5);
  }
});
