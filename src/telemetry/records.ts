// What a run reports. Plain data: it crosses the worker boundary, goes into files, and is drawn.
import type { TokenGroup } from "./credit";

/** One training step. Every value is a plain number; terms add up to the loss. */
export interface StepRecord {
  /** 1-based. */
  readonly step: number;
  /** The weighted total that was minimized. */
  readonly loss: number;
  /** Weighted terms by name ("ce", "ot_embedding", "ot_hidden", …); they sum to `loss`. */
  readonly terms: Readonly<Record<string, number>>;
  /** Global gradient norm before clipping. */
  readonly gradNorm: number;
  readonly learningRate: number;
  /** Share of response tokens whose arg max is the label. */
  readonly tokenAccuracy: number;
  /** Response tokens in the batch. */
  readonly tokens: number;
  /** Largest L1 marginal error among the step's transport problems; 0 without transport. */
  readonly marginalError: number;
  /** Transport problems of the step that did not reach the tolerance. */
  readonly unconverged: number;
  /** Shares of the step's response tokens that the method's alignment of two tokenizations reaches; absent without one. */
  readonly coverage?: { readonly student: number; readonly teacher: number };
  /** Chunks of text that counted in the loss, of those that both tokenizations share; absent where all of them count. */
  readonly chunks?: ChunkCounts;
  /** Terms that came out as exactly zero though they have weight: the step learned nothing from them. */
  readonly silent?: readonly string[];
  /** How far each transport term's plans are from the product of their marginals, by the term's name; absent without transport. */
  readonly gauges?: Readonly<Record<string, TermGauge>>;
  /** What the student wrote, where it writes its own answers. */
  readonly rollout?: RolloutRecord;
  /** Wall-clock time of the step in milliseconds. Not part of a run's identity. */
  readonly ms: number;
}

/** What the student wrote for one step. Shares are from 0 to 1; logarithms are natural. */
export interface RolloutRecord {
  /** Rows that the step learned from, and answers that the student wrote for it. */
  readonly rows: number;
  readonly written: number;
  /** Answers that the step did without: cut off and left out by the config, or with nothing that the teacher reads. */
  readonly leftOut: number;
  /** Answers that are an end and nothing else. */
  readonly empty: number;
  /** Share of the answers that reached their limit before an end. */
  readonly truncated: number;
  /** Mean tokens of an answer, its end included. */
  readonly length: number;
  /** Mean entropy of what a token was drawn from, at temperature 1, in nats. */
  readonly entropy: number;
  /** Share of the written tokens that stand in a chunk of text which both sides have: only these can get a signal. */
  readonly signal: number;
  /** Mean advantage of a token; absent where the method has none. */
  readonly advantage?: number;
  /** KL from the student as it is to the student as it began, nats per written token; when measured. */
  readonly klToStart?: number;
  /** Bytes that the teacher has no token for; absent where there are none. */
  readonly unreadable?: number;
}

export interface ChunkCounts {
  readonly counted: number;
  readonly found: number;
}

/** Whether a transport term does anything: means over its problems, except where it says otherwise. */
export interface TermGauge {
  /** −Σ P log P in nats. */
  readonly entropy: number;
  /** The entropy of the product of the marginals, log(n·m): equal to `entropy` when the plan says nothing. */
  readonly productEntropy: number;
  /** Largest |P/(a·bᵀ) − 1|, with uniform marginals |n·m·P − 1|: 0 for the product. */
  readonly maxDeviation: number;
  /** ‖gradient of this term‖ / ‖gradient of the cross entropy‖, both over all of the student's weights; when measured. */
  readonly gradientRatio?: number;
}

/** A transport plan with everything a heatmap needs. */
export interface PlanRecord {
  /** Step after which it was computed; 0 is before training. */
  readonly step: number;
  /**
   * Where: "embedding", "hidden", or "layer_2_3" for the student's block 2 and the teacher's 3; then, for pairs of
   * different views, "_plain_cot" (student plain, teacher with its reasoning) or "_cot_plain". As the term "ot_…".
   */
  readonly layer: string;
  /** Display form of the tokens on each axis. */
  readonly studentTokens: readonly string[];
  readonly teacherTokens: readonly string[];
  /** [n, m] row-major: student rows, teacher columns. */
  readonly plan: Float32Array;
  readonly cost: Float32Array;
  /** ⟨P, C⟩. */
  readonly transportCost: number;
  /** −Σ P log P in nats; log(n·m) for the product of uniform marginals. */
  readonly entropy: number;
  readonly epsilon: number;
  readonly iterations: number;
  /** L1 distance of the plan's marginals from uniform. */
  readonly marginalError: number;
  readonly converged: boolean;
  /** Largest |P/(a·bᵀ) − 1|: 0 when the plan says nothing; absent in older records. */
  readonly maxDeviation?: number;
  /** ‖gradient of this layer's term‖ / ‖gradient of the cross entropy‖ on this row; when the config measures it. */
  readonly gradientRatio?: number;
}

export interface AnswerRecord {
  readonly step: number;
  readonly prompt: string;
  readonly reference: string;
  /** Absent in a run that asks no teacher. */
  readonly teacher?: string;
  /** The student's answer before the first step. */
  readonly before: string;
  readonly now: string;
  /** The student's two answers as its own tokens, joined the same texts; absent where tokens do not cut the text. */
  readonly pieces?: { readonly before: readonly string[]; readonly now: readonly string[] } | undefined;
}

/** A prompt and the student's answer to it, always from the same stream of draws, with the teacher's word on it. */
export interface WrittenRecord {
  readonly step: number;
  readonly prompt: string;
  /** By the student as it was before the first step, and as it is. */
  readonly before: WrittenAnswer;
  readonly now: WrittenAnswer;
}

export interface WrittenAnswer {
  readonly student: readonly (WrittenToken & { readonly logProb: number })[];
  /** The same text as the teacher reads it; log-probabilities where the method asks the teacher for logits. */
  readonly teacher: readonly WrittenToken[];
  /** Chunks of equal text, [s0, s1, t0, t1]. */
  readonly groups: readonly TokenGroup[];
  /** False: cut off at its limit. */
  readonly ended: boolean;
}

export interface WrittenToken {
  /** For display. */
  readonly text: string;
  /** Of the text that it stands for; 0 for an end. */
  readonly bytes: number;
  /** Whether it ends an answer. */
  readonly end: boolean;
  /** In nats, at temperature 1. */
  readonly logProb?: number;
}

export interface EvaluationRecord {
  readonly step: number;
  /** Exactly right final answers. */
  readonly correct: number;
  readonly total: number;
  /** Mean ROUGE-L of the answers against the references, from 0 to 1. */
  readonly rougeL?: number;
}

/** GPU memory of a run by class, known before anything is allocated. Bytes. */
export interface MemoryPlan {
  readonly bytes: {
    /** The student's weights and the objective's projectors. */
    readonly weights: number;
    readonly gradients: number;
    readonly moments: number;
    /** Scratch of forward, objective and backward passes; programs share it. */
    readonly activations: number;
    /** What the host writes and reads back, constants of kernels included. */
    readonly inputs: number;
    /** Constant tables, the teacher's head and embeddings where a method needs them, caches of generation. */
    readonly workspace: number;
  };
  readonly total: number;
  /** The teacher's cached states at the end of the run: in the host's memory, not the GPU's. */
  readonly teacherCache: number;
  /** What else the host holds, beside the program itself; absent in older records. */
  readonly host?: HostMemory;
  /** The largest tensor that a kernel binds. */
  readonly largest: { readonly label: string; readonly bytes: number };
  /** The largest batch: rows, padded tokens a row, response rows. */
  readonly batch: { readonly rows: number; readonly length: number; readonly responses: number };
  readonly fits: boolean;
  /** Why it does not fit. */
  readonly reasons: readonly string[];
  /** How the rows are read: special tokens, rows that are cut or drop out; absent in older records. */
  readonly reading?: readonly string[];
  /** What to change, and what the run would take then; the same numbers where it says so in docs. */
  readonly changes: readonly MemoryChange[];
}

/** The host's memory of a run, bytes. On a software adapter the GPU's lies there too, and is not in these. */
export interface HostMemory {
  /** ONNX Runtime's copy of the teacher, with its head and table where the method reads them: from loading to the end. */
  readonly teacher: number;
  /** The student as a file and in a session that reads it: while it is loaded, and while it is exported. */
  readonly student: number;
  /** Weights and moments of what is trained, and the file: while a checkpoint is made. */
  readonly checkpoint: number;
  /** The most at one time, the teacher's states included. */
  readonly peak: number;
}

export interface MemoryChange {
  /** The settings as they would be: "batchSize 4, accumulation 2". */
  readonly settings: string;
  readonly total: number;
  readonly fits: boolean;
}

/** Where a training step's time goes. */
export interface StepProfile {
  /** The step that was timed, and taken back again: the run does not know of it. */
  readonly step: number;
  /** By the GPU's own clock, or by waiting for the queue after every stage, which costs a little itself. */
  readonly how: "timestamps" | "submits";
  /** The whole step in one submit, wall clock, the teacher beside it included. */
  readonly stepMs: number;
  /** The teacher's next batch, which it works on while the GPU trains; next to nothing when its states were kept. */
  readonly teacherMs: number;
  /** In the step's order; of the quietest of a few rounds. */
  readonly stages: readonly { readonly stage: string; readonly ms: number }[];
  /** The longest first; every dispatch in a pass of its own, so their sum is above the stages'. None without timestamps. */
  readonly kernels: readonly KernelRecord[];
}

/** All dispatches of one kernel. */
export interface KernelRecord {
  readonly label: string;
  readonly dispatches: number;
  readonly ms: number;
  /** Of all kernels' time. */
  readonly share: number;
  readonly gflops: number | undefined;
  readonly gbytes: number;
}

/** How fast steps are, from a few that were taken and taken back. */
export interface PaceRecord {
  /** Steps before those measured: they compile and fill caches. */
  readonly warmUp: number;
  readonly warmUpMs: number;
  /** Milliseconds of each step that counts. */
  readonly ms: readonly number[];
}

/** One line of the device's micro-benchmark. */
export interface BenchmarkRecord {
  readonly what: "matmul" | "sinkhorn";
  readonly where: "gpu" | "cpu";
  /** The fastest round. */
  readonly ms: number;
  readonly rate: number;
  readonly unit: string;
}

/** Response tokens that take part in a method's alignment, before training. */
export interface CoverageRecord {
  /** Training rows that were looked at, spread over all of them. */
  readonly rows: number;
  /** Of these, rows of which a side has no token that takes part. */
  readonly empty: number;
  /** Shares of all their response tokens. */
  readonly student: number;
  readonly teacher: number;
  /** Which tokens take part, in words. */
  readonly reads: string;
  /** The rows with the least, worst first: those under half, five at most. */
  readonly least: readonly RowCoverage[];
}

interface RowCoverage {
  readonly id: string;
  readonly student: number;
  readonly teacher: number;
}

/** What the run stands on, for the page's fact lines. */
export interface RunFacts {
  /** Absent in a run that asks no teacher. */
  readonly teacher?: { readonly hiddenSize: number; readonly vocabSize: number };
  readonly student: {
    readonly parameters: number;
    /** Of those and the adapters beside them, how many are trained; projectors not counted. */
    readonly trainable?: number;
    readonly hiddenSize: number;
    readonly layers: number;
    readonly vocabSize: number;
  };
  readonly rows: number;
  readonly heldOut: number;
  /** How much of the rows the method's alignment of two tokenizations reaches; absent without one. */
  readonly coverage?: CoverageRecord;
  /** Rows that dropped out, each with its reason. */
  readonly dropped: readonly string[];
  /** How the rows are read: special tokens, rows that are cut or drop out; absent in older records. */
  readonly reading?: readonly string[];
  /** What went otherwise than the config asks. */
  readonly notes?: readonly string[];
  /** Held-out prompts, for the probe picker. */
  readonly probes: readonly string[];
  /** GPU and cache bytes by class. */
  readonly memory: Readonly<Record<string, number>>;
  /** What `memory` was expected to be. */
  readonly plan?: MemoryPlan;
  /** Largest |our logits − the ONNX session's| on the load-time probe. */
  readonly logitsGap: number;
}
