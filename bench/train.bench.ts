// The training step of a small Llama: time, rate, and where the time goes.
//
//   npm run bench:train                          0.95M parameters: 4 layers, D 128, 4 heads, T 64, B 8, V 1024
//   L=2 D=64 T=128 B=4 npm run bench:train       other sizes
//
// The peers' figures for the same sizes (jax-js, tfjs) are in docs/STUDENT.md; ratios within one run decide.
import { cpus } from "node:os";
import { create, globals } from "webgpu";
import { createRng } from "../src/config/rng";
import { type Gpu, openGpu } from "../src/gpu/device";
import { profile } from "../src/gpu/profile";
import { type Program, ProgramBuilder } from "../src/gpu/program";
import { expectedTensors, type LlamaConfig } from "../src/models";
import {
  createModel,
  createParamStore,
  crossEntropy,
  HYPER_ELEMENTS,
  packHyper,
  recordClipAndAdamW,
  recordHead,
  recordModel,
  studentParameters,
  Tape,
} from "../src/student";

const env = (name: string, value: number): number => Number(process.env[name] ?? value);
const [L, D, H, T, B, V] = [
  env("L", 4),
  env("D", 128),
  env("H", 4),
  env("T", 64),
  env("B", 8),
  env("V", 1024),
];
const config: LlamaConfig = {
  modelType: "llama",
  vocabSize: V,
  hiddenSize: D,
  // A gated layer of this width has as many weights as a plain one of 4·D, so peers do the same work.
  intermediateSize: env("I", 4 * Math.round((8 * D) / 12)),
  layers: L,
  heads: H,
  kvHeads: env("G", H),
  headDim: D / H,
  rmsNormEps: 1e-5,
  ropeTheta: 10000,
  maxPositions: T,
  tiedEmbeddings: true,
  eosId: 0,
  padId: 0,
};

async function buildStep(gpu: Gpu) {
  const rng = createRng(1);
  const tensors = new Map(
    [...expectedTensors(config)].map(([name, shape]) => {
      const count = shape.reduce((a, b) => a * b, 1);
      const value = () => (shape.length > 1 ? 0.05 * (2 * rng.next() - 1) : 1);
      return [name, { shape, data: Float32Array.from({ length: count }, value) }];
    }),
  );
  const store = createParamStore(gpu, studentParameters(tensors));
  const model = createModel(gpu, config, store);
  const b = new ProgramBuilder("step");
  const tape = new Tape(b);
  const { hidden } = recordModel(tape, model, { B, T, ids: b.input("ids", B * T) });
  const logits = recordHead(tape, model, hidden);
  const { totals } = crossEntropy(tape, logits, b.input("labels", B * T), b.input("scale", 4, "uniform"));
  tape.backward();
  recordClipAndAdamW(b, store, b.input("hyper", HYPER_ELEMENTS, "uniform"), totals);
  b.output("totals", totals);
  const ids = Uint32Array.from({ length: B * T }, () => rng.int(V));
  const labels = ids.map((_, i) => ids[(i + 1) % ids.length] ?? 0);
  const data = { ids, labels, scale: Float32Array.of(1 / (B * T), 0, 0, 0) };
  return { store, memory: b.memory(), program: await b.build(gpu), data };
}

const hyper = (step: number): Float32Array =>
  packHyper({
    learningRate: 1e-3,
    projectorLearningRate: 0,
    beta1: 0.9,
    beta2: 0.95,
    eps: 1e-8,
    weightDecay: 0.1,
    clipNorm: 1,
    step,
  });

/** Share of GPU time by kernel, with matmul's rate: the table that says what to work on next. */
async function printProfile(program: Program, flops: number): Promise<void> {
  const rows = new Map<string, { ms: number; count: number }>();
  const runs: Awaited<ReturnType<typeof profile>>[] = [];
  for (let i = 0; i < env("PROFILES", 5); i++) runs.push(await profile(program));
  const best = runs[0]!.map(({ label }, i) => ({ label, ms: Math.min(...runs.map((run) => run[i]!.ms)) }));
  for (const { label, ms } of best) {
    const row = rows.get(label) ?? { ms: 0, count: 0 };
    rows.set(label, { ms: row.ms + ms, count: row.count + 1 });
  }
  const total = [...rows.values()].reduce((sum, { ms }) => sum + ms, 0);
  for (const [label, { ms, count }] of [...rows].toSorted(([, a], [, b]) => b.ms - a.ms))
    console.log(`  ${label.padEnd(30)} ${count} × ${ms.toFixed(2)} ms ${((100 * ms) / total).toFixed(1)} %`);
  console.log(`  ${total.toFixed(1)} ms in all, ${(flops / total / 1e6).toFixed(1)} GFLOP/s over the step`);
}

Object.assign(globalThis, globals);
const instance = create([]); // must outlive the device
const gpu = await openGpu(instance);
console.log(`${gpu.adapter.description}; ${cpus().length} cores`);
const cold = performance.now();
const { store, memory, program, data } = await buildStep(gpu);
let step = 0;
const run = async (): Promise<number> => {
  const { totals } = await program.run({ ...data, hyper: hyper(++step) }, { read: ["totals"] });
  return (totals[0] ?? NaN) / (B * T);
};
const losses = [await run()];
const parameters = store.count("student");
const flops = 6 * parameters * B * T + 12 * L * T * D * B * T; // 6ND and the scores, as LAB counts them
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
console.log(
  `${(parameters / 1e6).toFixed(2)}M parameters, ${B}×${T} tokens, ${(flops / 1e9).toFixed(2)} GFLOP a step; ` +
    `${program.dispatches} dispatches, weights and moments ${mib(store.bytes)}, scratch ${mib(memory.scratchBytes)}`,
);
console.log(`first step, compilation included: ${(performance.now() - cold).toFixed(0)} ms`);
const times: number[] = [];
for (let i = 0; i < env("ROUNDS", 15); i++) {
  const start = performance.now();
  losses.push(await run());
  times.push(performance.now() - start);
}
const sorted = times.toSorted((a, b) => a - b);
const median = sorted[sorted.length >> 1] ?? NaN;
console.log(
  `step: median ${median.toFixed(1)} ms, best ${sorted[0]?.toFixed(1)} ms; ` +
    `${((B * T * 1e3) / median).toFixed(0)} tokens/s, ${(flops / median / 1e6).toFixed(1)} GFLOP/s`,
);
console.log(`losses ${losses[0]?.toFixed(5)} … ${losses.at(-1)?.toFixed(5)}`);
if (gpu.device.features.has("timestamp-query")) await printProfile(program, flops);
void instance;
process.exit(0);
