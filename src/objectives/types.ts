// What an objective is: a record that says what it needs, which parameters it brings, and how to record its terms.
// The trainer never asks which objective it has.
import type { MethodConfig } from "../config/run";
import type { Coverage, MapStore, PairBatch, TokenTables, ViewBatch } from "../data";
import type { InputData, Tensor } from "../gpu/program";
import type { ChunkCounts, PlanRecord, SampleCredit, TermGauge } from "../telemetry";
import type { CrossEntropy, NewParameter, ParamStore, Tape, Var } from "../student";

/**
 * What an objective may ask of the teacher; nothing else is computed or cached. Logits are computed on the GPU from
 * the last hidden state and the frozen head. Layer k is the residual stream after block k, counted from 1.
 */
export type TeacherNeed =
  | "teacher.embedding"
  | "teacher.hidden"
  | "teacher.logits"
  | "teacher.head"
  | "teacher.tokenEmbedding"
  | `teacher.layer.${number}`;

export interface Dims {
  /** Widths of the student's and the teacher's states. */
  readonly studentWidth: number;
  readonly teacherWidth: number;
  /** Rows of the heads: V and Vt. */
  readonly studentVocab: number;
  readonly teacherVocab: number;
  /** Positions of the models, beyond which no batch is padded; without them, any length will do. */
  readonly studentPositions?: number | undefined;
  readonly teacherPositions?: number | undefined;
}

/** Capacities of one view of a batch. */
export interface ViewShape {
  /** Padded student and teacher lengths. */
  readonly studentLength: number;
  readonly teacherLength: number;
  /** Response rows of the whole batch, student's and teacher's side. */
  readonly studentRows: number;
  readonly teacherRows: number;
}

/** Capacities of a recorded step: any batch within them can be replayed. */
export interface StepShape extends Dims, ViewShape {
  /** B samples. */
  readonly batch: number;
  /** Teacher tokens that a student token has in a projection, and pairs of end tokens, where more than usual are given. */
  readonly projectionWidth?: number;
  readonly endPairs?: number;
  /** The second view, for objectives that read both. */
  readonly plain?: ViewShape | undefined;
}

/**
 * The student on one view: response rows only, in sample order; rows beyond the batch's are zero. Each is recorded
 * when first asked for. `tape.detached` cuts the gradient of any of them.
 */
export interface StudentSide {
  /** hidden_states[0], [studentRows, D]. */
  embedding(): Var;
  /** hidden_states[-1], after the final norm, [studentRows, D]. */
  hidden(): Var;
  /** The residual stream after block k, counted from 1, [studentRows, D]. */
  layer(k: number): Var;
  /** [studentRows, V]. */
  logits(): Var;
  /** Of the logits against `labels`; where they would be very large, without holding them. */
  crossEntropy(scale: Tensor): CrossEntropy;
  /** The head W, [V, D]; with tied embeddings the same Var as `tokenEmbedding`. */
  head(): Var;
  /** The embedding table E, [V, D]. */
  tokenEmbedding(): Var;
  /** The input token at each response row, and the token that it predicts: u32 [studentRows], NO_ROW beyond. */
  ids(): Tensor;
  labels(): Tensor;
}

/** The frozen teacher on one view: constants. Rows beyond the batch's hold finite values without meaning. */
export interface TeacherSide {
  /** [teacherRows, Dt]. */
  embedding(): Tensor;
  hidden(): Tensor;
  layer(k: number): Tensor;
  /** [teacherRows, Vt]. */
  logits(): Tensor;
  /** [Vt, Dt]. */
  head(): Tensor;
  tokenEmbedding(): Tensor;
  /** u32 [teacherRows], NO_ROW beyond. */
  ids(): Tensor;
  labels(): Tensor;
}

/**
 * One side at the other's response positions, for methods that pair position p with position p: the two models then
 * share a tokenizer, and normally derived from both sides; only a case from a file may override it.
 */
interface SharedPositions {
  /** At the student's rows: [studentRows, Vt], [studentRows, Dt]. */
  teacherLogits(): Tensor;
  teacherHidden(): Tensor;
  /** At the teacher's rows: [teacherRows, D]. */
  studentHidden(): Var;
}

export interface ViewRecording {
  readonly student: StudentSide;
  readonly teacher: TeacherSide;
}

/** The recorded forward pass, as an objective sees it. */
export interface Recording extends ViewRecording {
  readonly tape: Tape;
  readonly params: ParamStore;
  readonly shape: StepShape;
  readonly shared: SharedPositions;
  /** The plain view of the same rows ("raw" in METHODS §7), for objectives that ask for it with `views`. */
  readonly plain?: ViewRecording | undefined;
}

/** One step's numbers for the log. Terms are weighted and sum to the loss. */
export interface StepTerms {
  readonly terms: Record<string, number>;
  readonly correctTokens: number;
  readonly marginalError: number;
  /** Problems whose plan, or whose implicit gradient's linear system, misses its tolerance. */
  readonly unconverged: number;
  /** What transport does, by the name of its term. */
  readonly gauges?: Readonly<Record<string, TermGauge>>;
  /** What each sample adds to a distillation term, neither weighted nor divided; where the method counts by sample. */
  readonly samples?: readonly number[];
  /** What a method on sampled tokens tells each response token, by sample. */
  readonly credit?: readonly SampleCredit[];
  /** Of a term that leaves chunks out by what the teacher says of them. */
  readonly chunks?: ChunkCounts;
}

/** Numbers of a term that takes no part in transport. */
export const termsOnly = (terms: Record<string, number>): StepTerms => ({
  terms,
  correctTokens: 0,
  marginalError: 0,
  unconverged: 0,
});

/** The stages of a step's program, for profiles. What transport takes is apart, forward and backward. */
export const STAGES = {
  forward: "forward",
  transport: "transport",
  backward: "backward",
  optimizer: "optimizer",
} as const;

/** A recorded objective: the host's side of it. */
export interface RecordedObjective {
  /** What the step's program must read back. */
  readonly outputs: readonly string[];
  /** Values of the inputs that this objective added to the program. */
  inputs(batch: PairBatch): Record<string, InputData>;
  terms(outputs: Readonly<Record<string, Float32Array>>, batch: PairBatch): StepTerms;
}

/** A term's part of a recorded objective: the objective joins its terms. */
export type RecordedTerm = RecordedObjective;

/** A plan of one sample with its cost and figures; tokens are the trainer's to add, from these views of the row. */
export interface PlanFigures extends Omit<PlanRecord, "step" | "studentTokens" | "teacherTokens"> {
  readonly views: { readonly student: "main" | "plain"; readonly teacher: "main" | "plain" };
}

/** A recorded forward pass of one sample whose plans can be looked at. */
export interface RecordedProbe {
  readonly outputs: readonly string[];
  inputs(batch: PairBatch): Record<string, InputData>;
  plans(outputs: Readonly<Record<string, Float32Array>>, batch: PairBatch): PlanFigures[];
}

interface PrepareOptions {
  /** Called as work proceeds: what is done, and how far. */
  readonly progress?: ((stage: string, done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Keeps vocabulary maps from run to run. */
  readonly vocabularyMaps?: MapStore | undefined;
}

/** How a term pairs the tokens of two tokenizations: what takes no part is told. */
export interface TokenAlignment {
  /** Of the responses of a view. */
  coverage(view: ViewBatch, tokens: TokenTables): Coverage;
  /** Which tokens take part: "tokens in chunks of …". */
  readonly reads: string;
  /** What to do where most take no part, a sentence. */
  readonly remedy: string;
}

export interface Objective<Config extends { readonly id: string } = MethodConfig> {
  readonly id: Config["id"];
  needs(config: Config): readonly TeacherNeed[];
  /** True when it pairs position p with position p, and so needs one tokenizer for both models. */
  sharesTokenizer?(config: Config): boolean;
  /** How many views of a row it reads; one when absent. */
  views?(config: Config): 1 | 2;
  /** Trainable parameters beside the student's own: projectors. */
  parameters(config: Config, dims: Dims, seed: number): NewParameter[];
  /** True when its projectors begin at the pseudo-inverse of the heads instead of at random. */
  preservesLogits?(config: Config): boolean;
  /** Work on the two vocabularies that is better done before the first batch. */
  prepare?(config: Config, tokens: TokenTables, options: PrepareOptions): Promise<void>;
  /** How it pairs the tokens of two tokenizations; undefined where it reads all of them. */
  alignment?(config: Config): TokenAlignment | undefined;
  /** Where it divides by the chunks of equal text: how many a batch has. */
  chunks?(batch: PairBatch): number;
  /** Terms of the log that are zero under these settings and vocabularies, and are meant to be. */
  unweighted?(config: Config, tokens: TokenTables): readonly string[];
  /** Record the loss; its adjoints run when the trainer calls `tape.backward()`. */
  record(config: Config, recording: Recording): RecordedObjective;
  /** The names of terms whose gradients are worth comparing, "ce" first; absent when there is nothing to compare. */
  parts?(config: Config): readonly string[];
  /** Record one of `parts` alone, as it is in the loss. */
  recordPart?(config: Config, recording: Recording, name: string): RecordedTerm;
  /** Record the forward part that yields plans, for batches of one; absent without transport. */
  recordProbe?(config: Config, recording: Recording): RecordedProbe;
}

/**
 * A distillation term, METHODS' KD: a method of its own beside cross entropy, and a base of CoT2Align. Its settings
 * are those of the method without `kdRate`.
 */
export interface Distillation<Settings extends { readonly id: string } = { readonly id: string }> {
  readonly id: Settings["id"];
  needs(settings: Settings): readonly TeacherNeed[];
  parameters(settings: Settings, dims: Dims, seed: number): NewParameter[];
  /** As an objective's. */
  preservesLogits?(settings: Settings): boolean;
  /** As an objective's. */
  prepare?(settings: Settings, tokens: TokenTables, options: PrepareOptions): Promise<void>;
  /** As an objective's. */
  alignment?(settings: Settings): TokenAlignment;
  /** As an objective's. */
  chunks?(batch: PairBatch): number;
  /** As an objective's. */
  unweighted?(settings: Settings, tokens: TokenTables): readonly string[];
  /** weight · KD / denominator, KD summed over response tokens. */
  recordTerm(settings: Settings, recording: Recording, weight: number): RecordedTerm;
}

/** The denominator of token losses (METHODS §0): response tokens of the batch, unless the batch says otherwise. */
export const responseTokens = (batch: PairBatch): number => batch.denominator ?? batch.student.labels.length;

/** The denominator of losses per sample: samples of the batch, unless the batch says otherwise. */
export const batchSamples = (batch: PairBatch): number => batch.samples ?? batch.student.B;

/** Several terms as one objective. @throws Error when two terms have one name: a sum would lose one of them. */
export function joinTerms(parts: readonly RecordedTerm[]): RecordedObjective {
  return {
    outputs: parts.flatMap((p) => p.outputs),
    inputs: (batch) => Object.assign({}, ...parts.map((p) => p.inputs(batch))),
    terms(outputs, batch) {
      const all = parts.map((p) => p.terms(outputs, batch));
      return {
        terms: joined(all.map((t) => t.terms)),
        correctTokens: Math.max(...all.map((t) => t.correctTokens)),
        marginalError: Math.max(...all.map((t) => t.marginalError)),
        unconverged: all.reduce((sum, t) => sum + t.unconverged, 0),
        gauges: joined(all.map((t) => t.gauges ?? {})),
        ...said(all, "samples"),
        ...said(all, "credit"),
        ...said(all, "chunks"),
      };
    },
  };
}

/** What one of the terms says beside its numbers. */
function said<Key extends "samples" | "credit" | "chunks">(
  all: readonly StepTerms[],
  key: Key,
): Partial<Pick<StepTerms, Key>> {
  const found = all.find((t) => t[key] !== undefined);
  return found ? ({ [key]: found[key] } as Partial<Pick<StepTerms, Key>>) : {};
}

function joined<T>(parts: readonly Readonly<Record<string, T>>[]): Record<string, T> {
  const whole: Record<string, T> = {};
  for (const [name, value] of parts.flatMap((part) => Object.entries(part))) {
    if (name in whole) throw new Error(`Two terms of this objective are named "${name}"`);
    whole[name] = value;
  }
  return whole;
}
