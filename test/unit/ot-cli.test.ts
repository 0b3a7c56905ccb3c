// couplet ot — plan
//   the file of the issue gives the documented fields, on both devices, and --out writes them
//   defaults: gradient none, tolerance 1e-6; alpha is read by the multiplicative scheme, and then epsilon may be left out
//   every bad input: exit code 2 and one line naming problem and field
import { execFile } from "node:child_process";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
import { main } from "../../src/cli/main";
import * as oracle from "../oracle/ot";

afterEach(() => {
  vi.restoreAllMocks();
});

const ok = {
  problems: [
    {
      cost: [
        [1, 2, 3],
        [2, 1, 1],
      ],
    },
  ],
  epsilon: 0.5,
};

async function run(content: unknown, ...argv: string[]) {
  const folder = await mkdtemp(join(tmpdir(), "ot-"));
  const path = join(folder, "in.json");
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  const out: string[] = [];
  const err: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void out.push(line));
  vi.spyOn(console, "error").mockImplementation((line: string) => void err.push(line));
  const code = await main(["ot", path, ...argv]);
  vi.restoreAllMocks();
  return { code, out: out.join("\n"), err: err.join("\n"), folder };
}

describe("results", () => {
  test.each(["cpu", "gpu"])("%s", async (device) => {
    const file = {
      problems: [
        {
          cost: [
            [1, 2, 3],
            [2, 1, 1],
          ],
          b: [0.5, 0, 0.5],
        },
        {
          x: [
            [1, 0],
            [0, 2],
          ],
          y: [
            [1, 1],
            [0, 1],
            [2, 1],
          ],
          kind: "sqeuclidean",
        },
      ],
      ...{ epsilon: 0.5, tolerance: 0, maxIterations: 30, gradient: "unrolled", divergence: false },
    };
    const { code, out, err } = await run(file, "--device", device);
    expect(err).toBe("");
    expect(code).toBe(0);
    const { adapter, results } = JSON.parse(out);
    expect(adapter.length).toBeGreaterThan(2);
    expect(Object.keys(results[0])).toEqual(
      expect.arrayContaining([
        "plan",
        "cost",
        "value",
        "f",
        "g",
        "mass",
        "iterations",
        "marginalError",
        "converged",
        "dcost",
      ]),
    );
    const want = oracle.sinkhorn(file.problems[0]!.cost!, { epsilon: 0.5, sweeps: 30, b: [0.5, 0, 0.5] });
    expect(results[0].iterations).toBe(30);
    results[0].plan.forEach((row: number[], i: number) =>
      row.forEach((p, j) => expect(p).toBeCloseTo(want.plan[i]![j]!, 6)),
    );
    expect(results[1].dx.length).toBe(2);
    expect(results[1].dy[2].length).toBe(2);
    expect(results[0].divergence).toBeUndefined();
  });

  test("--out, divergence, defaults", async () => {
    const file = {
      problems: [{ x: [[0], [1]], y: [[0], [2]], kind: "euclidean" }],
      epsilon: 0.1,
      divergence: true,
    };
    const folder = await mkdtemp(join(tmpdir(), "ot-"));
    const { code, out } = await run(file, "--device", "cpu", "--out", join(folder, "out.json"));
    expect([code, out]).toEqual([0, ""]);
    const { results } = JSON.parse(await readFile(join(folder, "out.json"), "utf8"));
    expect(results[0].divergence).toBeGreaterThan(0);
    expect(results[0].converged).toBe(true);
    expect(results[0].marginalError).toBeLessThanOrEqual(1e-6);
    expect(results[0].dcost).toBeUndefined();
  });

  test("a long answer comes whole through a pipe", async () => {
    const cost = Array.from({ length: 150 }, (_, i) =>
      Array.from({ length: 150 }, (__, j) => Math.sin(i * j)),
    );
    const path = join(await mkdtemp(join(tmpdir(), "ot-")), "in.json");
    await writeFile(path, JSON.stringify({ problems: [{ cost }], epsilon: 1 }));
    const command = ["scripts/couplet.mjs", "ot", path, "--device", "cpu"];
    const { stdout } = await promisify(execFile)(process.execPath, command, { maxBuffer: 2 ** 24 });
    expect(stdout.length).toBeGreaterThan(2 ** 18);
    expect(JSON.parse(stdout).results[0].plan.length).toBe(150);
  });

  test("f is a warm start", async () => {
    const solved = async (f?: number[]) => {
      const problems = [{ ...ok.problems[0], ...(f ? { f } : {}) }];
      const { out } = await run({ ...ok, problems, tolerance: 1e-6 }, "--device", "cpu");
      return JSON.parse(out).results[0];
    };
    const cold = await solved();
    expect(cold.iterations).toBeGreaterThan(3);
    expect((await solved(cold.f)).iterations).toBeLessThanOrEqual(1);
  });

  test("the multiplicative scheme needs no epsilon", async () => {
    const { code, out } = await run(
      { problems: ok.problems, scheme: "multiplicative", alpha: 2 },
      "--device",
      "cpu",
    );
    expect(code).toBe(0);
    const want = oracle.authorsLoop(ok.problems[0]!.cost, 2);
    JSON.parse(out)
      .results[0].plan.flat()
      .forEach((p: number, at: number) => expect(p).toBeCloseTo(want.plan.flat()[at]!, 12));
  });
});

describe("exit code 2 and one clear line", () => {
  const second = (p: object) => ({ ...ok, problems: [...ok.problems, p] });
  const cases: [string, unknown, RegExp][] = [
    ["broken JSON", "{", /^file: is not JSON/],
    ["broken JSON of many lines", '{"problems":\n[\n nope],\n"epsilon":1}', /^file: is not JSON/],
    ["no object", "[]", /^file: expected an object/],
    ["no problems", { epsilon: 1, problems: [] }, /^problems: expected a list/],
    ["no epsilon", { problems: ok.problems }, /^epsilon: missing/],
    ["epsilon 0", { ...ok, epsilon: 0 }, /^epsilon: must be a number > 0, got 0/],
    ["epsilon negative", { ...ok, epsilon: -1 }, /^epsilon/],
    ["epsilon infinite", `{"problems":[{"cost":[[1]]}],"epsilon":1e999}`, /^epsilon/],
    [
      "cost infinite",
      `{"problems":[{"cost":[[1,1e999]]}],"epsilon":1}`,
      /^problem 0: cost: expected finite numbers, got Infinity/,
    ],
    [
      "cost NaN as Python writes it",
      `{"problems":[{"cost":[[1]]},{"cost":[[1,NaN]]}],"epsilon":1}`,
      /^problem 1: cost: expected finite numbers, got "?NaN/,
    ],
    [
      "mass -Infinity",
      `{"problems":[{"cost":[[1,2]],"a":[-Infinity]}],"epsilon":1}`,
      /^problem 0: a: .*-Infinity/,
    ],
    ["epsilon NaN", `{"problems":[{"cost":[[1]]}],"epsilon":NaN}`, /^epsilon: .*NaN/],
    ["NaN in a broken file", `{"problems":[NaN`, /^file: is not JSON/],
    ["cost null", second({ cost: [[1, null]] }), /^problem 1: cost: expected finite numbers, got null/],
    ["cost text", second({ cost: [["1"]] }), /^problem 1: cost/],
    ["ragged", second({ cost: [[1, 2], [3]] }), /^problem 1: cost: ragged: row 1 holds 1/],
    ["empty row", second({ cost: [[]] }), /^problem 1: cost: row 0/],
    ["nothing", second({}), /^problem 1: cost: missing/],
    [
      "kind",
      second({ x: [[1]], y: [[1]], kind: "manhattan" }),
      /^problem 1: kind: expected one of euclidean/,
    ],
    [
      "widths",
      second({ x: [[1, 2]], y: [[1]], kind: "cosine" }),
      /^problem 1: y: rows are 1 wide, those of x 2/,
    ],
    ["ragged x", second({ x: [[1, 2], [1]], y: [[1, 2]], kind: "cosine" }), /^problem 1: x: ragged/],
    ["negative mass", second({ cost: [[1, 2]], b: [1.5, -0.5] }), /^problem 1: b: a mass cannot be negative/],
    ["masses", second({ cost: [[1, 2]], b: [0.5, 0.4] }), /^problem 1: b: masses must sum to 1/],
    ["warm start", second({ cost: [[1, 2]], f: [0, 0] }), /^problem 1: f: expected 1 numbers, got 2/],
    ["mass count", second({ cost: [[1, 2]], a: [0.5, 0.5] }), /^problem 1: a: expected 1 masses, got 2/],
    [
      "mass zero",
      { ...second({ cost: [[1]], a: [0] }), tauA: 1, tauB: 1 },
      /^problem 1: a: all masses are zero/,
    ],
    ["too large", second({ cost: [new Array(1025).fill(1)] }), /^problem 1: cost: at most 1024, got 1025/],
    ["scheme", { ...ok, scheme: "fast" }, /^scheme: expected one of log, multiplicative/],
    ["gradient", { ...ok, gradient: "auto" }, /^gradient/],
    ["tolerance", { ...ok, tolerance: -1 }, /^tolerance/],
    ["iterations", { ...ok, maxIterations: 0 }, /^maxIterations/],
    [
      "divergence",
      { problems: [{ x: [[1]], y: [[1]], kind: "attention" }], epsilon: 1, divergence: true },
      /^problem 0: divergence/,
    ],
    ["alpha", { problems: ok.problems, scheme: "multiplicative", alpha: 0 }, /^(alpha|epsilon)/],
    [
      "history",
      { ...ok, gradient: "unrolled", maxIterations: 1e6, problems: [{ cost: [new Array(1024).fill(1)] }] },
      /^problem 0: maxIterations: needs a buffer/,
    ],
  ];
  test.each(cases)("%s", async (_, file, message) => {
    const { code, out, err } = await run(file);
    expect(err).toMatch(message);
    expect(err).not.toContain("\n");
    expect([code, out]).toEqual([2, ""]);
  });
});
