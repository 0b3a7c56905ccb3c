// Students whose matrices exceed what the adapter binds at once — plan
//   × every family of the goldens, tied and untied × limits that cut the token table into {2, 3 or 4, 6 or 7, 13} ranges
//     (every other matrix is cut as well where it is larger), borders at odd rows, a last range of one row, ranges that
//     no token of the batch is in
//   one step       logits, loss, norm, every gradient, weights after AdamW equal those of the student in one piece
//   five steps     losses; weights and moments by name; save and restore to the bit
//   generation     the same tokens
//   logits         of more rows than are bound at once: block by block, the same bits
//   LoRA           frozen matrices in ranges: the same losses and adapters
//   control        a table with two of its ranges changed places gives other logits
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import type { NamedTensor } from "../../src/models";
import { checkTensors } from "../../src/models/student/student-weights";
import { createGenerator, networkOf, studentLogits } from "../../src/student";
import { relativeL2 } from "../support/close";
import { configOf, goldenBatch, readGolden, type StudentGolden, tensorsOf } from "../support/golden";
import { testGpu, withLimits } from "../support/gpu";
import { openTrainee, plainHyper, type TraineeOptions } from "../support/student";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

const NAMES = [
  ...["llama-tied-gqa", "llama-untied-mha", "llama-llama3", "llama-yarn-biases", "llama-linear"],
  ...["qwen2", "qwen3", "gpt2", "gpt-neox", "gpt-neox-in-turn", "gemma3"],
];
/** Elements of a segment: multiples of 64. */
const LIMITS = [64, 128, 192, 256, 384];

const open = (golden: StudentGolden, options: TraineeOptions = {}, weights = weightsOf(golden)) =>
  openTrainee(gpu, configOf(golden), weights, { B: golden.batch.rows, T: golden.batch.length }, options);
const weightsOf = (golden: StudentGolden) => checkTensors(configOf(golden), tensorsOf(golden.weights));

/** What a student does: one step, its gradients, then four steps more, and what it writes. */
async function watch(golden: StudentGolden, options: TraineeOptions = {}) {
  const trainee = await open(golden, options);
  const { store, model } = trainee;
  const start = await store.save();
  const first = await trainee.step(goldenBatch(golden), plainHyper(1));
  const gradients = await store.readGradients();
  const losses = [first.loss];
  const middle = await store.save();
  for (let step = 2; step <= 5; step++)
    losses.push((await trainee.step(goldenBatch(golden), plainHyper(step))).loss);
  const weights = await store.read("student");
  const generator = createGenerator(gpu, model, { length: 16, batch: 2 });
  const prompts = [golden.batch.ids.slice(0, 4), golden.batch.ids.slice(2, 4)];
  const written = await generator.generateBatch(prompts, { maxNewTokens: 8, stopIds: [] });
  generator.destroy();
  // Taken up after the first step: the very same losses, and bits.
  store.restore(middle);
  const again: number[] = [];
  for (let step = 2; step <= 5; step++)
    again.push((await trainee.step(goldenBatch(golden), plainHyper(step))).loss);
  expect(again).toEqual(losses.slice(1));
  expect(await store.read("student")).toEqual(weights);
  await store.reset();
  expect(await store.save()).toEqual(start);
  const { tokens } = networkOf(configOf(golden));
  const { pieces, shape } = store.entries.get(tokens)!;
  const rows = pieces.map(({ length }) => length / shape[1]!);
  const split = [...store.entries.values()].filter((e) => e.pieces.length > 1).length;
  trainee.destroy();
  return { ...first, losses, gradients, weights, written, rows, split };
}

/** A bias of keys has no gradient but noise, and AdamW's steps are as large for noise. */
const FUSED_BIAS = /(c_attn|query_key_value)\.bias$/;

const withoutFusedBiases = (weights: ReadonlyMap<string, NamedTensor>) =>
  new Map([...weights].filter(([name]) => !FUSED_BIAS.test(name)));

function expectSame(
  got: ReadonlyMap<string, NamedTensor>,
  want: ReadonlyMap<string, NamedTensor>,
  most: number,
) {
  expect([...got.keys()].toSorted()).toEqual([...want.keys()].toSorted());
  for (const [name, { data, shape }] of got) {
    expect(shape, name).toEqual(want.get(name)!.shape);
    expect(relativeL2(data, want.get(name)!.data), name).toBeLessThan(most);
  }
}

describe.each(NAMES)("%s", (name) => {
  const golden = readGolden<StudentGolden>(name);
  let whole: Awaited<ReturnType<typeof watch>>;
  beforeAll(async () => {
    whole = await watch(golden);
  });

  test.each(LIMITS)("%i elements a segment", async (elements) => {
    const cut = await watch(golden, { segmentBytes: 4 * elements });
    expect(whole.split).toBe(0);
    expect(cut.rows.length).toBeGreaterThan(1);
    expect(cut.rows.reduce((a, b) => a + b, 0)).toBe(whole.rows[0]);
    // Ranges may take another form of the product than the whole, and [in, out] matrices cut a sum.
    expect(relativeL2(cut.logits, whole.logits)).toBeLessThan(1e-6);
    expect(Math.abs(cut.verdict[0]! / whole.verdict[0]! - 1)).toBeLessThan(1e-6);
    expect(cut.verdict[2]).toBe(1);
    expectSame(cut.gradients, whole.gradients, 3e-6);
    cut.losses.forEach((loss, i) => expect(Math.abs(loss / whole.losses[i]! - 1)).toBeLessThan(1e-5));
    expectSame(withoutFusedBiases(cut.weights), withoutFusedBiases(whole.weights), 1e-4);
    expect(cut.written).toEqual(whole.written);
  });
});

test("the limits give what they are there for", async () => {
  const golden = readGolden<StudentGolden>("llama-tied-gqa"); // 37 rows of 20
  const seen = new Set(golden.batch.ids);
  const cuts = [];
  for (const elements of LIMITS) {
    const trainee = await open(golden, { segmentBytes: 4 * elements });
    const { pieces } = trainee.store.entries.get("model.embed_tokens.weight")!;
    cuts.push(pieces.map(({ length }) => length / 20));
    if (elements === 64) {
      const empty = pieces.filter(({ start, length }) =>
        Array.from({ length: length / 20 }, (_, i) => start / 20 + i).every((id) => !seen.has(id)),
      );
      expect(empty.length).toBeGreaterThan(0);
    }
    trainee.destroy();
  }
  expect(cuts.map((rows) => rows.length)).toEqual([13, 7, 5, 4, 2]);
  expect(cuts[1]).toEqual([6, 6, 6, 6, 6, 6, 1]);
  expect(cuts[2]).toEqual([9, 9, 9, 9, 1]);
  expect(cuts[4]).toEqual([19, 18]);
});

test("LoRA beside frozen matrices in ranges", async () => {
  const golden = readGolden<StudentGolden>("llama-untied-mha");
  const lora = { rank: 3, alpha: 6, targets: ["q_proj", "down_proj"] };
  const whole = await watch(golden, { lora });
  const cut = await watch(golden, { lora, segmentBytes: 4 * 128 });
  expect(cut.split).toBeGreaterThan(5);
  cut.losses.forEach((loss, i) => expect(Math.abs(loss / whole.losses[i]! - 1)).toBeLessThan(1e-5));
  expectSame(cut.gradients, whole.gradients, 3e-6);
  expectSame(cut.weights, whole.weights, 1e-4);
  expect(cut.weights.get("lm_head.weight")).toEqual(whole.weights.get("lm_head.weight"));
});

test("logits of more rows than are bound at once are taken block by block", async () => {
  const golden = readGolden<StudentGolden>("llama-tied-gqa");
  const trainee = await open(golden);
  const { ids, rows: B, length: T } = golden.batch;
  const logits = (bytes?: number) =>
    studentLogits(withLimits(gpu, { segmentBytes: bytes }), trainee.model, Int32Array.from(ids), B, T);
  const whole = await logits();
  expect(whole).toHaveLength(B * T * 37);
  for (const rows of [1, 5, B * T - 1, B * T]) expect(await logits(4 * 37 * rows + 100)).toEqual(whole);
  trainee.destroy();
});

test("control: two ranges of the table in each other's place", async () => {
  const golden = readGolden<StudentGolden>("llama-tied-gqa");
  const weights = new Map(weightsOf(golden));
  const { data, shape } = weights.get("model.embed_tokens.weight")!;
  const swapped = Float32Array.from([
    ...data.subarray(120, 240),
    ...data.subarray(0, 120),
    ...data.subarray(240),
  ]);
  weights.set("model.embed_tokens.weight", { shape, data: swapped });
  const ids = Int32Array.from(golden.batch.ids.slice(0, 6));
  const logits = async (of: ReadonlyMap<string, NamedTensor>) => {
    const trainee = await open(golden, { segmentBytes: 4 * 128 }, new Map(of));
    const values = await studentLogits(gpu, trainee.model, ids, 1, ids.length);
    trainee.destroy();
    return values;
  };
  expect(relativeL2(await logits(weights), await logits(weightsOf(golden)))).toBeGreaterThan(0.1);
});
