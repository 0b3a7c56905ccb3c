// From a config and its sources to everything a run stands on: models, tokenizers, prepared rows, parameters.
import { cardOf, type RunConfig } from "../config/run";
import { type MapStore, type Row, tokenTables, type TokenTables } from "../data";
import type { Gpu } from "../gpu/device";
import { ScratchPool } from "../gpu/arena";
import { allocating } from "../gpu/failures";
import {
  type Device,
  loadModelConfig,
  loadStudentWeights,
  loadTeacherConfig,
  loadTokenizer,
  ModelError,
  type ModelFiles,
  type OnnxDtype,
  openTeacher,
  type StateSet,
  type StateSets,
  type Teacher,
  type TeacherOptions,
  type Tokenizer,
  withOnnxGraph,
} from "../models";
import { objectiveOf, type Objective } from "../objectives";
import {
  type ChoiceMemory,
  createModel,
  createParamStore,
  measureMatmul,
  type StudentModel,
  studentLogits,
} from "../student";
import type { CoverageRecord } from "../telemetry";
import { dimsOf, sameTokens } from "./batch-source";
import { fingerprint } from "./checkpoint";
import { measureCoverage } from "./coverage";
import { asRunError, RunError, supported } from "./failure";
import { runParameters, startAtHeads } from "./parameters";
import { planRun, type RunPlan } from "./plan";
import { checkFits, planWithChanges } from "./plan-changes";
import { asConfigured, type Reader, readerOf, type ReadRows, readRows } from "./reading";
import { openStateSet, teacherLayers } from "./teacher-cache";
import { type TextSources, trainingRows, unwritten } from "./teacher-rows";
import { type TeacherWeights, uploadTeacherWeights } from "./teacher-weights";

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
  /** Keeps the teacher's states from run to run; without it each run computes its own. */
  readonly teacherStates?: StateSets | undefined;
  /** Keeps vocabulary maps from run to run; without it they are built for each. */
  readonly vocabularyMaps?: MapStore | undefined;
  /** Keeps which matmul is fastest on an adapter; without it each run measures. */
  readonly kernelChoices?: ChoiceMemory | undefined;
}

/** Called as work proceeds; `total` 0 means unknown. */
export type Progress = (stage: string, done: number, total: number) => void;

export interface Loaded extends ReadRows {
  readonly teacher: Teacher;
  /** Of earlier runs with this teacher and these taps. */
  readonly teacherStates: StateSet | undefined;
  /** The student as it was exported, in its own ONNX session: the reference of our logits, and "before". */
  readonly original: Teacher;
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

const LOGITS_TOLERANCE = 1e-3;

/**
 * @throws ModelError, DataError for unusable files and rows; RunError when our logits differ from the ONNX session's.
 */
export async function loadRun(
  gpu: Gpu,
  run: RunConfig,
  sources: RunSources,
  progress: Progress,
): Promise<Loaded> {
  const opened: (() => Promise<void> | void)[] = [];
  try {
    return await open(gpu, run, sources, progress, (close) => opened.push(close));
  } catch (error) {
    for (const close of opened.toReversed()) await close(); // a refused run holds nothing
    throw await asRunError(gpu, error, 0);
  }
}

async function open(
  gpu: Gpu,
  run: RunConfig,
  sources: RunSources,
  progress: Progress,
  onFailure: (close: () => Promise<void> | void) => void,
): Promise<Loaded> {
  const session = async (role: string, files: ModelFiles, options: Partial<TeacherOptions> = {}) => {
    const onProgress = ({ loaded, total }: { loaded: number; total: number }) =>
      progress(`loading the ${role}`, loaded, total);
    const teacher = await openTeacher(files, { device: sources.device, onProgress, ...options });
    onFailure(() => teacher.dispose());
    return { ...teacher, tokenizer: asConfigured(run, teacher.tokenizer) };
  };
  progress("tokenizing rows", 0, 0);
  const objective = objectiveOf(run.method);
  const views = objective.views?.(run.method) ?? 1;
  const readers = await openReaders(run, sources);
  // Before anything large is opened: rows that cannot be used are known from tokenizers alone.
  const judged = readRows(
    run,
    views,
    { ...sources, train: unwritten(run, sources.train) },
    readers.student,
    readers.teacher,
  );
  progress("choosing kernels", 0, 0);
  await measureMatmul(gpu, sources.kernelChoices ?? new Map<string, string>());
  const needs = objective.needs(run.method);
  const teacherOptions = {
    layers: teacherLayers(needs),
    dtype: sources.teacherDtype ?? "fp32",
    identify: sources.teacherStates !== undefined,
  };
  const notes: string[] = [];
  const teacher = await onTeacherDevice(run, sources, notes, (where) =>
    session("teacher", sources.teacher, {
      ...teacherOptions,
      ...(where === "gpu" && { device: "webgpu", gpu: gpu.device }),
    }),
  );
  const teacherStates =
    sources.teacherStates && (await openStateSet(sources.teacherStates, run.teacher, teacher, needs));
  const { config, tensors, notes: asStored } = await loadStudentWeights(sources.student);
  notes.push(...asStored);
  const original = await session("student", await withOnnxGraph(sources.student, config, tensors));
  const { tokenizer } = readers.student;

  const train = await trainingRows(run, sources.train, teacher, sources, progress, notes);
  const rows =
    run.data.outputs === "gold"
      ? judged
      : readRows(run, views, { ...sources, train }, readers.student, readerOf(teacher));

  const tokens = tokenTables(tokenizer, teacher.tokenizer);
  if (objective.sharesTokenizer?.(run.method) && !sameTokens(tokens))
    throw differentTokenizers(objective, tokens);
  const { vocabularyMaps, signal } = sources;
  await objective.prepare?.(run.method, tokens, { progress, vocabularyMaps, signal });

  const dims = dimsOf({ model: { config }, teacher });
  const padIds = { student: tokenizer.padId, teacher: teacher.tokenizer.padId };
  const measured = await measureCoverage(objective, run, rows.train, { padIds, tokens }, progress, signal);
  if (measured?.warning !== undefined) notes.push(measured.warning);
  const parts = { config: run, student: config, dims, objective, padIds, ...rows };
  const plan = supported(() => planRun(parts, gpu.device.limits));
  if (!plan.memory.fits) checkFits(planWithChanges(parts, gpu.device.limits));
  const drawn = runParameters(run, objective, dims, config, tensors);
  const parameters = objective.preservesLogits?.(run.method)
    ? startAtHeads(drawn, { config, tensors }, teacher, tokens)
    : drawn;
  const allocate = <T extends { destroy(): void }>(what: string, make: () => T): Promise<T> =>
    allocating(gpu.device, what, () => supported(make));
  const store = await allocate("The student's weights", () => createParamStore(gpu, parameters.all));
  onFailure(() => store.destroy());
  const model = supported(() => createModel(gpu, config, store, { lora: parameters.lora }));
  onFailure(() => model.destroy());
  const teacherWeights = await allocate("The teacher's weights", () =>
    uploadTeacherWeights(gpu, teacher, needs),
  );
  onFailure(() => teacherWeights.destroy());
  progress("checking the student's logits", 0, 0);
  const logitsGap = await compareLogits(gpu, model, original);
  const pool = await allocate("The scratch of the run's programs", () => scratchPool(gpu, plan.scratch));
  onFailure(() => pool.destroy());
  const studentFiles = sources.student;
  return {
    ...{
      teacher,
      teacherStates,
      original,
      studentFiles,
      model,
      tokenizer,
      tokens,
      objective,
      logitsGap,
      teacherWeights,
    },
    fingerprint: fingerprint(tensors),
    ...{ plan, pool, notes, coverage: measured?.record },
    views,
    ...rows,
  };
}

/** On the GPU when the config asks for it and ONNX Runtime can; else on the CPU, with a note that says why. */
async function onTeacherDevice(
  { teacherDevice }: RunConfig,
  { device }: RunSources,
  notes: string[],
  openOn: (where: "gpu" | "cpu") => Promise<Teacher>,
): Promise<Teacher> {
  if (teacherDevice === "cpu") return openOn("cpu");
  if (device !== "cpu") {
    try {
      return await openOn("gpu");
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      notes.push(`The teacher runs on the CPU: ${error.message}`);
    }
  } else notes.push("The teacher runs on the CPU: ONNX Runtime shares a GPU in browsers only.");
  return openOn("cpu");
}

function scratchPool(gpu: Gpu, slots: readonly number[]): ScratchPool {
  const pool = new ScratchPool(gpu.device);
  pool.take(slots);
  return pool;
}

/** Both models as readers of rows: their tokenizers and positions, without a weight. */
export async function openReaders(
  run: RunConfig,
  { student, teacher }: Pick<RunSources, "student" | "teacher">,
): Promise<{ readonly student: Reader; readonly teacher: Reader }> {
  const open = async (files: ModelFiles, config: Promise<{ maxPositions: number }>): Promise<Reader> => ({
    maxPositions: (await config).maxPositions,
    tokenizer: asConfigured(run, await loadTokenizer(files)),
  });
  return {
    student: await open(student, loadModelConfig(student)),
    teacher: await open(teacher, loadTeacherConfig(teacher)),
  };
}

export async function unload(loaded: Loaded): Promise<void> {
  loaded.model.store.destroy();
  loaded.model.destroy();
  loaded.teacherWeights.destroy();
  loaded.pool.destroy();
  await loaded.teacher.dispose();
  await loaded.original.dispose();
}

function differentTokenizers({ id }: Objective, { teacher, student }: TokenTables): RunError {
  return new RunError(
    "vocabulary",
    `${cardOf(id)?.name ?? id} needs one tokenizer for both models; these have two.`,
    `It pairs position p with position p and token v with token v; the teacher's vocabulary has ${teacher.size} tokens, the student's ${student.size}.`,
    "Choose a method for two tokenizers (ULD, MinED, CMA, CoT2Align), or a teacher with the student's tokenizer.",
  );
}

/** Both engines on the same few tokens. Training on weights that we read wrongly would only waste time. */
async function compareLogits(gpu: Gpu, model: StudentModel, original: Teacher): Promise<number> {
  const { config } = model;
  const T = Math.min(24, config.maxPositions);
  const ids = Int32Array.from({ length: T }, (_, i) => (i * 37 + 11) % config.vocabSize);
  const want = (await original.forward(ids, new Uint8Array(T).fill(1), 1, T, { logits: true })).logits;
  const got = await studentLogits(gpu, model, ids, 1, T);
  let gap = want && want.length === got.length ? 0 : Infinity;
  want?.forEach((value, i) => {
    const difference = Math.abs(value - (got[i] ?? NaN));
    if (!(difference <= gap)) gap = Number.isNaN(difference) ? Infinity : difference;
  });
  if (gap <= LOGITS_TOLERANCE) return gap;
  throw new RunError(
    "logits-differ",
    "The student was not loaded: our logits differ from its own ONNX session's.",
    `The largest difference on a probe of ${T} tokens is ${gap.toPrecision(3)}; at most ${LOGITS_TOLERANCE} is allowed.`,
    "model.safetensors and onnx/model.onnx may be of different models: export both from one checkpoint.",
  );
}
