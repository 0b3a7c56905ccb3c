// A student with one recorded training step: forward, cross entropy, backward, clip, AdamW.
import type { Gpu } from "../../src/gpu/device";
import { ProgramBuilder, type ProgramMemory } from "../../src/gpu/program";
import type { StudentConfig, NamedTensor } from "../../src/models";
import {
  createModel,
  createParamStore,
  crossEntropy,
  HYPER_ELEMENTS,
  networkOf,
  type LoraSettings,
  type StudentModel,
  NO_ROW,
  packHyper,
  type ParamStore,
  recordClipAndAdamW,
  recordHead,
  recordModel,
  studentParameters,
  Tape,
  withLora,
} from "../../src/student";

export interface Batch {
  /** (B·T). */
  readonly ids: Uint32Array;
  /** (B·T), NO_ROW where no loss is taken. */
  readonly labels: Uint32Array;
}

export interface Trainee {
  readonly memory: ProgramMemory;
  readonly model: StudentModel;
  readonly store: ParamStore;
  /** One step; the loss is the mean over rows with a label, before the update. */
  step(
    batch: Batch,
    hyper: Float32Array,
    scale?: number,
  ): Promise<{ loss: number; logits: Float32Array; verdict: Float32Array }>;
  destroy(): void;
}

export interface TraineeOptions {
  readonly segmentBytes?: number;
  readonly recompute?: boolean;
  readonly lora?: LoraSettings;
  /** First values of adapters, by name, in place of the usual ones. */
  readonly adapters?: ReadonlyMap<string, NamedTensor>;
}

export async function openTrainee(
  gpu: Gpu,
  config: StudentConfig,
  weights: ReadonlyMap<string, NamedTensor>,
  { B, T }: { B: number; T: number },
  options: TraineeOptions = {},
): Promise<Trainee> {
  const plain = studentParameters(weights);
  const { lora, adapters } = options;
  const parameters = (lora ? withLora(plain, lora, 5, networkOf(config).layout) : plain).map((p) => ({
    ...p,
    ...adapters?.get(p.name),
  }));
  const store = createParamStore(gpu, parameters, options);
  const model = createModel(gpu, config, store, { lora });
  const b = new ProgramBuilder("trainee");
  const tape = new Tape(b);
  const labels = b.input("labels", B * T);
  const scale = b.input("scale", 4, "uniform");
  const { hidden } = recordModel(tape, model, { B, T, ids: b.input("ids", B * T) }, options);
  const logits = recordHead(tape, model, hidden);
  const { totals } = crossEntropy(tape, logits, labels, scale);
  tape.backward();
  const { verdict } = recordClipAndAdamW(b, store, b.input("hyper", HYPER_ELEMENTS, "uniform"), totals);
  b.output("logits", logits.value);
  b.output("totals", totals);
  b.output("verdict", verdict);
  const memory = b.memory();
  const program = await b.build(gpu);
  return {
    memory,
    model,
    store,
    async step(batch, hyper, factor) {
      const counted = batch.labels.filter((label) => label !== NO_ROW).length;
      const data = { ...batch, hyper, scale: Float32Array.of(factor ?? 1 / counted, 0, 0, 0) };
      const read = ["logits", "totals", "verdict"] as const;
      const { totals: sums, ...rest } = await program.run(data, { read });
      return { loss: sums[0]! / counted, logits: rest.logits, verdict: rest.verdict };
    },
    destroy() {
      program.destroy();
      model.destroy();
      store.destroy();
    },
  };
}

/** AdamW's settings in tests that are about something else. */
export const plainHyper = (step: number): Float32Array =>
  packHyper({
    ...{ learningRate: 3e-3, projectorLearningRate: 0, beta1: 0.9, beta2: 0.95, eps: 1e-8 },
    ...{ weightDecay: 0.1, clipNorm: 1, step },
  });
