// From a config and its sources to everything a run stands on: models, tokenizers, prepared rows, parameters.
import { cardOf, type RunConfig } from "../config/run";
import { type Row, tokenTables, type TokenTables } from "../data";
import type { Gpu } from "../gpu/device";
import { ScratchPool } from "../gpu/arena";
import { allocating } from "../gpu/failures";
import { ModelError, openTeacher, type Teacher } from "../models";
import { objectiveOf, type Objective } from "../objectives";
import { measureMatmul } from "../student";
import { dimsOf, sameTokens } from "./batch-source";
import { measureCoverage } from "./coverage";
import { type EngineTeacher, engineWeights, openEngineTeacher, runsInStep } from "./engine-teacher";
import { asRunError, RunError, supported } from "./failure";
import type { Loaded, RunSources } from "./loaded";
import { openStudent } from "./open-student";
import { planRun } from "./plan";
import { checkFits, planWithChanges } from "./plan-changes";
import type { Progress } from "./progress";
import { readerOf, type ReadRows, readRows } from "./reading";
import { openSides, type Sides, teacherWrites, untaught } from "./sides";
import { openStateSet, teacherLayers } from "./teacher-cache";
import { labelledRows, trainingRows, unwritten } from "./teacher-rows";
import { uploadTeacherWeights } from "./teacher-weights";

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
  const { vocabularyMaps, signal } = sources;
  const objective = objectiveOf(run.method);
  const notes: string[] = [];
  const sides = await openSides(run, sources);
  const { config, tokenizer } = sides.student;
  const tokens = tokenTables(tokenizer, sides.teacher.tokenizer);
  if (objective.sharesTokenizer?.(run.method) && !sameTokens(tokens))
    throw differentTokenizers(objective, tokens);
  const openIt = (): Promise<Teacher> => openTaught(gpu, run, sources, sides, notes, progress, onFailure);
  progress("tokenizing rows", 0, 0);
  const views = objective.views?.(run.method) ?? 1;
  const given = labelledRows(run, sources.train);
  const read = (train: readonly Row[]): ReadRows =>
    readRows(
      run,
      views,
      { ...sources, train, said: given.said },
      readerOf(sides.student),
      readerOf(sides.teacher),
    );
  // Before anything large is opened: rows that cannot be used are known from tokenizers alone.
  const judged = read(unwritten(run, given));
  const writer = teacherWrites(run.data) ? await openIt() : undefined;
  const rows = writer ? read(await trainingRows(run, given, writer, sources, progress, notes)) : judged;
  await objective.prepare?.(run.method, tokens, { progress, vocabularyMaps, signal });
  const dims = dimsOf({ model: { config }, teacher: sides.teacher });
  const padIds = { student: tokenizer.padId, teacher: sides.teacher.tokenizer.padId };
  // Answers that the student has yet to write are measured step by step.
  const measured =
    run.data.outputs === "student"
      ? undefined
      : await measureCoverage(objective, run, rows.train, { padIds, tokens }, progress, signal);
  if (measured?.warning !== undefined) notes.push(measured.warning);
  const { teacherBytes, teacherModel } = sides;
  const parts = {
    config: run,
    student: config,
    dims,
    objective,
    padIds,
    teacherBytes,
    teacherModel,
    ...rows,
  };
  const plan = supported(() => planRun(parts, gpu.device.limits));
  if (!plan.memory.fits) checkFits(planWithChanges(parts, gpu.device.limits));

  progress("choosing kernels", 0, 0);
  await measureMatmul(gpu, sources.kernelChoices ?? new Map<string, string>());
  const teacher = writer ?? (sides.taught ? await openIt() : untaught(sides.teacher));
  const needs = objective.needs(run.method);
  const teacherStates =
    sides.taught && sources.teacherStates
      ? await openStateSet(sources.teacherStates, run.teacher, teacher, needs)
      : undefined;
  const allocate = async <T extends { destroy(): void }>(what: string, make: () => T): Promise<T> => {
    const made = await allocating(gpu.device, what, () => supported(make));
    onFailure(() => made.destroy());
    return made;
  };
  const student = await openStudent(
    gpu,
    { run, objective, dims, config, files: sources.student, teacher, tokens },
    {
      ...{ device: sources.device, allocate, tidy: sources.tidy ?? (() => undefined) },
      onProgress: (loaded, total) => progress("loading the student", loaded, total),
      stage: (name) => progress(name, 0, 0),
    },
  );
  notes.push(...student.notes);
  const engine = "model" in teacher ? (teacher as EngineTeacher).model : undefined;
  const teacherWeights = await allocate("The teacher's weights", () =>
    engine ? engineWeights(engine, runsInStep(run, needs)) : uploadTeacherWeights(gpu, teacher, needs),
  );
  const pool = await allocate("The scratch of the run's programs", () => scratchPool(gpu, plan.scratch));
  return {
    ...{ teacher, taught: sides.taught, teacherStates, teacherWeights },
    ...{ studentFiles: sources.student, tokenizer, tokens, objective, views },
    ...{ model: student.model, fingerprint: student.fingerprint, logitsGap: student.logitsGap },
    ...{ plan, pool, notes, coverage: measured?.record },
    ...rows,
  };
}

/** The teacher's session, with the taps that the method needs. */
async function openTaught(
  gpu: Gpu,
  run: RunConfig,
  sources: RunSources,
  sides: Sides,
  notes: string[],
  progress: Progress,
  onFailure: (close: () => Promise<void> | void) => void,
): Promise<Teacher> {
  const needs = objectiveOf(run.method).needs(run.method);
  const options = {
    layers: teacherLayers(needs),
    keepWeights: needs.some((need) =>
      ["teacher.head", "teacher.logits", "teacher.tokenEmbedding"].includes(need),
    ),
    dtype: sources.teacherDtype ?? "fp32",
    identify: sources.teacherStates !== undefined,
    tokenizer: sides.teacher.tokenizer,
    onProgress: ({ loaded, total }: { loaded: number; total: number }) =>
      progress("loading the teacher", loaded, total),
  };
  if (run.teacherDevice === "engine" && !["fp32", "fp16"].includes(options.dtype))
    throw quantized(options.dtype);
  const teacher = await onTeacherDevice(run, sources, notes, (where) =>
    openTeacher(sources.teacher, {
      ...options,
      ...(where === "gpu" ? { device: "webgpu", gpu: gpu.device } : { device: sources.device }),
    }),
  );
  const session = { open: true };
  onFailure(() => (session.open ? teacher.dispose() : undefined));
  sources.tidy?.();
  if (run.teacherDevice !== "engine") return teacher;
  const engine = await openEngineTeacher(gpu, sources.teacher, teacher, {
    ...{ layers: options.layers, keepWeights: options.keepWeights },
    onProgress: (loaded, total) => progress("loading the teacher's weights", loaded, total),
    allocate: (what, make) => allocatedFor(gpu, what, make, onFailure),
  });
  onFailure(() => engine.dispose());
  session.open = false;
  await teacher.dispose();
  notes.push(
    `The teacher runs in our engine: within ${engine.gap.toExponential(1)} of its ONNX session on a probe.`,
  );
  return engine;
}

/** On the GPU, and destroyed when loading fails later. */
async function allocatedFor<T extends { destroy(): void }>(
  gpu: Gpu,
  what: string,
  make: () => T,
  onFailure: (close: () => void) => void,
): Promise<T> {
  const made = await allocating(gpu.device, what, () => supported(make));
  onFailure(() => made.destroy());
  return made;
}

const quantized = (dtype: string): RunError =>
  new RunError(
    "unsupported",
    `The engine runs a teacher's weights in full, and ${dtype} was chosen.`,
    "A quantized file has no such weights.",
    'Choose the fp32 form of the teacher, or set teacherDevice to "cpu" or "gpu".',
  );

/** On the GPU when the config asks for it and ONNX Runtime can; else on the CPU, with a note that says why. */
async function onTeacherDevice(
  { teacherDevice }: RunConfig,
  { device }: RunSources,
  notes: string[],
  openOn: (where: "gpu" | "cpu") => Promise<Teacher>,
): Promise<Teacher> {
  if (teacherDevice !== "gpu") return openOn("cpu"); // the engine's is held against it
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

export async function unload(loaded: Loaded): Promise<void> {
  loaded.model.store.destroy();
  loaded.model.destroy();
  loaded.teacherWeights.destroy();
  loaded.pool.destroy();
  await loaded.teacher.dispose();
}

function differentTokenizers({ id }: Objective, { teacher, student }: TokenTables): RunError {
  return new RunError(
    "vocabulary",
    `${cardOf(id)?.name ?? id} needs one tokenizer for both models; these have two.`,
    `It pairs position p with position p and token v with token v; the teacher's vocabulary has ${teacher.size} tokens, the student's ${student.size}.`,
    "Choose a method for two tokenizers (ULD, MinED, CMA, CoT2Align), or a teacher with the student's tokenizer.",
  );
}
