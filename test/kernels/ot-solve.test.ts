// The solver on the GPU, with each of its sweep kernels — plan
//   bars            × ε/mean(C) {1, 0.1, 0.01, 0.001} × kind {euclidean, cosine}: max|ΔP|·n·m and ⟨P,C⟩, against float64
//   exact sweeps    tolerance 0 gives the potentials of exactly K sweeps (g, then f, from f = 0)
//   ragged batch    each problem equals itself solved alone, bit for bit; 1×1 to 300×40 mixed, costs and features mixed
//   masses          given, with zeros: rows of no mass are empty, the rest matches
//   unbalanced      τ on one side, on both, against the oracle's sweeps
//   multiplicative  the authors' loop: plan and iterations' rule, its underflow reported, never NaN
//   degenerate      identical points, constant, huge, tiny and offset costs, one row, one column
//   honest          unconverged is said; converged is true of the returned plan; tiny ε never NaN
//   options         over-relaxation and warm start reach the same plan in fewer sweeps; ε-scaling reaches it
//   history         redraws every iteration's plan
//   report          value, entropy, mass, gap
//   divergence      0 on itself, positive otherwise, refused for attention and for given costs
//   errors          problem and field
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import {
  OtInputError,
  solveBatch,
  type OtOptions,
  type OtProblem,
  type OtResult,
  type SweepKernels,
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

const given = (cost: oracle.Matrix, rest: Partial<OtProblem> = {}): OtProblem => ({
  n: cost.length,
  m: cost[0]!.length,
  cost: flat(cost),
  ...rest,
});

const features = (x: oracle.Matrix, y: oracle.Matrix, kind: oracle.Kind): OtProblem => ({
  ...{ n: x.length, m: y.length, d: x[0]!.length, x: flat(x), y: flat(y), kind },
});

const planError = (got: ArrayLike<number>, want: oracle.Matrix): number => {
  const w = want.flat();
  let worst = 0;
  for (let at = 0; at < w.length; at++) worst = Math.max(worst, Math.abs(got[at]! - w[at]!));
  return Number.isNaN(worst + got[0]!) ? Infinity : worst * w.length;
};

/** Every test below runs with each of the kernels that sweep. */
const KERNELS: SweepKernels[] = ["portable", "fused", "wide"];

describe.each(KERNELS)("%s kernels", (kernels) => {
  const solveAll = (p: OtProblem[], options: OtOptions): Promise<OtResult[]> =>
    solveBatch(gpu, p, { ...options, kernels });
  const solve = async (p: OtProblem, options: OtOptions): Promise<OtResult> =>
    (await solveAll([p], options))[0]!;

  describe("accuracy against float64", () => {
    const bars = [
      [1, 2e-4, 1e-5],
      [0.1, 2e-4, 1e-5],
      [0.01, 1.5e-2, 1e-4],
      [0.001, 5e-2, 1e-3],
    ] as const;
    for (const kind of ["euclidean", "cosine"] as const)
      test.each(bars)(`${kind}, ε/mean(C) = %f`, async (ratio, planBar, costBar) => {
        const [x, y] = [normals(33, 16, 1), normals(47, 16, 2)];
        const cost = oracle.costMatrix(x, y, kind);
        const options = { epsilon: ratio, relative: true, tolerance: 1e-6, maxIterations: 10000 };
        const got = await solve(features(x, y, kind), options);
        expect(got.converged, `error ${got.marginalError} after ${got.iterations}`).toBe(true);
        // The same sweeps in float64: what is left is float32, not the distance to the limit.
        const [want] = solveBatchOnCpu([given(cost)], {
          ...options,
          tolerance: 0,
          maxIterations: got.iterations,
        });
        expect(planError(got.plan, nested(want!.plan, 33))).toBeLessThanOrEqual(planBar);
        expect(Math.abs(got.cost / want!.cost - 1)).toBeLessThanOrEqual(costBar);
      });

    test.each([1, 7, 60])("exactly %i sweeps", async (sweeps) => {
      const cost = uniforms(13, 22, 3);
      const got = await solve(given(cost), {
        epsilon: 0.05,
        relative: false,
        tolerance: 0,
        maxIterations: sweeps,
      });
      const want = oracle.sinkhorn(cost, { epsilon: 0.05, sweeps });
      expect(got.iterations).toBe(sweeps);
      expect(relativeL2(got.f, want.f)).toBeLessThan(1e-5);
      expect(relativeL2(got.g, want.g)).toBeLessThan(1e-5);
      expect(planError(got.plan, want.plan)).toBeLessThan(2e-4);
      expect(got.marginalError).toBeCloseTo(want.error, 5);
      expect(got.converged).toBe(false);
    });
  });

  test("a ragged mixed batch equals its problems solved alone", async () => {
    const batch: OtProblem[] = [
      given(uniforms(5, 3, 1)),
      features(normals(17, 6, 2), normals(29, 6, 3), "cosine"),
      given([[0.4]]),
      features(normals(9, 6, 4), normals(4, 6, 5), "attention"),
      features(normals(300, 6, 6), normals(40, 6, 7), "cosine"),
      given(uniforms(1, 31, 8), { a: [1], b: masses(31, 9) }),
      features(normals(7, 3, 10), normals(8, 3, 11), "sqeuclidean"),
    ];
    const options = { epsilon: 0.1, relative: true, tolerance: 1e-5, gradient: "envelope" } as const;
    const together = await solveAll(batch, options);
    for (const [k, p] of batch.entries()) {
      const alone = await solve(p, options);
      expect(together[k]!.converged).toBe(true);
      expect([...together[k]!.plan]).toEqual([...alone.plan]);
      expect(together[k]!.iterations).toBe(alone.iterations);
      expect([...(together[k]!.dx ?? [])]).toEqual([...(alone.dx ?? [])]);
    }
  });

  describe("masses", () => {
    test("given, with zeros", async () => {
      const cost = uniforms(11, 14, 4);
      const [a, b] = [masses(11, 5, true), masses(14, 6, true)];
      const options = { epsilon: 0.1, relative: false, tolerance: 1e-6, gradient: "implicit" } as const;
      const got = await solve(given(cost, { a, b }), options);
      const want = oracle.sinkhorn(cost, { epsilon: 0.1, sweeps: got.iterations, a, b });
      expect(got.converged).toBe(true);
      expect(planError(got.plan, want.plan)).toBeLessThan(2e-4);
      a.forEach((mass, i) => {
        if (mass === 0) expect(nested(got.plan, 11)[i]!.every((x) => x === 0)).toBe(true);
      });
      expect([...got.dcost!].every(Number.isFinite)).toBe(true);
    });

    const taus = [
      [1, null],
      [null, 0.5],
      [0.3, 2],
    ] as const;
    test.each(taus)("relaxed: τ = %s, %s", async (tauA, tauB) => {
      const cost = uniforms(9, 13, 7);
      const [a, b] = [masses(9, 8), masses(13, 9).map((x) => (tauB === null ? x : 1.5 * x))];
      const options = { epsilon: 0.05, relative: false, tolerance: 1e-6, tauA, tauB };
      const got = await solve(given(cost, { a, b }), options);
      const want = oracle.sinkhorn(cost, { ...options, sweeps: got.iterations, tolerance: 0, a, b });
      expect(got.converged).toBe(true);
      expect(planError(got.plan, want.plan)).toBeLessThan(2e-4);
      expect(Math.abs(got.value - want.value)).toBeLessThan(1e-5);
      expect(Math.abs(got.gap)).toBeLessThan(1e-4);
      if (tauA !== null && tauB !== null) expect(Math.abs(got.mass - 1)).toBeGreaterThan(0.01); // control
    });
  });

  describe("the multiplicative scheme is the authors' loop", () => {
    test.each([0.1, 5, 20])("alpha %f", async (alpha) => {
      const cost = oracle.costMatrix(normals(12, 8, 1), normals(19, 8, 2), "cosine");
      const options: OtOptions = {
        scheme: "multiplicative",
        epsilon: 1 / alpha,
        relative: false,
        maxIterations: 100,
        tolerance: 1e-9,
      };
      const got = await solve(given(cost), options);
      const want = oracle.authorsLoop(cost, alpha);
      expect(planError(got.plan, want.plan)).toBeLessThan(2e-4);
      expect([51, 100]).toContain(want.iterations);
      expect([51, 100]).toContain(got.iterations);
    });

    test("it looks at its error at sweeps 1, 51, … only", async () => {
      const cost = oracle.costMatrix(normals(12, 8, 1), normals(19, 8, 2), "cosine");
      const options = { scheme: "multiplicative", relative: false, maxIterations: 100 } as const;
      const want = oracle.authorsLoop(cost, 5, undefined, undefined, 100, 1e-3);
      const got = await solve(given(cost), { ...options, epsilon: 1 / 5, tolerance: 1e-3 });
      expect([got.iterations, want.iterations]).toEqual([51, 51]);
      const loose = await solve(given(cost), { ...options, epsilon: 10, tolerance: 0.1 });
      expect(loose.iterations).toBe(1);
    });

    test("underflow loses the mass, and the report says so", async () => {
      const got = await solve(
        given([
          [900, 800],
          [950, 990],
        ]),
        { scheme: "multiplicative", epsilon: 1, relative: false, maxIterations: 100, tolerance: 1e-9 },
      );
      expect(got.mass).toBeLessThan(1e-6);
      expect(got.converged).toBe(false);
      expect([...got.plan, got.cost, got.value].every(Number.isFinite)).toBe(true);
    });
  });

  describe("degenerate problems", () => {
    const close = async (cost: number[][], epsilon: number, relative = true) => {
      const options = { epsilon, relative, tolerance: 1e-6, maxIterations: 5000 };
      const got = await solve(given(cost), options);
      const [want] = solveBatchOnCpu([given(cost)], { ...options, tolerance: 1e-9 });
      expect(got.converged).toBe(true);
      expect(planError(got.plan, nested(want!.plan, cost.length))).toBeLessThan(1e-3);
      expect(Math.abs(got.cost - want!.cost)).toBeLessThanOrEqual(1e-4 * Math.abs(want!.cost) + 1e-12);
      return got;
    };

    test("identical points", async () => {
      const x = [
        [1, 2],
        [1, 2],
        [3, 1],
      ];
      for (const kind of ["euclidean", "sqeuclidean", "cosine", "attention"] as const) {
        const p = features(x, x, kind);
        const options = { epsilon: 0.2, relative: true, tolerance: 1e-5, gradient: "implicit" } as const;
        const [want] = solveBatchOnCpu([p], options);
        const got = await solve(p, options);
        expect(got.converged).toBe(true);
        expect(planError(got.plan, nested(want!.plan, 3))).toBeLessThan(1e-3);
        expect([...got.dx!].every(Number.isFinite)).toBe(true);
      }
    });
    test("constant costs", async () => {
      const got = await close(new Array(4).fill(new Array(6).fill(3)), 0.01);
      expect([...got.plan].every((p) => Math.abs(p - 1 / 24) < 1e-8)).toBe(true);
      await close(
        [
          [0, 0],
          [0, 0],
        ],
        0.1,
      );
    });
    test("huge, tiny and offset costs", async () => {
      const base = uniforms(6, 9, 1);
      const of = (scale: number, offset: number) => base.map((row) => row.map((c) => c * scale + offset));
      await close(of(1e12, 0), 0.05);
      await close(of(1e-20, 0), 0.05);
      await close(of(1, 1e6), 0.05, false);
    });
    test("one row, one column", async () => {
      await close([[1, 5, 2]], 0.1);
      await close([[1], [5], [2]], 0.1);
    });
  });

  describe("the report is honest", () => {
    test("unconverged is said, whatever ε", async () => {
      for (const epsilon of [1e-4, 1e-8, 1e-11]) {
        const got = await solve(given(uniforms(20, 30, 1)), {
          epsilon,
          relative: true,
          maxIterations: 20,
          tolerance: 1e-6,
        });
        expect([...got.plan, ...got.f, ...got.g, got.value, got.gap].every(Number.isFinite)).toBe(true);
        expect(got.converged).toBe(false);
        expect(got.marginalError).toBeGreaterThan(1e-6);
      }
    });

    test("converged is true of the returned plan", async () => {
      for (const tolerance of [1e-2, 1e-4, 1e-6]) {
        const got = await solve(given(uniforms(40, 25, 2)), { epsilon: 0.05, relative: true, tolerance });
        expect(got.converged).toBe(true);
        const plan = nested(got.plan, 40);
        expect(
          oracle.marginalError(plan, [], [], oracle.uniform(40), oracle.uniform(25)),
        ).toBeLessThanOrEqual(tolerance);
      }
    });

    test("value, entropy, mass and gap", async () => {
      const cost = uniforms(15, 10, 3);
      const got = await solve(given(cost), { epsilon: 0.1, relative: false, tolerance: 1e-6 });
      const want = oracle.sinkhorn(cost, { epsilon: 0.1, sweeps: 5000, tolerance: 1e-12 });
      expect(got.value).toBeCloseTo(want.value, 5);
      expect(got.entropy).toBeCloseTo(want.entropy, 4);
      expect(got.mass).toBeCloseTo(1, 6);
      expect(Math.abs(got.gap)).toBeLessThan(1e-5);
    });
  });

  describe("options", () => {
    const cost = oracle.costMatrix(normals(40, 8, 1), normals(30, 8, 2), "cosine");
    const options = { epsilon: 0.02, relative: true, tolerance: 1e-5, maxIterations: 5000 };

    test("over-relaxation, warm start and ε-scaling reach the same plan", async () => {
      const cold = await solve(given(cost), options);
      const relaxed = await solve(given(cost), { ...options, relaxation: 1.6 });
      const warm = await solve(given(cost, { f: cold.f }), options);
      const scaled = await solve(given(cost), { ...options, epsilonScaling: 0.5 });
      for (const other of [relaxed, warm, scaled]) {
        expect(other.converged).toBe(true);
        expect(planError(other.plan, nested(cold.plan, 40))).toBeLessThan(2e-2); // both stop at error 1e-5
      }
      expect(relaxed.iterations).toBeLessThan(0.7 * cold.iterations);
      expect(warm.iterations).toBeLessThanOrEqual(2);
    });

    test("over-relaxed sweeps are the twin's", async () => {
      const exactly = { epsilon: 0.05, relative: true, tolerance: 0, maxIterations: 25, relaxation: 1.7 };
      const got = await solve(given(cost), exactly);
      const [want] = solveBatchOnCpu([given(cost)], exactly);
      expect(planError(got.plan, nested(want!.plan, 40))).toBeLessThan(1e-3);
      const [plain] = solveBatchOnCpu([given(cost)], { ...exactly, relaxation: 1 });
      expect(planError(got.plan, nested(plain!.plan, 40))).toBeGreaterThan(1e-2); // control
    });

    test("history redraws every iteration's plan", async () => {
      const settings = { epsilon: 0.1, relative: false, tolerance: 0, maxIterations: 6 };
      const got = await solve(given(cost), { ...settings, history: true });
      for (const k of [1, 3, 6]) {
        const want = oracle.sinkhorn(cost, { epsilon: 0.1, sweeps: k });
        const { f, g } = got.history!;
        const plan = planFrom(
          flat(cost),
          f.subarray(k * 40, (k + 1) * 40),
          g.subarray(k * 30, (k + 1) * 30),
          got.epsilon,
        );
        expect(planError(plan, want.plan)).toBeLessThan(2e-4);
      }
    });

    test("divergence", async () => {
      const [x, y] = [normals(12, 4, 5), normals(17, 4, 6)];
      const settings = { epsilon: 0.1, relative: true, tolerance: 1e-6, divergence: true };
      const [same, other] = await solveAll(
        [features(x, x, "sqeuclidean"), features(x, y, "sqeuclidean")],
        settings,
      );
      expect(Math.abs(same!.divergence!)).toBeLessThan(1e-5);
      const [want] = solveBatchOnCpu([features(x, y, "sqeuclidean")], settings);
      expect(other!.divergence).toBeGreaterThan(0.01);
      expect(other!.divergence).toBeCloseTo(want!.divergence!, 4);
      await expect(solve(features(x, y, "attention"), settings)).rejects.toThrow(
        /problem 0: divergence: .*not symmetric/,
      );
      await expect(solve(given(cost), settings)).rejects.toThrow(/problem 0: divergence: needs features/);
    });

    test("errors name problem and field", async () => {
      const ok = given([[1, 2]]);
      const bad = async (p: OtProblem, o: OtOptions, message: RegExp) =>
        expect(solveAll([ok, p], o)).rejects.toThrow(message);
      await bad(given([[1, NaN]]), {}, /problem 1: cost: expected finite/);
      await bad(given([[1, 2]], { b: [0.5, -0.5] }), {}, /problem 1: b: a mass cannot be negative/);
      await bad(given([[1, 2]], { b: [0.5, 0.6] }), {}, /problem 1: b: masses must sum to 1/);
      await bad(given(uniforms(2, 1025, 1)), {}, /problem 1: cost: at most 1024, got 1025/);
      await bad(ok, { epsilon: 0 }, /epsilon must be a number > 0/);
      await bad(ok, { gradient: "unrolled", relaxation: 1.5 }, /unrolled.*relaxation 1/);
      expect(new OtInputError(3, "x", "no").message).toBe("problem 3: x: no");
    });
  });
});
