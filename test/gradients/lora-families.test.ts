// LoRA and gradient checkpointing on every family — plan
//   × every family: adapters on all matrices of its blocks, A and B away from zero
//   merge          the plain engine on merged weights gives the adapted model's logits
//   gradients      dB = s·dW·Aᵀ and dA = s·Bᵀ·dW, with dW the merged model's gradient, which PyTorch has vouched for;
//                  control: without the scale they differ
//   recompute      the same bits
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import { checkTensors } from "../../src/models/student/student-weights";
import {
  type LoraSettings,
  loraModules,
  mergeLora,
  packHyper,
  studentParameters,
  networkOf,
  withLora,
} from "../../src/student";
import { normals } from "../oracle/nn";
import { relativeL2 } from "../support/close";
import { configOf, goldenBatch, readGolden, type StudentGolden, tensorsOf } from "../support/golden";
import { testGpu } from "../support/gpu";
import { openTrainee } from "../support/student";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

const hyper = packHyper({
  learningRate: 1e-3,
  projectorLearningRate: 0,
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-8,
  weightDecay: 0.1,
  clipNorm: 1e9,
  step: 1,
});

/** dW as (out, in). */
function upright(data: Float32Array, out: number, into: number, stored: "out-in" | "in-out"): Float32Array {
  if (stored === "out-in") return data;
  return Float32Array.from({ length: out * into }, (_, i) => data[(i % into) * out + Math.floor(i / into)]!);
}

describe.each(["llama-yarn-biases", "qwen2", "qwen3", "gpt2", "gpt-neox", "gpt-neox-in-turn", "gemma3"])(
  "%s",
  (name) => {
    const golden = readGolden<StudentGolden>(name);
    const config = configOf(golden);
    const weights = checkTensors(config, tensorsOf(golden.weights));
    const shape = { B: golden.batch.rows, T: golden.batch.length };
    const layout = networkOf(config).layout;
    const modules = loraModules(
      [...weights].map(([key, tensor]) => [key, tensor.shape] as const),
      [],
    );
    const targets = [...new Set(modules.map((module) => module.split(".").at(-1)!))];
    const lora: LoraSettings = { rank: 2, alpha: 3, targets };
    const adapters = new Map(
      withLora(studentParameters(weights), lora, 1, layout)
        .filter((p) => p.name.includes("lora_"))
        .map((p, i) => [p.name, { shape: p.shape, data: normals(i + 1, p.shape[0]! * p.shape[1]!, 0.2) }]),
    );

    test("merge and gradients", async () => {
      expect(targets.length).toBeGreaterThanOrEqual(3);
      const adapted = await openTrainee(gpu, config, weights, shape, { lora, adapters });
      const merged = mergeLora(await adapted.store.read("student"), lora, layout);
      const plain = await openTrainee(gpu, config, merged, shape);
      const got = await adapted.step(goldenBatch(golden), hyper);
      const want = await plain.step(goldenBatch(golden), hyper);
      expect(relativeL2(got.logits, want.logits)).toBeLessThan(1e-5);
      const [low, full] = [await adapted.store.readGradients(), await plain.store.readGradients()];
      for (const module of modules) {
        const [a, b] = [adapters.get(`${module}.lora_A.weight`)!, adapters.get(`${module}.lora_B.weight`)!];
        const [out = 0, into = 0] = [b.shape[0], a.shape[1]];
        const dw = upright(full.get(`${module}.weight`)!.data, out, into, layout);
        const scale = lora.alpha / lora.rank;
        const db = Float32Array.from({ length: out * 2 }, (_, i) => {
          let sum = 0;
          for (let k = 0; k < into; k++)
            sum += dw[Math.floor(i / 2) * into + k]! * a.data[(i % 2) * into + k]!;
          return scale * sum;
        });
        const da = Float32Array.from({ length: 2 * into }, (_, i) => {
          let sum = 0;
          for (let row = 0; row < out; row++)
            sum += b.data[row * 2 + Math.floor(i / into)]! * dw[row * into + (i % into)]!;
          return scale * sum;
        });
        const gotA = low.get(`${module}.lora_A.weight`)!.data;
        const gotB = low.get(`${module}.lora_B.weight`)!.data;
        expect(relativeL2(gotB, db), `${module} B`).toBeLessThan(1e-3);
        expect(relativeL2(gotA, da), `${module} A`).toBeLessThan(1e-3);
        const unscaled = db.map((x) => x / scale);
        expect(relativeL2(gotB, unscaled)).toBeGreaterThan(0.1); // control
      }
      adapted.destroy();
      plain.destroy();
    });

    test("one adapted matrix, and everything recomputed", async () => {
      for (const options of [{}, { lora: { ...lora, targets: targets.slice(0, 1) } }]) {
        const kept = await openTrainee(gpu, config, weights, shape, options);
        const again = await openTrainee(gpu, config, weights, shape, { ...options, recompute: true });
        const want = await kept.step(goldenBatch(golden), hyper);
        expect(await again.step(goldenBatch(golden), hyper)).toEqual(want);
        expect(await again.store.readGradients()).toEqual(await kept.store.readGradients());
        kept.destroy();
        again.destroy();
      }
    });
  },
);
