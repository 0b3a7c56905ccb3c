// The training step of a small Llama beside the two WebGPU array libraries, and where its time goes.
//
//   npm run bench:train                          0.92M parameters: 4 layers, D 128, 4 heads, T 64, B 8, V 1024
//   L=2 D=64 T=128 B=4 npm run bench:train       other sizes
//   PEERS= npm run bench:train                   without the peers (jax-js takes a minute to compile)
//
// A full step each: forward, backward, clipping (ours alone), AdamW, the loss read back. The peers take one call
// after the other with ours, in one process on one adapter; ratios within one run decide.
import { cpus } from "node:os";
import { create, globals } from "webgpu";
import { createRng } from "../src/config/rng";
import { type Gpu, openGpu } from "../src/gpu/device";
import { profileTable } from "../src/cli/profile";
import { bestOf, byKernel, type DispatchTime, profile } from "../src/gpu/profile";
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
import { exposeGpu } from "./ot-peers";
import { race } from "./race";
import { elements, gptShapes, jaxTrainer, tfTrainer, type Trainer } from "./train-peers";

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

/** Where the step's time goes: the table that says what to work on next. */
async function printProfile(program: Program): Promise<void> {
  if (!gpu.device.features.has("timestamp-query")) return;
  const rounds: DispatchTime[][] = [];
  for (let i = 0; i < env("PROFILES", 5); i++) rounds.push(await profile(program));
  for (const line of profileTable(byKernel(bestOf(rounds)))) console.log(line);
}

/** The peers' step on the same tokens, with seeded weights of their own. */
async function peers(): Promise<Trainer[]> {
  const wanted = (process.env.PEERS ?? "jax,tf").split(",");
  const rng = createRng(2);
  const size = { L, D, H, T, B, V };
  const weights = new Map(
    [...gptShapes(size)].map(([name, shape]) => {
      const value = () => (name.startsWith("norm") ? 1 : 0.05 * (2 * rng.next() - 1));
      return [name, Float32Array.from({ length: elements(shape) }, value)];
    }),
  );
  const batch = { ids: Int32Array.from(data.ids), labels: Int32Array.from(data.labels) };
  const trainers: Trainer[] = [];
  if (wanted.includes("jax")) trainers.push(await jaxTrainer(size, weights, batch));
  if (wanted.includes("tf")) trainers.push(await tfTrainer(size, weights, batch));
  return trainers;
}

Object.assign(globalThis, globals);
const instance = create([]); // must outlive the device
exposeGpu(instance);
const gpu = await openGpu(instance);
console.log(`${gpu.adapter.description}; ${cpus().length} cores`);
const { store, memory, program, data } = await buildStep(gpu);
const ours: Trainer = {
  name: "couplet, one submit",
  losses: [],
  async run() {
    const step = ours.losses.length + 1;
    const { totals } = await program.run({ ...data, hyper: hyper(step) }, { read: ["totals"] });
    ours.losses.push((totals[0] ?? NaN) / (B * T));
  },
};
const parameters = store.count("student");
const flops = 6 * parameters * B * T + 12 * L * T * D * B * T; // 6 per parameter and token, and the scores
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
console.log(
  `${(parameters / 1e6).toFixed(2)}M parameters, ${B}×${T} tokens, ${(flops / 1e9).toFixed(2)} GFLOP a step; ` +
    `${program.dispatches} dispatches, weights and moments ${mib(store.bytes)}, scratch ${mib(memory.scratchBytes)}`,
);
const trainers = [ours, ...(await peers())];
const [lap] = await race("full training step with AdamW", trainers, env("ROUNDS", 9));
const median = lap?.median ?? NaN;
console.log(
  `ours: ${((B * T * 1e3) / median).toFixed(0)} tokens/s, ${(flops / median / 1e6).toFixed(1)} GFLOP/s`,
);
for (const { name, losses } of trainers)
  console.log(`  losses of ${name}: ${losses[0]?.toFixed(4)} … ${losses.at(-1)?.toFixed(4)}`);
await printProfile(program);
void instance;
process.exit(0);
