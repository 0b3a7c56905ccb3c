// Bad input of methods over groups (docs/METHODS.md §10): each is refused with a line that begins with the field — plan
//   every row of the contract, for the methods that it holds for; through the command: exit code above 0, one line, nothing written
//   what a method does not read may be anything: GKD looks at no teacher labels and no groups
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { main } from "../../../src/cli/main";
import { prepareCase } from "../../../src/cli/objective-case";
import { readCase } from "../../../src/cli/objective-file";

type Fields = Record<string, unknown>;
const X = -100;
const matrix = (rows: number, cols: number, value = 0.5) =>
  Array.from({ length: rows }, (_, i) => Array.from({ length: cols }, (__, j) => value * ((3 * i + j) % 5)));

/** One sample: 3 student labels over 4 columns of 3 tokens, 2 teacher labels over 5 columns of 4 tokens. */
const good = (method: string, settings: Fields = {}): Fields => ({
  ...{ s_logits: [matrix(4, 4)], t_logits: [matrix(3, 5)], t_logits_same: [matrix(4, 4, 0.3)] },
  ...{ label_s: [[X, 0, 1, 2]], label_t: [[X, 3, 1]] },
  ...{ student_tokens: ["a", "Ġb", "c"], teacher_tokens: ["a", "▁b", "d", "e"] },
  groups: [
    [
      [0, 2, 0, 1],
      [2, 3, 1, 2],
    ],
  ],
  w: {
    indices: [
      [0, -1],
      [1, 2],
      [3, -1],
      [-1, -1],
    ],
    values: [
      [1, 0],
      [0.7, 0.3],
      [1, 0],
      [0, 0],
    ],
  },
  ends: [[2, 3]],
  objective: { method, ...settings },
});

const judge = (fields: Fields) => prepareCase(readCase(JSON.stringify(fields)));
const OVER_GROUPS = ["gold", "x_token", "simct", "simple_ctkd", "opd"];
const BY_TOKENS = ["gold", "x_token", "simct", "simple_ctkd"];

test.each([...OVER_GROUPS, "gkd", "reverse_kl_top_k", "fixed_advantage"])("good: %s", (method) => {
  expect(() => judge(good(method))).not.toThrow();
});

const group = (...g: unknown[]) => ({ groups: [g] });
const ids = (good("x_token")["w"] as Fields)["indices"] as number[][];
const weights = (good("x_token")["w"] as Fields)["values"] as number[][];
const w = (indices: unknown, values: unknown = weights) => ({ w: { indices, values } });
const withRow = (rows: number[][], ...row: (number | null)[]) => [row, ...rows.slice(1)];

const BAD: [string, readonly string[], Fields, RegExp][] = [
  ["no groups", OVER_GROUPS, { groups: undefined }, /^groups: missing/],
  ["null for groups", OVER_GROUPS, { groups: null }, /^groups: missing/],
  ["too many samples", OVER_GROUPS, { groups: [[], []] }, /^groups: holds 2/],
  ["not a list", OVER_GROUPS, { groups: { 0: [] } }, /^groups: must be a list/],
  ["a sample that is none", OVER_GROUPS, group(0), /^groups: sample 0, group 0 must be four/],
  ["three numbers", OVER_GROUPS, group([0, 1, 0]), /^groups: /],
  ["half a token", OVER_GROUPS, group([0, 1, 0, 1.5]), /^groups: /],
  ["text", OVER_GROUPS, group([0, 1, 0, "1"]), /^groups: /],
  ["empty on a side", OVER_GROUPS, group([1, 1, 0, 1]), /^groups: .*empty/],
  ["below 0", OVER_GROUPS, group([-1, 1, 0, 1]), /^groups: .*below 0/],
  ["beyond the labels", OVER_GROUPS, group([0, 4, 0, 1]), /^groups: .*label_s has 3/],
  ["beyond the teacher's", OVER_GROUPS, group([0, 1, 0, 3]), /^groups: .*label_t has 2/],
  ["overlapping", OVER_GROUPS, group([0, 2, 0, 1], [1, 3, 1, 2]), /^groups: .*after/],
  ["overlapping, teacher", OVER_GROUPS, group([0, 1, 0, 2], [1, 3, 1, 2]), /^groups: .*after/],
  ["descending", OVER_GROUPS, group([1, 2, 1, 2], [0, 1, 0, 1]), /^groups: .*after/],
  ["no map", ["x_token"], { w: null }, /^w: missing/],
  ["a map that is a list", ["x_token"], { w: [] }, /^w: /],
  ["no indices", ["x_token"], { w: { values: weights } }, /^w\.indices: missing/],
  ["no values", ["x_token"], { w: { indices: ids } }, /^w\.values: missing/],
  ["too few rows", ["x_token"], w(ids.slice(1), weights.slice(1)), /^w: has 3 rows/],
  ["unlike shapes", ["x_token"], w(ids, weights.slice(1)), /^w\.values: /],
  ["unlike rows", ["x_token"], w(ids, withRow(weights, 1)), /^w\.values: /],
  ["ragged", ["x_token"], w(withRow(ids, 1), withRow(weights, 1)), /^w\.indices: /],
  ["an id below −1", ["x_token"], w(withRow(ids, -2, 0)), /^w\.indices: /],
  ["an id beyond the tokens", ["x_token"], w(withRow(ids, 4, -1)), /^w\.indices: id 4/],
  ["half an id", ["x_token"], w(withRow(ids, 0.5, -1)), /^w\.indices: /],
  ["a negative weight", ["x_token"], w(ids, withRow(weights, -0.1, 0)), /^w\.values: /],
  ["no number", ["x_token"], w(ids, withRow(weights, null, 0)), /^w\.values: /],
  ["no shared logits", ["gkd", "reverse_kl_top_k"], { t_logits_same: null }, /^t_logits_same: /],
  ["another width", ["gkd", "reverse_kl_top_k"], { t_logits_same: [matrix(4, 5)] }, /^t_logits_same: /],
  ["another length", ["gkd", "reverse_kl_top_k"], { t_logits_same: [matrix(3, 4)] }, /^t_logits_same: /],
  ["no teacher", OVER_GROUPS, { t_logits: null }, /^t_logits: /],
  ["no teacher labels", OVER_GROUPS, { label_t: null }, /^label_t: missing/],
  ["no student labels", [...OVER_GROUPS, "gkd"], { label_s: null }, /^label_s: missing/],
  ["a label beyond the logits", [...OVER_GROUPS, "gkd"], { label_s: [[X, 0, 1, 4]] }, /^label_s: token 4/],
  ["of the teacher", OVER_GROUPS, { label_t: [[X, 5, 1]] }, /^label_t: token 5/],
  ["no response", [...OVER_GROUPS, "gkd"], { label_s: [[X, X, X, X]] }, /^label_s: sample 0/],
  ["no response, teacher", OVER_GROUPS, { label_t: [[X, X, X]], groups: [[]] }, /^label_t: sample 0/],
  ["no student tokens", ["gold", "simct", "simple_ctkd"], { student_tokens: null }, /^student_tokens: /],
  ["no teacher tokens", ["gold", "simct", "simple_ctkd"], { teacher_tokens: null }, /^teacher_tokens: /],
  ["more tokens than columns", BY_TOKENS, { student_tokens: ["a", "b", "c", "d", "e"] }, /^student_tokens: /],
  ["of the teacher", BY_TOKENS, { teacher_tokens: ["a", "b", "c", "d", "e", "f"] }, /^teacher_tokens: /],
  [
    "nothing in common",
    ["simct", "simple_ctkd"],
    { student_tokens: ["x", "y", "z"], ends: null },
    /^student_tokens: nothing in common/,
  ],
  ["ends that are no pairs", ["simct", "simple_ctkd"], { ends: [[1, 2, 3]] }, /^ends: /],
  ["ends that are no list", ["simct", "simple_ctkd"], { ends: 3 }, /^ends: /],
  ["an end below 0", ["simct", "simple_ctkd"], { ends: [[-1, 0]] }, /^ends: /],
  ["an end beyond the student", ["simct", "simple_ctkd"], { ends: [[3, 0]] }, /^ends: /],
  ["an end beyond the teacher", ["simct", "simple_ctkd"], { ends: [[0, 4]] }, /^ends: /],
];

describe("refused", () => {
  test.each(BAD)("%s: %s", async (_name, methods, fields, message) => {
    for (const method of methods) {
      const errors = await refusal({ ...good(method), ...fields });
      expect(errors.join("\n"), method).toMatch(message);
    }
  });

  test.each<[string, readonly string[], Fields]>([
    ["beta", ["gkd", "gold"], { beta: 1.5 }],
    ["temperature", ["gkd", "x_token", "simct", "simple_ctkd"], { temperature: 0 }],
    ["topK", ["x_token", "reverse_kl_top_k"], { topK: 0.5 }],
    ["topK", ["x_token"], { topK: 0 }],
    ["variant", ["x_token"], { variant: "gold" }],
    ["mode", ["gold"], { mode: "both" }],
    ["divergence", ["simct", "simple_ctkd"], { divergence: "js" }],
    ["span", ["simct"], { span: "sum" }],
    ["credit", ["opd"], { credit: "rllm" }],
    ["matchedWeight", ["gold"], { matchedWeight: -0.1 }],
    ["unmatchedWeight", ["gold"], { unmatchedWeight: -1 }],
    ["clamp", ["opd"], { clamp: 0 }],
    ["maxChunk", ["opd"], { maxChunk: 2.5 }],
    ["maxChunk", ["opd"], { maxChunk: 0 }],
    ["reduction", ["gkd", "gold", "simct", "simple_ctkd", "opd"], { reduction: "mean" }],
    ["reduction", ["x_token"], { reduction: "sum" }],
  ])("objective.%s of %s: %j", (field, methods, settings) => {
    for (const method of methods)
      expect(() => judge(good(method, settings))).toThrow(new RegExp(`^objective\\.${field}: `));
  });
});

test("null is a value where the setting takes it", () => {
  expect(readCase(JSON.stringify(good("opd", { clamp: null, maxChunk: null }))).settings.term).toMatchObject({
    clamp: null,
    maxChunk: null,
  });
});

test("GKD looks at nothing of the teacher but its logits over the student's vocabulary", () => {
  const odd = { label_t: [[X, X]], t_logits: [matrix(1, 2)], groups: [[[0, 9, 0, 9]]], ids_t: [[7]] };
  expect(() => judge({ ...good("gkd"), ...odd })).not.toThrow();
});

/** What the command says; nothing is written, and nothing but one line. */
async function refusal(fields: Fields): Promise<string[]> {
  const errors: string[] = [];
  const spy = vi.spyOn(console, "error").mockImplementation((...parts) => void errors.push(parts.join(" ")));
  const dir = mkdtempSync(join(tmpdir(), "couplet-groups-"));
  const [source, out] = [join(dir, "case.json"), join(dir, "out.json")];
  writeFileSync(source, JSON.stringify(fields));
  expect(await main(["objective", source, "--out", out])).toBeGreaterThan(0);
  expect(existsSync(out)).toBe(false);
  rmSync(dir, { recursive: true });
  spy.mockRestore();
  expect(errors).toHaveLength(1);
  expect(errors[0]!.trim().split("\n")).toHaveLength(1);
  return errors;
}
