// A student with one recorded training step: forward, cross entropy, backward, clip, AdamW.
import type { Gpu } from "../../src/gpu/device";
import { ProgramBuilder } from "../../src/gpu/program";
import type { LlamaConfig, NamedTensor } from "../../src/models";
import {
  createModel,
  createParamStore,
  crossEntropy,
  HYPER_ELEMENTS,
  type StudentModel,
  NO_ROW,
  type ParamStore,
  recordClipAndAdamW,
  recordHead,
  recordModel,
  studentParameters,
  Tape,
} from "../../src/student";

export interface Batch {
  /** (B·T). */
  readonly ids: Uint32Array;
  /** (B·T), NO_ROW where no loss is taken. */
  readonly labels: Uint32Array;
}

export interface Trainee {
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

export async function openTrainee(
  gpu: Gpu,
  config: LlamaConfig,
  weights: ReadonlyMap<string, NamedTensor>,
  { B, T }: { B: number; T: number },
  options: { segmentBytes?: number } = {},
): Promise<Trainee> {
  const store = createParamStore(gpu, studentParameters(weights), options);
  const model = createModel(gpu, config, store);
  const b = new ProgramBuilder("trainee");
  const tape = new Tape(b);
  const labels = b.input("labels", B * T);
  const scale = b.input("scale", 4, "uniform");
  const { hidden } = recordModel(tape, model, { B, T, ids: b.input("ids", B * T) });
  const logits = recordHead(tape, model, hidden);
  const { totals } = crossEntropy(tape, logits, labels, scale);
  tape.backward();
  const { verdict } = recordClipAndAdamW(b, store, b.input("hyper", HYPER_ELEMENTS, "uniform"), totals);
  b.output("logits", logits.value);
  b.output("totals", totals);
  b.output("verdict", verdict);
  const program = await b.build(gpu);
  return {
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
