// solving for the Transport screen — plan
//   relaxed      the CPU's plan is where the gradient of ⟨P,C⟩ + ε KL(P|abᵀ) + τ KL(P1|a) + τ KL(Pᵀ1|b) is zero, per
//                side; control: not of the same with another τ. τ → ∞ is balanced; a small τ moves less; τ too small is named
//   gradient     of ⟨P,C⟩ through every sweep, relaxed: finite differences of the oracle's sweeps in float64
//   on the GPU   plan, potentials, errors by sweep, gradient and figures are the twin's × scheme, masses, relaxed, cost
//   who solves   small and asked; opening, then ready; senseless; no GPU; a GPU that fails is tried three times
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../../src/gpu/device";
import { solverGpuOn, type SolverGpu } from "../../../src/worker/solver-gpu";
import { createSolverRoute, WORTH_A_GPU } from "../../../src/worker/solver-route";
import { otProblemOf, solveScreenProblem } from "../../../src/worker/screen-problem";
import type { ScreenSolution, ScreenProblem } from "../../../src/worker/protocol";
import { differentiate, planOf, logSumExp } from "../../oracle/ot";
import { flat, masses, normals } from "../../oracle/ot-random";
import { relativeL2 } from "../../support/close";
import { ownGpu } from "../../support/gpu";

const question = (n: number, m: number, change: Partial<ScreenProblem> = {}): ScreenProblem => ({
  ...{ n, m },
  states: {
    d: 5,
    student: Float32Array.from(flat(normals(n, 5, n))),
    teacher: Float32Array.from(flat(normals(m, 5, m))),
    fit: undefined,
  },
  ...{ cost: "cosine", scheme: "log", epsilon: 0.1, relative: true, maxIterations: 400, tolerance: 1e-9 },
  masses: { student: new Float64Array(n).fill(1 / n), teacher: new Float64Array(m).fill(1 / m) },
  ...{ relaxed: "none", tau: 1, solver: "cpu", gradient: "envelope" },
  ...change,
});
const uneven = (n: number, m: number): ScreenProblem["masses"] => ({
  student: Float64Array.from(masses(n, 3)),
  teacher: Float64Array.from(masses(m, 4)),
});
const massOf = ({ plan }: ScreenSolution): number => plan.reduce((sum, p) => sum + p, 0);

/** Largest entry of the objective's gradient in P, in units of the mean cost. */
function slope(q: ScreenProblem, solution: ScreenSolution, tau = q.tau): number {
  const { n, m } = q;
  const { student: a, teacher: b } = q.masses;
  const { plan, cost, epsilon } = solution;
  const mean = cost.reduce((s, c) => s + c, 0) / (n * m);
  const row = (i: number) => plan.subarray(i * m, (i + 1) * m).reduce((s, p) => s + p, 0);
  const column = (j: number) => plan.reduce((s, p, at) => (at % m === j ? s + p : s), 0);
  const side = (name: "student" | "teacher", got: number, mass: number) =>
    q.relaxed === "both" || q.relaxed === name ? tau * mean * Math.log(got / mass) : 0;
  const slopes = Array.from(plan, (p, at) => {
    const [i, j] = [Math.floor(at / m), at % m];
    const kl = epsilon * Math.log(p / (a[i]! * b[j]!));
    return (cost[at]! + kl + side("student", row(i), a[i]!) + side("teacher", column(j), b[j]!)) / mean;
  });
  // A kept marginal's multiplier is free: take it out as the mean over its row or column.
  const out = (key: (at: number) => number) => {
    const sums = new Map<number, [number, number]>();
    slopes.forEach((s, at) => {
      const [sum, count] = sums.get(key(at)) ?? [0, 0];
      sums.set(key(at), [sum + s, count + 1]);
    });
    slopes.forEach((_, at) => (slopes[at]! -= sums.get(key(at))![0] / sums.get(key(at))![1]));
  };
  if (q.relaxed === "teacher") out((at) => Math.floor(at / m));
  if (q.relaxed === "student") out((at) => at % m);
  return Math.max(...slopes.map(Math.abs));
}

describe("relaxed", () => {
  test.each(["both", "student", "teacher"] as const)("%s: the objective is at its least", (relaxed) => {
    const q = question(7, 9, { relaxed, tau: 0.4, masses: uneven(7, 9) });
    const solution = solveScreenProblem(q);
    expect(solution.converged).toBe(true);
    expect(slope(q, solution)).toBeLessThan(2e-4); // the plan is float32 by then
    expect(slope(q, solution, 0.5)).toBeGreaterThan(1e-2); // control
    expect(massOf(solution)).toBeLessThanOrEqual(1 + 1e-6);
  });
  test("a τ without end is balanced, a small one leaves mass where it is", () => {
    const balanced = solveScreenProblem(question(7, 9));
    const loose = solveScreenProblem(question(7, 9, { relaxed: "both", tau: 1e6, maxIterations: 2000 }));
    expect(relativeL2(loose.plan, balanced.plan)).toBeLessThan(1e-4);
    const mass = [10, 1, 0.1, 0.03].map((tau) =>
      massOf(solveScreenProblem(question(7, 9, { relaxed: "both", tau }))),
    );
    expect(mass).toEqual(mass.toSorted((x, y) => y - x));
    expect(mass[0]).toBeLessThan(1);
    expect(mass[3]).toBeLessThan(0.6);
  });
  test("one side kept: its marginal is exact and the other's is not", () => {
    const q = question(5, 8, { relaxed: "teacher", tau: 0.2 });
    const { plan } = solveScreenProblem(q);
    for (let i = 0; i < 5; i++)
      expect(plan.subarray(i * 8, i * 8 + 8).reduce((s, p) => s + p, 0)).toBeCloseTo(0.2, 6);
    const column = (j: number) => plan.reduce((s, p, at) => (at % 8 === j ? s + p : s), 0);
    expect(Math.max(...Array.from({ length: 8 }, (_, j) => Math.abs(column(j) - 1 / 8)))).toBeGreaterThan(
      1e-3,
    );
  });
  test("a τ that float32 cannot hold is named with its least value", () => {
    const q = question(60, 50, { relaxed: "both", tau: 0.01, epsilon: 5 });
    expect(() => solveScreenProblem(q)).toThrow(/τ must be at least 0\.054 ε\. Raise τ, or lower ε/);
    expect(solveScreenProblem({ ...q, tau: 5 * 0.055 }).plan.every((p) => p > 0)).toBe(true);
  });
  test("the gradient through every sweep is the sweeps' own", () => {
    const change = { relaxed: "both", tau: 0.3, epsilon: 0.2, relative: false } as const;
    const q = question(4, 5, { ...change, gradient: "unrolled", maxIterations: 6, tolerance: 0 });
    const { problem, options } = otProblemOf(q);
    const rows = Array.from({ length: 4 }, (_, i) => [...problem.cost.subarray(i * 5, i * 5 + 5)]);
    const [eps, tau] = [q.epsilon, options.tauA!];
    const rho = tau / (tau + eps);
    const loss = (cost: number[][]): number => {
      let f = cost.map(() => 0);
      let g: number[] = [];
      for (let k = 0; k < 6; k++) {
        g = [0, 1, 2, 3, 4].map(
          (j) => eps * Math.log(1 / 5) - rho * eps * logSumExp(cost.map((row, i) => (f[i]! - row[j]!) / eps)),
        );
        f = cost.map(
          (row) => eps * Math.log(1 / 4) - rho * eps * logSumExp(row.map((c, j) => (g[j]! - c) / eps)),
        );
      }
      return planOf(cost, f, g, eps)
        .flatMap((row, i) => row.map((p, j) => p * cost[i]![j]!))
        .reduce((s, x) => s + x, 0);
    };
    expect(relativeL2(solveScreenProblem(q).gradient!, flat(differentiate(loss, rows)))).toBeLessThan(1e-6);
  });
});

let gpu: Gpu;
let reader: SolverGpu;
beforeAll(async () => {
  gpu = await ownGpu();
  reader = solverGpuOn(gpu);
});
afterAll(() => gpu?.destroy());

describe("on the GPU", () => {
  const published = { cost: "attention", scheme: "multiplicative", epsilon: 10, relative: false } as const;
  test.each([
    ["as intended", {}],
    ["as published", { ...published, maxIterations: 100 }],
    ["masses of all sizes, ε 0.02", { masses: uneven(17, 29), epsilon: 0.02 }],
    ["both relaxed", { relaxed: "both", tau: 0.3, masses: uneven(17, 29) }],
    ["one relaxed, euclidean", { relaxed: "teacher", tau: 0.1, cost: "euclidean" }],
  ] as const)("%s: all that is drawn is the twin's", async (_, change) => {
    const q = question(17, 29, { tolerance: 0, maxIterations: 40, gradient: "unrolled", ...change });
    const [got, want] = [await reader.solve(q), solveScreenProblem(q)];
    expect(got.by).toEqual({ device: "gpu", adapter: reader.adapter });
    expect(got.iterations).toBe(want.iterations);
    expect(relativeL2(got.plan, want.plan)).toBeLessThan(1e-4);
    expect(relativeL2(got.gradient!, want.gradient!)).toBeLessThan(1e-3);
    const last = want.errors.length - 1;
    expect(got.errors).toHaveLength(last + 1);
    for (const k of [1, 2, 5, last - 1]) {
      const close = Math.max(2e-5, 0.02 * want.errors[k]!);
      expect(Math.abs(got.errors[k]! - want.errors[k]!)).toBeLessThan(close);
      const redraw = (s: ScreenSolution) =>
        Float32Array.from(s.plan, (__, at) => {
          const [i, j] = [Math.floor(at / 29), at % 29];
          return Math.exp((s.f[k * 17 + i]! + s.g[k * 29 + j]! - s.cost[at]!) / s.epsilon);
        });
      expect(relativeL2(redraw(got), redraw(want))).toBeLessThan(1e-3);
    }
    for (const key of ["transportCost", "entropy", "epsilon"] as const)
      expect(Math.abs(got[key] - want[key])).toBeLessThan(1e-4 * Math.max(1, Math.abs(want[key])));
  });
  test("the start is drawn alike", async () => {
    const q = question(17, 29, { ...published, maxIterations: 3, tolerance: 0 });
    const [got, want] = [await reader.solve(q), solveScreenProblem(q)];
    expect(relativeL2(got.f.subarray(0, 17), want.f.subarray(0, 17))).toBeLessThan(1e-5);
    expect(relativeL2(got.g.subarray(0, 29), want.g.subarray(0, 29))).toBeLessThan(1e-5);
  });
});

describe("who solves", () => {
  const device = (solve?: SolverGpu["solve"]): SolverGpu => ({
    adapter: "A",
    solve: solve ?? (async (q) => ({ ...solveScreenProblem(q), by: { device: "gpu", adapter: "A" } })),
    destroy: () => {},
  });
  const large = (solver: ScreenProblem["solver"]) => {
    const q = question(30, 40, { solver, tolerance: 1e-3, maxIterations: 2000 });
    expect(q.n * q.m * q.maxIterations).toBeGreaterThan(WORTH_A_GPU);
    return q;
  };
  /** A route, and a promise of its next `ready`. */
  const routed = (open: () => Promise<SolverGpu>) => {
    let tell = () => {};
    const route = createSolverRoute(open, () => tell());
    return { route, ready: () => new Promise<void>((resolve) => (tell = resolve)) };
  };
  const whyOf = async (answer: Promise<ScreenSolution>) => {
    const { by } = await answer;
    return by.device === "cpu" ? by.why : by.device;
  };

  test("small ones and whoever asks for the CPU never open a GPU", async () => {
    const { route } = routed(() => {
      throw new Error("opened");
    });
    expect(await whyOf(route.answer(question(7, 9, { solver: "auto" })))).toBe("small");
    expect(await whyOf(route.answer(large("cpu")))).toBe("asked");
  });
  test("a large one is the CPU's while the GPU opens, and the GPU's after; a small one by name too", async () => {
    const { route, ready } = routed(async () => device());
    const opened = ready();
    expect(await whyOf(route.answer(large("auto")))).toBe("opening");
    await opened;
    expect(await whyOf(route.answer(large("auto")))).toBe("gpu");
    expect(await whyOf(route.answer(question(7, 9, { solver: "gpu" })))).toBe("gpu");
  });
  test("a question that makes no sense is refused, and costs no GPU", async () => {
    const { route, ready } = routed(async () => device());
    const opened = ready();
    await route.answer(large("gpu"));
    await opened;
    const senseless = { ...large("gpu"), relaxed: "both", tau: 1e-4 } as const;
    for (let i = 0; i < 4; i++) await expect(route.answer(senseless)).rejects.toThrow(/τ is too small/);
    expect(await whyOf(route.answer(large("gpu")))).toBe("gpu");
  });
  test("no GPU: said with its reason, asked once", async () => {
    let asked = 0;
    const { route, ready } = routed(async () => {
      asked++;
      throw new Error("none to be had");
    });
    const tried = ready();
    await route.answer(large("gpu"));
    await tried;
    expect((await route.answer(large("gpu"))).by).toEqual({
      device: "cpu",
      why: "no-gpu",
      detail: "none to be had",
    });
    expect(asked).toBe(1);
  });
  test("a GPU that fails is opened again, and left alone after three failures; an answer comes every time", async () => {
    let opened = 0;
    let works = true;
    const { route, ready } = routed(async () => {
      opened++;
      return device(async (q) => {
        if (!works) throw new Error("device lost");
        return { ...solveScreenProblem(q), by: { device: "gpu", adapter: "A" } };
      });
    });
    let again = ready();
    await route.answer(large("gpu"));
    await again;
    works = false;
    expect(await whyOf(route.answer(large("gpu")))).toBe("failed");
    for (const why of ["opening", "opening"]) {
      again = ready();
      expect(await whyOf(route.answer(large("gpu")))).toBe(why);
      await again;
    }
    expect((await route.answer(large("gpu"))).by).toEqual({
      device: "cpu",
      why: "failed",
      detail: "device lost",
    });
    expect(opened).toBe(3);
  });
});
