// edit distance, nearest token, vocabulary map, warping — plan
//   edit distance   the bit-parallel form equals the textbook table × lengths 0 to 40 (past a machine word), characters
//                   beyond the basic plane count once
//   nearest         equals a scan of every token, the first by id among equals; long, empty and foreign texts
//   map             the space mark is the other's; the same text beats a near one; abort rejects, progress ends at the end
//   inverse         the first teacher token that maps to a student token, NO_TOKEN for others
//   files           round trip; a map of another pair, of another length, with a foreign id, and broken JSON are refused
//   store           a large pair's map is built once; a damaged or foreign entry is replaced; a store that fails costs a
//                   rebuild; a small pair's is not stored
//   warping         equals a search of all monotone paths in cost; ties prefer the diagonal, then up
import { describe, expect, test } from "vitest";
import { createRng } from "../../../src/config/rng";
import {
  buildVocabularyMap,
  buildVocabularyMapNow,
  inverseMap,
  type MapStore,
  NO_TOKEN,
  parseVocabularyMap,
  storedVocabularyMap,
  type TokenTable,
  vocabularyMapJson,
  warpPartners,
} from "../../../src/data";
import { codePoints, editDistance } from "../../../src/data/edit-distance";
import { createNearest } from "../../../src/data/nearest-token";

const random = createRng(5);
const word = (length: number, alphabet = "abc😀e") =>
  Array.from({ length }, () => Array.from(alphabet)[random.int(Array.from(alphabet).length)]).join("");

/** By recursion with memory: the definition. */
function distance(a: string, b: string): number {
  const [x, y] = [Array.from(a), Array.from(b)];
  const known = new Map<string, number>();
  const d = (i: number, j: number): number => {
    if (i === 0 || j === 0) return i + j;
    const key = `${i},${j}`;
    let value = known.get(key);
    if (value === undefined) {
      value = Math.min(d(i - 1, j) + 1, d(i, j - 1) + 1, d(i - 1, j - 1) + (x[i - 1] === y[j - 1] ? 0 : 1));
      known.set(key, value);
    }
    return value;
  };
  return d(x.length, y.length);
}

const table = (tokens: string[], space = "Ġ"): TokenTable => ({
  size: tokens.length,
  raw: (id) => tokens[id] ?? "",
  bytes: (id) => new TextEncoder().encode(tokens[id]),
  space,
});

test("edit distance", () => {
  const lengths = [0, 1, 2, 5, 31, 32, 33, 40];
  for (const n of lengths)
    for (const m of lengths) {
      const [a, b] = [word(n), word(m)];
      expect(editDistance(codePoints(a), codePoints(b)), `${a} ${b}`).toBe(distance(a, b));
    }
  expect(editDistance(codePoints("a😀"), codePoints("a"))).toBe(1);
});

test("nearest token, the first of equals", () => {
  const texts = Array.from({ length: 300 }, () => word(1 + random.int(7), "abcdefgh"));
  texts.push(word(36, "ab"), word(33, "ab"));
  const nearest = createNearest(texts);
  const asked = Array.from({ length: 150 }, () => word(random.int(9), "abcdefghxyz"));
  for (const text of [...asked, "", "zzzz", word(35, "ab"), word(40, "az")]) {
    const distances = texts.map((other) => distance(text, other));
    expect(nearest(text), text).toBe(distances.indexOf(Math.min(...distances)));
  }
});

const STUDENT = ["a", "Ġthe", "the", "ing", "Ġcat", "cat"];
const TEACHER = ["▁the", "▁cats", "ring", "zzz", "▁a", "the", "thé"];
const tokens = { teacher: table(TEACHER, "▁"), student: table(STUDENT) };

describe("vocabulary map", () => {
  test("exact, nearest, space marks", async () => {
    const reports: [number, number][] = [];
    const map = await buildVocabularyMap(tokens, { onProgress: (...report) => reports.push(report) });
    expect([...map.toStudent].map((id) => STUDENT[id])).toEqual([
      "Ġthe",
      "Ġcat",
      "ing",
      "a",
      "a",
      "the",
      "the",
    ]);
    expect(reports.at(-1)).toEqual([7, 7]);
    expect(buildVocabularyMapNow(tokens)).toEqual(map);
    const unmarked = buildVocabularyMapNow({ ...tokens, teacher: table(TEACHER, "_") }); // control
    expect(STUDENT[unmarked.toStudent[0]!]).toBe("Ġthe"); // ▁ is one substitution away
    expect(unmarked.pair).not.toBe(map.pair);
  });

  test("the inverse keeps the first teacher token", () => {
    const inverse = inverseMap(buildVocabularyMapNow(tokens), STUDENT.length);
    expect([...inverse]).toEqual([3, 0, 5, 2, 1, NO_TOKEN]);
  });

  test("an aborted build rejects", async () => {
    const many = Array.from({ length: 20000 }, () => word(12, "abcdefghij"));
    const controller = new AbortController();
    const pair = { teacher: table(many), student: table(many.map((t) => `${t}x`)) };
    const built = buildVocabularyMap(pair, {
      signal: controller.signal,
      onProgress: () => controller.abort(new Error("stopped")),
    });
    await expect(built).rejects.toThrow("stopped");
  });

  test("stored by pair", async () => {
    const many = (seed: string) => Array.from({ length: 3500 }, (_, i) => `${seed}${i}`);
    const large = () => ({ teacher: table(many("a")), student: table(many("b")) });
    const kept = new Map<string, string>();
    const store: MapStore = {
      read: async (pair) => kept.get(pair),
      write: async (pair, json) => void kept.set(pair, json),
    };
    let built = 0;
    const options = { store, onProgress: (done: number, total: number) => (built += done === total ? 1 : 0) };
    const map = await storedVocabularyMap(large(), options);
    expect([built, kept.size]).toEqual([1, 1]);
    expect(await storedVocabularyMap(large(), options)).toEqual(map);
    expect(built).toBe(1);
    const [[pair, json] = ["", ""]] = [...kept];
    kept.set(pair, json.slice(0, -5));
    expect(await storedVocabularyMap(large(), options)).toEqual(map);
    expect([built, kept.get(pair)]).toEqual([2, json]);
    const broken: MapStore = {
      read: () => Promise.reject(new Error("no storage")),
      write: () => Promise.reject(new Error("no storage")),
    };
    expect(await storedVocabularyMap(large(), { store: broken })).toEqual(map);
    await storedVocabularyMap(tokens, options);
    expect(kept.size).toBe(1);
  });

  test("files", () => {
    const map = buildVocabularyMapNow(tokens);
    const json = vocabularyMapJson(map);
    expect(parseVocabularyMap(json, tokens)).toEqual(map);
    const other = { ...tokens, student: table([...STUDENT.slice(0, 5), "dog"]) };
    expect(() => parseVocabularyMap(json, other)).toThrow(
      /vocabulary map: it was made for another tokenizer pair/,
    );
    const changed = (change: object) => JSON.stringify({ ...JSON.parse(json), ...change });
    expect(() => parseVocabularyMap("{", tokens)).toThrow(/vocabulary map: not valid JSON/);
    expect(() => parseVocabularyMap(changed({ version: 2 }), tokens)).toThrow(/"version" must be 1, got 2/);
    expect(() => parseVocabularyMap(changed({ toStudent: [1] }), tokens)).toThrow(
      /must have 7 entries, got 1/,
    );
    const foreign = changed({ toStudent: [0, 1, 2, 3, 4, 5, 6] });
    expect(() => parseVocabularyMap(foreign, tokens)).toThrow(
      /"toStudent"\[6\] must be a student id below 6, got 6/,
    );
  });
});

describe("warping", () => {
  const cost = (path: [number, number][], a: string[], b: string[]) =>
    path.reduce((sum, [i, j]) => sum + distance(a[i]!, b[j]!), 0);

  /** Every monotone path from (0, 0) to the end. */
  function* paths(n: number, m: number, i = 0, j = 0): Generator<[number, number][]> {
    if (i === n - 1 && j === m - 1) yield [[i, j]];
    for (const [di, dj] of [
      [1, 1],
      [1, 0],
      [0, 1],
    ] as const)
      if (i + di < n && j + dj < m) for (const rest of paths(n, m, i + di, j + dj)) yield [[i, j], ...rest];
  }

  test("the cheapest path", () => {
    for (let trial = 0; trial < 20; trial++) {
      const [a, b] = [1 + random.int(5), 1 + random.int(5)].map((n) =>
        Array.from({ length: n }, () => word(random.int(3), "ab")),
      ) as [string[], string[]];
      const partners = warpPartners(a, b);
      const path = partners.flatMap((list, j) => list.map((i): [number, number] => [i, j]));
      const least = Math.min(...[...paths(a.length, b.length)].map((p) => cost(p, a, b)));
      expect(cost(path, a, b)).toBe(least);
    }
  });

  test("of equal moves the diagonal, then up", () => {
    expect(warpPartners(["a", "a"], ["a", "a"])).toEqual([[0], [1]]); // all costs 0
    expect(warpPartners(["a", "a", "a"], ["a"])).toEqual([[0, 1, 2]]);
    // From the end the diagonal wins until one side is used up.
    expect(warpPartners(["a", "a", "a"], ["a", "a"])).toEqual([[0, 1], [2]]);
    expect(warpPartners(["x"], ["a", "b"])).toEqual([[0], [0]]);
  });
});
