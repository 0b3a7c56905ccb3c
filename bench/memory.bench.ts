// What gradient checkpointing and LoRA cost and save: one training step in four forms, interleaved.
//
//   npm run bench:memory                         a Llama of 3.7M parameters: 8 layers, D 192, T 128, B 4, V 1024
//   L=4 D=128 T=64 npm run bench:memory          other sizes
import { cpus } from "node:os";
import { create, globals } from "webgpu";
import { createRng } from "../src/config/rng";
import { type Gpu, openGpu } from "../src/gpu/device";
import { ProgramBuilder } from "../src/gpu/program";
import { expectedTensors, type LlamaConfig, type NamedTensor } from "../src/models";
import {
  createModel,
  createParamStore,
  crossEntropy,
  HYPER_ELEMENTS,
  type LoraSettings,
  packHyper,
  recordClipAndAdamW,
  recordHead,
  recordModel,
  studentParameters,
  Tape,
  withLora,
} from "../src/student";

const env = (name: string, value: number): number => Number(process.env[name] ?? value);
const [L, D, T, B, V] = [env("L", 8), env("D", 192), env("T", 128), env("B", 4), env("V", 1024)];
const config: LlamaConfig = {
  modelType: "llama",
  vocabSize: V,
  hiddenSize: D,
  intermediateSize: 4 * Math.round((8 * D) / 12),
  layers: L,
  heads: D / 32,
  kvHeads: D / 32,
  headDim: 32,
  rmsNormEps: 1e-5,
  ropeTheta: 10000,
  maxPositions: T,
  tiedEmbeddings: true,
  eosId: 0,
  padId: 0,
};
const LORA: LoraSettings = { rank: 8, alpha: 16, targets: ["q_proj", "v_proj"] };

const rng = createRng(1);
const tensors = new Map<string, NamedTensor>(
  [...expectedTensors(config)].map(([name, shape]) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const value = () => (shape.length > 1 ? 0.05 * (2 * rng.next() - 1) : 1);
    return [name, { shape, data: Float32Array.from({ length: count }, value) }];
  }),
);
const ids = Uint32Array.from({ length: B * T }, () => rng.int(V));
const labels = ids.map((_, i) => ids[(i + 1) % ids.length] ?? 0);
const data = { ids, labels, scale: Float32Array.of(1 / (B * T), 0, 0, 0) };

async function buildStep(gpu: Gpu, { lora, recompute }: { lora?: LoraSettings; recompute?: boolean }) {
  const plain = studentParameters(tensors);
  const store = createParamStore(gpu, lora ? withLora(plain, lora, 1) : plain);
  const model = createModel(gpu, config, store, { lora });
  const b = new ProgramBuilder("step");
  const tape = new Tape(b);
  const inputs = { B, T, ids: b.input("ids", B * T) };
  const { hidden } = recordModel(tape, model, inputs, { recompute: recompute ?? false });
  const logits = recordHead(tape, model, hidden);
  crossEntropy(tape, logits, b.input("labels", B * T), b.input("scale", 4, "uniform"));
  tape.backward();
  const { verdict } = recordClipAndAdamW(b, store, b.input("hyper", HYPER_ELEMENTS, "uniform"));
  b.output("verdict", verdict);
  return { bytes: store.bytes, scratch: b.memory().scratchBytes, program: await b.build(gpu) };
}

const hyper = (step: number): Float32Array =>
  packHyper({
    ...{ learningRate: 1e-3, projectorLearningRate: 0, beta1: 0.9, beta2: 0.95, eps: 1e-8 },
    ...{ weightDecay: 0.1, clipNorm: 1, step },
  });

Object.assign(globalThis, globals);
const instance = create([]); // must outlive the device
const gpu = await openGpu(instance);
console.log(`${gpu.adapter.description}; ${cpus().length} cores`);
const forms = [
  { name: "full", ...(await buildStep(gpu, {})) },
  { name: "full, recomputed", ...(await buildStep(gpu, { recompute: true })) },
  { name: "LoRA", ...(await buildStep(gpu, { lora: LORA })) },
  { name: "LoRA, recomputed", ...(await buildStep(gpu, { lora: LORA, recompute: true })) },
];
// On a software adapter the GPU's work is this process's: its CPU time does not see what else the machine does.
const cpuMs = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1e3;
const times = forms.map((): { wall: number; cpu: number }[] => []);
for (let round = 0; round <= env("ROUNDS", 7); round++)
  for (const [i, { program }] of forms.entries()) {
    const [wall, cpu] = [performance.now(), cpuMs()];
    await program.run({ ...data, hyper: hyper(round + 1) }, { read: ["verdict"] });
    if (round > 0) times[i]?.push({ wall: performance.now() - wall, cpu: cpuMs() - cpu }); // the first compiles
  }
const least = times.map((of) => ({
  wall: Math.min(...of.map(({ wall }) => wall)),
  cpu: Math.min(...of.map(({ cpu }) => cpu)),
}));
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
for (const [i, { name, bytes, scratch, program }] of forms.entries()) {
  const { wall = NaN, cpu = NaN } = least[i] ?? {};
  console.log(
    `${name.padEnd(18)} weights, gradients, moments ${mib(bytes).padStart(9)}  activations ${mib(scratch).padStart(9)}` +
      `  ${program.dispatches} dispatches  ${wall.toFixed(0)} ms, CPU ${cpu.toFixed(0)} ms (${(cpu / (least[0]?.cpu ?? NaN)).toFixed(2)})`,
  );
}
