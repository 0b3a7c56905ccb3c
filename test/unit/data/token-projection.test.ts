// X-Token's map of tokens — plan
//   rows         equal bytes and the two ends stand for each other alone; what one side cuts, the pieces of both ways add up, the
//                heaviest first, of sum 1 before they are cut; a token that nothing stands for has none
//   encoders     a table with a tokenizer is cut by it; bytes that are part of a character are cut by none
//   specials     names that are alike, 0.8 of their likeness: difflib's ratio of a pair known from Python
//   slices       the same as at once; aborts; progress reaches the whole
//   the store    keeps it; another pair's, a damaged one and one of another width are built again
import { expect, test } from "vitest";
import { buildProjectionNow, storedProjection, type TokenTable } from "../../../src/data";
import { buildProjection } from "../../../src/data/token-projection";
import { likeness } from "../../../src/data/text-likeness";

const table = (words: readonly string[], more: Partial<TokenTable> = {}): TokenTable => ({
  ...{ size: words.length, space: "▁", raw: (id) => words[id] ?? "" },
  bytes: (id) => new TextEncoder().encode((words[id] ?? "").replaceAll("▁", " ")),
  ...more,
});
const end = (id: number) => ({ end: id, special: (other: number) => other === id });
const student = table(["a", "b", "ab", "12", "</s>", "é"], end(4));
const teacher = table(["a", "b", "abc", "c", "1", "2", "<end>"], end(6));
const tokens = { student, teacher };

const row = (w: ReturnType<typeof buildProjectionNow>, id: number) =>
  Array.from({ length: w.width }, (_, i) => [
    w.indices[id * w.width + i]!,
    w.values[id * w.width + i]!,
  ]).filter(([u]) => u! >= 0);

test("rows", () => {
  const w = buildProjectionNow(tokens, 4);
  expect(w.indices).toHaveLength(24);
  expect(row(w, 0)).toEqual([[0, 1]]); // equal
  expect(row(w, 4)).toEqual([[6, 1]]); // the ends
  expect(row(w, 5)).toEqual([]);
  // "ab" → a, b with 0.9 and 0.09 of 0.99. Back, "abc" is no text of the student's: it has no c.
  const [first, second] = row(w, 2);
  expect([first![0], second![0]]).toEqual([0, 1]);
  expect(first![1]).toBeCloseTo(0.9 / 0.99, 6);
  expect(second![1]).toBeCloseTo(0.09 / 0.99, 6);
  const numbers = row(w, 3);
  expect(numbers.map(([u]) => u)).toEqual([4, 5]);
});

test("both ways add up", () => {
  const w = buildProjectionNow({ student: table(["ab", "x"]), teacher: table(["abab", "ab!", "a", "b"]) }, 4);
  // Forward: a 0.909, b 0.091. Back: "abab" is ab·ab with 0.9 and 0.09; "ab!" is no text of the student's.
  const whole = 1 + 0.99;
  expect(row(w, 0).map(([u]) => u)).toEqual([0, 2, 3]);
  [0.99, 0.9 / 0.99, 0.09 / 0.99].forEach((x, i) => expect(row(w, 0)[i]![1]).toBeCloseTo(x / whole, 6));
  expect(
    row(buildProjectionNow({ student: table(["ab"]), teacher: table(["abab", "a", "b"]) }, 1), 0),
  ).toHaveLength(1);
});

test("a table with a tokenizer is cut by it", () => {
  const cut = (text: string) => (text === "ab" ? [1, 0] : []);
  const bytes = (id: number) => (id === 0 ? Uint8Array.of(0xc3) : new TextEncoder().encode("ab"));
  const w = buildProjectionNow(
    { student: table(["half", "ab"], { bytes }), teacher: table(["p", "q"], { encode: cut }) },
    2,
  );
  expect(row(w, 0)).toEqual([]);
  expect(row(w, 1).map(([u]) => u)).toEqual([1, 0]);
});

test("special tokens by their names", () => {
  const special = () => true;
  const w = buildProjectionNow(
    { student: table(["<|user|>"], { special }), teacher: table(["<|user_turn|>", "[PAD]"], { special }) },
    2,
  );
  expect(row(w, 0)).toEqual([[0, 1]]);
  // difflib.SequenceMatcher(None, "<|user|>", "<|user_turn|>").ratio() is 16/21; 7 of 10 letters are shared.
  expect(likeness("<|user|>", "<|user_turn|>")).toBeCloseTo((0.6 * 16) / 21 + 0.4 * (7 / 10), 9);
  expect(likeness("abc", "xyz")).toBe(0);
});

test("in slices, with progress, and aborted", async () => {
  const seen: number[] = [];
  const made = await buildProjection(tokens, 4, { onProgress: (done) => seen.push(done) });
  expect(made).toEqual(buildProjectionNow(tokens, 4));
  expect(seen.at(-1)).toBe(13);
  const words = Array.from({ length: 40_000 }, (_, i) => i.toString(36));
  const large = { student: table(words), teacher: table(words.map((word) => `${word}.`)) };
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(buildProjection(large, 4, { signal })).rejects.toThrow("enough");
});

test("the store", async () => {
  const kept = new Map<string, string>();
  const store = {
    read: async (key: string) => kept.get(key),
    write: async (key: string, json: string) => void kept.set(key, json),
  };
  const made = await storedProjection(tokens, 4, { store });
  const [[key, json] = ["", ""]] = kept;
  expect(await storedProjection(tokens, 4, { store })).toEqual(made);
  for (const damage of ["{", json.replace(key, "another"), json.replace('"indices":[', '"indices":[99,')]) {
    kept.set(key, damage);
    expect(await storedProjection(tokens, 4, { store })).toEqual(made);
    expect(kept.get(key)).toBe(json);
  }
  await storedProjection(tokens, 2, { store });
  expect(kept.size).toBe(2);
});
