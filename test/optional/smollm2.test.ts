// A real checkpoint, SmolLM2-135M-Instruct, against PyTorch — plan (npm run test:smollm2; reference/smollm2/prepare.py
// makes the folder; not part of npm test)
//   tokens        our tokenizer gives PyTorch's ids for the chat
//   logits        relative L2 ≤ 1e-4 over 44 tokens × 49152
//   continuation  greedy, with the cache: PyTorch's tokens, a sensible sentence
//   export        the folder that we write, run by ONNX Runtime: logits ≤ 1e-4
//   full AdamW    one step: loss, norm, the norm of each of 272 gradients within 1e-3, the loss after it
//   LoRA          one step on q_proj and v_proj: loss, every adapter's gradient ≤ 1e-3, the loss after it
//   memory        what the two steps take, against the plan, within 10 %
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import {
  exportStudentFolder,
  loadStudentWeights,
  loadTokenizer,
  memoryFiles,
  type NamedTensor,
  openReferenceSession,
  readSafetensors,
} from "../../src/models";
import { folderFiles } from "../../src/models/files/node-files";
import {
  createGenerator,
  createModel,
  createParamStore,
  NO_ROW,
  packHyper,
  studentLogits,
  studentParameters,
} from "../../src/student";
import { relativeL2 } from "../support/close";
import { testGpu } from "../support/gpu";
import { openTrainee, type Trainee } from "../support/student";

interface Step {
  readonly loss: number;
  readonly norm: number;
  readonly after: number;
}

interface Reference {
  readonly optimizer: {
    lr: number;
    betas: [number, number];
    eps: number;
    weight_decay: number;
    clip: number;
  };
  readonly prompt_text: string;
  readonly prompt: number[];
  readonly ids: number[];
  readonly labels: number[];
  readonly continuation: number[];
  readonly text: string;
  readonly full: Step & { readonly gradient_norms: Record<string, number> };
  readonly lora: Step & { rank: number; alpha: number; targets: string[]; lr: number };
}

const dir = resolve(import.meta.dirname, "../../.cache/smollm2");
const files = folderFiles("smollm2", dir);
const reference = readReference();
const MiB = 2 ** 20;

function readReference(): Reference {
  const path = `${dir}/reference.json`;
  if (!existsSync(path))
    throw new Error(`${path} is missing. Make it first: see reference/smollm2/prepare.py.`);
  return JSON.parse(readFileSync(path, "utf8")) as Reference;
}
const figures = (...parts: (string | number)[]) => process.stdout.write(`${parts.join(" ")}\n`);

let gpu: Gpu;
let weights: Awaited<ReturnType<typeof loadStudentWeights>>;
let stored: Map<string, NamedTensor>;
beforeAll(async () => {
  gpu = await testGpu();
  weights = await loadStudentWeights(files);
  stored = readSafetensors(await readFile(`${dir}/reference.safetensors`));
}, 300_000);

test("tokens", async () => {
  const tokenizer = await loadTokenizer(files);
  expect(tokenizer.encode(reference.prompt_text)).toEqual(reference.prompt);
});

test("logits and a continuation", async () => {
  const { config, tensors } = weights;
  const store = createParamStore(gpu, studentParameters(tensors));
  const model = createModel(gpu, config, store);
  const ids = Int32Array.from(reference.ids);
  const logits = await studentLogits(gpu, model, ids, 1, ids.length);
  const error = relativeL2(logits, stored.get("logits")!.data);
  figures("logits: relative L2", error.toExponential(1));
  expect(error).toBeLessThanOrEqual(1e-4);

  const { prompt, continuation, text } = reference;
  const generator = createGenerator(gpu, model, { length: prompt.length + 24, batch: 1 });
  const made = await generator.generate(prompt, { maxNewTokens: 24, stopIds: [config.eosId] });
  expect(made).toEqual(continuation.filter((id) => id !== config.eosId));
  const tokenizer = await loadTokenizer(files);
  figures("continuation:", tokenizer.decode(made));
  expect(tokenizer.decode(made)).toBe(text);
  generator.destroy();
  model.destroy();
  store.destroy();
}, 600_000);

test("export", async () => {
  const folder = await exportStudentFolder(weights.config, weights.tensors, files);
  const session = await openReferenceSession(memoryFiles("exported", folder), { device: "cpu" });
  const ids = Int32Array.from(reference.ids);
  const logits = await session.logits(ids, new Uint8Array(ids.length).fill(1), 1, ids.length);
  await session.dispose();
  const error = relativeL2(logits, stored.get("logits")!.data);
  figures("export: logits within", error.toExponential(1));
  expect(error).toBeLessThanOrEqual(1e-4);
}, 600_000);

const batch = {
  ids: Uint32Array.from(reference.ids),
  labels: Uint32Array.from(reference.labels, (label) => (label < 0 ? NO_ROW : label)),
};
const hyper = (learningRate: number) => {
  const { betas, eps, weight_decay: weightDecay, clip: clipNorm } = reference.optimizer;
  const [beta1, beta2] = betas;
  const rates = { learningRate, projectorLearningRate: 0 };
  return packHyper({ ...rates, beta1, beta2, eps, weightDecay, clipNorm, step: 1 });
};

/** Bytes that the device holds: lavapipe keeps its memory in shared mappings of this process. */
async function held(): Promise<number> {
  for (let i = 0; i < 5; i++) {
    gpu.device.queue.submit([gpu.device.createCommandEncoder().finish()]);
    await gpu.device.queue.onSubmittedWorkDone(); // what was destroyed goes once a later submit is done
    await new Promise((done) => setTimeout(done, 50));
  }
  const [, kib = "0"] = /RssShmem:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return Number(kib) * 1024;
}

async function oneStep(name: string, want: Step, open: () => Promise<Trainee>, learningRate: number) {
  const before = await held();
  const trainee = await open();
  const { scratchBytes, inputBytes, uniformBytes, outputBytes } = trainee.memory;
  const planned = trainee.store.bytes + scratchBytes + inputBytes + uniformBytes + outputBytes;
  const started = performance.now();
  const first = await trainee.step(batch, hyper(learningRate));
  const seconds = (performance.now() - started) / 1000;
  const taken = (await held()) - before;
  const gradients = await trainee.store.readGradients();
  const second = await trainee.step(batch, hyper(0));
  figures(
    `${name}: loss ${first.loss} → ${second.loss}, PyTorch ${want.loss} → ${want.after};`,
    `${seconds.toFixed(1)} s`,
  );
  figures(`${name}: planned ${(planned / MiB).toFixed(0)} MiB, taken ${(taken / MiB).toFixed(0)} MiB`);
  expect(Math.abs(first.loss / want.loss - 1), "loss").toBeLessThanOrEqual(1e-4);
  expect(Math.abs(first.verdict[0]! / want.norm - 1), "norm").toBeLessThanOrEqual(1e-3);
  expect(Math.abs(second.loss / want.after - 1), "loss after the step").toBeLessThanOrEqual(1e-3);
  trainee.destroy();
  return { gradients, planned, taken };
}

describe("one step", () => {
  const { full, lora, optimizer } = reference;
  const size = { B: 1, T: batch.ids.length };

  test("of all weights", async () => {
    const open = () => openTrainee(gpu, weights.config, weights.tensors, size);
    const { gradients, planned, taken } = await oneStep("full", full, open, optimizer.lr);
    let worst = 0;
    for (const [name, want] of Object.entries(full.gradient_norms)) {
      const norm = Math.sqrt(gradients.get(name)!.data.reduce((sum, g) => sum + g * g, 0));
      worst = Math.max(worst, Math.abs(norm / want - 1));
    }
    figures("full: norms of", gradients.size, "gradients within", worst.toExponential(1));
    expect(gradients.size).toBe(272);
    expect(worst).toBeLessThanOrEqual(1e-3);
    expect(Math.abs(taken / planned - 1), "memory").toBeLessThanOrEqual(0.1);
  }, 900_000);

  test("of adapters", async () => {
    const adapters = new Map([...stored].filter(([name]) => /^model.*lora_/.test(name)));
    const open = () => openTrainee(gpu, weights.config, weights.tensors, size, { lora, adapters });
    const { gradients, planned, taken } = await oneStep("LoRA", lora, open, lora.lr);
    expect([...gradients.keys()].toSorted()).toEqual([...adapters.keys()].toSorted());
    const errors = [...gradients].map(([name, { data }]) =>
      relativeL2(data, stored.get(`gradient ${name}`)!.data),
    );
    figures("LoRA:", errors.length, "gradients within", Math.max(...errors).toExponential(1));
    expect(Math.max(...errors)).toBeLessThanOrEqual(1e-3);
    expect(Math.abs(taken / planned - 1), "memory").toBeLessThanOrEqual(0.1);
  }, 900_000);
});
