// From the rows of one step to its update: one batch, or micro-batches whose gradients add up. Programs are built
// per shape bucket, when first met.
import type { RunConfig } from "../config/run";
import { addCoverage, type PairBatch, type PreparedRow } from "../data";
import type { Gpu } from "../gpu/device";
import type { ProgramMemory } from "../gpu/program";
import type { AdamWStep } from "../student";
import type { TermGauge } from "../telemetry";
import { type BatchSource, dimsOf } from "./batch-source";
import type { Loaded } from "./loaded";
import type { Progress } from "./progress";
import {
  buildPass,
  buildStep,
  buildUpdate,
  type PassOutcome,
  type PassProgram,
  type StepOutcome,
  type StepParts,
  type StepProgram,
  sumOf,
  type UpdateProgram,
} from "./step-program";
import { shapeKey, stepShape } from "./step-shape";

export interface Stepper {
  /** The rows' teacher states must be there: `source.ensure`. */
  step(rows: readonly PreparedRow[], adamw: AdamWStep): Promise<StepResult>;
  /** Bytes of the programs built so far, by class. */
  memory(): Readonly<Record<string, number>>;
  destroy(): void;
}

interface StepResult {
  readonly outcome: StepOutcome;
  /** Response tokens of the step. */
  readonly tokens: number;
}

export function createStepper(
  gpu: Gpu,
  loaded: Loaded,
  config: RunConfig,
  source: BatchSource,
  progress: Progress,
): Stepper {
  const { batchSize, accumulation } = config;
  const { pool } = loaded;
  const parts = stepParts(loaded, config);
  const dims = dimsOf(loaded);
  const memory: Record<string, number> = {};
  const onProgress = (done: number, total: number) => progress("compiling the training step", done, total);
  const count = <T extends { readonly memory: ProgramMemory }>(program: T): T => {
    const { inputBytes, uniformBytes, outputBytes } = program.memory; // scratch is the pool's
    for (const [part, bytes] of Object.entries({ inputBytes, uniformBytes, outputBytes }))
      memory[part] = (memory[part] ?? 0) + bytes;
    return program;
  };
  const shapeOf = (batch: PairBatch) => stepShape(batch, batchSize, dims);
  const whole = buckets<StepProgram>(async (batch) =>
    count(await buildStep(gpu, parts, shapeOf(batch), pool, onProgress)),
  );
  const passes = buckets<PassProgram>(async (batch) =>
    count(await buildPass(gpu, parts, shapeOf(batch), pool, onProgress)),
  );
  let update: UpdateProgram | undefined;

  function buckets<T>(build: (batch: PairBatch) => Promise<T>) {
    const built = new Map<string, Promise<T>>();
    return {
      of(batch: PairBatch): Promise<T> {
        const key = shapeKey(shapeOf(batch));
        let program = built.get(key);
        if (!program) {
          program = build(batch);
          built.set(key, program);
          program.catch(() => built.delete(key)); // it may fit another time
        }
        return program;
      },
      all: () => [...built.values()],
    };
  }

  /** Gradients of all micro-batches, then one update. Losses are divided by the counts of the whole step. */
  async function accumulate(rows: readonly PreparedRow[], adamw: AdamWStep): Promise<StepResult> {
    const pieces = slices(rows, batchSize);
    const batches = pieces.map((piece) => source.batch(piece));
    const tokens = batches.reduce((sum, { student }) => sum + student.labels.length, 0);
    const pairs = rows.filter(({ plain }) => plain !== undefined).length;
    const { objective } = loaded;
    const chunks =
      objective.chunks && batches.reduce((sum, batch) => sum + (objective.chunks?.(batch) ?? 0), 0);
    update ??= count(await buildUpdate(gpu, loaded.model, pool));
    const outcomes: PassOutcome[] = [];
    try {
      for (const [i, piece] of pieces.entries()) {
        const batch = { ...batches[i]!, denominator: tokens, samples: rows.length, pairs, chunks }; // one per piece
        outcomes.push(await (await passes.of(batch)).run(batch, source.states(piece)));
      }
      return { outcome: { ...joinPasses(outcomes), ...(await update.run(adamw)) }, tokens };
    } catch (error) {
      loaded.model.store.clearGradients(); // the next step must not begin with half of this one
      throw error;
    }
  }

  return {
    async step(rows, adamw) {
      if (accumulation > 1) return accumulate(rows, adamw);
      const batch = source.batch(rows);
      const program = await whole.of(batch);
      const outcome = await program.run(batch, source.states(rows), adamw);
      return { outcome, tokens: batch.student.labels.length };
    },
    memory: () => ({ scratchBytes: pool.bytes, ...memory }),
    destroy() {
      update?.destroy();
      for (const program of [...whole.all(), ...passes.all()])
        void program.then((p) => p.destroy()).catch(() => undefined);
    },
  };
}

const stepParts = (
  { model, teacherWeights, objective }: Pick<Loaded, "model" | "teacherWeights" | "objective">,
  { method, gradientCheckpointing }: RunConfig,
): StepParts => ({
  model,
  weights: teacherWeights,
  objective,
  method,
  recompute: gradientCheckpointing,
});

const slices = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));

/** Each micro-batch's terms are its share of the step's: they add up. */
function joinPasses(passes: readonly PassOutcome[]): PassOutcome {
  const names = new Set(passes.flatMap(({ terms }) => Object.keys(terms)));
  const terms = Object.fromEntries(
    [...names].map((name) => [name, passes.reduce((sum, pass) => sum + (pass.terms[name] ?? 0), 0)]),
  );
  const chunks = passes.flatMap((pass) => pass.chunks ?? []);
  const coverages = passes.flatMap(({ coverage }) => coverage ?? []);
  const credit = passes.flatMap((pass) => pass.credit ?? []);
  const gauges = joinGauges(passes.flatMap((pass) => (pass.gauges ? [pass.gauges] : [])));
  return {
    terms,
    loss: sumOf(terms),
    correctTokens: passes.reduce((sum, pass) => sum + pass.correctTokens, 0),
    marginalError: Math.max(...passes.map((pass) => pass.marginalError)),
    unconverged: passes.reduce((sum, pass) => sum + pass.unconverged, 0),
    ...(chunks.length > 0 && {
      chunks: {
        counted: chunks.reduce((sum, { counted }) => sum + counted, 0),
        found: chunks.reduce((sum, { found }) => sum + found, 0),
      },
    }),
    ...(coverages.length > 0 && { coverage: addCoverage(coverages) }),
    ...(Object.keys(gauges).length > 0 && { gauges }),
    ...(credit.length > 0 && { credit }),
  };
}

/** Means of the micro-batches' means, and the largest of what is largest: micro-batches are of one size. */
function joinGauges(all: readonly Readonly<Record<string, TermGauge>>[]): Record<string, TermGauge> {
  const names = [...new Set(all.flatMap((gauges) => Object.keys(gauges)))];
  return Object.fromEntries(
    names.map((name) => {
      const of = all.flatMap((gauges) => gauges[name] ?? []);
      const mean = (value: (g: TermGauge) => number) => of.reduce((s, g) => s + value(g), 0) / of.length;
      return [
        name,
        {
          entropy: mean((g) => g.entropy),
          productEntropy: mean((g) => g.productEntropy),
          maxDeviation: Math.max(...of.map((g) => g.maxDeviation)),
        },
      ];
    }),
  );
}
