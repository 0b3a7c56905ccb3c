// Gradients of transport over shapes — plan
//   the GPU against its twin: shapes 1–40 × 1–40, four costs, three gradients, several ε; all shapes of 1–5 × 1–5
//   the twin and the GPU against central differences of the oracle's converged loss, in the features: two and three
//     columns and no fewer rows, where conjugate gradients once went on along the constants
//   a tighter tolerance never gives less; plans that fall apart (several constants); what is not solved is said
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { createRng } from "../../src/config/rng";
import type { Gpu } from "../../src/gpu/device";
import { solveBatch, type FeatureProblem, type OtOptions, type OtProblem, type OtResult } from "../../src/ot";
import { solveBatchOnCpu } from "../../src/ot/cpu";
import * as oracle from "../oracle/ot";
import { flat, masses, normals } from "../oracle/ot-random";
import { testGpu } from "../support/gpu";

const KINDS = ["euclidean", "sqeuclidean", "cosine", "attention"] as const;
const D = 4;

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

const clouds = (n: number, m: number, seed: number) => ({
  x: normals(n, D, seed),
  y: normals(m, D, seed + 1),
});
const problem = (n: number, m: number, seed: number, kind: oracle.Kind): FeatureProblem => {
  const { x, y } = clouds(n, m, seed);
  return { n, m, d: D, x: flat(x), y: flat(y), kind };
};

/** The largest difference of two gradients, relative to the largest entry, or to `least` where all are smaller. */
function off(got: ArrayLike<number>, want: ArrayLike<number>, least: number): number {
  let [worst, top] = [0, least];
  for (let at = 0; at < want.length; at++) {
    worst = Math.max(worst, Math.abs(got[at]! - want[at]!));
    top = Math.max(top, Math.abs(want[at]!));
  }
  return Number.isFinite(got[0]!) ? worst / top : Infinity;
}

/** Gradients of cosine and attention costs are of order 1; smaller ones than this are float32's rounding of them. */
const LEAST = 1e-3;

/** What the GPU's gradients of these problems miss of the twin's, at most; and whose linear systems are not solved. */
async function compare(problems: FeatureProblem[], options: OtOptions) {
  const got = await solveBatch(gpu, problems, options);
  const want = solveBatchOnCpu(problems, options);
  const unsolved: string[] = [];
  let [worst, where] = [0, ""];
  got.forEach((r, k) => {
    const name = `${r.n}×${r.m} ${problems[k]!.kind}`;
    for (const part of ["dx", "dy"] as const) {
      const error = off(r[part]!, want[k]![part]!, LEAST);
      if (error > worst) [worst, where] = [error, `${part} ${name}`];
    }
    const solved = r.gradientSolved === true && r.gradientResidual! < 1e-3;
    if (!(solved && want[k]!.gradientSolved === true && want[k]!.gradientResidual! < 1e-9))
      unsolved.push(name);
  });
  return { worst, where, unsolved };
}

describe("the GPU against its twin", () => {
  const sizes = [1, 2, 3, 4, 5];
  const small = sizes.flatMap((n) => sizes.map((m) => [n, m] as const));
  const rng = createRng(31);
  const side = () => 1 + Math.floor(rng.next() * 40);
  const random = Array.from({ length: 24 }, () => [side(), side()] as const);
  const set = KINDS.flatMap((kind, k) =>
    [...small, ...random].map(([n, m], at) => problem(n, m, 1000 * k + 3 * at, kind)),
  );
  const cases: [OtOptions, number][] = [
    [{ gradient: "envelope", epsilon: 0.1, relative: true, tolerance: 1e-5 }, 1e-3],
    [{ gradient: "implicit", epsilon: 0.1, relative: true, tolerance: 1e-5 }, 1e-3],
    [{ gradient: "implicit", epsilon: 0.02, relative: true, tolerance: 1e-6, maxIterations: 4000 }, 2e-3],
    [{ gradient: "implicit", epsilon: 5, relative: true, tolerance: 1e-6 }, 1e-3],
    [{ gradient: "implicit", epsilon: 0.1, relative: false, tolerance: 1e-6, tauA: 1, tauB: 0.5 }, 1e-3],
    [{ gradient: "implicit", epsilon: 0.2, relative: false, tolerance: 1e-5, tauA: 3, tauB: null }, 1e-3],
    [{ gradient: "unrolled", epsilon: 0.1, relative: true, tolerance: 0, maxIterations: 20 }, 1e-3],
  ];
  test.each(cases.map(([options, bar]) => [JSON.stringify(options), options, bar] as const))(
    "%s",
    async (_, options, bar) => {
      const { worst, where, unsolved } = await compare(set, options);
      expect(worst, where).toBeLessThan(bar);
      expect(unsolved).toEqual(options.gradient === "implicit" ? [] : expect.anything());
    },
  );
});

describe("against central differences", () => {
  const epsilon = 0.25;
  const settings = { sweeps: 20000, tolerance: 1e-13 };
  const differences = (x: oracle.Matrix, y: oracle.Matrix, kind: oracle.Kind) => {
    const loss = (p: oracle.Matrix, q: oracle.Matrix) =>
      oracle.sinkhorn(oracle.costMatrix(p, q, kind), { epsilon, ...settings }).cost;
    return {
      dx: flat(oracle.differentiate((p) => loss(p, y), x)),
      dy: flat(oracle.differentiate((q) => loss(x, q), y)),
    };
  };

  test.each(KINDS)("two and three columns and no fewer rows, %s", async (kind) => {
    const shapes = [2, 3].flatMap((m) => [2, 3, 4, 9].filter((n) => n >= m).map((n) => [n, m] as const));
    const cases = shapes.flatMap(([n, m]) =>
      Array.from({ length: 4 }, (_, k) => ({ n, m, seed: 50 * n + 7 * m + 900 * k })),
    );
    const options = {
      epsilon,
      relative: false,
      tolerance: 1e-6,
      gradient: "implicit",
      maxIterations: 20000,
    } as const;
    const problems = cases.map(({ n, m, seed }) => problem(n, m, seed, kind));
    const [gpuResults, twins] = [
      await solveBatch(gpu, problems, options),
      solveBatchOnCpu(problems, options),
    ];
    cases.forEach(({ n, m, seed }, k) => {
      const { x, y } = clouds(n, m, seed);
      const want = differences(x, y, kind);
      for (const [who, r] of [
        ["gpu", gpuResults[k]!],
        ["cpu", twins[k]!],
      ] as const)
        for (const part of ["dx", "dy"] as const)
          expect(off(r[part]!, want[part], LEAST), `${who} ${part} ${n}×${m} seed ${seed}`).toBeLessThan(
            1e-3,
          );
    });
  });

  test("any shape (seeded)", () =>
    fc.assert(
      fc.asyncProperty(
        ...([fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }), fc.nat(1e6)] as const),
        ...([fc.constantFrom(...KINDS)] as const),
        async (n, m, seed, kind) => {
          const { x, y } = clouds(n, m, seed);
          const want = differences(x, y, kind);
          const p = problem(n, m, seed, kind);
          const options = {
            epsilon,
            relative: false,
            tolerance: 1e-6,
            gradient: "implicit",
            maxIterations: 20000,
          } as const;
          for (const [r] of [await solveBatch(gpu, [p], options), solveBatchOnCpu([p], options)])
            for (const part of ["dx", "dy"] as const)
              expect(off(r![part]!, want[part], LEAST)).toBeLessThan(1e-3);
        },
      ),
      { numRuns: 12, seed: 5 },
    ));

  test("a tighter tolerance never gives less", async () => {
    // Two points in common: costs of exactly 0, and slow sweeps.
    const shared = normals(2, 3, 41);
    const [x, y] = [
      [...shared, ...normals(2, 3, 42)],
      [...shared, ...normals(3, 3, 43)],
    ];
    const a = [0.15, 0.2, 0.25, 0.4];
    const eps = 0.3;
    const loss = (p: oracle.Matrix) =>
      oracle.sinkhorn(oracle.costMatrix(p, y, "euclidean"), { epsilon: eps, a, ...settings }).cost;
    const moving = x.map((_, i) => i >= 2); // at a common point the distance has no derivative
    const want = flat(oracle.differentiate(loss, x));
    const p: OtProblem = { n: 4, m: 5, d: 3, x: flat(x), y: flat(y), kind: "euclidean", a };
    const errors: number[] = [];
    for (const tolerance of [1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 0]) {
      const options = { epsilon: eps, relative: false, tolerance, gradient: "implicit" } as const;
      const [r] = await solveBatch(gpu, [p], options);
      const [got, wanted] = [r!.dx!, want].map((g) =>
        Array.from(g).filter((_, at) => moving[Math.floor(at / 3)]),
      );
      errors.push(off(got!, wanted!, LEAST));
      expect(r!.gradientSolved).toBe(true);
    }
    errors.forEach((error, k) =>
      expect(error, errors.join(" ")).toBeLessThan(Math.max(5e-6, 1.05 * (errors[k - 1] ?? 1))),
    );
    expect(errors.at(-1)).toBeLessThan(5e-6);
  });
});

test("a plan that falls apart has a constant for every part", async () => {
  const far = (blocks: readonly (readonly [number, number])[], seed: number): OtProblem => {
    const rng = createRng(seed);
    const [n, m] = [0, 1].map((k) => blocks.reduce((sum, size) => sum + size[k]!, 0)) as [number, number];
    const [row, column] = [0, 1].map((k) => blocks.flatMap((size, b) => new Array<number>(size[k]!).fill(b)));
    const cost = Float64Array.from({ length: n * m }, (_, at) =>
      row![Math.floor(at / m)] === column![at % m] ? rng.next() : 400 + rng.next(),
    );
    // Every block has as much mass on one side as on the other.
    const share = (k: 0 | 1) =>
      blocks.flatMap((size, b) => masses(size[k], seed + 10 * b + k).map((x) => x / blocks.length));
    return { n, m, cost, a: share(0), b: share(1) };
  };
  const problems = [1, 2, 3, 4, 5].flatMap((seed) => [
    far(
      [
        [2, 2],
        [3, 2],
      ],
      seed,
    ),
    far(
      [
        [1, 1],
        [4, 3],
        [2, 5],
      ],
      seed + 100,
    ),
    far(
      [
        [7, 2],
        [2, 2],
        [9, 3],
      ],
      seed + 200,
    ),
  ]);
  const options = { epsilon: 0.2, relative: false, tolerance: 1e-6, gradient: "implicit" } as const;
  const got = await solveBatch(gpu, problems, options);
  const want = solveBatchOnCpu(problems, { ...options, tolerance: 1e-12 });
  got.forEach((r, k) => {
    expect(off(r.dcost!, want[k]!.dcost!, LEAST), `${r.n}×${r.m}`).toBeLessThan(1e-3);
    expect([r.gradientSolved, want[k]!.gradientSolved]).toEqual([true, true]);
  });
  // By hand: parts do not know of one another, so a part's gradient is that of the part alone.
  const [first] = [problems[0]! as OtProblem & { cost: Float64Array; a: number[]; b: number[] }];
  const alone: OtProblem = {
    ...{
      n: 2,
      m: 2,
      cost: Float64Array.of(first!.cost[0]!, first!.cost[1]!, first!.cost[4]!, first!.cost[5]!),
    },
    ...{ a: first!.a.slice(0, 2).map((x) => 2 * x), b: first!.b.slice(0, 2).map((x) => 2 * x) },
  };
  const [part] = solveBatchOnCpu([alone], { ...options, tolerance: 1e-12 });
  const inWhole = [0, 1, 4, 5].map((at) => 2 * got[0]!.dcost![at]!);
  expect(off(inWhole, part!.dcost!, LEAST)).toBeLessThan(1e-3);
});

test("only the implicit gradient has a linear system to report", async () => {
  const p = problem(4, 5, 77, "cosine");
  const of = async (gradient: "envelope" | "unrolled" | "implicit"): Promise<OtResult[]> => {
    const options = { epsilon: 0.1, relative: true, tolerance: 1e-5, gradient } as const;
    return [...(await solveBatch(gpu, [p], options)), ...solveBatchOnCpu([p], options)];
  };
  for (const gradient of ["envelope", "unrolled"] as const)
    for (const r of await of(gradient))
      expect([r.gradientResidual, r.gradientSolved]).toEqual([undefined, undefined]);
  for (const r of await of("implicit")) expect(r.gradientSolved).toBe(true);
  // A plan without a number in it solves nothing.
  const dead = { n: 2, m: 2, cost: Float64Array.of(900, 800, 950, 990) };
  const loop = {
    scheme: "multiplicative",
    epsilon: 1,
    relative: false,
    maxIterations: 3,
    gradient: "implicit",
  } as const;
  for (const r of [...(await solveBatch(gpu, [dead], loop)), ...solveBatchOnCpu([dead], loop)])
    expect(Number.isFinite(r.gradientResidual)).toBe(true);
});
