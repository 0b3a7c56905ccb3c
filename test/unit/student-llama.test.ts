// Llama on the tape — plan
//   forward       embedding, hidden and logits equal the float64 oracle × {tied GQA, untied MHA} × {1×1, 3×13}
//   refusals      too long a batch, too many rows, an unknown parameter, a wrong shape, two of one name
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import { ProgramBuilder } from "../../src/gpu/program";
import {
  createModel,
  createParamStore,
  recordHead,
  recordModel,
  studentParameters,
  Tape,
} from "../../src/student";
import { llama } from "../oracle/nn-llama";
import { randomWeights, tinyConfig } from "../oracle/nn-models";
import { relativeL2 } from "../support/close";
import { testGpu } from "../support/gpu";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

const variants = {
  "tied, grouped queries": tinyConfig,
  "untied, one key head per query head": { ...tinyConfig, kvHeads: 6, tiedEmbeddings: false },
};

describe("forward", () => {
  test.each(
    Object.entries(variants).flatMap(([name, config]) =>
      [
        [1, 1],
        [3, 13],
      ].map(([B = 0, T = 0]) => ({ name, config, B, T })),
    ),
  )("$name, $B × $T", async ({ config, B, T }) => {
    const weights = randomWeights(config, 3);
    const store = createParamStore(gpu, studentParameters(weights));
    const model = createModel(gpu, config, store);
    const ids = Uint32Array.from({ length: B * T }, (_, i) => (i * 7 + 5) % config.vocabSize);
    const b = new ProgramBuilder("forward");
    const tape = new Tape(b, { training: false });
    const { embedding, hidden, layers } = recordModel(tape, model, { B, T, ids: b.input("ids", B * T) });
    expect(layers(0)).toBe(embedding);
    expect(layers(config.layers).shape).toEqual([B * T, config.hiddenSize]);
    expect(() => layers(config.layers + 1)).toThrow(/layers 0 to 2, asked for 3/);
    b.output("embedding", embedding.value);
    b.output("hidden", hidden.value);
    b.output("logits", recordHead(tape, model, hidden).value);
    const program = await b.build(gpu);
    const got = await program.run({ ids }, { read: ["embedding", "hidden", "logits"] });
    const want = llama(config, weights, ids, B);
    expect([...got.embedding]).toEqual(want.embedding);
    // About 200 f32 sums in sequence: 1e-5 leaves a factor of 20 over what is seen.
    expect(relativeL2(got.hidden, want.hidden), "hidden").toBeLessThan(1e-5);
    expect(relativeL2(got.logits, want.logits), "logits").toBeLessThan(1e-5);
    for (const thing of [program, model, store]) thing.destroy();
  });
});

test("refusals say what is wrong", () => {
  const weights = randomWeights(tinyConfig, 3);
  const store = createParamStore(gpu, studentParameters(weights));
  const model = createModel(gpu, tinyConfig, store);
  const b = new ProgramBuilder("refused");
  const tape = new Tape(b);
  const ids = (count: number) => b.input(`ids ${count}`, count);
  expect(() => recordModel(tape, model, { B: 1, T: 65, ids: ids(65) })).toThrow(/64 positions.*65 long/);
  expect(() => recordModel(tape, model, { B: 257, T: 1, ids: ids(257) })).toThrow(
    /at most 256 rows, got 257/,
  );
  expect(() => store.leaf(tape, "nope")).toThrow(/no parameter "nope"/);
  const [norm] = studentParameters(weights).filter(({ name }) => name === "model.norm.weight");
  expect(() => createParamStore(gpu, [norm!, norm!])).toThrow(/two parameters named "model.norm.weight"/);
  expect(() => createParamStore(gpu, [{ ...norm!, shape: [5] }])).toThrow(/shape \[5\] but 24 values/);
  expect(() => createModel(gpu, { ...tinyConfig, headDim: 6 }, store)).toThrow(/head size .* got 6/);
  expect(() => model.constants.table("nope")).toThrow(/no table "nope"/);
  const limits = { maxStorageBufferBindingSize: 64, maxBufferSize: 64 };
  const small = { ...gpu, device: { ...gpu.device, limits } } as unknown as Gpu;
  expect(() => createParamStore(small, [norm!])).toThrow(/"model.norm.weight" takes .*binds at most .* MiB/);
  model.destroy();
  store.destroy();
});
