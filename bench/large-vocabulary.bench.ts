// One training step of models whose embedding tables exceed the 128 MiB that every WebGPU adapter binds at once, with
// random weights: Qwen2.5-0.5B's shape (151,936 tokens × 896) and Gemma 3 270M's (262,144 × 640).
//
//   npm run bench:large                     a LoRA step of each: rank 8, q and v, one row of 32 tokens
//   SHAPE=gemma FULL=1 npm run bench:large  AdamW over all weights: four times the memory
//   T=64 ROUNDS=3 npm run bench:large       other lengths, more steps
//
// Memory: 2 GB for Qwen's shape and 1 GB for Gemma's on the GPU (on a software adapter that is the host's), and about
// 0.6 GB for the random numbers.
import { create, globals } from "webgpu";
import { createRng } from "../src/config/rng";
import { type Gpu, openGpu } from "../src/gpu/device";
import { ProgramBuilder } from "../src/gpu/program";
import { expectedTensors, parseModelConfig, type StudentConfig } from "../src/models";
import {
  createModel,
  createParamStore,
  headCrossEntropy,
  headWeight,
  HYPER_ELEMENTS,
  type LoraSettings,
  networkOf,
  packHyper,
  recordClipAndAdamW,
  recordModel,
  studentParameters,
  Tape,
  withLora,
} from "../src/student";

const SHAPES: Record<string, Record<string, unknown>> = {
  qwen: {
    ...{ model_type: "qwen2", vocab_size: 151936, hidden_size: 896, intermediate_size: 4864 },
    ...{ num_hidden_layers: 24, num_attention_heads: 14, num_key_value_heads: 2, rms_norm_eps: 1e-6 },
    ...{ rope_theta: 1e6, max_position_embeddings: 512, tie_word_embeddings: true, hidden_act: "silu" },
    ...{ eos_token_id: 1, pad_token_id: 0 },
  },
  gemma: {
    ...{ model_type: "gemma3_text", vocab_size: 262144, hidden_size: 640, intermediate_size: 2048 },
    ...{ num_hidden_layers: 18, num_attention_heads: 4, num_key_value_heads: 1, head_dim: 256 },
    ...{ rms_norm_eps: 1e-6, rope_theta: 1e6, rope_local_base_freq: 1e4, max_position_embeddings: 512 },
    ...{ tie_word_embeddings: true, hidden_activation: "gelu_pytorch_tanh", query_pre_attn_scalar: 256 },
    ...{ sliding_window: 512, attention_bias: false, eos_token_id: 1, pad_token_id: 0 },
    layer_types: Array.from({ length: 18 }, (_, i) => (i % 6 === 5 ? "full_attention" : "sliding_attention")),
  },
};
const LORA: LoraSettings = { rank: 8, alpha: 16, targets: ["q_proj", "v_proj"] };
const env = (name: string, value: number): number => Number(process.env[name] ?? value);
const [T, ROUNDS] = [env("T", 32), env("ROUNDS", 1)];
const FULL = process.env["FULL"] === "1";
const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`;

/** Every tensor a stretch of the same random numbers, each from another place. */
function randomTensors(config: StudentConfig) {
  const shapes = [...expectedTensors(config)];
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  const most = Math.max(...shapes.map(([, shape]) => size(shape)));
  const rng = createRng(1);
  const numbers = Float32Array.from({ length: most + 4096 }, () => 0.035 * (2 * rng.next() - 1));
  return new Map(
    shapes.map(([name, shape], i) => {
      const from = Math.min(i * 13, 4096);
      return [name, { shape, data: numbers.subarray(from, from + size(shape)) }];
    }),
  );
}

async function measure(gpu: Gpu, name: string): Promise<void> {
  const config = parseModelConfig(SHAPES[name] ?? {});
  const plain = studentParameters(randomTensors(config));
  const started = performance.now();
  const store = createParamStore(gpu, FULL ? plain : withLora(plain, LORA, 1, networkOf(config).layout));
  await gpu.device.queue.onSubmittedWorkDone();
  const loaded = performance.now() - started;
  const model = createModel(gpu, config, store, { lora: FULL ? undefined : LORA });
  const b = new ProgramBuilder("step");
  const tape = new Tape(b);
  const { hidden } = recordModel(tape, model, { B: 1, T, ids: b.input("ids", T) }, { recompute: true });
  const scale = b.input("scale", 4, "uniform");
  const { totals } = headCrossEntropy(tape, hidden, headWeight(tape, model), b.input("labels", T), scale);
  tape.backward();
  const { verdict } = recordClipAndAdamW(b, store, b.input("hyper", HYPER_ELEMENTS, "uniform"), totals);
  b.output("verdict", verdict);
  b.output("totals", totals);
  const { scratchBytes } = b.memory();
  const compiling = performance.now();
  const program = await b.build(gpu);
  const compiled = performance.now() - compiling;
  const { tokens } = model.network;
  const ranges = store.entries.get(tokens)?.pieces.length ?? 0;
  console.log(
    `${name}, ${FULL ? "full" : "LoRA"}: table in ${ranges} ranges, parameters ${gib(store.bytes)}, ` +
      `scratch ${gib(scratchBytes)}, ${program.dispatches} dispatches, ` +
      `${(loaded / 1e3).toFixed(1)} s to upload, ${(compiled / 1e3).toFixed(1)} s to build`,
  );
  const rng = createRng(2);
  const ids = Uint32Array.from({ length: T }, () => rng.int(config.vocabSize));
  const labels = ids.map((_, i) => ids[(i + 1) % T] ?? 0);
  for (let step = 1; step <= ROUNDS + 1; step++) {
    const hyper = packHyper({
      ...{ learningRate: 1e-3, projectorLearningRate: 0, beta1: 0.9, beta2: 0.999, eps: 1e-8 },
      ...{ weightDecay: 0, clipNorm: 1, step },
    });
    const begin = performance.now();
    const data = { ids, labels, hyper, scale: Float32Array.of(1 / T, 0, 0, 0) };
    const { verdict: v, totals: t } = await program.run(data, { read: ["verdict", "totals"] });
    const seconds = ((performance.now() - begin) / 1e3).toFixed(1);
    const [norm = NaN, , applied] = v;
    console.log(
      `  step ${step}: ${seconds} s, loss ${((t[0] ?? NaN) / T).toFixed(4)} (ln V ${Math.log(config.vocabSize).toFixed(2)}), ` +
        `gradient norm ${norm.toPrecision(3)}, ${applied === 1 ? "applied" : "not applied"}; resident ${gib(process.memoryUsage().rss)}`,
    );
  }
  for (const thing of [program, model, store]) thing.destroy();
}

Object.assign(globalThis, globals);
const instance = create([]); // must outlive the device
const gpu = await openGpu(instance);
console.log(gpu.adapter.description || gpu.adapter.device);
for (const name of process.env["SHAPE"] ? [process.env["SHAPE"]] : Object.keys(SHAPES))
  await measure(gpu, name);
gpu.destroy();
