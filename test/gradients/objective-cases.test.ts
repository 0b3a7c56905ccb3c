// Every method on small cases, through the engine of `couplet objective` — plan
//   against PyTorch float64   value 1e-5 relative, every gradient 1e-4 of the leaf's largest entry (1e-3 where transport
//                             has the attention cost), the same leaves, in the shape that they came in
//                             (fixture: reference/objectives/make_cases.py; fresh cases: reference/objectives/compare.py)
//   methods on logits         the fixtures of logit-methods.test.ts as case files: those on chunks with their groups given, and
//                             aligned by the tokens; groups that are wrong, too many or too few are refused by name
//                             GOLD's groups are always given (group-methods.test.ts)
//   control                   a gradient whose sign is turned misses the bar
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { solveCase } from "../../src/cli/objective";
import { prepareCase } from "../../src/cli/objective-case";
import { METHODS, readCase } from "../../src/cli/objective-file";
import type { Gpu } from "../../src/gpu/device";
import { testGpu } from "../support/gpu";
import type { LogitFixture } from "../support/logit-case";

type Nested = number | readonly Nested[];
interface Entry {
  readonly case: {
    readonly objective: { readonly method: string; readonly cost: string; readonly base?: string };
  };
  readonly want: { readonly loss: number; readonly terms: object; readonly grads: Record<string, Nested> };
}

const path = new URL("../fixtures/objectives/cases.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(path, "utf8")) as { cases: Entry[] };

const fixture = (name: string) =>
  JSON.parse(
    readFileSync(new URL(`../fixtures/objectives/${name}.json`, import.meta.url), "utf8"),
  ) as LogitFixture;
const logits = fixture("logits");
const chunks = fixture("chunks") as LogitFixture & { groups: [number[], number[]][][] };
const overGroups = fixture("groups") as unknown as { cases: { case: { objective: { method: string } } }[] };

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
    const covered = [
      ...cases.map((entry) => entry.case.objective.method),
      ...[...logits.cases, ...chunks.cases].map(({ settings }) => settings.id),
      ...overGroups.cases.map((entry) => entry.case.objective.method),
    ];
    expect(new Set(covered)).toEqual(new Set(METHODS));
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

/** [s0, s1, t0, t1] from the reference's lists of positions. */
const groups = chunks.groups.map((sample) =>
  sample.map(([s, t]) => [s[0]!, s.at(-1)! + 1, t[0]!, t.at(-1)! + 1]),
);

describe("methods on logits as case files", () => {
  const all = [
    ...logits.cases.map((c) => ["", logits, c, {}] as const),
    ...chunks.cases
      .filter(({ settings }) => settings.id !== "gold")
      .map((c) => ["aligned by tokens", chunks, c, {}] as const),
    ...chunks.cases.map((c) => ["groups given", chunks, c, { groups }] as const),
  ].map(([how, from, c, more]) => [`${JSON.stringify(c.settings)} ${how}`, from, c, more] as const);

  test.each(all)("%s", async (_name, from, { settings, sum, gradient }, more) => {
    const { cases: _, ...tensors } = from;
    const { id: method, ...rest } = settings;
    const given = readCase(
      JSON.stringify({ ...tensors, groups: undefined, ...more, objective: { method, ...rest } }),
    );
    const got = await solveCase(gpu, given, prepareCase(given));
    expect(Math.abs(got.loss - sum) / Math.abs(sum)).toBeLessThan(1e-5);
    const grads = flat(got.grads["s_logits"]!);
    const largest = Math.max(...gradient.map(Math.abs));
    expect(Math.max(...gradient.map((want, i) => Math.abs(want - grads[i]!))) / largest).toBeLessThan(1e-4);
  });

  test("groups are final: what is in none gives no loss, and a sample may have none", async () => {
    const { cases: _, ...tensors } = chunks;
    const solve = async (given: number[][][]) => {
      const objective = { method: "alm" };
      const parsed = readCase(JSON.stringify({ ...tensors, groups: given, objective }));
      return solveCase(gpu, parsed, prepareCase(parsed));
    };
    const some = groups.map((sample, b) => (b === 0 ? sample.slice(0, 1) : []));
    const { loss, grads } = await solve(some);
    expect(loss).toBeGreaterThan(0);
    const rows = grads["s_logits"] as number[][][];
    expect(rows.flatMap((sample) => sample.filter((row) => row.some((x) => x !== 0)))).toHaveLength(1);
    const none = await solve(groups.map(() => []));
    expect(none.loss).toBe(0);
    expect(flat(none.grads["s_logits"]!).every((x) => x === 0)).toBe(true);
  });

  test.each<[string, unknown, RegExp]>([
    ["not a list", 7, /^groups: /],
    ["too few samples", groups.slice(1), /^groups: holds 3 samples, label_s 4/],
    ["three numbers", [[[0, 1, 0]], [], [], []], /^groups: sample 0, group 0 must be four whole numbers/],
    ["half a token", [[[0, 1, 0, 0.5]], [], [], []], /^groups: sample 0, group 0 must be four whole numbers/],
    ["empty on a side", [[[0, 1, 1, 1]], [], [], []], /^groups: sample 0, group 0 is empty on a side/],
    ["below 0", [[[-1, 1, 0, 1]], [], [], []], /^groups: sample 0, group 0 begins below 0/],
    [
      "overlapping",
      [
        [
          [0, 2, 0, 1],
          [1, 3, 1, 2],
        ],
        [],
        [],
        [],
      ],
      /^groups: sample 0, group 1 does not come after/,
    ],
    [
      "beyond the labels",
      [[], [[0, 99, 0, 1]], [], []],
      /^groups: sample 1, group 0 ends at 99; label_s has \d+/,
    ],
  ])("refused: %s", (_name, bad, message) => {
    const { cases: _, ...tensors } = chunks;
    const text = JSON.stringify({ ...tensors, groups: bad, objective: { method: "alm" } });
    expect(() => prepareCase(readCase(text))).toThrow(message);
  });
});
