// Methods over given groups, through the engine of `couplet objective` — plan
//   against PyTorch float64   value, every sample's part and every advantage to 1e-5, the gradient to 1e-4 of its largest entry,
//                             no NaN: one response row, ragged samples, samples without a group, spans on one side alone,
//                             columns at −1e4, 60 below and 3e4 up, logits wider than the vocabulary (fixture:
//                             reference/objectives/make_group_goldens.py; GROUP_CASES names files of fresh cases)
//   dynamic X-Token           the fixed gradient times the factor by which the term grew
//   an empty map              X-Token's P-KL where no student token stands for any of the teacher's: finite, and no gradient
//   no group at all           loss, samples and gradient are 0
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { solveCase } from "../../src/cli/objective";
import { prepareCase } from "../../src/cli/objective-case";
import { readCase } from "../../src/cli/objective-file";
import type { Gpu } from "../../src/gpu/device";
import { testGpu } from "../support/gpu";

interface Entry {
  readonly case: { readonly objective: { readonly method: string }; readonly groups?: unknown[] };
  readonly want: {
    readonly loss: number;
    readonly samples: readonly number[];
    readonly grads: { readonly s_logits: number[][][] };
    readonly advantages?: readonly (readonly number[])[];
  };
}

const read = (path: string | URL) => (JSON.parse(readFileSync(path, "utf8")) as { cases: Entry[] }).cases;
const committed = read(new URL("../fixtures/objectives/groups.json", import.meta.url));
const fresh = (process.env.GROUP_CASES ?? "").split(":").filter(Boolean).flatMap(read);

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

const solve = async (given: object) => {
  const parsed = readCase(JSON.stringify(given));
  return solveCase(gpu, parsed, prepareCase(parsed));
};

/** The largest difference against the largest entry, or against `least` where all are smaller. */
function error(got: readonly number[], want: readonly number[], least: number): number {
  expect(got).toHaveLength(want.length);
  const worst = Math.max(0, ...want.map((w, i) => Math.abs(w - (got[i] ?? NaN))));
  return worst / Math.max(least, ...want.map(Math.abs));
}

async function errors({ case: given, want }: Entry) {
  const got = await solve(given);
  const size = want.samples.reduce((sum, part) => sum + Math.abs(part), 0);
  return {
    value: Math.abs(got.loss - want.loss) / Math.max(Math.abs(want.loss), LEAST),
    samples: error(got.samples ?? [], want.samples, Math.max(size, LEAST)),
    gradient: error((got.grads["s_logits"] as number[][][]).flat(2), want.grads.s_logits.flat(2), LEAST),
    ...(want.advantages && { advantages: error(got.advantages!.flat(), want.advantages.flat(), LEAST) }),
  };
}

/** Below this, float32 logits do not tell a loss from 0. */
const LEAST = 1e-4;

describe("against PyTorch float64", () => {
  test.each(
    [...committed, ...fresh].map((entry, k) => [k, JSON.stringify(entry.case.objective), entry] as const),
  )("case %i: %s", async (_k, _settings, entry) => {
    const found = await errors(entry);
    expect(found.value).toBeLessThan(1e-5);
    expect(found.samples).toBeLessThan(1e-5);
    expect(found.gradient).toBeLessThan(1e-4);
    expect(found.advantages ?? 0).toBeLessThan(1e-5);
  });
});

test("no group at all: nothing, and no division by it", async () => {
  for (const { case: given } of firsts(committed).filter((entry) => entry.case.groups)) {
    const got = await solve({ ...given, groups: given.groups!.map(() => []) });
    expect(got.loss).toBe(0);
    expect(got.samples).toEqual(given.groups!.map(() => 0));
    expect((got.grads["s_logits"] as number[][][]).flat(2).every((x) => x === 0)).toBe(true);
  }
  expect.hasAssertions();
});

test("X-Token through a map that is empty", async () => {
  const { case: given } = committed.find((e) => e.case.objective.method === "x_token")!;
  const { indices, values } = (given as unknown as { w: { indices: number[][]; values: number[][] } }).w;
  const w = { indices: indices.map((row) => row.map(() => -1)), values };
  const got = await solve({ ...given, w, objective: { method: "x_token", variant: "p_kl", topK: 3 } });
  // Every entry costs −log 1e-10, weighed by the teacher's probabilities, of which there is at most 1 a chunk.
  expect(got.loss).toBeGreaterThan(10);
  expect(got.loss).toBeLessThan(10 * Math.log(10) + 1e-3);
  expect((got.grads["s_logits"] as number[][][]).flat(2).every((g) => g === 0)).toBe(true);
});

test("X-Token scaled to the cross entropy: the same gradient times one factor", async () => {
  const entry = committed.find((e) => e.case.objective.method === "x_token" && e.want.loss > 0)!;
  const run = (more: object) =>
    solve({ ...entry.case, objective: { ...entry.case.objective, ...more, reduction: "total", kdRate: 1 } });
  const [fixed, dynamic] = [await run({}), await run({ combine: "dynamic" })];
  const factor = dynamic.loss / fixed.loss;
  const half = await solve({
    ...entry.case,
    objective: { ...entry.case.objective, reduction: "total", kdRate: 0, combine: "dynamic" },
  });
  expect(Math.abs(dynamic.loss / half.terms["ce"]! - 1)).toBeLessThan(1e-5);
  const flat = (of: typeof fixed) => (of.grads["s_logits"] as number[][][]).flat(2);
  expect(
    error(
      flat(dynamic),
      flat(fixed).map((g) => factor * g),
      LEAST,
    ),
  ).toBeLessThan(1e-4);
});

/** The first entry of each method. */
const firsts = (entries: readonly Entry[]): Entry[] => [
  ...new Map(entries.toReversed().map((entry) => [entry.case.objective.method, entry])).values(),
];
