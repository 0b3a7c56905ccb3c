// couplet/figure without a page — plan
//   input    lists, typed arrays, flat arrays and a solution of couplet/ot are one plan; labels with and without bytes
//   svg      every label is in it, escaped; the heaviest cell has the strongest colour; ribbons have a path per flow
//   errors   by field
//   widget   the Python module is at most 30 lines and names every trait that its front end reads
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { planOf, planSvg } from "../../src/parts/figure";
import { solveOnCpu } from "../../src/parts/ot";

const rows = [
  [0.3, 0.1],
  [0.1, 0.2],
  [0, 0.3],
];

describe("input", () => {
  test("lists, typed arrays and flat arrays", () => {
    const want = planOf({ plan: rows });
    expect([...want.mass]).toEqual(rows.flat().map(Math.fround));
    expect(planOf({ plan: rows.map((row) => Float64Array.from(row)) })).toEqual(want);
    expect(planOf({ plan: Float32Array.from(rows.flat()), n: 3, m: 2 })).toEqual(want);
    expect(want.student.texts).toEqual(["0", "1", "2"]);
    expect(want.weights.teacher.map((x) => Math.round(1e6 * x))).toEqual(Float64Array.of(400000, 600000));
  });

  test("a solution of couplet/ot, with labels over their bytes", () => {
    const [solution] = solveOnCpu([{ cost: rows }], { epsilon: 0.1 });
    const student = { texts: ["a", " é", "\n"], starts: [0, 1, 4], ends: [1, 4, 5] };
    const plan = planOf({ ...solution!, student, teacher: ["x", "y"] });
    expect([...plan.mass]).toEqual([...Float32Array.from(solution!.plan)]);
    expect(plan.epsilon).toBe(solution!.epsilon);
    expect(plan.student).toEqual({ texts: ["a", "␣é", "↵"], start: student.starts, end: student.ends });
    expect(plan.teacher.end).toEqual([1, 2]);
  });
});

describe("svg", () => {
  const input = { plan: rows, student: ["<a>", "b", "c"], teacher: ["x & y", "z"] };
  test("a matrix", () => {
    const svg = planSvg(input, {
      title: "A plan",
      titles: { student: "rows here", teacher: "columns here" },
    });
    for (const text of [
      "&lt;a&gt;",
      ">b<",
      "x &amp; y",
      "<title>A plan</title>",
      "rows here",
      "columns here",
    ])
      expect(svg).toContain(text);
    // Zero is the ground, the two largest entries (0.3) share one strongest colour: one path of two cells.
    const paths = [...svg.matchAll(/<path fill="(rgb\([^"]+\))" d="([^"]+)"/g)];
    const cells = paths.map(([, , d = ""]) => d.split("M").length - 1);
    expect(cells.reduce((a, b) => a + b)).toBeGreaterThanOrEqual(5);
    expect(cells).toContain(2);
    expect(planSvg(input, { scheme: "dark" })).not.toBe(planSvg(input));
  });

  test("ribbons", () => {
    const svg = planSvg(input, { form: "ribbons" });
    expect(svg.match(/<path[^>]* d="M[^"]*C/g)).toHaveLength(5);
    expect(svg).toContain("student: "); // whose line it is; a short text has air between its tokens in place of a ruler
  });
});

test.each([
  ["no matrix", { plan: [] }, /plan: expected a matrix/],
  ["no list", { plan: 3 }, /plan: expected a matrix/],
  ["ragged", { plan: [[1, 2], [3]] }, /plan: row 1 holds 1 numbers, row 0 2/],
  ["empty rows", { plan: [[], []] }, /plan: row 0 holds 0 numbers/],
  ["flat", { plan: [1, 2, 3] }, /plan: 3 numbers are no matrix of n = \? rows.*give n and m/],
  ["negative", { plan: [[1, -1]] }, /plan: masses are finite and ≥ 0, got -1 at \(0, 1\)/],
  ["NaN", { plan: [[1], [NaN]] }, /got NaN at \(1, 0\)/],
  ["labels", { plan: [[1]], teacher: ["a", "b"] }, /teacher: the plan has 1 columns, got 2 labels/],
  [
    "bytes",
    { plan: [[1]], student: { texts: ["a"], starts: [], ends: [1] } },
    /student: expected 1 starts and ends, got 0 and 1/,
  ],
  ["costs", { plan: [[1]], costs: [[1, 2]] }, /costs: expected 1×1 as the plan has, got 1×2/],
  ["masses", { plan: [[1]], a: [1, 2] }, /a: expected 1 masses, got 2/],
])("%s", (_, input, message) => {
  expect(() => planOf(input as never)).toThrow(message);
});

test("the Python module and its front end name the same traits", () => {
  const folder = resolve(import.meta.dirname, "../../src/parts/figure");
  const python = readFileSync(join(folder, "couplet_figure.py"), "utf8");
  expect(python.trimEnd().split("\n").length).toBeLessThanOrEqual(30);
  const read = [...readFileSync(join(folder, "widget.ts"), "utf8").matchAll(/model\.[gs]et\("(\w+)"/g)].map(
    ([, name]) => name,
  );
  expect(new Set(read).size).toBeGreaterThan(6);
  const [, traits = ""] = /class PlanFigure[\s\S]*?\n\n([\s\S]*?)\n    def /.exec(python) ?? [];
  expect(read.filter((name) => !new RegExp(`\\b${name}\\b.*tag\\(sync=True\\)`).test(traits))).toEqual([]);
});
