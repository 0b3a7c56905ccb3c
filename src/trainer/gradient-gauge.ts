// Whether transport moves the student: the norm of each transport term's gradient over all of the student's weights,
// against that of the cross entropy, on one row. Each term has a program of its own, forward and backward, batch 1.
import type { MethodConfig } from "../config/run";
import type { PairBatch, PreparedRow } from "../data";
import type { Gpu } from "../gpu/device";
import { type Program, ProgramBuilder } from "../gpu/program";
import type { RecordedTerm, StepShape } from "../objectives";
import { recordClearGradients, recordStudentSquares, Tape } from "../student";
import { type BatchSource, dimsOf } from "./batch-source";
import type { Loaded } from "./loaded";
import { type LiveRecording, recordForward } from "./recording";
import { shapeKey, stepShape } from "./step-shape";

export interface GradientGauge {
  /** ‖∇ term‖ / ‖∇ cross entropy‖ by the term's name; nothing for a method that has no terms to compare. */
  ratios(row: PreparedRow): Promise<Record<string, number>>;
  destroy(): void;
}

interface BuiltPart {
  readonly name: string;
  readonly program: Program;
  readonly live: LiveRecording;
  readonly recorded: RecordedTerm;
}

export function createGradientGauge(
  gpu: Gpu,
  loaded: Loaded,
  method: MethodConfig,
  source: BatchSource,
): GradientGauge {
  const { objective, pool } = loaded;
  const built = new Map<string, Promise<BuiltPart[]>>();
  const dims = dimsOf(loaded);
  const names = objective.parts?.(method) ?? [];

  async function build(shape: StepShape, name: string): Promise<BuiltPart> {
    const { b, ...part } = recordGaugePart(loaded, method, shape, name);
    return { name, ...part, program: await b.build(gpu, undefined, pool) };
  }

  async function partsFor(batch: PairBatch): Promise<BuiltPart[]> {
    const shape = stepShape(batch, 1, dims);
    const key = shapeKey(shape);
    let parts = built.get(key);
    if (!parts) built.set(key, (parts = inOrder(names, (name) => build(shape, name))));
    return parts;
  }

  return {
    async ratios(row) {
      if (names.length === 0) return {};
      await source.ensure([row]);
      const batch = source.batch([row]);
      const norms = await inOrder(await partsFor(batch), async ({ name, program, live, recorded }) => {
        const data = { ...live.inputs(batch, source.states([row])), ...recorded.inputs(batch) };
        const { squares } = await program.run(data, { read: ["squares"] });
        return [name, Math.sqrt(squares.reduce((sum, part) => sum + part, 0))] as const;
      });
      const crossEntropy = norms.find(([name]) => name === "ce")?.[1] ?? NaN;
      return Object.fromEntries(
        norms.filter(([name]) => name !== "ce").map(([name, norm]) => [name, norm / crossEntropy]),
      );
    },
    destroy: () =>
      built.forEach(
        (all) =>
          void all.then((parts) => parts.forEach(({ program }) => program.destroy())).catch(() => undefined),
      ),
  };
}

/** Record one term's gradient and its norm: nothing is allocated. */
export function recordGaugePart(
  { objective, model, teacherWeights }: Pick<Loaded, "objective" | "model" | "teacherWeights">,
  method: MethodConfig,
  shape: StepShape,
  name: string,
): Omit<BuiltPart, "name" | "program"> & { b: ProgramBuilder } {
  const b = new ProgramBuilder(`gradient of ${name}`, model.rangeBytes);
  const tape = new Tape(b);
  const live = recordForward(tape, model, teacherWeights, shape);
  if (!objective.recordPart) throw new Error(`"${objective.id}" has no single terms`);
  const recorded = objective.recordPart(method, live.recording, name);
  tape.backward();
  b.output("squares", recordStudentSquares(b, model.store));
  recordClearGradients(b, model.store); // a step that accumulates begins with none
  return { b, live, recorded };
}

/** One after the other: the programs share the gradients. */
async function inOrder<T, R>(items: readonly T[], of: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (const item of items) done.push(await of(item));
  return done;
}
