// rows against their limits — plan (one token a character, so that lengths are counted by eye)
//   fates       whole, prompt cut, reply cut, too long: each row once, also with two views; counts and words
//   ends        only a whole reply ends in eos
//   95 %        the limits that are offered keep at least 95 of 100 rows whole, and one token less does not; never beyond
//               what config and models admit, and then it says so
//   positions   rows that a model cuts, whatever the limits: counted with the model's own limit; control: limits below it
//   none        nothing is said where nothing is cut; a set of which nothing is left says why
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  countReasons,
  lengthLines,
  prepareDataset,
  previewRows,
  reportLengths,
  type Row,
} from "../../../src/data";
import { letters, pairs, row } from "./words";

const both = (maxLength: number, maxPrompt: number) => {
  const limits = { maxLength, maxPrompt };
  return { student: limits, teacher: limits };
};
const FREE = { student: 1000, teacher: 1000 };
const of = (prompt: number, output: number, id = "r"): Row =>
  row("p".repeat(prompt), "o".repeat(output), { id });
const report = (rows: readonly Row[], limits: ReturnType<typeof both>, positions = FREE) =>
  reportLengths(prepareDataset(rows, "plain", letters, letters, limits).lengths, positions, limits);

describe("what becomes of rows", () => {
  const rows = [of(4, 3), of(9, 3), of(4, 9), of(9, 9)]; // with eos: 8, 13, 14, 19 tokens
  test("each is counted once, and only a whole reply ends", () => {
    const { usable, lengths, truncated } = prepareDataset(rows, "plain", letters, letters, both(12, 6));
    expect(lengths.map(({ fate }) => fate)).toEqual(["whole", "prompt cut", "reply cut", "reply cut"]);
    expect(truncated).toBe(3);
    expect(usable.map(({ student }) => student.ids.at(-1) === letters.eosId)).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(lengths[3]!.lengths.student).toEqual({ prompt: 9, length: 19 });
    expect(lengthLines(report(rows, both(12, 6)))).toEqual([
      "3 of 4 rows are longer than the limits: 2 lose the end of their answer, 1 loses the end of its prompt. " +
        "25 % stay whole; data.maxLength 19 and data.maxPrompt 9 would keep 100 %.",
    ]);
  });

  test("rows that cannot be cut, the longer side, and two views of one row", () => {
    const long = report([of(4, 3), of(30, 3)], both(20, 20));
    expect(long.fates).toMatchObject({ whole: 1, "too long": 1 });
    expect(lengthLines(long)[0]).toContain("1 cannot be cut and drops out");
    const { lengths } = prepareDataset([of(8, 8)], "plain", pairs, letters, both(12, 10));
    expect(lengths[0]).toMatchObject({
      fate: "reply cut", // of the teacher, letter by letter
      lengths: { student: { prompt: 4, length: 9 }, teacher: { prompt: 8, length: 17 } },
    });
    const thinks = { ...of(4, 3), promptCot: "p".repeat(5), outputCot: "o".repeat(20) };
    const paired = prepareDataset([thinks], "cot", letters, letters, both(12, 6), {
      pairs: true,
      plainToo: true,
    });
    expect(paired.usable).toHaveLength(2);
    expect(paired.lengths.map(({ fate }) => fate)).toEqual(["reply cut"]);
  });

  test("nothing is said where nothing is cut", () => {
    expect(lengthLines(report(rows, both(30, 20)))).toEqual([]);
  });
});

describe("limits that keep 95 of 100 rows", () => {
  test("do, and one token less does not", () => {
    const length = fc.integer({ min: 1, max: 120 });
    const rows = fc.array(fc.tuple(length, length), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(
        rows,
        fc.integer({ min: 8, max: 100 }),
        fc.integer({ min: 4, max: 60 }),
        (sizes, most, prompt) => {
          const all = sizes.map(([p, o], i) => of(p, o, `${i}`));
          const limits = both(most, Math.min(prompt, most - 1));
          const { better, fates } = report(all, limits);
          if (fates.whole >= 0.95 * all.length) {
            expect(better).toBeUndefined();
            return;
          }
          const whole = ({ maxLength, maxPrompt }: { maxLength: number; maxPrompt: number }) =>
            sizes.filter(([p, o]) => p <= maxPrompt && p + o + 1 <= maxLength).length;
          expect(whole(better!) / all.length).toBeGreaterThanOrEqual(0.95);
          expect(whole(better!) / all.length).toBe(better!.share);
          const { maxLength, maxPrompt } = better!;
          expect(maxPrompt).toBeLessThan(maxLength);
          const smaller = whole({ maxLength: maxLength - 1, maxPrompt });
          if (maxLength > 8) expect(smaller / all.length).toBeLessThan(0.95);
          const again = report(all, both(maxLength, maxPrompt));
          expect(again.fates.whole).toBe(whole(better!));
          expect(again.better).toBeUndefined();
        },
      ),
      { seed: 4, numRuns: 300 },
    );
  });

  test("stay within the models' positions, and say so", () => {
    const rows = [of(4, 3), of(20, 10), of(30, 10), of(40, 90)];
    const found = report(rows, both(10, 5), { student: 44, teacher: 512 });
    expect(found.better).toEqual({ maxLength: 41, maxPrompt: 30, share: 0.75 });
    expect(lengthLines(found)[0]).toMatch(
      /would keep 75 % \(with these models' positions it cannot be more\)\.$/,
    );
    expect(report([of(2, 600)], both(64, 32)).better).toBeUndefined(); // more than a config admits
  });
});

test("rows that a model's own positions cut are named as such", () => {
  const rows = [of(4, 3), of(4, 15), of(4, 16), of(4, 30)]; // with eos: 8, 20, 21, 35 tokens
  const own = { student: 19, teacher: 30 }; // 20 and 31 tokens
  const limits = { student: { maxLength: 20, maxPrompt: 19 }, teacher: { maxLength: 31, maxPrompt: 30 } };
  expect(lengthLines(report(rows, limits, own)).slice(1)).toEqual([
    "2 of these are cut by the student's own limit of 19 positions, not by data.maxLength: no setting keeps them whole.",
    "1 of these is cut by the teacher's own limit of 30 positions, not by data.maxLength: no setting keeps it whole.",
  ]);
  expect(report(rows, both(18, 10), own).beyond).toEqual([]); // data.maxLength cuts before either does
  expect(report(rows, both(64, 32)).beyond).toEqual([]);
});

test("a set of which nothing is left, one row, and none", async () => {
  const prepare = (rows: readonly Row[]) => prepareDataset(rows, "plain", letters, letters, both(8, 8));
  expect(() => prepare([of(9, 3, "a"), of(9, 3, "b")])).toThrow(
    "none of 2 rows can be used; the first: row a: its prompt takes 8 of 8 tokens",
  );
  expect(() => prepare([of(9, 3, "a")])).toThrow("none of 1 row can be used");
  expect(() => prepare([])).toThrow("there are no rows to read");
  const { dropped } = prepareDataset(
    [of(2, 2), of(9, 3, "a"), of(9, 4, "b")],
    "plain",
    letters,
    letters,
    both(8, 8),
  );
  expect(countReasons(dropped)).toEqual({
    "a row: its prompt takes … of … tokens and leaves no room for a response; raise the maximum length or lower the prompt's": 2,
  });
  const seen = await previewRows([of(4, 9), of(4, 3)], "plain", letters, letters, both(8, 6));
  expect(seen.limitLines).toEqual([
    "1 of 2 rows is longer than the limits: 1 loses the end of its answer. 50 % stay whole; " +
      "data.maxLength 14 and data.maxPrompt 4 would keep 100 %.",
  ]);
});
