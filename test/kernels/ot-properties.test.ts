// Properties of the solver, each on random problems (fast-check), on the GPU and on its CPU twin — plan
//   marginals          a converged plan has them
//   permutation        permuting rows and columns permutes the plan
//   constant           C + c: the same plan, the cost moves by c, the potentials' sum by c
//   transposition      the transposed problem's plan is the transpose
//   ε → ∞              the plan tends to abᵀ
//   ε → 0              ⟨P,C⟩ tends to the exact optimum of a linear-programming solver, from above
//   divergence         ≥ 0, and 0 on itself
//   error              the marginal error does not grow with more sweeps
//   padding            what lies between and behind the problems is never read
import fc from "fast-check";
import solver from "javascript-lp-solver";
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import { ProgramBuilder } from "../../src/gpu/program";
import {
  capacityFor,
  DEFAULT_SETTINGS,
  packProblems,
  PROBLEM_WORDS,
  placeProblems,
  recordSinkhorn,
  solveBatch,
  type CostProblem,
  type OtOptions,
  type OtProblem,
  type OtResult,
} from "../../src/ot";
import { solveBatchOnCpu } from "../../src/ot/cpu";
import { flat, nested, normals, uniforms } from "../oracle/ot-random";
import { testGpu } from "../support/gpu";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

const RUNS = { numRuns: 25, seed: 11 };
type Solver = (problems: OtProblem[], options: OtOptions) => Promise<OtResult[]>;
const solvers: [string, Solver, number][] = [
  ["gpu", (p, o) => solveBatch(gpu, p, o), 1],
  ["cpu", async (p, o) => solveBatchOnCpu(p, o), 1e-3],
];

/** A random problem: costs in [0, 1), masses of at least a tenth of the mean, or some of them zero. */
const problems = fc
  .record({
    n: fc.integer({ min: 1, max: 12 }),
    m: fc.integer({ min: 1, max: 12 }),
    seed: fc.integer({ min: 0, max: 1e6 }),
    zeros: fc.boolean(),
  })
  .map(({ n, m, seed, zeros }): Required<Pick<CostProblem, "a" | "b">> & CostProblem => {
    const share = (length: number, at: number) => {
      const raw = uniforms(1, length, seed + at)[0]!.map((x, i) => (zeros && i % 4 === 2 ? 0 : x + 0.1));
      const total = raw.reduce((s, x) => s + x, 0);
      return raw.map((x) => x / total);
    };
    return { n, m, cost: flat(uniforms(n, m, seed)), a: share(n, 1), b: share(m, 2) };
  });

const options: OtOptions = { epsilon: 0.1, relative: false, tolerance: 1e-6, maxIterations: 3000 };
const worst = (x: ArrayLike<number>, y: ArrayLike<number>): number => {
  let d = x.length === y.length ? 0 : Infinity;
  for (let i = 0; i < x.length; i++) d = Math.max(d, Math.abs(x[i]! - y[i]!));
  return Number.isNaN(d) ? Infinity : d;
};
const transpose = (x: ArrayLike<number>, n: number): Float64Array => {
  const rows = nested(x, n);
  return flat(rows[0]!.map((_, j) => rows.map((row) => row[j]!)));
};

describe.each(solvers)("%s", (_, solve, slack) => {
  const check = (
    property: (p: CostProblem & { a: ArrayLike<number>; b: ArrayLike<number> }) => Promise<void>,
  ) => fc.assert(fc.asyncProperty(problems, property), RUNS);

  test("marginals", () =>
    check(async (p) => {
      const [got] = await solve([p], options);
      expect(got!.converged).toBe(true);
      const plan = nested(got!.plan, p.n);
      const rows = plan.map((row) => row.reduce((s, x) => s + x, 0));
      const cols = plan[0]!.map((__, j) => plan.reduce((s, row) => s + row[j]!, 0));
      expect(worst(rows, p.a) + worst(cols, p.b)).toBeLessThan(2e-6);
      expect(Math.min(...got!.plan)).toBeGreaterThanOrEqual(0);
    }));

  test("permutation", () =>
    check(async (p) => {
      const [i, j] = [p.n, p.m].map((length) => Array.from({ length }, (__, k) => (k * 5 + 3) % length));
      if (new Set(i).size < p.n || new Set(j).size < p.m) return; // 5 divides the length
      const rows = nested(p.cost, p.n);
      const other = {
        ...p,
        cost: flat(i!.map((r) => j!.map((c) => rows[r]![c]!))),
        a: i!.map((r) => p.a[r]!),
        b: j!.map((c) => p.b[c]!),
      };
      const [x, y] = await solve([p, other], options);
      const plan = nested(x!.plan, p.n);
      expect(worst(flat(i!.map((r) => j!.map((c) => plan[r]![c]!))), y!.plan)).toBeLessThan(1e-6 * slack);
    }));

  test("a constant", () =>
    check(async (p) => {
      const shifted = { ...p, cost: Float64Array.from(p.cost, (c) => c + 7) };
      const [x, y] = await solve([p, shifted], options);
      expect(worst(x!.plan, y!.plan)).toBeLessThan(1e-6 * slack);
      expect(y!.cost - x!.cost).toBeCloseTo(7, 4);
      const at = [p.a, p.b].map((mass) => Array.from(mass).findIndex((v) => v > 0));
      const sum = (r: OtResult) => r.f[at[0]!]! + r.g[at[1]!]!;
      expect(sum(y!) - sum(x!)).toBeCloseTo(7, 4);
    }));

  test("transposition", () =>
    check(async (p) => {
      const flipped = { n: p.m, m: p.n, cost: transpose(p.cost, p.n), a: p.b, b: p.a };
      const [x, y] = await solve([p, flipped], options);
      expect(worst(transpose(x!.plan, p.n), y!.plan)).toBeLessThan(3e-6); // both stop within 1e-6 of the limit
      expect(y!.value).toBeCloseTo(x!.value, 4);
    }));

  test("ε → ∞", () =>
    check(async (p) => {
      const [got] = await solve([p], { ...options, epsilon: 1e4 });
      const product = Array.from(p.a, (a) => Array.from(p.b, (b) => a * b)).flat();
      expect(worst(got!.plan, product)).toBeLessThan(2e-4);
      expect(got!.value).toBeCloseTo(got!.cost, 3);
    }));

  test("ε → 0", async () => {
    const small = problems.filter((p) => p.n * p.m <= 40);
    await fc.assert(
      fc.asyncProperty(small, async (p) => {
        const exact = optimum(p);
        const settings = { ...options, tolerance: 1e-5, maxIterations: 20000 };
        const [rough, fine] = await Promise.all(
          [solve([p], { ...settings, epsilon: 0.1 }), solve([p], { ...settings, epsilon: 2e-3 })].map(
            async (r) => (await r)[0]!,
          ),
        );
        expect(fine!.cost).toBeGreaterThan(exact - 1e-4);
        expect(fine!.cost - exact).toBeLessThan(0.01);
        expect(fine!.cost).toBeLessThanOrEqual(rough!.cost + 1e-4);
      }),
      { ...RUNS, numRuns: 12 },
    );
  });

  test("divergence", () =>
    check(async ({ n, m }) => {
      const [x, y] = [normals(n, 3, n), normals(m, 3, m + 50)];
      const of = (p: number[][], q: number[][]): OtProblem => ({
        ...{ n: p.length, m: q.length, d: 3, x: flat(p), y: flat(q), kind: "sqeuclidean" },
      });
      const [own, other] = await solve([of(x, x), of(x, y)], {
        ...options,
        epsilon: 0.3,
        relative: true,
        divergence: true,
      });
      expect(Math.abs(own!.divergence!)).toBeLessThan(1e-4);
      expect(other!.divergence!).toBeGreaterThan(-1e-4);
    }));

  test("error", () =>
    check(async (p) => {
      const errors = [1, 2, 4, 8, 16].map(
        async (maxIterations) =>
          (await solve([p], { ...options, tolerance: 0, maxIterations }))[0]!.marginalError,
      );
      let last = Infinity;
      for (const error of await Promise.all(errors)) {
        expect(error).toBeLessThanOrEqual(last + 1e-6);
        last = error;
      }
    }));
});

test.each(["portable", "fused", "wide"] as const)("padding is never read, %s kernels", async (kernels) => {
  const sizes = [
    { xOffset: 0, n: 5, yOffset: 0, m: 3 },
    { xOffset: 0, n: 2, yOffset: 0, m: 9 },
  ];
  const capacity = {
    ...capacityFor(sizes),
    problems: 4,
    costElements: 200,
    rows: 20,
    cols: 20,
    maxRows: 9,
    maxCols: 12,
  };
  const b = new ProgramBuilder("padding");
  const problems = b.input("problems", 4 * PROBLEM_WORDS);
  const cost = b.input("cost", capacity.costElements);
  const settings = { ...DEFAULT_SETTINGS, epsilon: 0.1, relative: true };
  const solved = recordSinkhorn(b, { cost, problems, capacity, settings, kernels });
  b.output("plan", solved.plan);
  b.output("state", solved.state);
  const program = await b.build(gpu);
  const placed = placeProblems(sizes, capacity);
  const plans: number[][] = [];
  for (const loud of [9, -9, 1e30]) {
    const values = new Float32Array(capacity.costElements).fill(loud);
    placed.forEach((p, k) => {
      const c = uniforms(p.n, p.m, k);
      c.forEach((row, i) => values.set(row, p.cost + i * p.pitch));
    });
    const got = await program.run(
      { problems: packProblems(sizes, capacity), cost: values },
      { read: ["plan", "state"] },
    );
    plans.push(
      placed.flatMap((p) =>
        Array.from({ length: p.n }, (_, i) => [
          ...got.plan.subarray(p.cost + i * p.pitch, p.cost + i * p.pitch + p.m),
        ]).flat(),
      ),
    );
    expect(got.state.subarray(2 * 16).every((x) => x === 0)).toBe(true); // places without a problem
    expect(got.state.every(Number.isFinite)).toBe(true);
  }
  program.destroy();
  expect(plans[0]!.every((x) => x > 0)).toBe(true);
  expect(plans[1]).toEqual(plans[0]);
  expect(plans[2]).toEqual(plans[0]);
});

/** The exact cost of optimal transport, by linear programming. */
function optimum(p: CostProblem & { a: ArrayLike<number>; b: ArrayLike<number> }): number {
  const variables: Record<string, Record<string, number>> = {};
  for (let i = 0; i < p.n; i++)
    for (let j = 0; j < p.m; j++)
      variables[`p${i},${j}`] = { cost: p.cost[i * p.m + j]!, [`r${i}`]: 1, [`c${j}`]: 1 };
  // The last column follows from the rest; leaving it out keeps rounding from making the program infeasible.
  const constraints: Record<string, { equal?: number; min?: number; max?: number }> = {};
  for (let i = 0; i < p.n; i++) constraints[`r${i}`] = { equal: p.a[i]! };
  for (let j = 0; j + 1 < p.m; j++) constraints[`c${j}`] = { equal: p.b[j]! };
  // Its types leave the answer to a single objective open.
  const solution = solver.Solve({ optimize: "cost", opType: "min", constraints, variables }) as {
    feasible?: boolean;
    result?: number;
  };
  if (solution.feasible !== true) throw new Error("the linear program was not solved");
  return Number(solution.result);
}
