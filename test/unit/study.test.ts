// the study — plan
//   plan        every cell is a config that parses, in the same budget, under its own name; comparisons are of one pair and regime
//   statistics  shares and paired differences of made answers by hand; the interval against the normal approximation, wider with seeds that
//               differ; no difference where runs share no seed; runs that answered other questions are refused
//   files       docs/STUDY.md's tables, its figure and the page's record are what the committed results give
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cellConfig, studyPlan } from "../../bench/study/plan";
import { difference, shareOfRuns } from "../../bench/study/statistics";
import { summarize } from "../../bench/study/summary";
import { studyFiles } from "../../bench/study/tables";
import { parseRows } from "../../src/data";
import { bundledSources } from "../support/bundled";

const top = join(import.meta.dirname, "../..");
const plan = studyPlan();

describe("plan", () => {
  test("every cell is a config of the same budget", () => {
    const [first, ...others] = plan.cells.map(({ id }) => cellConfig(id, 7));
    expect(first).toMatchObject({ steps: plan.steps, batchSize: 16, seed: 7 });
    for (const { optimizer, steps, batchSize, evaluation, data, training } of others) {
      expect({ optimizer, steps, batchSize, evaluation, training }).toEqual({
        ...{ optimizer: first!.optimizer, steps: first!.steps, batchSize: first!.batchSize },
        ...{ evaluation: first!.evaluation, training: first!.training },
      });
      expect({ ...data, labels: "all", outputs: "gold" }).toEqual({
        ...first!.data,
        ...{ labels: "all", outputs: "gold" },
      });
    }
    for (const { id } of plan.cells) {
      const { student, data, method } = cellConfig(id, 8);
      const [pair = "", regime = ""] = id.split("-");
      expect(student).toBe(pair === "near" ? "couplet-student-near" : "couplet-student");
      expect(Object.keys({ ...plan.pairs, ...plan.regimes })).toEqual(expect.arrayContaining([pair, regime]));
      if (regime === "noisy50") expect(data.labels).toEqual({ noisy: 0.5 });
      if (regime === "few240") expect(data.labels).toMatchObject({ few: 240 });
      if (regime === "clean") expect(data.labels).toBe("all");
      if ("kdRate" in method) expect(method.kdRate).toBe(0.9);
    }
  });

  test("comparisons are of cells that there are, of one pair and regime; one is primary", () => {
    const ids = plan.cells.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { cell, against } of plan.comparisons) {
      expect(ids).toEqual(expect.arrayContaining([cell, against]));
      expect(cell.split("-").slice(0, 2)).toEqual(against.split("-").slice(0, 2));
    }
    expect(plan.comparisons.filter(({ primary }) => primary)).toHaveLength(1);
  });

  test("no question of the study is a training row or a bundled held-out row", () => {
    const questions = parseRows(readFileSync(join(top, plan.questions), "utf8"), plan.questions);
    expect(questions).toHaveLength(1000);
    const { train, heldOut } = bundledSources();
    const known = new Set([...train, ...heldOut].map(({ prompt }) => prompt));
    expect(questions.filter(({ prompt }) => known.has(prompt))).toEqual([]);
    expect(new Set(questions.map(({ prompt }) => prompt)).size).toBe(1000);
  });
});

describe("statistics", () => {
  const answers = (seed: number, right: string) => ({ seed, right });

  test("shares and differences by hand", () => {
    expect(shareOfRuns([answers(7, "1100"), answers(8, "1110")])).toEqual({
      seeds: [7, 8],
      each: [0.5, 0.75],
      mean: 0.625,
    });
    const found = difference(
      [answers(7, "1111"), answers(8, "1110"), answers(9, "0000")],
      [answers(8, "1000"), answers(7, "1010"), answers(10, "1111")],
    )!;
    expect(found.seeds).toEqual([7, 8]); // 9 and 10 have no partner
    expect(found.each).toEqual([0.5, 0.5]);
    expect(found.mean).toBe(0.5);
    expect(found.student).toEqual([0.5, 0.5]);
    expect(difference([answers(1, "1")], [answers(2, "1")])).toBeUndefined();
    expect(difference([answers(1, "1")], [answers(1, "0")])!.student).toBeUndefined();
    expect(() => difference([answers(1, "11")], [answers(1, "1")])).toThrow(/same questions/);
  });

  /** `n` answers of which the first `k` are right. */
  const first = (k: number, n: number) => "1".repeat(k) + "0".repeat(n - k);

  test("the interval: as the normal approximation says for one seed, wider where seeds differ", () => {
    // 300 of 1,000 are gained: the deviation of a share is √(0.3·0.7/1000) = 0.0145
    const one = difference([answers(1, first(500, 1000))], [answers(1, first(200, 1000))])!;
    expect(one.mean).toBeCloseTo(0.3, 10);
    expect(one.bootstrap[0]).toBeCloseTo(0.3 - 1.96 * 0.01449, 2);
    expect(one.bootstrap[1]).toBeCloseTo(0.3 + 1.96 * 0.01449, 2);
    const gained = [100, 500, 300, 200, 400];
    const five = difference(
      gained.map((k, i) => answers(i, first(k, 1000))),
      gained.map((_, i) => answers(i, first(0, 1000))),
    )!;
    expect(five.mean).toBeCloseTo(0.3, 10);
    // of seeds alone: sd of 0.1 … 0.5 is 0.158; t with 4 degrees of freedom
    expect(five.student![0]).toBeCloseTo(0.3 - (2.776 * 0.158114) / Math.sqrt(5), 4);
    expect(five.bootstrap[0]).toBeLessThan(0.2);
    expect(five.bootstrap[0]).toBeGreaterThan(five.student![0]);
    expect(five.bootstrap[1]).toBeGreaterThan(0.4);
  });
});

test("the committed tables, figure and record are what the committed results give", () => {
  for (const [file, text] of Object.entries(studyFiles()))
    expect(readFileSync(join(top, file), "utf8"), `npm run study -- tables: ${file}`).toBe(text);
  const summary = summarize();
  for (const { id } of summary.cells)
    expect(existsSync(join(top, `bench/study/results/${id}.jsonl`))).toBe(true);
  expect(summary.cells.length + summary.missing.length).toBe(plan.cells.length);
});
