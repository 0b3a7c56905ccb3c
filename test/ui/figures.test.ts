// figures as files — plan
//   golden           plan, ribbons, loss terms (stacked and log) and a chart with two axes equal the committed files,
//                    byte for byte; control: a plan with one mass moved does not
//   text             what XML reserves is escaped; control characters, which XML has none of, are not in the file
//   numbers          tables hold what was drawn, to the last bit of a float; gaps are empty cells
//   axes             round numbers within the range, decades on a log axis; no data still gives an axis
// After a change that was meant: COUPLET_WRITE_GOLDENS=1 npx vitest run ui/figures, and look at the files.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  columnRows,
  flowRows,
  matrixRows,
  PALETTES,
  ribbonsSvg,
  shadeOf,
  SOURCES,
  type Plan,
  type Tokens,
} from "../../src/figure";
import { createHistory, planOfRecord } from "../../src/store";
import type { PlanRecord, StepRecord } from "../../src/telemetry";
import { decades, leftRange, stepRange, ticks } from "../../src/views/charts/axes";
import { chartSvg } from "../../src/views/charts/chart-svg";
import { lossFigure } from "../../src/views/charts/loss-lines";
import { csv } from "../../src/views/download";
import { planFigure } from "../../src/views/figure/plan-files";
import { namesOf } from "../../src/views/plan/site-name";

const { light } = PALETTES;
const folder = join(import.meta.dirname, "../fixtures/figures");

/** The committed file; written anew when asked to. */
function golden(name: string, svg: string): string {
  const path = join(folder, name);
  if (process.env["COUPLET_WRITE_GOLDENS"] === "1") writeFileSync(path, svg);
  return readFileSync(path, "utf8");
}

const masses = [0.2, 0.05, 0, 0.01, 0.24, 0, 0, 0.02, 0.48];
const record = (plan: readonly number[] = masses): PlanRecord => ({
  ...{ step: 40, layer: "hidden", studentTokens: ["␣k", "m/h", "<&>"], teacherTokens: ["km", "/", "␣h"] },
  ...{ plan: Float32Array.from(plan), cost: Float32Array.from(plan, (p) => 1 - p) },
  ...{ transportCost: 0.3, entropy: 1.2, epsilon: 0.05, iterations: 50, marginalError: 0, converged: true },
});
const plan = (of = record()) => {
  const plan = planOfRecord(of);
  const shade = shadeOf(plan.mass, { kind: "plan", scale: "sqrt", scheme: "light" });
  const drawn = { plan, values: plan.mass, shade, palette: light, scheme: "light" as const };
  return planFigure({ ...namesOf(of), form: "matrix", kind: "plan", ...drawn });
};

const side = (texts: string[], lengths: readonly number[]): Tokens => {
  const end = lengths.map((_, i) => lengths.slice(0, i + 1).reduce((a, b) => a + b));
  const start = end.map((e, i) => e - (lengths[i] ?? 0));
  return { texts, start, end };
};
const lines: Plan = {
  ...planOfRecord(record()),
  student: side(["Tr", "ain", "ing", "␣at"], [2, 3, 3, 3]),
  teacher: side(["Train", "ing␣", "at"], [5, 4, 2]),
  weights: { student: new Float64Array(4).fill(1 / 4), teacher: new Float64Array(3).fill(1 / 3) },
};
const RIBBONS = [0.25, 0, 0, 0.2, 0.05, 0, 0, 0.25, 0, 0, 0.05, 0.2];
const ribbons = (plan: readonly number[]) =>
  ribbonsSvg({
    title: "Plan",
    plan: { ...lines, mass: Float32Array.from(plan) },
    titles: { student: "student: 4 tokens", teacher: "teacher: 3 tokens" },
    rest: (flows, share) => `${flows} flows, ${share.toFixed(3)}`,
    sources: SOURCES.light,
    colors: light,
  });

function history(terms: readonly Record<string, number>[]) {
  const made = createHistory();
  const row = (values: Record<string, number>, i: number): StepRecord => ({
    ...{ step: i + 1, terms: values, loss: Object.values(values).reduce((a, b) => a + b) },
    ...{ gradNorm: 1, learningRate: 1e-3, tokenAccuracy: 0.5, tokens: 9 },
    ...{ marginalError: 0, unconverged: 0, ms: 1 },
  });
  made.push(terms.map(row));
  return made;
}
const run = history([
  { ce: 1.5, ot_embedding: 0.25 },
  { ce: 1.1, ot_embedding: 0.2 },
  { ce: 0.7, ot_embedding: 0.15 },
  { ce: 0.65, ot_embedding: 0.1 },
]);

const rates = () => {
  const lineSpecs = [
    { color: "#111111" },
    { color: "#222222", right: true, dash: [7, 4] },
    { color: "#333333", points: true },
  ];
  const spec = { height: 132, lines: lineSpecs, formatLeft: String, formatRight: String };
  const columns = [
    [1, 2, 3, 4],
    [2, NaN, 1, 0.5],
    [1e-3, 1e-3, 5e-4, 0],
    [null, 1.5, null, 1],
  ];
  const names = ["norm", "rate", "held out"];
  return chartSvg({ title: "Rates", xTitle: "step", spec, names, columns, colors: light });
};

describe("golden", () => {
  test.each([
    ["plan.svg", () => plan().svg()],
    ["ribbons.svg", () => ribbons(RIBBONS)],
    ["losses.svg", () => lossFigure(run, true, light)?.svg() ?? ""],
    ["losses-log.svg", () => lossFigure(run, false, light)?.svg() ?? ""],
    ["rates.svg", rates],
  ])("%s", (name, draw) => {
    const svg = draw();
    expect(svg).toBe(golden(name, svg));
  });
  test("control: one mass moved", () => {
    const moved = masses.with(0, 0.05).with(1, 0.2);
    expect(plan(record(moved)).svg()).not.toBe(readFileSync(join(folder, "plan.svg"), "utf8"));
    const other = RIBBONS.with(0, 0.2).with(1, 0.05);
    expect(ribbons(other)).not.toBe(readFileSync(join(folder, "ribbons.svg"), "utf8"));
  });
});

test("what XML reserves is escaped, and what it has not is gone", () => {
  const svg = plan({ ...record(), studentTokens: ['"<', "\u0000\u001f", "&"] }).svg();
  expect(svg).toContain(">&quot;&lt;</text>");
  expect(svg).toContain(">␀␟</text>");
  expect(svg).toContain(">&amp;</text>");
});

test("tables hold what was drawn", () => {
  const third = Float32Array.of(1 / 3);
  expect(matrixRows(["a"], ["b"], third)).toEqual([
    ["", "b"],
    ["a", third[0]],
  ]);
  expect(
    Math.fround(
      Number(
        csv(matrixRows(["a"], ["b"], third))
          .trim()
          .split(",")
          .at(-1),
      ),
    ),
  ).toBe(third[0]);
  expect(flowRows(["a", "b"], ["x", "y"], Float32Array.of(0, 0.5, 0.25, 0)).slice(1)).toEqual([
    [0, "a", 1, "y", 0.5],
    [1, "b", 0, "x", 0.25],
  ]);
  expect(columnRows(["n"], [[1, NaN, null]])).toEqual([["n"], [1], [""], [""]]);
  expect(plan().rows()[1]?.slice(1)).toEqual([...Float32Array.of(0.2, 0.05, 0)]);
  const [head, first] = lossFigure(run, true, light)?.rows() ?? [];
  expect(head).toEqual(["step", "ce", "ot_embedding", "loss"]);
  expect(first).toEqual([1, 1.5, 0.25, 1.75]);
  expect(lossFigure(createHistory(), true, light)).toBeUndefined();
});

test("axes", () => {
  expect(ticks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(ticks(3, 47, 5)).toEqual([10, 20, 30, 40]);
  expect(decades(1e-3, 1)).toEqual([0.001, 0.01, 0.1, 1]);
  expect(leftRange({}, Infinity, -Infinity)).toEqual([0, 1]);
  expect(leftRange({ log: true }, 0.02, 3)).toEqual([0.01, 10]);
  expect(leftRange({}, 2, 10)).toEqual([0, 10.6]);
  expect(leftRange({}, 0, 0)).toEqual([0, 1]);
  const below = leftRange({}, -0.2, 0.1); // a mean advantage: what is below zero has its place
  expect(below[0]).toBeLessThan(-0.2);
  expect(below[1]).toBeGreaterThan(0.1);
  const all = leftRange({}, -3, -1);
  expect(all[0]).toBeLessThan(-3);
  expect(all[1]).toBeGreaterThan(0);
  expect(stepRange(1, 1)).toEqual([1, 11]);
});
