// The training step as programs, recorded once per shape bucket. Without accumulation a step is one program:
// forward, objective, backward, clip, AdamW. With it, each micro-batch is a pass that adds to the gradients, and the
// update is a program of its own, which clears them.
import type { MethodConfig } from "../config/run";
import type { Coverage, PairBatch } from "../data";
import type { ScratchPool } from "../gpu/arena";
import type { Gpu } from "../gpu/device";
import { ProgramBuilder, type ProgramMemory } from "../gpu/program";
import {
  type Objective,
  type RecordedObjective,
  STAGES,
  type StepShape,
  type StepTerms,
  type TokenAlignment,
} from "../objectives";
import {
  type AdamWStep,
  HYPER_ELEMENTS,
  packHyper,
  recordClearGradients,
  recordClipAndAdamW,
  type StudentModel,
  Tape,
} from "../student";
import { type LiveRecording, recordForward } from "./recording";
import type { BatchStates } from "./teacher-cache";
import type { TeacherWeights } from "./teacher-weights";

/** What a forward and backward pass finds. */
export interface PassOutcome extends StepTerms {
  readonly loss: number;
  /** Response tokens that the method's alignment reaches; absent without one. */
  readonly coverage?: Coverage;
}

/** What the update did. */
interface UpdateOutcome {
  readonly gradNorm: number;
  /** False when something was not finite: then weights and moments are as they were before the step. */
  readonly updated: boolean;
}

export type StepOutcome = PassOutcome & UpdateOutcome;

interface Built {
  readonly memory: ProgramMemory;
  readonly dispatches: number;
  destroy(): void;
}

export interface StepProgram extends Built {
  run(batch: PairBatch, states: BatchStates, adamw: AdamWStep): Promise<StepOutcome>;
}

/** Adds the batch's gradients to those that are there. */
export interface PassProgram extends Built {
  run(batch: PairBatch, states: BatchStates): Promise<PassOutcome>;
}

/** Clips, takes an AdamW step, and clears the gradients. */
export interface UpdateProgram extends Built {
  run(adamw: AdamWStep): Promise<UpdateOutcome>;
}

/** What a step is recorded from. */
export interface StepParts {
  readonly model: StudentModel;
  readonly weights: TeacherWeights;
  readonly objective: Objective;
  readonly method: MethodConfig;
  /** Gradient checkpointing. */
  readonly recompute: boolean;
}

type OnProgress = (done: number, total: number) => void;

interface RecordedPass {
  readonly alignment: TokenAlignment | undefined;
  readonly live: LiveRecording;
  readonly recorded: RecordedObjective;
}

/** Forward, objective, backward. */
function recordPass(
  b: ProgramBuilder,
  parts: StepParts,
  shape: StepShape,
  accumulateLeaves: boolean,
): RecordedPass {
  const { model, weights, objective, method, recompute } = parts;
  const tape = new Tape(b, { accumulateLeaves });
  const pass = b.inStage(STAGES.forward, () => {
    const live = recordForward(tape, model, weights, shape, { recompute });
    const alignment = objective.alignment?.(method);
    return { live, recorded: objective.record(method, live.recording), alignment };
  });
  b.inStage(STAGES.backward, () => tape.backward());
  return pass;
}

function recordUpdate(b: ProgramBuilder, model: StudentModel): void {
  const hyper = b.input("hyper", HYPER_ELEMENTS, "uniform");
  const { verdict } = b.inStage(STAGES.optimizer, () => recordClipAndAdamW(b, model.store, hyper));
  b.output("optimizer", verdict);
}

/** Record a step of one bucket: nothing is allocated, and its memory is known. */
export function recordStep(parts: StepParts, shape: StepShape): { b: ProgramBuilder; pass: RecordedPass } {
  const b = new ProgramBuilder(`step ${shape.batch}×${shape.studentLength}`, parts.model.rangeBytes);
  const pass = recordPass(b, parts, shape, false);
  recordUpdate(b, parts.model);
  return { b, pass };
}

/** The same for a pass of a step that accumulates. */
export function recordAccumulatingPass(
  parts: StepParts,
  shape: StepShape,
): { b: ProgramBuilder; pass: RecordedPass } {
  const b = new ProgramBuilder(`pass ${shape.batch}×${shape.studentLength}`, parts.model.rangeBytes);
  return { b, pass: recordPass(b, parts, shape, true) };
}

/** The same for the update that ends it. */
export function recordAccumulatedUpdate(model: StudentModel): ProgramBuilder {
  const b = new ProgramBuilder("update");
  recordUpdate(b, model);
  b.inStage(STAGES.optimizer, () => recordClearGradients(b, model.store));
  return b;
}

/** @throws Error when it does not fit into GPU memory, or a kernel does not compile. */
export async function buildStep(
  gpu: Gpu,
  parts: StepParts,
  shape: StepShape,
  pool: ScratchPool,
  onProgress?: OnProgress,
): Promise<StepProgram> {
  const { b, pass } = recordStep(parts, shape);
  const program = await b.build(gpu, onProgress, pool);
  return {
    memory: b.memory(),
    dispatches: program.dispatches,
    async run(batch, states, adamw) {
      const data = { ...passInputs(pass, batch, states), hyper: packHyper(adamw) };
      const values = await program.run(data, { read: [...pass.recorded.outputs, "optimizer"] });
      return { ...passOutcome(pass, values, batch), ...updateOutcome(values.optimizer) };
    },
    destroy: () => program.destroy(),
  };
}

/** @throws Error when it does not fit into GPU memory, or a kernel does not compile. */
export async function buildPass(
  gpu: Gpu,
  parts: StepParts,
  shape: StepShape,
  pool: ScratchPool,
  onProgress?: OnProgress,
): Promise<PassProgram> {
  const { b, pass } = recordAccumulatingPass(parts, shape);
  const program = await b.build(gpu, onProgress, pool);
  return {
    memory: b.memory(),
    dispatches: program.dispatches,
    async run(batch, states) {
      const values = await program.run(passInputs(pass, batch, states), { read: pass.recorded.outputs });
      return passOutcome(pass, values, batch);
    },
    destroy: () => program.destroy(),
  };
}

/** @throws Error when it does not fit into GPU memory, or a kernel does not compile. */
export async function buildUpdate(gpu: Gpu, model: StudentModel, pool: ScratchPool): Promise<UpdateProgram> {
  const b = recordAccumulatedUpdate(model);
  const program = await b.build(gpu, undefined, pool);
  return {
    memory: b.memory(),
    dispatches: program.dispatches,
    async run(adamw) {
      const { optimizer } = await program.run({ hyper: packHyper(adamw) }, { read: ["optimizer"] });
      return updateOutcome(optimizer);
    },
    destroy: () => program.destroy(),
  };
}

const passInputs = ({ live, recorded }: RecordedPass, batch: PairBatch, states: BatchStates) => ({
  ...live.inputs(batch, states),
  ...recorded.inputs(batch),
});

function passOutcome(
  { recorded, alignment }: RecordedPass,
  values: Readonly<Record<string, Float32Array>>,
  batch: PairBatch,
): PassOutcome {
  const terms = recorded.terms(values, batch);
  const coverage = batch.tokens && alignment?.coverage(batch, batch.tokens);
  return { ...terms, loss: sumOf(terms.terms), ...(coverage && { coverage }) };
}

function updateOutcome(verdict: Float32Array | undefined): UpdateOutcome {
  const [gradNorm = NaN, , updated = 0] = verdict ?? []; // norm, clipping factor, applied
  return { gradNorm, updated: updated !== 0 };
}

export const sumOf = (terms: Readonly<Record<string, number>>): number =>
  Object.values(terms).reduce((a, b) => a + b, 0);
