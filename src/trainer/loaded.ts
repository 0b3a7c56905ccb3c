// What a run is made from, and what it stands on once that is loaded: types alone, so that whatever reads them needs not
// import how they are made.
import type { MapStore, Row, TokenTables } from "../data";
import type { ScratchPool } from "../gpu/arena";
import type { Device, ModelFiles, OnnxDtype, StateSet, StateSets, Teacher, Tokenizer } from "../models";
import type { Objective } from "../objectives";
import type { ChoiceMemory, StudentModel } from "../student";
import type { CoverageRecord, MemoryPlan } from "../telemetry";
import type { ReadRows } from "./reading";
import type { TextSources } from "./teacher-rows";
import type { TeacherWeights } from "./teacher-weights";

/** Where a run's bytes come from: folders on a disk, or the page's own server. */
export interface RunSources extends TextSources {
  readonly teacher: ModelFiles;
  /** Which of the teacher's ONNX files; fp32 unless said. */
  readonly teacherDtype?: OnnxDtype;
  readonly student: ModelFiles;
  readonly train: readonly Row[];
  readonly heldOut: readonly Row[];
  /** The ONNX backend of both sessions. */
  readonly device: Device;
  /** Has the host give back what nobody holds any more, where it can be asked to. */
  readonly tidy?: (() => void) | undefined;
  /** Keeps the teacher's states from run to run; without it each run computes its own. */
  readonly teacherStates?: StateSets | undefined;
  /** Keeps vocabulary maps from run to run; without it they are built for each. */
  readonly vocabularyMaps?: MapStore | undefined;
  /** Keeps which matmul is fastest on an adapter; without it each run measures. */
  readonly kernelChoices?: ChoiceMemory | undefined;
}

export interface Loaded extends ReadRows {
  /** Where the run asks none for anything, the student's tokens and nothing that runs. */
  readonly teacher: Teacher;
  /** Whether there is one. */
  readonly taught: boolean;
  /** Of earlier runs with this teacher and these taps. */
  readonly teacherStates: StateSet | undefined;
  readonly studentFiles: ModelFiles;
  /** Of its first weights. */
  readonly fingerprint: string;
  readonly model: StudentModel;
  readonly tokenizer: Tokenizer;
  readonly tokens: TokenTables;
  readonly objective: Objective;
  /** Of a row that the objective reads. */
  readonly views: 1 | 2;
  readonly teacherWeights: TeacherWeights;
  /** What the method's alignment of two tokenizations reaches; undefined without one. */
  readonly coverage: CoverageRecord | undefined;
  /** What went otherwise than the config asks. */
  readonly notes: readonly string[];
  readonly plan: RunPlan;
  /** Scratch that all programs of the run share. */
  readonly pool: ScratchPool;
  /** Largest |our logits − the ONNX session's| on the probe. */
  readonly logitsGap: number;
}

/** The plan as the run needs it: the figures, and the scratch to set aside. */
export interface RunPlan {
  readonly memory: Omit<MemoryPlan, "changes">;
  /** Bytes of the slots that hold any of the run's programs. */
  readonly scratch: readonly number[];
}
