// Every method on small cases, through the engine of `couplet objective` — plan
//   against PyTorch float64   value 1e-5 relative, every gradient 1e-4 of the leaf's largest entry (1e-3 where transport
//                             has the attention cost), the same leaves, in the shape that they came in
//                             (fixture: reference/objectives/make_cases.py; fresh cases: reference/objectives/compare.py)
//   control                   a gradient whose sign is turned misses the bar
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { solveCase } from "../../src/cli/objective";
import { prepareCase } from "../../src/cli/objective-case";
import { METHODS, readCase } from "../../src/cli/objective-file";
import type { Gpu } from "../../src/gpu/device";
import { testGpu } from "../support/gpu";

type Nested = number | readonly Nested[];
interface Entry {
  readonly case: {
    readonly objective: { readonly method: string; readonly cost: string; readonly base?: string };
  };
  readonly want: { readonly loss: number; readonly terms: object; readonly grads: Record<string, Nested> };
}

const path = new URL("../fixtures/objectives/cases.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(path, "utf8")) as { cases: Entry[] };

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

const flat = (value: Nested): number[] => (typeof value === "number" ? [value] : value.flatMap(flat));
const shapeOf = (value: Nested): number[] =>
  typeof value === "number" ? [] : [value.length, ...shapeOf(value[0] ?? 0)];

/** The largest difference as a share of the largest entry. */
function gradientError(got: Nested, want: Nested): number {
  const [a, b] = [flat(got), flat(want)];
  const largest = Math.max(...b.map(Math.abs));
  const worst = Math.max(...b.map((w, i) => Math.abs(w - (a[i] ?? NaN))));
  return worst / (largest > 1e-9 ? largest : 1);
}

describe("objectives against PyTorch float64", () => {
  test("every method has its cases", () => {
    expect(new Set(cases.map((entry) => entry.case.objective.method))).toEqual(new Set(METHODS));
  });

  test.each(
    cases.map(
      (entry, k) => [k, entry.case.objective.method, entry.case.objective.base ?? "", entry] as const,
    ),
  )("case %i: %s %s", async (_k, method, _base, { case: given, want }) => {
    const parsed = readCase(JSON.stringify(given));
    const got = await solveCase(gpu, parsed, prepareCase(parsed));
    expect(Math.abs(got.loss - want.loss) / Math.abs(want.loss)).toBeLessThan(1e-5);
    expect(Object.keys(got.terms).sort()).toEqual(Object.keys(want.terms).sort());
    expect(Object.keys(got.grads).sort()).toEqual(Object.keys(want.grads).sort());
    const attention = ["ot", "cot2align"].includes(method) && given.objective.cost === "attention";
    for (const [name, gradient] of Object.entries(want.grads)) {
      expect(shapeOf(got.grads[name] ?? 0), name).toEqual(shapeOf(gradient));
      expect(gradientError(got.grads[name] ?? 0, gradient), name).toBeLessThan(attention ? 1e-3 : 1e-4);
    }
  });

  test("a gradient with its sign turned would be seen", () => {
    const want = cases[0]!.want.grads["s_logits"]!;
    const turned = (value: Nested): Nested => (typeof value === "number" ? -value : value.map(turned));
    expect(gradientError(turned(want), want)).toBeGreaterThan(1);
  });
});
