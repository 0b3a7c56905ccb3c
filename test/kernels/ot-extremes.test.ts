// Numbers at the ends of their ranges: right, or refused in one line; never a hang, never `converged` of a wrong plan — plan
//   costs       1e30 and more beside small ones, on the whole, in relaxed problems, and where there is no mass
//   features    1e15 and more, 1e-25, far-off clouds: distances do not change with place, nor plans with size
//   ε           1e30: a bᵀ and its first-order potentials; 1e-30, 1e-46: refused, unless the plan is plain
//   masses      that do not sum to one: tolerance relative to the mass; large τ keeps its digits
//   warm starts of any value: the same plan
//   not numbers a solve of NaN ends and is not converged
// Expected values: test/oracle/ot.ts in float64 at sizes near 1, which a change of units does not move; or by hand.
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import { ProgramBuilder } from "../../src/gpu/program";
import {
  capacityFor,
  DEFAULT_SETTINGS,
  packProblems,
  PROBLEM_WORDS,
  readStatus,
  recordPlanGradient,
  recordSinkhorn,
  solveBatch,
  type OtOptions,
  type OtProblem,
  type OtResult,
} from "../../src/ot";
import { planFrom, solveBatchOnCpu } from "../../src/ot/cpu";
import * as oracle from "../oracle/ot";
import { flat, masses, nested, normals, uniforms } from "../oracle/ot-random";
import { relativeL2 } from "../support/close";
import { testGpu } from "../support/gpu";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

type Solver = (p: OtProblem, options: OtOptions) => Promise<OtResult>;
const solvers: [string, Solver][] = [
  ["gpu", async (p, o) => (await solveBatch(gpu, [p], o))[0]!],
  ["cpu", async (p, o) => solveBatchOnCpu([p], o)[0]!],
];

const given = (cost: oracle.Matrix, rest: Partial<OtProblem> = {}): OtProblem => ({
  ...{ n: cost.length, m: cost[0]!.length, cost: flat(cost) },
  ...rest,
});
const features = (x: oracle.Matrix, y: oracle.Matrix, kind: oracle.Kind): OtProblem => ({
  ...{ n: x.length, m: y.length, d: x[0]!.length, x: flat(x), y: flat(y), kind },
});
const times = (m: oracle.Matrix, by: number, plus = 0): number[][] =>
  m.map((row) => row.map((c) => c * by + plus));
const distance = (got: ArrayLike<number>, want: oracle.Matrix): number =>
  want.flat().reduce((sum, w, at) => sum + Math.abs(got[at]! - w), 0);
const CONVERGED = { sweeps: 50000, tolerance: 1e-13 };

describe.each(solvers)("%s", (_, solve) => {
  describe("costs", () => {
    const small = [
      [90, 240, 1700, 0.003],
      [70, 215, 1650, 0.2],
      [31, 64, 410, 0],
      [0, 0, 0, 4.5],
    ];
    const forbidden = (by: number) =>
      small.map((row, i) => row.map((c, j) => (i === 3 ? (j === 3 ? c : by) : c)));
    const marginals = { a: [0.2, 0.3, 0.4, 0.1], b: [0.25, 0.25, 0.3, 0.2] };

    test.each([1e6, 1e30, 3e32, 1e35])("%f forbids a cell, and the small ones decide", async (by) => {
      const want = oracle.sinkhorn(forbidden(1e5), { epsilon: 1, ...marginals, ...CONVERGED });
      const got = await solve(given(forbidden(by), marginals), {
        epsilon: 1,
        relative: false,
        tolerance: 1e-6,
      });
      expect(got.converged).toBe(true);
      expect(got.epsilon).toBeCloseTo(1, 6);
      expect(got.cost).toBeCloseTo(want.cost, 2);
      expect(distance(got.plan, want.plan)).toBeLessThan(2e-5);
    });

    test("gradients of the small ones beside 1e32", async () => {
      const loss = (c: number[][]) => oracle.sinkhorn(c, { epsilon: 20, ...marginals, ...CONVERGED }).cost;
      const want = flat(oracle.differentiate(loss, forbidden(1e5), 1e-3));
      for (const gradient of ["implicit", "unrolled"] as const) {
        const got = await solve(given(forbidden(1e32), marginals), {
          ...{ epsilon: 20, relative: false, tolerance: 1e-6, gradient, maxIterations: 300 },
        });
        expect(got.converged).toBe(true);
        expect(relativeL2(got.dcost!, want), gradient).toBeLessThan(1e-3);
      }
    });

    const base = uniforms(6, 9, 1);
    test.each([1e-300, 1e-42, 1e31, 1e39, 1e290])("all of size %f", async (size) => {
      const want = oracle.sinkhorn(base, { epsilon: 0.1, ...CONVERGED });
      const got = await solve(given(times(base, size)), {
        epsilon: 0.1 * size,
        relative: false,
        tolerance: 1e-6,
      });
      expect(got.converged).toBe(true);
      expect(Math.abs(got.cost / size - want.cost)).toBeLessThan(1e-5);
      expect(distance(got.plan, want.plan)).toBeLessThan(2e-5);
      const again = planFrom(flat(times(base, size)), got.f, got.g, got.epsilon);
      expect(distance(again, want.plan)).toBeLessThan(2e-5);
    });

    test.each([1e-40, 1e31, 1e39])("relaxed, of size %f", async (size) => {
      const relaxed = { a: masses(6, 2), b: masses(9, 3) };
      const want = oracle.sinkhorn(base, { epsilon: 0.1, tauA: 0.5, tauB: 2, ...relaxed, ...CONVERGED });
      const options = { relative: false, tolerance: 1e-6, gradient: "implicit" } as const;
      const got = await solve(given(times(base, size), relaxed), {
        ...options,
        ...{ epsilon: 0.1 * size, tauA: 0.5 * size, tauB: 2 * size },
      });
      const plain = await solve(given(base, relaxed), { ...options, epsilon: 0.1, tauA: 0.5, tauB: 2 });
      expect(got.converged).toBe(true);
      expect(distance(got.plan, want.plan)).toBeLessThan(2e-5);
      expect(relativeL2(got.dcost!, plain.dcost!)).toBeLessThan(1e-4);
    });

    test.each([1e32, -1e32])("%f where there is no mass", async (c) => {
      const cost = base.map((row, i) => (i === 2 ? row.map(() => c) : row));
      const a = masses(5, 4).flatMap((x, i) => (i === 2 ? [0, x] : [x]));
      const want = oracle.sinkhorn(base, { epsilon: 0.1, a, ...CONVERGED });
      const got = await solve(given(cost, { a }), { epsilon: 0.1, relative: false, tolerance: 1e-6 });
      expect(got.converged).toBe(true);
      expect(distance(got.plan, want.plan)).toBeLessThan(2e-5);
    });
  });

  describe("features", () => {
    const [x, y] = [normals(7, 3, 1), normals(9, 3, 2)];
    const options = { epsilon: 0.1, relative: true, tolerance: 1e-6, gradient: "implicit" } as const;
    const wanted = async (kind: oracle.Kind, p: oracle.Matrix, q: oracle.Matrix) => {
      const cost = oracle.costMatrix(p, q, kind);
      const epsilon = 0.1 * oracle.meanOf(cost);
      return oracle.sinkhorn(cost, { epsilon, ...CONVERGED });
    };

    const sizes = [1e-25, 1e-12, 1e15, 1e17].flatMap((size) =>
      (["euclidean", "sqeuclidean"] as const).map((kind) => [kind, size] as const),
    );
    test.each(sizes)("%s of size %f", async (kind, size) => {
      const want = await wanted(kind, x, y);
      const got = await solve(features(times(x, size), times(y, size), kind), options);
      const unit = await solve(features(x, y, kind), options);
      const power = kind === "sqeuclidean" ? 2 : 1;
      expect(got.converged).toBe(true);
      expect(distance(got.plan, want.plan)).toBeLessThan(2e-5);
      expect(Math.abs(got.cost / size ** power / want.cost - 1)).toBeLessThan(1e-5);
      expect(
        relativeL2(
          got.dx!,
          unit.dx!.map((v) => v * size ** (power - 1)),
        ),
      ).toBeLessThan(1e-4);
      expect(
        relativeL2(
          got.dy!,
          unit.dy!.map((v) => v * size ** (power - 1)),
        ),
      ).toBeLessThan(1e-4);
    });

    test.each([1e15, 2e17])("cosine of size %f", async (size) => {
      const want = await wanted("cosine", x, y);
      const got = await solve(features(times(x, size), y, "cosine"), options);
      const unit = await solve(features(x, y, "cosine"), options);
      expect(got.converged).toBe(true);
      expect(distance(got.plan, want.plan)).toBeLessThan(2e-5);
      expect(
        relativeL2(
          got.dx!,
          unit.dx!.map((v) => v / size),
        ),
      ).toBeLessThan(1e-4);
    });

    const places = [1e3, 1e5, 1e7].flatMap((place) =>
      (["euclidean", "sqeuclidean", "attention"] as const).map((kind) => [kind, place] as const),
    );
    test.each(places)("%s, clouds at %f", async (kind, place) => {
      const away = (m: oracle.Matrix) => m.map((row) => row.map((c, k) => c + (k === 1 ? 0 : place)));
      const own = kind === "attention" ? x : away(x); // scores move with x, not with y
      // The float64 sum is what the cloud is; what rounds it to float32 first is off by 1e-7 of its place.
      const back = (m: oracle.Matrix) => m.map((row) => row.map((c, k) => (k === 1 ? c : c + place - place)));
      const want = await wanted(kind, kind === "attention" ? x : back(x), back(y));
      const got = await solve(features(own, away(y), kind), options);
      expect(got.converged).toBe(true);
      expect(distance(got.plan, want.plan)).toBeLessThan(2e-5);
      const near = await solve(features(x, y, kind), options);
      expect(relativeL2(got.dx!, near.dx!)).toBeLessThan(1e-4);
    });

    test("scores beyond float32 are refused", async () => {
      const big = (m: oracle.Matrix) => times(m, 9e17);
      await expect(
        solve(features(big(uniforms(3, 900, 1)), big(uniforms(4, 900, 2)), "attention"), options),
      ).rejects.toThrow(/problem 0: x: attention scores reach .*too large for float32/);
    });
  });

  describe("ε", () => {
    const cost = uniforms(5, 6, 7);
    const [a, b] = [masses(5, 8), masses(6, 9)];

    test.each([1e9, 1e30, 1e200])("%f: the plan is a bᵀ, and the value its cost", async (epsilon) => {
      const product = a.map((p) => b.map((q) => p * q));
      const linear = product.reduce((s, row, i) => s + row.reduce((t, p, j) => t + p * cost[i]![j]!, 0), 0);
      const got = await solve(given(cost, { a, b }), {
        epsilon,
        relative: false,
        tolerance: 1e-6,
        gradient: "implicit",
      });
      expect(got.converged).toBe(true);
      expect(got.epsilon / epsilon).toBeCloseTo(1, 6);
      expect(distance(got.plan, product)).toBeLessThan(2e-6);
      expect(got.cost).toBeCloseTo(linear, 6);
      expect(got.value).toBeCloseTo(linear, 6); // ε KL(P | abᵀ) is of order range²/ε
      expect(Math.abs(got.gap)).toBeLessThan(1e-6);
      expect(distance(planFrom(flat(cost), got.f, got.g, got.epsilon), product)).toBeLessThan(2e-6);
      expect(distance(got.dcost!, product)).toBeLessThan(2e-6); // the plan no longer moves with the cost
    });

    test("relative to the mean, of features: 1e30", async () => {
      const got = await solve(features(normals(4, 3, 1), normals(5, 3, 2), "sqeuclidean"), {
        ...{ epsilon: 1e30, relative: true, tolerance: 1e-6 },
      });
      expect(got.converged).toBe(true);
      expect(distance(got.plan, new Array(4).fill(new Array(5).fill(1 / 20)))).toBeLessThan(2e-6);
      expect(Math.abs(got.value / got.cost - 1)).toBeLessThan(1e-5);
    });

    test.each([1e-14, 1e-30, 1e-46])("%f is refused where the plan hangs on it", async (epsilon) => {
      await expect(solve(given(cost), { epsilon, relative: false })).rejects.toThrow(
        /problem 0: cost: epsilon is .* It must be at least \d/,
      );
      await expect(solve(given(cost), { epsilon, relative: true })).rejects.toThrow(
        /epsilon is .* times the mean cost/,
      );
      const p = features(normals(4, 3, 1), normals(5, 3, 2), "euclidean");
      await expect(solve(p, { epsilon, relative: false })).rejects.toThrow(/problem 0: x: epsilon is /);
    });

    test("1e-30 is right where the plan is plain", async () => {
      const plain = [
        [0, 1],
        [1, 0],
      ];
      const got = await solve(given(plain), { epsilon: 1e-30, relative: false, tolerance: 1e-6 });
      expect([got.converged, ...got.plan]).toEqual([true, 0.5, 0, 0, 0.5]);
      const flatCost = await solve(given([[3, 3]]), { epsilon: 1e-46, relative: false, tolerance: 1e-6 });
      expect(flatCost.converged).toBe(true);
      expect(distance(flatCost.plan, [[0.5, 0.5]])).toBeLessThan(1e-6);
    });

    test("costs that span more than float32 beside ε are refused", async () => {
      const wide = given([
        [0, 1e40],
        [1e40, 0],
      ]);
      await expect(solve(wide, { epsilon: 1e-3, relative: false })).rejects.toThrow(
        /costs that span 1.00e\+40/,
      );
    });
  });

  describe("masses that do not sum to one", () => {
    const cost = uniforms(4, 3, 11);
    test.each([
      [8, 150],
      [1e-6, 3e-6],
      [2e5, 1e5],
    ])("sums %f and %f", async (sumA, sumB) => {
      const marginals = { a: masses(4, 12).map((x) => x * sumA), b: masses(3, 13).map((x) => x * sumB) };
      const options = { epsilon: 0.1, relative: false, tauA: 1, tauB: 0.7 };
      const want = oracle.sinkhorn(cost, { ...options, ...marginals, sweeps: 5000 });
      const got = await solve(given(cost, marginals), { ...options, tolerance: 1e-6, maxIterations: 2000 });
      expect(got.converged).toBe(true);
      expect(Math.abs(got.mass / want.mass - 1)).toBeLessThan(1e-5);
      expect(distance(got.plan, want.plan) / want.mass).toBeLessThan(1e-5);
      // A loose tolerance is not met at once because the masses are small.
      const loose = await solve(given(cost, marginals), { ...options, tolerance: 1e-2 });
      expect(distance(loose.plan, want.plan) / want.mass).toBeLessThan(0.1);
    });

    test.each([30, 1e4, 1e13, 1e25])(
      "ε of %f τ: the marginals still say what the potentials are",
      async (epsilon) => {
        const relaxed = { a: masses(4, 16).map((x) => 2 * x), b: masses(3, 17), tauA: 1, tauB: 0.4 };
        const want = oracle.sinkhorn(cost, { epsilon, ...relaxed, sweeps: 200 });
        const { a, b, ...taus } = relaxed;
        const options = { epsilon, relative: false, ...taus, tolerance: 1e-5 };
        const got = await solve(given(cost, { a, b }), options);
        expect(got.converged).toBe(true);
        expect(distance(got.plan, want.plan) / want.mass).toBeLessThan(1e-5);
        expect(relativeL2([...got.f, ...got.g], [...want.f, ...want.g])).toBeLessThan(1e-4);
      },
    );

    test("τ of ten thousand ε", async () => {
      const swap = given(
        [
          [0, 1],
          [1, 0],
        ],
        { a: [0.2, 0.8], b: [0.6, 0.4] },
      );
      const options = { epsilon: 0.01, relative: false, tauA: 100, tauB: 100 };
      const want = oracle.sinkhorn(nested([0, 1, 1, 0], 2), {
        ...{ ...options, a: [0.2, 0.8], b: [0.6, 0.4], sweeps: 60000 },
      });
      const got = await solve(swap, { ...options, tolerance: 1e-6, maxIterations: 100000 });
      expect(got.converged).toBe(true);
      expect(got.cost).toBeCloseTo(want.cost, 6);
      expect(distance(got.plan, want.plan)).toBeLessThan(3e-6);
    });

    test("beyond float32 they are refused", async () => {
      await expect(
        solve(given(cost, { a: masses(4, 1).map((x) => x * 1e-40) }), { epsilon: 0.1, tauA: 1, tauB: 1 }),
      ).rejects.toThrow(/problem 0: a: masses sum to .*float32/);
    });
  });

  test.each([
    ["1e38 at one row", [1e38, 0, 0, 0]],
    ["1e38 at all rows", [1e38, 1e38, 1e38, 1e38]],
    ["−1e300", [0, -1e300, 0, 5]],
    ["−1e30, the value of no mass", [-1e30, -1e30, 0.2, -1e30]],
    ["1e6 apart", [1e6, -1e6, 0, 0]],
  ])("a warm start of %s", async (__, f) => {
    const cost = uniforms(4, 6, 21);
    for (const relaxed of [{}, { tauA: 1, tauB: 2 }]) {
      const options = { epsilon: 0.05, relative: false, tolerance: 1e-6, ...relaxed };
      const want = oracle.sinkhorn(cost, { ...options, ...CONVERGED });
      const got = await solve(given(cost, { f }), options);
      expect(got.converged).toBe(true);
      expect(distance(got.plan, want.plan)).toBeLessThan(3e-5);
    }
    const loop = {
      scheme: "multiplicative",
      epsilon: 1,
      relative: false,
      maxIterations: 100,
      tolerance: 1e-9,
    } as const;
    const [cold, warm] = [await solve(given(cost), loop), await solve(given(cost, { f }), loop)];
    expect([...warm.f]).toEqual([...cold.f]); // the published loop starts from 1/n
  });
});

test.each(["portable", "fused", "wide"] as const)(
  "costs that are no numbers end, %s kernels",
  async (kernels) => {
    const sizes = [
      { xOffset: 0, n: 5, yOffset: 0, m: 7 },
      { xOffset: 5, n: 6, yOffset: 7, m: 6 },
      { xOffset: 11, n: 4, yOffset: 13, m: 4 },
    ];
    const capacity = capacityFor(sizes);
    const b = new ProgramBuilder("no numbers");
    const problems = b.input("problems", 3 * PROBLEM_WORDS);
    const cost = b.input("cost", capacity.costElements);
    const settings = { ...DEFAULT_SETTINGS, maxIterations: 120, relative: false, epsilon: 0.1 };
    const solved = recordSinkhorn(b, { cost, problems, capacity, settings, kernels });
    b.output("dcost", recordPlanGradient(b, solved, "implicit", b.input("weights", 3)));
    b.output("state", solved.state);
    const program = await b.build(gpu);
    const costs = Float32Array.from({ length: capacity.costElements }, (__, at) => Math.abs(Math.sin(at)));
    costs.fill(NaN, 0, 40);
    costs.fill(3e38, 40, 44); // what squares of a diverged model come to
    costs.fill(-3e38, 44, 48);
    const { state } = await program.run(
      { cost: costs, problems: packProblems(sizes, capacity), weights: new Float32Array(3).fill(1) },
      { read: ["state"] },
    );
    program.destroy();
    const status = [0, 1, 2].map((p) => readStatus(state!, p));
    expect(status.map((s) => s.converged)).toEqual([false, false, true]);
    expect(status.every((s) => s.iterations <= 121)).toBe(true);
    expect(status[2]!.gradientResidual).toBeLessThan(1e-5);
  },
);
