// A run: loaded models and rows, step after step. The page's worker and the headless runner both drive this.
import { isOnPolicy, type RunConfig } from "../config/run";
import { deriveSeed } from "../config/rng";
import { createSampler, type PreparedRow, type Row, type SamplerState, type View } from "../data";
import type { Gpu } from "../gpu/device";
import { ELEMENT_BYTES } from "../gpu/program";
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
import { withReadableErrors } from "./failure";
import { createGradientGauge } from "./gradient-gauge";
import { createGradientRatios } from "./gradient-ratios";
import { loadRun, unload } from "./load";
import type { Loaded, RunSources } from "./loaded";
import type { Progress } from "./progress";
import { openOnPolicy } from "./on-policy";
import { createProbe } from "./probe";
import { aroundText } from "./reading";
import { profileStep, type TrialStep, timeSteps } from "./trial-steps";
import { promptsOf } from "./rollouts";
import { adamwStep, notFinite, timed, nothingLearned, stepRecord, withCredit } from "./step-record";
import { createStepper } from "./stepper";
import { createRunLog, exportedFiles } from "./student-export";
import { createTeacherCache } from "./teacher-cache";
import { heldOutRow, runFacts } from "./run-facts";

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
  const needs = loaded.teacherWeights.live ? [] : loaded.objective.needs(config.method);
  const set = isOnPolicy(config.data) ? undefined : loaded.teacherStates; // what it writes is new at every step
  const cache = createTeacherCache(loaded.teacher, needs, { set, gpu: gpu.device });
  const source = createBatchSource(loaded, cache);
  const onPolicy = await openOnPolicy(gpu, config, loaded, source);
  return new TrainingRun({ gpu, config, sources, progress, loaded, cache, source, onPolicy });
}

interface RunParts {
  readonly gpu: Gpu;
  readonly config: RunConfig;
  readonly sources: RunSources;
  readonly progress: Progress;
  readonly loaded: Loaded;
  readonly cache: ReturnType<typeof createTeacherCache>;
  readonly source: ReturnType<typeof createBatchSource>;
  readonly onPolicy: Awaited<ReturnType<typeof openOnPolicy>>;
}

/** Lives from its models' loading to `destroy`; `#at` steps are done, and `#upcoming` are the rows of the next one. */
class TrainingRun implements Run {
  readonly config: RunConfig;
  readonly #gpu: Gpu;
  readonly #sources: RunSources;
  readonly #loaded: Loaded;
  readonly #onPolicy: RunParts["onPolicy"];
  readonly #store: Loaded["model"]["store"];
  /** Terms whose weight is 0. */
  readonly #unweighted: readonly string[];
  readonly #cache: RunParts["cache"];
  readonly #source: RunParts["source"];
  readonly #stepper: ReturnType<typeof createStepper>;
  readonly #probe: ReturnType<typeof createProbe>;
  readonly #gradients: ReturnType<typeof createGradientRatios>;
  readonly #writer: ReturnType<typeof createAnswers>;
  readonly #log: ReturnType<typeof createRunLog>;
  #sampler: ReturnType<typeof createSampler>;
  /** Before `#upcoming` was drawn. */
  #drawn: SamplerState;
  #upcoming: readonly number[];
  #at = 0;

  constructor({ gpu, config, sources, progress, loaded, cache, source, onPolicy }: RunParts) {
    const { objective, model } = loaded;
    this.config = config;
    this.#gpu = gpu;
    this.#sources = sources;
    this.#loaded = loaded;
    this.#onPolicy = onPolicy;
    this.#store = model.store;
    this.#unweighted = objective.unweighted?.(config.method, loaded.tokens) ?? [];
    this.#cache = cache;
    this.#source = source;
    this.#stepper = createStepper(gpu, loaded, config, source, progress);
    this.#probe = createProbe(gpu, loaded, config.method, source);
    this.#gradients = createGradientRatios(
      config.probe.gradientRatio ? createGradientGauge(gpu, loaded, config.method, source) : undefined,
      (row) => heldOutRow(loaded, row),
    );
    this.#writer = createAnswers(gpu, loaded, config, (work) => this.#atStart(work));
    this.#log = createRunLog(config, aroundText(loaded.tokenizer));
    this.#sampler = this.#newSampler();
    this.#drawn = this.#sampler.state();
    this.#upcoming = this.#sampler.next();
  }

  get at(): number {
    return this.#at;
  }

  get checkpointBytes(): number {
    return this.#store.trainableCount * 3 * ELEMENT_BYTES;
  }

  facts(): RunFacts {
    return runFacts(this.#loaded, this.#stepper.memory(), this.#cache.bytes);
  }

  step(): Promise<StepRecord> {
    return this.#guarded(() => this.#step());
  }

  firstSteps(): readonly StepRecord[] {
    return this.#log.first();
  }

  rows(): readonly Row[] {
    return [...new Set(this.#loaded.train.map(({ row }) => row))];
  }

  profile(): Promise<StepProfile> {
    return this.#guarded(() => this.#tryOut((one) => profileStep(this.#gpu, one)));
  }

  pace(): Promise<PaceRecord> {
    return this.#guarded(() => this.#tryOut(timeSteps));
  }

  plans(row: number): Promise<PlanRecord[]> {
    return this.#guarded(async () => {
      const ratios = await this.#gradients.of(row, this.#at);
      return (await this.#probe.plans(heldOutRow(this.#loaded, row))).map((plan) => {
        const gradientRatio = ratios[`ot_${plan.layer}`];
        return { ...plan, step: this.#at, ...(gradientRatio !== undefined && { gradientRatio }) };
      });
    });
  }

  answers(row: number): Promise<AnswerRecord> {
    return this.#guarded(async () => ({
      ...(await this.#writer.compare(heldOutRow(this.#loaded, row))),
      step: this.#at,
    }));
  }

  written(row: number): Promise<WrittenRecord | undefined> {
    return this.#guarded(async () => {
      const looked = this.#onPolicy?.look(heldOutRow(this.#loaded, row), (work) => this.#atStart(work));
      return looked && { ...(await looked), step: this.#at };
    });
  }

  evaluate(view?: View): Promise<EvaluationRecord> {
    return this.#guarded(() => this.#evaluate(view));
  }

  grade(view?: View): Promise<readonly Grade[]> {
    return this.#guarded(() => this.#writer.grade(this.#loaded.heldOut, view));
  }

  async reset(): Promise<void> {
    await this.#store.reset();
    this.#gradients.forget();
    this.#seekTo(0);
    this.#log.clear();
  }

  checkpoint(): Promise<Uint8Array> {
    return this.#guarded(async () => {
      const { fingerprint: student } = this.#loaded;
      const state = await this.#store.save();
      return encodeCheckpoint(
        { step: this.#at, sampler: this.#drawn, config: this.config, student, state },
        this.#store,
      );
    });
  }

  async restore(bytes: Uint8Array): Promise<void> {
    const saved = await decodeCheckpoint(bytes, this.#store);
    checkSameRun(saved.config, this.config);
    checkSameStudent(saved.student, this.#loaded.fingerprint);
    checkSameRows(saved.sampler, this.#loaded.train.length);
    this.#store.restore(saved.state);
    this.#gradients.forget();
    this.#seekTo(saved.step, saved.sampler);
    this.#log.clear();
  }

  async exportStudent(): Promise<Map<string, Uint8Array>> {
    const folder = new Map<string, Uint8Array>();
    for await (const [path, bytes] of this.exportFiles()) folder.set(path, bytes);
    return folder;
  }

  async keepTeacherStates(): Promise<TeacherStateCounts> {
    await this.#cache.flush();
    return {
      ...this.#cache.counts,
      ...(this.#cache.trouble !== undefined && { trouble: this.#cache.trouble }),
    };
  }

  async destroy(): Promise<void> {
    await this.#cache.flush();
    this.#cache.destroy();
    this.#stepper.destroy();
    this.#probe.destroy();
    this.#gradients.destroy();
    this.#onPolicy?.destroy();
    this.#writer.destroy();
    await unload(this.#loaded);
  }

  #seekTo(step: number, state?: SamplerState): void {
    this.#sampler = this.#newSampler();
    if (state) this.#sampler.restore(state);
    this.#drawn = this.#sampler.state();
    this.#upcoming = this.#sampler.next();
    this.#at = step;
  }

  /** With the weights that the run began with. */
  #atStart<T>(work: () => Promise<T>): Promise<T> {
    return this.#at === 0 ? work() : this.#store.atStart(work);
  }

  #guarded<T>(work: () => Promise<T>): Promise<T> {
    return withReadableErrors(this.#gpu, () => this.#at, work);
  }

  #rowsOf(indices: readonly number[]): PreparedRow[] {
    return indices.flatMap((i) => this.#loaded.train[i] ?? []);
  }

  #newSampler(): ReturnType<typeof createSampler> {
    const { batchSize, accumulation, seed } = this.config;
    const rows = this.#onPolicy ? promptsOf(this.config) : batchSize * accumulation;
    return createSampler(this.#loaded.train.length, rows, deriveSeed(seed, "data"));
  }

  async #step(): Promise<StepRecord> {
    const [from, before] = [this.#at, this.#drawn];
    try {
      const { record } = await this.#take();
      const { row, everySteps } = this.config.probe;
      return this.#log.stepped(
        this.#at % everySteps === 0 ? await this.#gradients.add(record, row, this.#at) : record,
      );
    } catch (error) {
      if (this.#at === from) this.#seekTo(from, before); // the run stands where it stood; else the step itself was done
      throw error;
    }
  }

  /** Steps that leave no trace: weights, moments, data order and log are then as they were. */
  async #tryOut<T>(work: (step: TrialStep) => Promise<T>): Promise<T> {
    const [from, before, state] = [this.#at, this.#drawn, await this.#store.save()];
    try {
      return await work(() => this.#take());
    } finally {
      this.#store.restore(state);
      this.#seekTo(from, before);
      this.#gradients.forget();
    }
  }

  async #take(): ReturnType<TrialStep> {
    const started = performance.now();
    const written = await this.#onPolicy?.write(this.#rowsOf(this.#upcoming), this.#at + 1);
    const rows = written?.rows ?? this.#rowsOf(this.#upcoming);
    const teacherFirst = await timed(this.#source.ensure(rows));
    const adamw = adamwStep(this.config, this.#at + 1);
    const running = rows.length > 0 ? this.#stepper.step(rows, adamw) : Promise.resolve(nothingLearned);
    this.#drawn = this.#sampler.state();
    this.#upcoming = this.#sampler.next();
    // The teacher works while the GPU does, unless the student has yet to write what it reads.
    const prefetch = this.#onPolicy
      ? Promise.resolve(teacherFirst)
      : timed(this.#source.ensure(this.#rowsOf(this.#upcoming)));
    prefetch.catch(() => undefined); // heard of below, unless the step fails first
    const { outcome, tokens } = await running;
    const teacherMs = await prefetch;
    if (written) this.#cache.forget(written.own.map((row) => row.teacher));
    if (!outcome.updated) throw notFinite(outcome, this.#at + 1);
    this.#at++;
    const ms = performance.now() - started;
    const record = stepRecord(outcome, tokens, {
      step: this.#at,
      ms,
      learningRate: adamw.learningRate,
      unweighted: this.#unweighted,
    });
    const rollout = written && withCredit(written.record, outcome.credit);
    return { record: rollout ? { ...record, rollout } : record, teacherMs };
  }

  async #evaluate(view?: View): Promise<EvaluationRecord> {
    const record = { ...(await this.#writer.evaluate(this.#loaded.heldOut, view)), step: this.#at };
    if (view !== undefined && view !== this.config.data.view) return record; // the log is of the run's own view
    this.#log.evaluated(record);
    return record;
  }

  async *exportFiles(): AsyncGenerator<readonly [string, Uint8Array]> {
    const { device, tidy } = this.#sources;
    const files = exportedFiles(this.#gpu, this.#loaded, { device, tidy }, this.#log.manifest(this.#at));
    for (;;) {
      const next = await this.#guarded(() => files.next());
      if (next.done) return;
      yield next.value;
    }
  }
}
