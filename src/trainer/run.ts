// A run: loaded models and rows, step after step. The page's worker and the headless runner both drive this.
import { isOnPolicy, type RunConfig } from "../config/run";
import { deriveSeed } from "../config/rng";
import { scheduleFactor } from "../config/schedule";
import { createSampler, type PreparedRow, type Row, type SamplerState, type View } from "../data";
import type { Gpu } from "../gpu/device";
import { ELEMENT_BYTES } from "../gpu/program";
import type { AdamWStep } from "../student";
import type {
  AnswerRecord,
  EvaluationRecord,
  PaceRecord,
  PlanRecord,
  RunFacts,
  StepProfile,
  StepRecord,
  WrittenRecord,
} from "../telemetry";
import { createAnswers, type Grade } from "./answers";
import { createBatchSource } from "./batch-source";
import {
  checkSameRows,
  checkSameRun,
  checkSameStudent,
  decodeCheckpoint,
  encodeCheckpoint,
} from "./checkpoint";
import { inWords, RunError } from "./failure";
import { createGradientGauge } from "./gradient-gauge";
import { createGradientRatios } from "./gradient-ratios";
import { loadRun, unload } from "./load";
import type { Loaded, RunSources } from "./loaded";
import type { Progress } from "./progress";
import { openOnPolicy } from "./on-policy";
import { createProbe } from "./probe";
import { aroundText } from "./reading";
import type { StepOutcome } from "./step-program";
import { profileStep, type RehearsedStep, timeSteps } from "./rehearsal";
import { promptsOf } from "./rollouts";
import { nothingLearned, stepRecord, withCredit } from "./step-record";
import { createStepper } from "./stepper";
import { createRunLog, takeAway } from "./take-away";
import { createTeacherCache } from "./teacher-cache";

export interface Run {
  readonly config: RunConfig;
  facts(): RunFacts;
  /** Steps done. */
  readonly at: number;
  /**
   * One training step.
   *
   * @throws RunError `not-finite` when loss or gradient is not finite: weights then are those of the step before.
   */
  step(): Promise<StepRecord>;
  /** The records of the run's first steps, from step 1 on and at most ten; none of a run that went on from a checkpoint. */
  firstSteps(): readonly StepRecord[];
  /** The training rows as they are learned: what a teacher wrote is in them. */
  rows(): readonly Row[];
  /** The transport plans of a held-out row under the present weights; none when the method has no transport. */
  plans(row: number): Promise<PlanRecord[]>;
  /** Where the next step's time goes. The steps it takes are taken back: the run goes on with the same bits. */
  profile(): Promise<StepProfile>;
  /** How long the next steps take; taken back alike. */
  pace(): Promise<PaceRecord>;
  answers(row: number): Promise<AnswerRecord>;
  /** What the student writes to a held-out prompt, before and now; undefined where it writes no answers to learn from. */
  written(row: number): Promise<WrittenRecord | undefined>;
  /** Greedy answers on held-out rows, exactly right or not; on the config's view of them, or another. */
  evaluate(view?: View): Promise<EvaluationRecord>;
  /** The same answers one by one, for comparisons that are paired by question; kept in no log. */
  grade(view?: View): Promise<readonly Grade[]>;
  /** Back to step 0: same weights, same data order, same numbers again. */
  reset(): Promise<void>;
  /** Bytes of a checkpoint, headers not counted. */
  readonly checkpointBytes: number;
  /** Where the run stands, as one file: weights, moments, step, data order, config. */
  checkpoint(): Promise<Uint8Array>;
  /**
   * Go on from a checkpoint: on the same adapter with the same bits.
   *
   * @throws RunError `checkpoint` when it is damaged or of another run; the run is then as it was.
   */
  restore(checkpoint: Uint8Array): Promise<void>;
  /** Have what the teacher computed kept for later runs; where there is nowhere to keep it, only the counts. */
  keepTeacherStates(): Promise<TeacherStateCounts>;
  /** The student as it is now, as a Hugging Face style folder, checked by loading it back. */
  exportStudent(): Promise<Map<string, Uint8Array>>;
  /** The same file by file: each is made when it is asked for, so that no two large ones are held at once. */
  exportFiles(): AsyncIterable<readonly [path: string, bytes: Uint8Array]>;
  destroy(): Promise<void>;
}

export interface TeacherStateCounts {
  /** Sequences that the teacher was run on in this run. */
  readonly computed: number;
  /** Sequences whose states an earlier run had left. */
  readonly found: number;
  /** Why nothing is kept any more, when that is so. */
  readonly trouble?: string;
}

export async function openRun(
  gpu: Gpu,
  config: RunConfig,
  sources: RunSources,
  progress: Progress = () => undefined,
): Promise<Run> {
  const loaded = await loadRun(gpu, config, sources, progress);
  const { teacher, model } = loaded;
  const { store } = model;
  const needs = loaded.objective.needs(config.method);
  const unweighted = loaded.objective.unweighted?.(config.method, loaded.tokens) ?? [];
  const set = isOnPolicy(config.data) ? undefined : loaded.teacherStates; // what it writes is new at every step
  const states = loaded.teacherWeights.live ? [] : needs;
  const cache = createTeacherCache(teacher, states, { set, gpu: gpu.device });
  const source = createBatchSource(loaded, cache);
  const onPolicy = await openOnPolicy(gpu, config, loaded, source);
  const stepper = createStepper(gpu, loaded, config, source, progress);
  const probe = createProbe(gpu, loaded, config.method, source);
  const gradients = createGradientRatios(
    config.probe.gradientRatio ? createGradientGauge(gpu, loaded, config.method, source) : undefined,
    (row) => heldOutRow(loaded, row),
  );
  const answers = createAnswers(gpu, loaded, config, (work) => atStart(work));
  const atStart = <T>(work: () => Promise<T>) => (at === 0 ? work() : store.atStart(work));
  const newSampler = () =>
    createSampler(
      loaded.train.length,
      onPolicy ? promptsOf(config) : config.batchSize * config.accumulation,
      deriveSeed(config.seed, "data"),
    );
  const log = createRunLog(config, aroundText(loaded.tokenizer));
  let sampler = newSampler();
  let drawn = sampler.state(); // before `upcoming`
  let upcoming = sampler.next();
  let at = 0;

  function standAt(step: number, state?: SamplerState): void {
    sampler = newSampler();
    if (state) sampler.restore(state);
    drawn = sampler.state();
    upcoming = sampler.next();
    at = step;
  }

  const guarded = <T>(work: () => Promise<T>): Promise<T> => inWords(gpu, () => at, work);
  const rowsOf = (indices: readonly number[]): PreparedRow[] => indices.flatMap((i) => loaded.train[i] ?? []);

  async function step(): Promise<StepRecord> {
    const [from, before] = [at, drawn];
    try {
      const { record } = await take();
      const { row, everySteps } = config.probe;
      return log.stepped(at % everySteps === 0 ? await gradients.add(record, row, at) : record);
    } catch (error) {
      if (at === from) standAt(from, before); // the run stands where it stood; else the step itself was done
      throw error;
    }
  }

  /** Steps that leave no trace: weights, moments, data order and log are then as they were. */
  async function rehearse<T>(work: (step: RehearsedStep) => Promise<T>): Promise<T> {
    const [from, before, state] = [at, drawn, await store.save()];
    try {
      return await work(take);
    } finally {
      store.restore(state);
      standAt(from, before);
      gradients.forget();
    }
  }

  async function take(): ReturnType<RehearsedStep> {
    const started = performance.now();
    const written = await onPolicy?.write(rowsOf(upcoming), at + 1);
    const rows = written?.rows ?? rowsOf(upcoming);
    const teacherFirst = await timed(source.ensure(rows));
    const adamw = adamwStep(config, at + 1);
    const running = rows.length > 0 ? stepper.step(rows, adamw) : Promise.resolve(nothingLearned);
    drawn = sampler.state();
    upcoming = sampler.next();
    // The teacher works while the GPU does, unless the student has yet to write what it reads.
    const prefetch = onPolicy ? Promise.resolve(teacherFirst) : timed(source.ensure(rowsOf(upcoming)));
    prefetch.catch(() => undefined); // heard of below, unless the step fails first
    const { outcome, tokens } = await running;
    const teacherMs = await prefetch;
    if (written) cache.forget(written.own.map((row) => row.teacher));
    if (!outcome.updated) throw notFinite(outcome, at + 1);
    at++;
    const ms = performance.now() - started;
    const record = stepRecord(outcome, tokens, {
      step: at,
      ms,
      learningRate: adamw.learningRate,
      unweighted,
    });
    const rollout = written && withCredit(written.record, outcome.credit);
    return { record: rollout ? { ...record, rollout } : record, teacherMs };
  }

  async function evaluate(view?: View): Promise<EvaluationRecord> {
    const record = { ...(await answers.evaluate(loaded.heldOut, view)), step: at };
    if (view !== undefined && view !== config.data.view) return record; // the log is of the run's own view
    log.evaluated(record);
    return record;
  }

  async function* exported(): AsyncGenerator<readonly [string, Uint8Array]> {
    const { device, tidy } = sources;
    const files = takeAway(gpu, loaded, { device, tidy }, log.manifest(at));
    for (;;) {
      const next = await guarded(() => files.next());
      if (next.done) return;
      yield next.value;
    }
  }

  return {
    config,
    facts: () => runFacts(loaded, stepper.memory(), cache.bytes),
    get at() {
      return at;
    },
    step: () => guarded(step),
    firstSteps: () => log.first(),
    rows: () => [...new Set(loaded.train.map(({ row }) => row))],
    profile: () => guarded(() => rehearse((one) => profileStep(gpu, one))),
    pace: () => guarded(() => rehearse(timeSteps)),
    plans: (row) =>
      guarded(async () => {
        const ratios = await gradients.of(row, at);
        return (await probe.plans(heldOutRow(loaded, row))).map((plan) => {
          const gradientRatio = ratios[`ot_${plan.layer}`];
          return { ...plan, step: at, ...(gradientRatio !== undefined && { gradientRatio }) };
        });
      }),
    answers: (row) =>
      guarded(async () => ({ ...(await answers.compare(heldOutRow(loaded, row))), step: at })),
    written: (row) =>
      guarded(
        async () => onPolicy && { ...(await onPolicy.look(heldOutRow(loaded, row), atStart)), step: at },
      ),
    evaluate: (view) => guarded(() => evaluate(view)),
    grade: (view) => guarded(() => answers.grade(loaded.heldOut, view)),
    async reset() {
      await store.reset();
      gradients.forget();
      standAt(0);
      log.clear();
    },
    checkpointBytes: store.trainableCount * 3 * ELEMENT_BYTES,
    checkpoint: () =>
      guarded(async () => {
        const { fingerprint: student } = loaded;
        const state = await store.save();
        return encodeCheckpoint({ step: at, sampler: drawn, config, student, state }, store);
      }),
    async restore(bytes) {
      const saved = await decodeCheckpoint(bytes, store);
      checkSameRun(saved.config, config);
      checkSameStudent(saved.student, loaded.fingerprint);
      checkSameRows(saved.sampler, loaded.train.length);
      store.restore(saved.state);
      gradients.forget();
      standAt(saved.step, saved.sampler);
      log.clear();
    },
    async exportStudent() {
      const folder = new Map<string, Uint8Array>();
      for await (const [path, bytes] of exported()) folder.set(path, bytes);
      return folder;
    },
    exportFiles: exported,
    async keepTeacherStates() {
      await cache.flush();
      return { ...cache.counts, ...(cache.trouble !== undefined && { trouble: cache.trouble }) };
    },
    async destroy() {
      await cache.flush();
      cache.destroy();
      stepper.destroy();
      probe.destroy();
      gradients.destroy();
      onPolicy?.destroy();
      answers.destroy();
      await unload(loaded);
    },
  };
}

/** How long it takes, in milliseconds from now. */
async function timed(work: Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work;
  return performance.now() - started;
}

function adamwStep({ optimizer, steps }: RunConfig, step: number): AdamWStep {
  const factor = scheduleFactor(optimizer, step, steps);
  return {
    ...optimizer,
    learningRate: optimizer.learningRate * factor,
    projectorLearningRate: optimizer.projectorLearningRate * factor,
    step,
  };
}

function notFinite({ loss, gradNorm }: StepOutcome, step: number): RunError {
  return new RunError(
    "not-finite",
    `The run stopped at step ${step - 1}: step ${step} was not finite and was not applied.`,
    `The loss was ${loss}, the gradient norm ${gradNorm}. A learning rate that is too high is the usual cause.`,
    "The student of the last good step is kept. Lower the learning rate, or raise epsilon, and start again.",
  );
}

function heldOutRow({ heldOut }: Loaded, index: number): PreparedRow {
  const row = heldOut[Math.min(index, heldOut.length - 1)];
  if (row) return row;
  throw new RunError(
    "no-rows",
    "There is no held-out row to show.",
    "The data set has no usable held-out rows.",
    "Add rows whose prompt and response fit the maximum length.",
  );
}

/** The student's own parameters, adapters not counted. */
const plainCount = ({ model: { lora, store } }: Loaded): number =>
  store.count("student") - (lora ? store.trainableCount - store.count("projector") : 0);

function runFacts(loaded: Loaded, memory: Readonly<Record<string, number>>, cacheBytes: number): RunFacts {
  const { model, teacher, teacherWeights, train, heldOut, dropped, logitsGap, tokenizer } = loaded;
  const { config, store } = model;
  return {
    ...(loaded.taught && {
      teacher: { hiddenSize: teacher.config.hiddenSize, vocabSize: teacher.tokenizer.vocabSize },
    }),
    student: {
      parameters: plainCount(loaded),
      trainable: store.trainableCount - store.count("projector"),
      hiddenSize: config.hiddenSize,
      layers: config.layers,
      vocabSize: tokenizer.vocabSize,
    },
    rows: train.length,
    heldOut: heldOut.length,
    ...(loaded.coverage && { coverage: loaded.coverage }),
    dropped,
    reading: loaded.reading,
    notes: loaded.notes,
    probes: heldOut.map(({ row }) => row.prompt),
    memory: {
      ...memory,
      parameterBytes: store.bytes,
      teacherCacheBytes: cacheBytes,
      ...(teacherWeights.bytes > 0 && { teacherWeightBytes: teacherWeights.bytes }),
    },
    plan: { ...loaded.plan.memory, changes: [] },
    logitsGap,
  };
}
