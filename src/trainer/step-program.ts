// The training step as one program: forward, objective, backward, clip, AdamW. Recorded once per shape bucket.
import type { MethodConfig } from "../config/run";
import type { PairBatch } from "../data";
import type { Gpu } from "../gpu/device";
import { type Program, ProgramBuilder, type ProgramMemory } from "../gpu/program";
import type { Objective, RecordedObjective, StepShape, StepTerms } from "../objectives";
import {
  type AdamWStep,
  HYPER_ELEMENTS,
  packHyper,
  recordClipAndAdamW,
  type StudentModel,
  Tape,
} from "../student";
import { type LiveRecording, recordForward } from "./recording";
import type { BatchStates } from "./teacher-cache";
import type { TeacherWeights } from "./teacher-weights";

export interface StepOutcome extends StepTerms {
  readonly loss: number;
  readonly gradNorm: number;
  /** False when something was not finite: then weights and moments are as they were before the step. */
  readonly updated: boolean;
}

export interface StepProgram {
  readonly memory: ProgramMemory;
  readonly dispatches: number;
  run(batch: PairBatch, states: BatchStates, adamw: AdamWStep): Promise<StepOutcome>;
  destroy(): void;
}

/**
 * Record and build the step of one shape bucket.
 *
 * @throws Error when it does not fit into GPU memory, or a kernel does not compile.
 */
export async function buildStep(
  gpu: Gpu,
  model: StudentModel,
  weights: TeacherWeights,
  objective: Objective,
  method: MethodConfig,
  shape: StepShape,
  onProgress?: (done: number, total: number) => void,
): Promise<StepProgram> {
  const b = new ProgramBuilder(`step ${shape.batch}×${shape.studentLength}`);
  const tape = new Tape(b);
  const live = recordForward(tape, model, weights, shape);
  const recorded = objective.record(method, live.recording);
  tape.backward();
  const optimizer = recordClipAndAdamW(b, model.store, b.input("hyper", HYPER_ELEMENTS, "uniform"));
  b.output("optimizer", optimizer.verdict);
  const memory = b.memory();
  const program = await b.build(gpu, onProgress);
  return {
    memory,
    dispatches: program.dispatches,
    run: (batch, states, adamw) => runStep(program, live, recorded, batch, states, adamw),
    destroy: () => program.destroy(),
  };
}

async function runStep(
  program: Program,
  live: LiveRecording,
  recorded: RecordedObjective,
  batch: PairBatch,
  states: BatchStates,
  adamw: AdamWStep,
): Promise<StepOutcome> {
  const data = { ...live.inputs(batch, states), ...recorded.inputs(batch), hyper: packHyper(adamw) };
  const values = await program.run(data, { read: [...recorded.outputs, "optimizer"] });
  const { optimizer = new Float32Array() } = values;
  const terms = recorded.terms(values, batch);
  const [gradNorm = NaN, , updated = 0] = optimizer; // norm, clipping factor, applied
  const loss = Object.values(terms.terms).reduce((a, b) => a + b, 0);
  return { ...terms, loss, gradNorm, updated: updated !== 0 };
}
