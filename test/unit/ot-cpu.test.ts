// The CPU twin — plan
//   matches the oracle × scheme, masses, τ, sweeps; small ε too
//   history: every sweep's plan, error and potentials; planFrom redraws it
//   settings and presets: what makes no sense is refused by name
//   layout: problems lie apart, rows start at multiples of four, capacity is checked
import { describe, expect, test } from "vitest";
import {
  capacityFor,
  checkSettings,
  DEFAULT_SETTINGS,
  PUBLISHED_SETTINGS,
  packProblems,
  placeProblems,
} from "../../src/ot";
import { costOf, planFrom, solveBatchOnCpu } from "../../src/ot/cpu";
import * as oracle from "../oracle/ot";
import { flat, masses, normals, uniforms } from "../oracle/ot-random";
import { relativeL2 } from "../support/close";

const KINDS = ["euclidean", "sqeuclidean", "cosine", "attention"] as const;

describe("the twin matches the oracle", () => {
  test.each(KINDS)("%s", (kind) => {
    const [x, y] = [normals(6, 5, 1), normals(9, 5, 2)];
    const got = costOf({ n: 6, m: 9, d: 5, x: flat(x), y: flat(y), kind });
    expect(relativeL2(got, flat(oracle.costMatrix(x, y, kind)))).toBeLessThan(1e-14);
  });

  test.each([1, 0.1, 0.01, 0.001])("ε = %f", (epsilon) => {
    const cost = uniforms(9, 14, 1);
    const [a, b] = [masses(9, 2, true), masses(14, 3)];
    const p = { n: 9, m: 14, cost: flat(cost), a, b };
    const [got] = solveBatchOnCpu([p], { epsilon, relative: false, tolerance: 0, maxIterations: 200 });
    const want = oracle.sinkhorn(cost, { epsilon, sweeps: 200, a, b });
    expect(relativeL2(got!.plan, flat(want.plan))).toBeLessThan(1e-9);
    expect(Math.abs(got!.value - want.value)).toBeLessThan(1e-9);
    expect(Math.abs(got!.marginalError - want.error)).toBeLessThan(1e-9);
  });

  test("relaxed", () => {
    const cost = uniforms(7, 5, 4);
    const [a, b] = [masses(7, 5), masses(5, 6).map((x) => 2 * x)];
    const options = { epsilon: 0.1, relative: false, tauA: 0.3, tauB: 1, tolerance: 0, maxIterations: 30 };
    const [got] = solveBatchOnCpu([{ n: 7, m: 5, cost: flat(cost), a, b }], options);
    const want = oracle.sinkhorn(cost, { ...options, sweeps: 30, a, b });
    expect(relativeL2(got!.plan, flat(want.plan))).toBeLessThan(1e-10);
    expect(got!.value).toBeCloseTo(want.value, 10);
  });

  test("the paper's preset is the authors' loop", () => {
    const cost = uniforms(8, 11, 7);
    const [got] = solveBatchOnCpu([{ n: 8, m: 11, cost: flat(cost) }], PUBLISHED_SETTINGS);
    const want = oracle.authorsLoop(cost, 0.1);
    expect(got!.iterations).toBe(want.iterations);
    expect(relativeL2(got!.plan, flat(want.plan))).toBeLessThan(1e-12);
  });
});

test("history redraws every sweep", () => {
  const cost = uniforms(6, 8, 8);
  const options = { epsilon: 0.1, relative: false, tolerance: 1e-8, history: true };
  const [got] = solveBatchOnCpu([{ n: 6, m: 8, cost: flat(cost) }], options);
  const { f, g, error } = got!.history!;
  expect(error.length).toBe(got!.iterations + 1);
  expect(error[got!.iterations]).toBeLessThanOrEqual(1e-8);
  for (const k of [1, 2, got!.iterations]) {
    const want = oracle.sinkhorn(cost, { epsilon: 0.1, sweeps: k });
    const plan = planFrom(flat(cost), f.subarray(k * 6, (k + 1) * 6), g.subarray(k * 8, (k + 1) * 8), 0.1);
    expect(relativeL2(plan, flat(want.plan))).toBeLessThan(1e-10);
    expect(error[k]!).toBeCloseTo(want.error, 10);
  }
});

test("settings that make no sense are refused by name", () => {
  const refused = (change: object, message: RegExp) =>
    expect(() => checkSettings({ ...DEFAULT_SETTINGS, ...change })).toThrow(message);
  refused({ epsilon: 0 }, /^epsilon must be a number > 0, got 0/);
  refused({ epsilon: NaN }, /^epsilon/);
  refused({ tolerance: -1 }, /^tolerance/);
  refused({ maxIterations: 1.5 }, /^maxIterations/);
  refused({ relaxation: 2 }, /^relaxation/);
  refused({ epsilonScaling: 1 }, /^epsilonScaling/);
  refused({ tauB: 0 }, /^tauB/);
  refused({ scheme: "multiplicative", tauA: 1 }, /authors' loop/);
  for (const settings of [DEFAULT_SETTINGS, PUBLISHED_SETTINGS]) checkSettings(settings);
});

test("problems lie apart, within the capacity", () => {
  const sizes = [
    { xOffset: 0, n: 3, yOffset: 0, m: 5 },
    { xOffset: 3, n: 2, yOffset: 5, m: 4 },
  ];
  const capacity = capacityFor(sizes);
  const [first, second] = placeProblems(sizes, capacity);
  expect(first).toMatchObject({ cost: 0, pitch: 8, f: 0, g: 5 });
  expect(second).toMatchObject({ cost: 24, pitch: 4, f: 3, g: 13 });
  expect(packProblems(sizes.slice(0, 1), capacity).slice(8)).toEqual(new Uint32Array(8)); // the place left over
  expect(() => placeProblems([...sizes, sizes[0]!], capacity)).toThrow(/problems: at most 2, got 3/);
  expect(() => placeProblems(sizes, { ...capacity, maxCols: 4 })).toThrow(
    /problem 0: columns: at most 4, got 5/,
  );
  expect(() => placeProblems(sizes, { ...capacity, costElements: 31 })).toThrow(
    /cost elements: at most 31, got 32/,
  );
});
