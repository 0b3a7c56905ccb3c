// LoRA — plan (golden from reference/goldens/make_lora_goldens.py)
//   against PyTorch     logits ≤ 1e-4, every adapter's gradient ≤ 1e-3 relative L2, ten AdamW steps' losses ≤ 1e-4
//   finite differences  of the float64 oracle on merged weights, entries of every adapter; the scale matters (control)
//   only adapters       frozen weights keep their bits and take no gradient memory; targets may leave any matrix out
//   start               B is zero, so that the adapted model is the model; A within ±1/√in; seeded
//   merge               the plain engine on merged weights gives the adapted model's logits; PEFT's files hold the pairs
//   [in, out]           GPT-2: adapters of the same shapes, merged into the transpose; PEFT is told
//   refusals            an unknown target, a rank larger than a matrix
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import type { NamedTensor } from "../../src/models";
import {
  createModel,
  createParamStore,
  type LoraSettings,
  mergeLora,
  NO_ROW,
  peftAdapter,
  studentLogits,
  studentParameters,
  withLora,
} from "../../src/student";
import { normals } from "../oracle/nn";
import { llama } from "../oracle/nn-llama";
import { randomWeights, tinyConfig } from "../oracle/nn-models";
import { expectClose, relativeL2 } from "../support/close";
import {
  type Encoded,
  floatsOf,
  goldenBatch,
  configOf,
  readGolden,
  type StudentGolden,
  tensorsOf,
} from "../support/golden";
import { testGpu } from "../support/gpu";
import { type Batch, openTrainee, type Trainee, plainHyper as hyper } from "../support/student";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

describe("against PyTorch", () => {
  interface LoraGolden {
    settings: LoraSettings;
    adapters: Record<string, Encoded>;
    logits: string;
    gradients: Record<string, Encoded>;
    losses: number[];
    norms: number[];
  }
  const base = readGolden<StudentGolden>("llama-tied-gqa");
  const golden = readGolden<LoraGolden>("lora");
  let trainee: Trainee;
  beforeAll(async () => {
    const { rows, length } = base.batch;
    trainee = await openTrainee(
      gpu,
      configOf(base),
      tensorsOf(base.weights),
      { B: rows, T: length },
      { lora: golden.settings, adapters: tensorsOf(golden.adapters) },
    );
  });
  afterAll(() => trainee.destroy());

  test("logits, loss, norm and every adapter's gradient; then ten steps", async () => {
    const losses: number[] = [];
    for (let step = 1; step <= 10; step++) {
      const { logits, loss, verdict } = await trainee.step(goldenBatch(base), hyper(step));
      losses.push(loss);
      if (step > 1) continue;
      expect(relativeL2(logits, floatsOf(golden.logits)), "logits").toBeLessThanOrEqual(1e-4);
      expect(Math.abs(verdict[0]! / golden.norms[0]! - 1), "norm").toBeLessThanOrEqual(1e-5);
      const gradients = await trainee.store.readGradients();
      expect([...gradients.keys()].toSorted()).toEqual(Object.keys(golden.gradients).toSorted());
      for (const [name, { data }] of Object.entries(golden.gradients))
        expect(relativeL2(gradients.get(name)!.data, floatsOf(data)), name).toBeLessThanOrEqual(1e-3);
    }
    const errors = losses.map((loss, i) => Math.abs(loss / golden.losses[i]! - 1));
    if (process.env.COUPLET_FIGURES)
      process.stdout.write(`lora: losses ≤ ${Math.max(...errors).toExponential(1)}\n`);
    for (const error of errors) expect(error).toBeLessThanOrEqual(1e-4);
  });
});

const shape = { B: 2, T: 7 };
const batch: Batch = {
  ids: Uint32Array.from({ length: 14 }, (_, i) => (i * 5 + 3) % tinyConfig.vocabSize),
  labels: Uint32Array.from({ length: 14 }, (_, i) =>
    i % 4 === 1 ? NO_ROW : (i * 7 + 1) % tinyConfig.vocabSize,
  ),
};
const settings: LoraSettings = { rank: 2, alpha: 3, targets: ["k_proj", "o_proj", "up_proj"] };
const weights = randomWeights(tinyConfig, 4);

/** Adapters whose B is not zero. */
function stirred(lora = settings): Map<string, NamedTensor> {
  const added = withLora(studentParameters(weights), lora, 1).filter(({ name }) => name.includes("lora_"));
  return new Map(
    added.map(({ name, shape: s }, i) => [name, { shape: s, data: normals(70 + i, s[0]! * s[1]!, 0.3) }]),
  );
}

/** Mean cross entropy in float64 of a model whose matrices are W + scale·B·A. */
function oracleLoss(adapters: ReadonlyMap<string, NamedTensor>, scale: number): number {
  const merged = new Map<string, { shape: readonly number[]; data: ArrayLike<number> }>(weights);
  for (const [name, a] of adapters) {
    if (!name.includes("lora_A")) continue;
    const module = name.replace(".lora_A.weight", "");
    const b = adapters.get(`${module}.lora_B.weight`)!;
    const w = weights.get(`${module}.weight`)!;
    const [out = 0, into = 0] = w.shape;
    const [rank = 0] = a.shape;
    const data = Array.from({ length: out * into }, (_, i) => {
      let sum = 0;
      for (let r = 0; r < rank; r++)
        sum += b.data[Math.floor(i / into) * rank + r]! * a.data[r * into + (i % into)]!;
      return w.data[i]! + scale * sum;
    });
    merged.set(`${module}.weight`, { shape: w.shape, data });
  }
  const { logits } = llama(
    tinyConfig,
    merged as unknown as ReadonlyMap<string, NamedTensor>,
    batch.ids,
    shape.B,
  );
  const { vocabSize: V } = tinyConfig;
  const rows = [...batch.labels.keys()].filter((i) => batch.labels[i] !== NO_ROW);
  const losses = rows.map((i) => {
    const row = logits.slice(i * V, (i + 1) * V);
    const top = Math.max(...row);
    return top + Math.log(row.reduce((s, x) => s + Math.exp(x - top), 0)) - row[batch.labels[i]!]!;
  });
  return losses.reduce((a, b) => a + b, 0) / rows.length;
}

test("finite differences of the float64 oracle", async () => {
  const adapters = stirred();
  const trainee = await openTrainee(gpu, tinyConfig, weights, shape, { lora: settings, adapters });
  const { loss } = await trainee.step(batch, hyper(1));
  expect(Math.abs(loss / oracleLoss(adapters, 1.5) - 1)).toBeLessThan(1e-5);
  expect(Math.abs(loss / oracleLoss(adapters, 1) - 1)).toBeGreaterThan(1e-4); // control: the scale counts
  const gradients = await trainee.store.readGradients();
  for (const [name, { shape: s, data }] of adapters) {
    const n = data.length;
    const at = [0, Math.floor(n / 3), Math.floor(n / 2), n - 1];
    const want = at.map((i) => {
      const moved = (by: number) => {
        const values = Array.from(data);
        values[i]! += by;
        const changed = { shape: s, data: values as unknown as Float32Array };
        return oracleLoss(new Map([...adapters, [name, changed]]), 1.5);
      };
      return (moved(1e-5) - moved(-1e-5)) / 2e-5;
    });
    const got = at.map((i) => gradients.get(name)!.data[i]!);
    expectClose(got, want, { rtol: 1e-3, atol: 1e-6 }, name);
  }
  trainee.destroy();
});

describe("only adapters", () => {
  test.each([["q_proj"], ["v_proj"], ["gate_proj"], ["down_proj"]])("on %s", async (...targets) => {
    const lora = { ...settings, targets };
    const trainee = await openTrainee(gpu, tinyConfig, weights, shape, { lora });
    const before = await trainee.store.read("student");
    const losses: number[] = [];
    for (let step = 1; step <= 8; step++) losses.push((await trainee.step(batch, hyper(step))).loss);
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
    const after = await trainee.store.read("student");
    for (const [name, { data }] of before) {
      const changed = after.get(name)!.data.some((value, i) => value !== data[i]);
      expect(changed, name).toBe(name.includes("lora_"));
    }
    const all = [...before.values()].reduce((sum, { data }) => sum + data.length, 0);
    expect(trainee.store.trainableCount).toBeLessThan(all / 10);
    // Four arenas for adapters, one for the rest; padding to 64 elements for each of some 30 tensors.
    const { trainableCount, bytes } = trainee.store;
    expect(bytes).toBeLessThan(4 * (all + 3 * trainableCount + 40 * 4 * 64));
    trainee.destroy();
  });

  test("before the first step the adapted model is the model, and adapters are seeded", () => {
    const plain = studentParameters(weights);
    const added = withLora(plain, settings, 3).filter(({ name }) => name.includes("lora_"));
    expect(added).toHaveLength(2 * 3 * tinyConfig.layers);
    for (const { name, shape: s, data } of added) {
      if (name.includes("lora_B")) expect(data).toBeUndefined(); // zeros
      else expect(Math.max(...data!.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(s[1]!));
    }
    expect(withLora(plain, settings, 3)).toEqual(withLora(plain, settings, 3));
    expect(withLora(plain, settings, 4)).not.toEqual(withLora(plain, settings, 3));
  });
});

test("merged weights give the adapted model's logits; PEFT's files hold the pairs", async () => {
  const adapters = stirred();
  const trainee = await openTrainee(gpu, tinyConfig, weights, shape, { lora: settings, adapters });
  await trainee.step(batch, hyper(1));
  const ids = Int32Array.from(batch.ids);
  const want = await studentLogits(gpu, trainee.model, ids, shape.B, shape.T);
  const tensors = await trainee.store.read("student");
  const merged = mergeLora(tensors, settings);
  expect([...merged.keys()]).toEqual([...weights.keys()]);
  const store = createParamStore(gpu, studentParameters(merged));
  const model = createModel(gpu, tinyConfig, store);
  const got = await studentLogits(gpu, model, ids, shape.B, shape.T);
  expect(relativeL2(got, want)).toBeLessThan(1e-5);
  const unmerged = createParamStore(gpu, studentParameters(weights));
  const plain = createModel(gpu, tinyConfig, unmerged);
  expect(relativeL2(await studentLogits(gpu, plain, ids, shape.B, shape.T), want)).toBeGreaterThan(1e-3);

  const peft = peftAdapter(tensors, settings, "tiny");
  expect(peft.config).toMatchObject({ r: 2, lora_alpha: 3, target_modules: settings.targets });
  expect([...peft.tensors.keys()]).toContain(
    "base_model.model.model.layers.1.self_attn.k_proj.lora_B.weight",
  );
  expect(peft.tensors.size).toBe(2 * 3 * tinyConfig.layers);
  for (const thing of [trainee, model, store, plain, unmerged]) thing.destroy();
});

test("matrices stored [in, out]: GPT-2", async () => {
  const golden = readGolden<StudentGolden>("gpt2");
  const config = configOf(golden);
  const lora: LoraSettings = { rank: 2, alpha: 3, targets: ["c_attn", "c_fc"] };
  const stored = tensorsOf(golden.weights);
  const added = withLora(studentParameters(stored), lora, 1, "in-out").filter(({ name }) =>
    name.includes("lora_"),
  );
  expect(added.slice(0, 2).map((p) => p.shape)).toEqual([
    [2, 20],
    [60, 2],
  ]);
  const adapters = new Map<string, NamedTensor>(
    added.map(({ name, shape: s }, i) => [name, { shape: s, data: normals(90 + i, s[0]! * s[1]!, 0.3) }]),
  );
  const { rows: B, length: T } = golden.batch;
  const trainee = await openTrainee(gpu, config, stored, { B, T }, { lora, adapters });
  const first = await trainee.step(goldenBatch(golden), hyper(1));
  expect((await trainee.step(goldenBatch(golden), hyper(2))).loss).toBeLessThan(first.loss);
  const ids = Int32Array.from(golden.batch.ids);
  const want = await studentLogits(gpu, trainee.model, ids, B, T);
  const tensors = await trainee.store.read("student");
  const store = createParamStore(gpu, studentParameters(mergeLora(tensors, lora, "in-out")));
  const model = createModel(gpu, config, store);
  expect(relativeL2(await studentLogits(gpu, model, ids, B, T), want)).toBeLessThan(1e-5);
  expect(peftAdapter(tensors, lora, "tiny", "in-out").config).toMatchObject({ fan_in_fan_out: true });
  for (const thing of [trainee, model, store]) thing.destroy();
});

test("refusals", () => {
  const plain = studentParameters(weights);
  expect(() => withLora(plain, { ...settings, targets: ["c_attn"] }, 1)).toThrow(
    /"c_attn" names no matrix.*q_proj.*down_proj/,
  );
  expect(() => withLora(plain, { ...settings, rank: 9 }, 1)).toThrow(/rank 9 is larger than .*k_proj/);
});
