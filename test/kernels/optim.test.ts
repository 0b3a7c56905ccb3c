// sum_squares, clip_scale, adamw — plan
//   norm        parts add up to the squared norm × count {1, 63, 4097} × workgroups {1, 3, 64}
//   verdict     norm, clipping factor and 1 × norms under and over the limit, zero; 0 in place of 1 for an infinite or
//               NaN gradient sum or loss, and for a NaN loss alone
//   adamw       matches the f64 oracle at steps 1 and 7, over the four runs of the arena (two rates, decay or none)
//   skipped     verdict 0 leaves p, m and v with the same bits
import { describe, expect, test } from "vitest";
import { packParams, u32 } from "../../src/gpu/params";
import { foldGrid } from "../../src/student/grid";
import {
  adamwKernel,
  type AdamWStep,
  clipScaleKernel,
  packHyper,
  sumSquaresKernel,
} from "../../src/student/optimizer";
import { normals } from "../oracle/nn";
import { adamw, clip } from "../oracle/nn-optim";
import { runKernel } from "../support/gpu";
import { expectGuarded, guarded, GUARD } from "../support/nn-values";

const settings: AdamWStep = {
  learningRate: 0.01,
  projectorLearningRate: 0.3,
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-8,
  weightDecay: 0.1,
  clipNorm: 1,
  step: 1,
};
const hyperBytes = (s: AdamWStep) => packHyper(s).buffer as ArrayBuffer;

describe("norm", () => {
  test.each([
    [1, 1],
    [63, 3],
    [4097, 3],
    [4097, 64],
  ])("%i elements, %i workgroups", async (count, groups) => {
    const g = normals(count, count);
    const { parts } = await runKernel(sumSquaresKernel, {
      inputs: { params: packParams(u32(count), u32(0)), g: guarded(g) },
      outputs: { parts: groups + GUARD },
      grid: [groups],
    });
    expect(parts!.subarray(groups).every(Number.isNaN)).toBe(true);
    const total = parts!.subarray(0, groups).reduce((a, b) => a + b, 0);
    // At most 24 squares in one f32 sum; the rest in a shallow tree.
    expect(total / clip(g, 1).norm ** 2).toBeCloseTo(1, 5);
  });
});

async function judge(parts: number[], loss: number[], clipNorm = 1) {
  const { verdict } = await runKernel(clipScaleKernel, {
    inputs: {
      params: packParams(u32(parts.length), u32(loss.length)),
      hyper: hyperBytes({ ...settings, clipNorm }),
      parts: guarded(parts),
      loss: guarded(loss),
    },
    outputs: { verdict: 4 },
    grid: [1],
  });
  return [...verdict!];
}

describe("verdict", () => {
  test.each([[[0.01, 0.04]], [[9, 16, 0]], [[0]], [[1e30, 1e36]]])("parts %o", async (parts) => {
    const { norm, factor } = clip(parts.map(Math.sqrt), 1);
    const [gotNorm, gotFactor, ok, rest] = await judge(parts, [1, 2]);
    expectGuarded(Float32Array.of(gotNorm!, gotFactor!), [norm, factor], { rtol: 1e-6, atol: 0 });
    expect([ok, rest]).toEqual([1, 0]);
  });

  test.each([
    { parts: [1, Infinity], loss: [1] },
    { parts: [NaN], loss: [1] },
    { parts: [1], loss: [1, NaN] },
    { parts: [1], loss: [-Infinity, 1] },
    { parts: [3e38, 3e38], loss: [] },
  ])("refuses $parts, loss $loss", async ({ parts, loss }) => {
    expect((await judge(parts, loss))[2]).toBe(0);
  });
});

describe("adamw", () => {
  const count = 4 * 64 + 13;
  const ends = [64, 128, 192] as const; // student with decay, student, projector with decay, projector
  const [p, g, m] = [normals(1, count), normals(2, count), normals(3, count, 0.1)];
  const v = normals(4, count, 0.1).map((x) => x * x);
  g[0] = 0; // no gradient and no history: only decay moves it
  m[0] = 0;
  v[0] = 0;
  g[1] = 1e12;
  g[2] = 1e-12;

  const run = (step: number, verdict: number[]) =>
    runKernel(adamwKernel, {
      inputs: {
        params: packParams(u32(count), u32(0), ...ends.map(u32)),
        hyper: hyperBytes({ ...settings, step }),
        verdict: Float32Array.from(verdict),
        g: guarded(g),
      },
      outputs: {},
      inout: { p: guarded(p), m: guarded(m), v: guarded(v) },
      grid: foldGrid(count),
    });

  test.each([1, 7])("step %i", async (step) => {
    const factor = 0.5;
    const got = await run(step, [2, factor, 1, 0]);
    const want = Array.from(p, (value, i) => {
      const rate = i < ends[1] ? settings.learningRate : settings.projectorLearningRate;
      const decay = i < ends[0] || (i >= ends[1] && i < ends[2]) ? settings.weightDecay : 0;
      return adamw(value, factor * g[i]!, m[i]!, v[i]!, { ...settings, rate, decay, step });
    });
    // A handful of roundings, one division and one root of 2.5 ulp.
    const tol = { rtol: 1e-6, atol: 2e-6 };
    expectGuarded(
      got.p,
      want.map((x) => x.p),
      tol,
      "p",
    );
    expectGuarded(
      got.m,
      want.map((x) => x.m),
      tol,
      "m",
    );
    expectGuarded(
      got.v,
      want.map((x) => x.v),
      tol,
      "v",
    );
  });

  test("a verdict of 0 changes nothing", async () => {
    const got = await run(1, [NaN, NaN, 0, 0]);
    expect(got).toEqual({ p: guarded(p), m: guarded(m), v: guarded(v) });
  });
});
