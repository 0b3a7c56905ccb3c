// The memory of a run before anything of it is allocated: the very code that records and allocates runs on a device
// that only counts, for every shape bucket that the run will meet. See docs/STUDENT.md.
import { isOnPolicy, type RunConfig } from "../config/run";
import { deriveSeed } from "../config/rng";
import { bucketLength, createSampler, makePairBatch, type PreparedRow, responseLength } from "../data";
import { mergeSlots } from "../gpu/arena";
import { countingGpu, type PlanningLimits } from "../gpu/counting";
import type { Gpu } from "../gpu/device";
import { ELEMENT_BYTES, ProgramBuilder } from "../gpu/program";
import { expectedTensors, type StudentConfig } from "../models";
import type { Dims, Objective, StepShape, TeacherNeed } from "../objectives";
import {
  createModel,
  createParamStore,
  layOutParams,
  layoutBytes,
  makeCaches,
  recordDecoder,
  recordPrompt,
  recordWriting,
  segmentBytesOf,
  type StudentModel,
  Tape,
} from "../student";
import type { HostMemory, MemoryPlan } from "../telemetry";
import { decoderLength, decoderRows } from "./answers";
import type { RunPlan } from "./loaded";
import { runParameters } from "./parameters";
import { engineWeights, placeEngineTeacher, runsInStep } from "./engine-teacher";
import { recordGaugePart } from "./gradient-gauge";
import { recordForward } from "./recording";
import { rolloutShape } from "./rollouts";
import { placeStart, recordStartGauge } from "./start-gauge";
import { recordAccumulatedUpdate, recordAccumulatingPass, recordStep, type StepParts } from "./step-program";
import { LENGTH_STEP, ROW_STEP, shapeKey, stepShape } from "./step-shape";
import { HELD_GPU_BYTES, stateKinds } from "./teacher-cache";
import { placeTeacherWeights } from "./teacher-weights";

/** What a plan is made from: nothing of it is a weight. */
export interface PlanParts {
  readonly config: RunConfig;
  readonly student: StudentConfig;
  readonly dims: Dims;
  readonly objective: Objective;
  readonly train: readonly PreparedRow[];
  readonly heldOut: readonly PreparedRow[];
  readonly padIds: { readonly student: number; readonly teacher: number };
  /** Of a teacher that our engine runs. */
  readonly teacherModel?: StudentConfig | undefined;
  /** Of the teacher's weights as they are run; 0 where none is. */
  readonly teacherBytes: number;
  /** How the rows are read, in words. */
  readonly reading?: readonly string[];
}

/** What a plan is held against: an adapter's limits, and the host's memory where that is known. */
export interface PlanLimits extends PlanningLimits {
  readonly host?: HostRoom;
}

export interface HostRoom {
  /** All that the machine has, or that this process may take of it. */
  readonly bytes: number;
  /** Whether the GPU's memory lies there too, as on a software adapter. */
  readonly holdsGpu: boolean;
}

/** Of the host's memory: Node, driver and ONNX Runtime, without models. */
export const PROGRAM_BYTES = 500 * 2 ** 20;

/** Batches of a run that are looked at; a longer one has met every bucket by then, but for rare ones. */
const MOST_BATCHES = 4096;

/**
 * What a run takes, also one that the adapter cannot bind: then the figures are those of an adapter that could, and
 * the plan says why this one cannot.
 *
 * @throws RangeError for a model that the kernels cannot take on any adapter.
 */
export function planRun(parts: PlanParts, limits: PlanLimits): RunPlan {
  try {
    return countRun(parts, limits);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const plan = countRun(parts, { ...UNBOUNDED, ...(limits.host && { host: limits.host }) });
    const reasons = [error.message.replace(/\.$/, ""), ...plan.memory.reasons];
    return { ...plan, memory: { ...plan.memory, fits: false, reasons } };
  }
}

const UNBOUNDED: PlanningLimits = { maxStorageBufferBindingSize: 2 ** 52, maxBufferSize: 2 ** 52 };

function countRun(parts: PlanParts, limits: PlanLimits): RunPlan {
  const { config, student, dims, objective } = parts;
  const counting = countingGpu(limits);
  const needs = objective.needs(config.method);
  const parameters = runParameters(config, objective, dims, student, shapesOf(student));
  const store = createParamStore(counting.gpu, parameters.all);
  const classes = layoutBytes(layOutParams(parameters.all, segmentBytesOf(limits)));
  const beside = counting.bytes();
  const model = createModel(counting.gpu, student, store, { lora: parameters.lora });
  const weights = teacherWeights(counting.gpu, parts, needs);
  const { method, gradientCheckpointing: recompute } = config;
  const step: StepParts = { model, weights, objective, method, recompute };
  const shapes = shapesOfRun(parts);
  const programs = [
    ...shapes.flatMap((shape) => stepBuilders(step, shape, config)),
    ...(config.accumulation > 1 ? [recordAccumulatedUpdate(model)] : []),
    ...probeBuilders(parts, step),
    ...writingBuilders(counting.gpu, parts, model, shapes),
  ];
  const scratch = mergeSlots(programs.map((b) => b.footprint().slots));
  const teacherCache = teacherCacheBytes(parts);
  const gpuStates = config.teacherDevice === "gpu" ? Math.min(teacherCache, HELD_GPU_BYTES) : 0;
  const bytes = {
    ...classes,
    activations: sum(scratch),
    inputs: sum(programs.map(hostBytes)),
    workspace: counting.bytes() - beside + gpuStates,
  };
  const largest = [
    ...[...store.entries].flatMap(([label, { pieces }]) => pieces.map(({ length }) => ({ label, length }))),
    ...weights.ranges,
    ...programs.map((b) => b.footprint().largest),
  ].reduce((a, b) => (b.length > a.length ? b : a), { label: "", length: 0 });
  const total = sum(Object.values(bytes));
  const host = hostMemory(parts, store.trainableCount, gpuStates > 0 ? 0 : teacherCache);
  const reasons = [
    ...reasonsAgainst(total, largest, config, limits),
    ...reasonsOfHost(host.peak, total, limits.host),
  ];
  return {
    memory: {
      bytes,
      total,
      teacherCache,
      host,
      largest: { label: largest.label, bytes: largest.length * ELEMENT_BYTES },
      batch: largestBatch(shapes),
      fits: reasons.length === 0,
      reasons,
      ...(parts.reading && { reading: parts.reading }),
    },
    scratch,
  };
}

/** The whole teacher where our engine runs it, else its head and table as far as the method needs them. */
const teacherWeights = (gpu: Gpu, { config, dims, teacherModel }: PlanParts, needs: readonly TeacherNeed[]) =>
  teacherModel
    ? engineWeights(placeEngineTeacher(gpu, teacherModel).model, runsInStep(config, needs))
    : placeTeacherWeights(gpu, [dims.teacherVocab, dims.teacherWidth], needs);

/** Of the student's f32 weights: the file, and what ONNX Runtime takes as it makes a session of it (measured: 1.24). */
const SESSION_SHARE = 2.25;

function hostMemory(
  { student, objective, dims, config, teacherBytes }: PlanParts,
  trainable: number,
  teacherCache: number,
): HostMemory {
  const weights = sum(
    [...expectedTensors(student).values()].map((shape) => 4 * shape.reduce((a, b) => a * b, 1)),
  );
  const kept = objective
    .needs(config.method)
    .some((need) => !/^teacher\.(hidden|embedding|layer)/.test(need));
  const heads = kept ? 2 * 4 * dims.teacherVocab * dims.teacherWidth : 0;
  const session = config.teacherDevice === "engine" ? 0 : teacherBytes; // held against it once, and closed
  const teacher = teacherBytes > 0 ? session + heads : 0;
  const of = {
    teacher,
    student: Math.round(SESSION_SHARE * weights),
    checkpoint: 2 * 3 * trainable * ELEMENT_BYTES,
  };
  const opening = SESSION_SHARE * teacherBytes + heads;
  const training = teacher + teacherCache + Math.max(of.student, of.checkpoint);
  return { ...of, peak: Math.round(Math.max(opening, training)) };
}

const shapesOf = (student: StudentConfig) =>
  new Map([...expectedTensors(student)].map(([name, shape]) => [name, { shape }]));

const stepBuilders = (step: StepParts, shape: StepShape, { accumulation }: RunConfig): ProgramBuilder[] => [
  (accumulation > 1 ? recordAccumulatingPass(step, shape) : recordStep(step, shape)).b,
];

/** The probe of the row that the config names, and the gradients of single terms where the config asks for them. */
function probeBuilders(
  { objective, config, heldOut, ...parts }: PlanParts,
  step: StepParts,
): ProgramBuilder[] {
  const row = heldOut[Math.min(config.probe.row, heldOut.length - 1)];
  if (!objective.recordProbe || !row) return [];
  const shape = stepShape(pairBatch([row], { ...parts, objective, config }), 1, parts.dims);
  const b = new ProgramBuilder("probe", step.model.rangeBytes);
  const tape = new Tape(b, { training: false });
  objective.recordProbe(config.method, recordForward(tape, step.model, step.weights, shape).recording);
  const { model, weights: teacherWeights } = step;
  const terms = config.probe.gradientRatio ? (objective.parts?.(config.method) ?? []) : [];
  const gauges = terms.map(
    (name) => recordGaugePart({ objective, model, teacherWeights }, config.method, shape, name).b,
  );
  return [b, ...gauges];
}

/** Everything that generates. */
const writingBuilders = (
  gpu: Gpu,
  { config, student }: PlanParts,
  model: StudentModel,
  shapes: readonly StepShape[],
): ProgramBuilder[] => [
  ...decoderRows(config).map((rows) => recordDecoder(gpu, model, rows, decoderLength(config, student)).b),
  ...(isOnPolicy(config.data) ? rolloutBuilders(gpu, config, model, shapes) : []),
];

/** What writes the answers, its caches, and the student as it began. */
function rolloutBuilders(
  gpu: Gpu,
  config: RunConfig,
  model: StudentModel,
  shapes: readonly StepShape[],
): ProgramBuilder[] {
  const { rollout, data } = config;
  const shape = rolloutShape(config, model.config);
  const caches = makeCaches(gpu, model, shape);
  const cut = { temperature: rollout.temperature, topK: rollout.topK, topP: rollout.topP };
  const longest = bucketLength(Math.min(data.maxPrompt, shape.capacity), 32);
  const start = rollout.startEverySteps > 0 ? placeStart(gpu, model).model : undefined;
  return [
    recordPrompt(model, shape, caches, longest, cut),
    recordWriting(model, shape, caches, cut),
    ...shapes.flatMap(({ batch, studentLength: length, studentRows: rows }) =>
      start ? [recordStartGauge(model, start, { batch, length, rows })] : [],
    ),
  ];
}

const pairBatch = (
  rows: readonly PreparedRow[],
  { padIds, objective, config, dims }: Pick<PlanParts, "padIds" | "objective" | "config" | "dims">,
) =>
  makePairBatch(rows, padIds, {
    plain: (objective.views?.(config.method) ?? 1) === 2,
    positions: { student: dims.studentPositions, teacher: dims.teacherPositions },
  });

/** A teacher's tokens of a text to the student's, of the prompts; and room for answers that are cut otherwise. */
const WRITTEN_MARGIN = 1.5;

/** The largest step that the student can write: what it will write is not known. */
function largestWritten({ config, train, dims }: PlanParts): StepShape {
  const { batchSize, rollout } = config;
  const prompts = (of: "student" | "teacher") => train.map((row) => row[of].promptLength);
  const ratio = sum(prompts("teacher")) / Math.max(1, sum(prompts("student")));
  const most = (of: "student" | "teacher") => Math.max(0, ...prompts(of));
  const answer = {
    student: rollout.maxNewTokens,
    teacher: Math.ceil(WRITTEN_MARGIN * ratio * rollout.maxNewTokens),
  };
  const length = (of: "student" | "teacher", positions: number | undefined) =>
    bucketLength(Math.min(most(of) + answer[of], positions ?? Infinity), LENGTH_STEP, positions);
  return {
    ...dims,
    batch: batchSize,
    studentLength: length("student", dims.studentPositions),
    teacherLength: length("teacher", dims.teacherPositions),
    studentRows: bucketLength(batchSize * answer.student, ROW_STEP),
    teacherRows: bucketLength(batchSize * answer.teacher, ROW_STEP),
  };
}

/** Every bucket of the run, once. */
function shapesOfRun(parts: PlanParts): StepShape[] {
  const { config, train, dims } = parts;
  if (isOnPolicy(config.data)) return [largestWritten(parts)];
  const { batchSize, accumulation, steps, seed } = config;
  const sampler = createSampler(train.length, batchSize, deriveSeed(seed, "data"));
  const shapes = new Map<string, StepShape>();
  for (let i = 0; i < Math.min(steps * accumulation, MOST_BATCHES); i++) {
    const rows = sampler.next().flatMap((index) => train[index] ?? []);
    const shape = stepShape(pairBatch(rows, parts), batchSize, dims);
    shapes.set(shapeKey(shape), shape);
  }
  return [...shapes.values()];
}

function largestBatch(shapes: readonly StepShape[]): MemoryPlan["batch"] {
  const most = (of: (shape: StepShape) => number) => Math.max(0, ...shapes.map(of));
  return {
    rows: most((s) => s.batch),
    length: most((s) => s.studentLength),
    responses: most((s) => s.studentRows),
  };
}

/** Inputs, constants of kernels, and the buffers that outputs are read back through. */
function hostBytes(b: ProgramBuilder): number {
  const { inputBytes, uniformBytes, outputBytes } = b.memory();
  return inputBytes + uniformBytes + outputBytes;
}

/** States at response positions of every row that the run reads, of each kind that the method needs. */
function teacherCacheBytes({ config, objective, dims, train }: PlanParts): number {
  if (config.data.outputs === "student") return 0; // what the student writes is read once
  const kinds = stateKinds(objective.needs(config.method)).length;
  const drawn = config.steps * config.accumulation * config.batchSize;
  const positions = sum(
    train.map(({ teacher, plain }) => responseLength(teacher) + (plain ? responseLength(plain.teacher) : 0)),
  );
  const share = Math.min(1, drawn / Math.max(1, train.length));
  return Math.round(share * positions * dims.teacherWidth * ELEMENT_BYTES * kinds);
}

function reasonsAgainst(
  total: number,
  largest: { readonly label: string; readonly length: number },
  { memoryBudgetMiB }: RunConfig,
  { maxStorageBufferBindingSize, maxBufferSize }: PlanningLimits,
): string[] {
  const bytes = largest.length * ELEMENT_BYTES;
  const most = Math.min(maxStorageBufferBindingSize, maxBufferSize);
  const budget = memoryBudgetMiB * 2 ** 20;
  return [
    ...(bytes > most
      ? [`"${largest.label}" takes ${mib(bytes)}, and this adapter binds at most ${mib(most)} at once`]
      : []),
    ...(budget > 0 && total > budget
      ? [`the run takes ${mib(total)}, and memoryBudgetMiB allows ${memoryBudgetMiB} MiB`]
      : []),
  ];
}

/** Weights in system memory that is not there end the process, without a word from us. */
function reasonsOfHost(peak: number, gpuTotal: number, room: HostRoom | undefined): string[] {
  if (!room) return [];
  const needed = peak + PROGRAM_BYTES + (room.holdsGpu ? gpuTotal : 0);
  if (needed <= room.bytes) return [];
  const gpu = room.holdsGpu ? `, ${mib(gpuTotal)} of them for the software adapter` : "";
  return [
    `at its peak the run takes ${mib(needed)} of the host's memory (the program included${gpu}), and this machine has ${mib(room.bytes)}`,
  ];
}

export const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
