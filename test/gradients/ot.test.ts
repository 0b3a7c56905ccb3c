// Gradients of transport — plan
//   the CPU twin (float64) against finite differences of the oracle: × gradient × objective × balanced, relaxed, zero mass
//     envelope    of the value at convergence; of ⟨P,C⟩ it is the plan
//     implicit    of both, at convergence
//     unrolled    of both, after exactly K sweeps, K = 1 and 9; the authors' loop too
//   features: the twin's dx, dy against finite differences through the whole loss, × 4 kinds
//   the GPU against the twin: × gradient × objective × ε {1, 0.1, 0.01} × 4 kinds, relative L2 1e-4 (implicit at 0.01: 3e-3)
//   overlapping problems sum their gradients; rows outside all problems get 0; accumulate adds; weights weigh
//   the three differ: envelope is not autograd of the finite loop
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import { ProgramBuilder } from "../../src/gpu/program";
import {
  capacityFor,
  costElements,
  DEFAULT_SETTINGS,
  packProblems,
  PROBLEM_WORDS,
  recordCost,
  recordCostBackward,
  recordPlanGradient,
  recordSinkhorn,
  solveBatch,
  type OtOptions,
  type OtProblem,
} from "../../src/ot";
import { costBackward, costOf, solveBatchOnCpu } from "../../src/ot/cpu";
import * as oracle from "../oracle/ot";
import { flat, masses, nested, normals, uniforms } from "../oracle/ot-random";
import { relativeL2 } from "../support/close";
import { testGpu } from "../support/gpu";

const KERNELS = ["portable", "fused", "wide"] as const;
const KINDS = ["euclidean", "sqeuclidean", "cosine", "attention"] as const;
const CONVERGED = { sweeps: 20000, tolerance: 1e-14 };

const problem = (cost: oracle.Matrix, a?: readonly number[], b?: readonly number[]): OtProblem => ({
  ...{ n: cost.length, m: cost[0]!.length, cost: flat(cost) },
  ...(a ? { a } : {}),
  ...(b ? { b } : {}),
});

const dcostOf = (p: OtProblem, options: OtOptions): Float64Array => solveBatchOnCpu([p], options)[0]!.dcost!;

describe("float64: the twin against finite differences of the oracle", () => {
  const cost = uniforms(5, 7, 1);
  const cases = [
    ["balanced", undefined, undefined, null, null],
    ["given masses", masses(5, 2), masses(7, 3), null, null],
    ["zero masses", masses(5, 2, true), masses(7, 3, true), null, null],
    ["relaxed", masses(5, 2), masses(7, 3), 0.7, 0.4],
  ] as const;
  for (const [name, a, b, tauA, tauB] of cases)
    for (const objective of ["cost", "value"] as const) {
      const base = { epsilon: 0.15, relative: false, tauA, tauB, objective } as const;
      const marginals = { ...(a ? { a } : {}), ...(b ? { b } : {}) };
      const loss = (sweeps: { sweeps: number; tolerance?: number }) => (c: number[][]) =>
        oracle.sinkhorn(c, { ...base, ...marginals, ...sweeps })[objective];

      test.each([1, 9])(`unrolled, ${name}, ${objective}, %i sweeps`, (sweeps) => {
        const got = dcostOf(problem(cost, a, b), {
          ...base,
          gradient: "unrolled",
          tolerance: 0,
          maxIterations: sweeps,
        });
        expect(relativeL2(got, flat(oracle.differentiate(loss({ sweeps }), cost)))).toBeLessThan(1e-7);
      });
      test(`implicit, ${name}, ${objective}`, () => {
        const got = dcostOf(problem(cost, a, b), {
          ...base,
          gradient: "implicit",
          tolerance: 1e-13,
          maxIterations: 20000,
        });
        expect(relativeL2(got, flat(oracle.differentiate(loss(CONVERGED), cost)))).toBeLessThan(1e-6);
      });
    }

  test("envelope is exact for the value, and the plan for ⟨P,C⟩", () => {
    const options = {
      epsilon: 0.15,
      relative: false,
      gradient: "envelope",
      tolerance: 1e-13,
      maxIterations: 20000,
    } as const;
    const value = (c: number[][]) => oracle.sinkhorn(c, { epsilon: 0.15, ...CONVERGED }).value;
    const [got] = solveBatchOnCpu([problem(cost)], options);
    expect(relativeL2(got!.dcost!, flat(oracle.differentiate(value, cost)))).toBeLessThan(1e-6);
    expect([...got!.dcost!]).toEqual([...got!.plan]);
    // Control: it is not the gradient of ⟨P,C⟩.
    const linear = (c: number[][]) => oracle.sinkhorn(c, { epsilon: 0.15, ...CONVERGED }).cost;
    expect(relativeL2(got!.dcost!, flat(oracle.differentiate(linear, cost)))).toBeGreaterThan(0.05);
  });

  test("unrolled is autograd through the authors' loop", () => {
    const loss = (c: number[][]) => {
      const { plan } = oracle.authorsLoop(c, 8, undefined, undefined, 5, 0);
      return plan.reduce((s, row, i) => s + row.reduce((t, p, j) => t + p * c[i]![j]!, 0), 0);
    };
    const options: OtOptions = {
      scheme: "multiplicative",
      epsilon: 1 / 8,
      relative: false,
      gradient: "unrolled",
      tolerance: 0,
      maxIterations: 5,
    };
    expect(relativeL2(dcostOf(problem(cost), options), flat(oracle.differentiate(loss, cost)))).toBeLessThan(
      1e-7,
    );
  });

  test.each(KINDS)("features, %s: dx and dy of the whole loss", (kind) => {
    const [x, y] = [normals(4, 3, 4), normals(6, 3, 5)];
    const p = { n: 4, m: 6, d: 3, x: flat(x), y: flat(y), kind };
    const options = {
      epsilon: 0.2,
      relative: false,
      gradient: "unrolled",
      tolerance: 0,
      maxIterations: 8,
    } as const;
    const [got] = solveBatchOnCpu([p], options);
    const loss = (q: oracle.Matrix, r: oracle.Matrix) =>
      oracle.sinkhorn(oracle.costMatrix(q, r, kind), { epsilon: 0.2, sweeps: 8 }).cost;
    expect(relativeL2(got!.dx!, flat(oracle.differentiate((q) => loss(q, y), x)))).toBeLessThan(1e-6);
    expect(relativeL2(got!.dy!, flat(oracle.differentiate((r) => loss(x, r), y)))).toBeLessThan(1e-6);
  });
});

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

describe("float32: the GPU against the twin", () => {
  const [x, y] = [normals(33, 12, 6), normals(18, 12, 7)];
  for (const gradient of ["envelope", "implicit", "unrolled"] as const)
    for (const objective of ["cost", "value"] as const)
      test.each([1, 0.1, 0.01])(`${gradient} of the ${objective}, ε/mean(C) = %f`, async (epsilon) => {
        const problems = KINDS.map((kind): OtProblem => ({
          n: 33,
          m: 18,
          d: 12,
          x: flat(x),
          y: flat(y),
          kind,
        }));
        const unrolled = gradient === "unrolled";
        const options = {
          ...{ epsilon, relative: true, gradient, objective },
          ...(unrolled ? { tolerance: 0, maxIterations: 40 } : { tolerance: 1e-6, maxIterations: 4000 }),
        };
        const got = await solveBatch(gpu, problems, options);
        const want = solveBatchOnCpu(problems, unrolled ? options : { ...options, tolerance: 1e-9 });
        const bar = gradient === "implicit" && epsilon === 0.01 ? 3e-3 : 1e-4;
        KINDS.forEach((kind, k) => {
          for (const name of ["dcost", "dx", "dy"] as const) {
            expect(relativeL2(got[k]![name]!, want[k]![name]!), `${kind} ${name}`).toBeLessThan(bar);
          }
        });
      });

  test.each(KERNELS)("relaxed, zero masses and the authors' loop, %s kernels", async (kernels) => {
    const cost = uniforms(14, 9, 8);
    const p = problem(cost, masses(14, 9, true), masses(9, 10, true));
    const tau = { epsilon: 0.1, relative: false, tauA: 0.5, tauB: 2, tolerance: 1e-6 };
    const kernel = {
      scheme: "multiplicative",
      epsilon: 0.1,
      relative: false,
      tolerance: 0,
      maxIterations: 12,
    } as const;
    const cases: OtOptions[] = [
      { ...tau, gradient: "implicit", objective: "cost" },
      { ...tau, gradient: "implicit", objective: "value" },
      { ...tau, gradient: "unrolled", tolerance: 0, maxIterations: 15 },
      { ...tau, gradient: "unrolled", objective: "value", tolerance: 0, maxIterations: 15 },
      { ...kernel, gradient: "unrolled" },
      { epsilon: 0.01, relative: true, gradient: "unrolled", tolerance: 0, maxIterations: 40 },
    ];
    for (const options of cases) {
      const [got] = await solveBatch(gpu, [p], { ...options, kernels });
      const [want] = solveBatchOnCpu([p], options.tolerance ? { ...options, tolerance: 1e-10 } : options);
      expect(relativeL2(got!.dcost!, want!.dcost!), JSON.stringify(options)).toBeLessThan(1e-4);
    }
  });

  test.each(KERNELS)("unrolled through sweeps that made K anew, %s kernels", async (kernels) => {
    const cost = oracle.costMatrix(normals(23, 6, 15), normals(17, 6, 16), "sqeuclidean");
    // From far away: potentials travel many ε, so K is made anew after the first sweeps.
    const far = { ...problem(cost), f: Float64Array.from({ length: 23 }, (_, i) => 40 * Math.sin(9 * i)) };
    for (const epsilon of [0.02, 0.003]) {
      const options = {
        epsilon,
        relative: true,
        gradient: "unrolled",
        tolerance: 0,
        maxIterations: 25,
      } as const;
      const [got] = await solveBatch(gpu, [far], { ...options, kernels });
      const [want] = solveBatchOnCpu([far], options);
      expect(relativeL2(got!.dcost!, want!.dcost!), String(epsilon)).toBeLessThan(1e-3);
    }
  });

  test("shared rows are summed, other rows get 0 or keep theirs, weights weigh", async () => {
    const D = 8;
    const [X, Y] = [normals(20, D, 11), normals(16, D, 12)];
    const sizes = [
      { xOffset: 2, n: 9, yOffset: 0, m: 7 },
      { xOffset: 6, n: 11, yOffset: 5, m: 10 },
    ];
    const capacity = { ...capacityFor(sizes), problems: 3 }; // the third place stays empty
    const b = new ProgramBuilder("overlap");
    const x = b.input("x", 20 * D);
    const y = b.input("y", 16 * D);
    const problems = b.input("problems", 3 * PROBLEM_WORDS);
    const weights = b.input("weights", 3);
    const dx = b.input("dx", 20 * D);
    const dy = b.scratch("dy", 16 * D);
    const cost = b.scratch("cost", capacity.costElements);
    const args = { x, y, D, problems, capacity, kind: "cosine", cost } as const;
    const saved = recordCost(b, args);
    const settings = { ...DEFAULT_SETTINGS, epsilon: 0.2, relative: false };
    const solved = recordSinkhorn(b, { cost, problems, capacity, settings });
    const dcost = recordPlanGradient(b, solved, "envelope", weights);
    recordCostBackward(b, { ...args, saved, dcost, dx, dy, accumulate: { dx: true } });
    b.output("dx", dx);
    b.output("dy", dy);
    const program = await b.build(gpu);
    const got = await program.run(
      {
        x: Float32Array.from(X.flat()),
        y: Float32Array.from(Y.flat()),
        dx: new Float32Array(20 * D).fill(0.5),
        problems: packProblems(sizes, capacity),
        weights: Float32Array.of(2, -1, 9),
      },
      { read: ["dx", "dy"] },
    );
    program.destroy();

    const [wx, wy] = [new Float64Array(20 * D).fill(0.5), new Float64Array(16 * D)];
    sizes.forEach(({ xOffset, n, yOffset, m }, k) => {
      const part = { n, m, d: D, kind: "cosine" } as const;
      const p = { ...part, x: flat(X.slice(xOffset, xOffset + n)), y: flat(Y.slice(yOffset, yOffset + m)) };
      const [solo] = solveBatchOnCpu([p], settings);
      const back = costBackward(
        p,
        costOf(p),
        solo!.plan.map((v) => v * [2, -1][k]!),
      );
      back.dx.forEach((v, at) => (wx[xOffset * D + at]! += v));
      back.dy.forEach((v, at) => (wy[yOffset * D + at]! += v));
    });
    expect(relativeL2(got.dx, wx)).toBeLessThan(1e-5);
    expect(relativeL2(got.dy, wy)).toBeLessThan(1e-4);
    expect([...got.dx.subarray(0, 2 * D)].every((v) => v === 0.5)).toBe(true); // rows of no problem
    expect(costElements(3, 5)).toBe(24);
  });
});

test("the three gradients of ⟨P,C⟩ differ where theory says so", () => {
  const cost = oracle.costMatrix(normals(20, 8, 13), normals(25, 8, 14), "attention");
  const of = (gradient: "envelope" | "implicit" | "unrolled") =>
    dcostOf(problem(cost), { epsilon: 10, relative: false, gradient, tolerance: 1e-14, maxIterations: 100 });
  const project = (d: Float64Array) => {
    // Remove what a row or column constant adds: the marginals make it irrelevant.
    const m = nested(d, 20);
    const mean = oracle.meanOf(m);
    const rows = m.map((row) => row.reduce((s, v) => s + v, 0) / 25);
    const cols = m[0]!.map((_, j) => m.reduce((s, row) => s + row[j]!, 0) / 20);
    return flat(m.map((row, i) => row.map((v, j) => v - rows[i]! - cols[j]! + mean)));
  };
  // At large ε the exact gradient is twice the envelope's, in the same direction.
  const [envelope, implicit, unrolled] = [of("envelope"), of("implicit"), of("unrolled")].map(project);
  expect(
    relativeL2(
      implicit!,
      envelope!.map((v) => 2 * v),
    ),
  ).toBeLessThan(0.05);
  expect(relativeL2(unrolled!, implicit!)).toBeLessThan(1e-3);
});
