// docs/ADDING-A-METHOD.md followed on a toy — plan
//   the card     gives a schema, a preset's constants, a label; as settings of a method and as a base of CoT2Align
//   the term     loss = weight / tokens · Σ_p KL(softmax(q_p/T) ‖ softmax(s_p/T)), the value by plain arithmetic and the gradient
//                by finite differences of it, on a ragged batch with padding
import * as v from "valibot";
import { beforeAll, expect, test } from "vitest";
import { defaultsOf, distillationCard, distilled, entriesOf, setting } from "../../src/config/methods/card";
import { positive } from "../../src/config/fields";
import { createRng } from "../../src/config/rng";
import type { Gpu } from "../../src/gpu/device";
import { recordTokenTerm, rowMask } from "../../src/objectives/distillation";
import { recordDivergence } from "../../src/objectives/ops/divergence";
import type { Distillation } from "../../src/objectives";
import { finiteDifferences } from "../oracle/nn";
import { testGpu } from "../support/gpu";
import { type LogitFixture, runLogitCase } from "../support/logit-case";

// 1. The card.
const toy = distillationCard({
  id: "toy",
  name: "Toy",
  title: "Toy: forward KL, softened",
  explain: "The student's distribution is drawn to the teacher's, both softened.",
  paper: "none",
  section: "2",
  settings: { softness: setting(positive, 3, { label: "Softness", help: "larger is softer" }) },
  source: "made up",
  tokenizers: "one",
  views: 1,
  asks: "logits",
  terms: { toy: distilled("Toy") },
  canBeBase: true,
  preset: { id: "toy" },
});

// 2. The objective.
const toyTerm: Distillation<{ id: "toy"; softness: number }> = {
  id: "toy",
  needs: () => ["teacher.logits"],
  parameters: () => [],
  recordTerm({ softness }, recording, weight) {
    const { tape, shape, student, shared } = recording;
    const rowWeight = tape.b.input("toy_rows", shape.studentRows);
    return recordTokenTerm(
      recording,
      "toy",
      weight,
      (scale) =>
        recordDivergence(tape, {
          ...{ divergence: "forward_kl", temperature: softness, skew: 0.1, adaptiveAlpha: 0.5 },
          ...{ student: student.logits(), teacher: shared.teacherLogits(), rowWeight, scale },
        }).totals,
      (batch) => ({ toy_rows: rowMask(batch.student.labels.length, shape.studentRows) }),
    );
  },
};

test("the card gives schema, defaults and names", () => {
  const schema = v.strictObject({ id: v.literal(toy.id), ...entriesOf(toy.settings) });
  const config = { id: toy.id, ...defaultsOf(toy.settings) };
  expect(v.parse(schema, config)).toEqual({ id: "toy", softness: 3 });
  expect(v.safeParse(schema, { ...config, softness: 0 }).success).toBe(false);
  expect(toy.preset.id).toBe("toy");
});

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

test("the term's value and gradient", async () => {
  const random = createRng(5);
  const V = 7;
  const logits = () =>
    Array.from({ length: 2 }, () =>
      Array.from({ length: 4 }, () => Array.from({ length: V }, () => Math.fround(2 * random.normal()))),
    );
  const [s, q] = [logits(), logits()];
  const labels = [
    [-100, 2, 3, -100],
    [-100, -100, 1, 0],
  ];
  const ids = [
    [0, 1, 2, 3],
    [4, 3, 2, 1],
  ];
  const tokens = Array.from({ length: V }, (_, i) => `t${i}`);
  const fixture: LogitFixture = {
    ...{
      s_logits: s,
      t_logits: q,
      t_logits_same: q,
      ids_s: ids,
      ids_t: ids,
      label_s: labels,
      label_t: labels,
    },
    ...{ student_tokens: tokens, teacher_tokens: tokens, student_space: "Ġ", teacher_space: "Ġ", cases: [] },
  };
  const softness = 3;
  const softmax = (x: readonly number[]) => {
    const e = x.map((value) => Math.exp(value / softness));
    const sum = e.reduce((a, b) => a + b, 0);
    return e.map((value) => value / sum);
  };
  const loss = (flat: readonly number[]): number[] => {
    let total = 0;
    labels.forEach((sample, b) =>
      sample.forEach((label, p) => {
        if (label < 0) return;
        const at = (b * 4 + p) * V;
        const [student, teacher] = [softmax(flat.slice(at, at + V)), softmax(q[b]![p]!)];
        teacher.forEach((value, k) => (total += value * Math.log(value / student[k]!)));
      }),
    );
    return [total];
  };
  const flat = s.flat(2);
  const got = await runLogitCase(
    gpu,
    fixture,
    { id: "toy", softness } as { id: "toy" },
    toyTerm as Distillation,
  );
  const [want = 0] = loss(flat);
  expect(Math.abs(got.sum - want) / want).toBeLessThan(1e-5);
  const gradient = finiteDifferences(loss, flat, [1]);
  const largest = Math.max(...gradient.map(Math.abs));
  expect(largest).toBeGreaterThan(1e-3);
  expect(Math.max(...gradient.map((g, i) => Math.abs(g - got.gradient[i]!))) / largest).toBeLessThan(1e-4);
});
