// What an objective is: a record that says what it needs, which parameters it brings, and how to record its terms.
// The trainer never asks which objective it has.
import type { MethodConfig } from "../config/run";
import type { PairBatch } from "../data";
import type { InputData, Tensor } from "../gpu/program";
import type { PlanRecord } from "../telemetry";
import type { NewParameter, ParamStore, Tape, Var } from "../student";

/** What an objective may ask of the teacher; nothing else is computed or cached. */
export type TeacherNeed = "teacher.embedding" | "teacher.hidden";

export interface Dims {
  /** Widths of the student's and the teacher's states. */
  readonly studentWidth: number;
  readonly teacherWidth: number;
}

/** Capacities of a recorded step: any batch within them can be replayed. */
export interface StepShape extends Dims {
  /** B samples. */
  readonly batch: number;
  /** Padded student and teacher lengths. */
  readonly studentLength: number;
  readonly teacherLength: number;
  /** Response rows of the whole batch, student's and teacher's side. */
  readonly studentRows: number;
  readonly teacherRows: number;
}

/** The recorded forward pass, as an objective sees it: response rows only, in sample order. */
export interface Recording {
  readonly tape: Tape;
  readonly params: ParamStore;
  readonly shape: StepShape;
  readonly student: {
    /** hidden_states[0] of the response rows, [studentRows, D]. Gathered when first asked for. */
    embedding(): Var;
    /** hidden_states[-1], after the final norm, [studentRows, D]. */
    hidden(): Var;
    /** [studentRows, V]. */
    logits(): Var;
  };
  readonly teacher: {
    /** hidden_states[0] of the response rows, [teacherRows, Dt]; no gradient. */
    embedding(): Tensor;
    hidden(): Tensor;
  };
}

/** One step's numbers for the log. Terms are weighted and sum to the loss. */
export interface StepTerms {
  readonly terms: Record<string, number>;
  readonly correctTokens: number;
  readonly marginalError: number;
  readonly unconverged: number;
}

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

/** A plan of one sample with its cost and figures; tokens are the trainer's to add. */
export type PlanFigures = Omit<PlanRecord, "step" | "studentTokens" | "teacherTokens">;

/** A recorded forward pass of one sample whose plans can be looked at. */
export interface RecordedProbe {
  readonly outputs: readonly string[];
  inputs(batch: PairBatch): Record<string, InputData>;
  plans(outputs: Readonly<Record<string, Float32Array>>, batch: PairBatch): PlanFigures[];
}

export interface Objective<Config extends MethodConfig = MethodConfig> {
  readonly id: Config["id"];
  readonly title: string;
  /** Where it is from. */
  readonly paper: string;
  needs(config: Config): readonly TeacherNeed[];
  /** Trainable parameters beside the student's own: projectors. */
  parameters(config: Config, dims: Dims, seed: number): NewParameter[];
  /** Record the loss; its adjoints run when the trainer calls `tape.backward()`. */
  record(config: Config, recording: Recording): RecordedObjective;
  /** Record the forward part that yields plans, for batches of one; absent without transport. */
  recordProbe?(config: Config, recording: Recording): RecordedProbe;
}

/** Response tokens of the batch: the denominator of token losses (METHODS.md §0). */
export const responseTokens = (batch: PairBatch): number => batch.student.labels.length;

/** Several terms as one objective. */
export function joinTerms(parts: readonly RecordedTerm[]): RecordedObjective {
  return {
    outputs: parts.flatMap((p) => p.outputs),
    inputs: (batch) => Object.assign({}, ...parts.map((p) => p.inputs(batch))),
    terms(outputs, batch) {
      const all = parts.map((p) => p.terms(outputs, batch));
      return {
        terms: Object.assign({}, ...all.map((t) => t.terms)),
        correctTokens: Math.max(...all.map((t) => t.correctTokens)),
        marginalError: Math.max(...all.map((t) => t.marginalError)),
        unconverged: all.reduce((sum, t) => sum + t.unconverged, 0),
      };
    },
  };
}
