// The transport plans of one row under the student's present weights: a forward program of batch 1 per bucket.
import type { MethodConfig } from "../config/run";
import { makePairBatch, type PairBatch, type PreparedRow } from "../data";
import type { Gpu } from "../gpu/device";
import { type Program, ProgramBuilder } from "../gpu/program";
import type { RecordedProbe, StepShape } from "../objectives";
import { Tape } from "../student";
import type { PlanRecord } from "../telemetry";
import type { Loaded } from "./load";
import { batchInputs, recordForward, teacherInputs } from "./step-program";
import { shapeKey, stepShape } from "./step-shape";
import type { TeacherCache } from "./teacher-cache";

export interface Probe {
  plans(row: PreparedRow): Promise<Omit<PlanRecord, "step">[]>;
  destroy(): void;
}

interface BuiltProbe {
  readonly program: Program;
  readonly recorded: RecordedProbe;
  readonly shape: StepShape;
}

export function createProbe(gpu: Gpu, loaded: Loaded, method: MethodConfig, cache: TeacherCache): Probe {
  const { objective, tokenizer, teacher } = loaded;
  const built = new Map<string, Promise<BuiltProbe>>();
  const dims = { studentWidth: loaded.model.config.hiddenSize, teacherWidth: teacher.config.hiddenSize };

  async function build(shape: StepShape): Promise<BuiltProbe> {
    if (!objective.recordProbe) throw new Error(`"${objective.id}" has no transport to probe`);
    const b = new ProgramBuilder(`probe ${shape.studentLength}×${shape.teacherLength}`);
    const tape = new Tape(b, { training: false });
    const recorded = objective.recordProbe(method, recordForward(tape, loaded.model, shape));
    return { program: await b.build(gpu), recorded, shape };
  }

  function probeFor(batch: PairBatch): Promise<BuiltProbe> {
    const shape = stepShape(batch, 1, dims);
    const key = shapeKey(shape);
    let probe = built.get(key);
    if (!probe) built.set(key, (probe = build(shape)));
    return probe;
  }

  return {
    async plans(row) {
      if (!objective.recordProbe) return [];
      await cache.ensure([row]);
      const batch = makePairBatch([row], { student: tokenizer.padId, teacher: teacher.tokenizer.padId });
      const { program, recorded, shape } = await probeFor(batch);
      const states = teacherInputs(objective.needs(method), [cache.states(row)], shape);
      const data = { ...batchInputs(batch, shape), ...states, ...recorded.inputs(batch) };
      const values = await program.run(data, { read: recorded.outputs });
      const studentTokens = responseTokenTexts(batch.student, (id) => tokenizer.tokenText(id));
      const teacherTokens = responseTokenTexts(batch.teacher, (id) => teacher.tokenizer.tokenText(id));
      return recorded.plans(values, batch).map((plan) => ({ ...plan, studentTokens, teacherTokens }));
    },
    destroy: () =>
      built.forEach((p) => void p.then(({ program }) => program.destroy()).catch(() => undefined)),
  };
}

/** A response position p is the *input* token at p: the last prompt token, then the response without eos. */
const responseTokenTexts = (side: PairBatch["student"], text: (id: number) => string): string[] =>
  Array.from(side.rows, (row) => text(side.ids[row] ?? 0));
