// The transport plans of one row under the student's present weights: a forward program of batch 1 per bucket.
import type { MethodConfig } from "../config/run";
import type { PairBatch, PreparedRow } from "../data";
import type { Gpu } from "../gpu/device";
import { type Program, ProgramBuilder } from "../gpu/program";
import type { RecordedProbe, StepShape } from "../objectives";
import { Tape } from "../student";
import type { PlanRecord } from "../telemetry";
import type { Loaded } from "./loaded";
import { type BatchSource, dimsOf } from "./batch-source";
import { type LiveRecording, recordForward } from "./recording";
import { shapeKey, stepShape } from "./step-shape";

export interface Probe {
  plans(row: PreparedRow): Promise<Omit<PlanRecord, "step">[]>;
  destroy(): void;
}

interface BuiltProbe {
  readonly program: Program;
  readonly live: LiveRecording;
  readonly recorded: RecordedProbe;
}

export function createProbe(gpu: Gpu, loaded: Loaded, method: MethodConfig, source: BatchSource): Probe {
  const { objective, tokenizer, teacher } = loaded;
  const built = new Map<string, Promise<BuiltProbe>>();
  const dims = dimsOf(loaded);

  async function build(shape: StepShape): Promise<BuiltProbe> {
    if (!objective.recordProbe) throw new Error(`"${objective.id}" has no transport to probe`);
    const b = new ProgramBuilder(
      `probe ${shape.studentLength}×${shape.teacherLength}`,
      loaded.model.rangeBytes,
    );
    const tape = new Tape(b, { training: false });
    const live = recordForward(tape, loaded.model, loaded.teacherWeights, shape);
    const recorded = objective.recordProbe(method, live.recording);
    return { program: await b.build(gpu, undefined, loaded.pool), live, recorded };
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
      await source.ensure([row]);
      const batch = source.batch([row]);
      const { program, live, recorded } = await probeFor(batch);
      const data = { ...live.inputs(batch, source.states([row])), ...recorded.inputs(batch) };
      const values = await program.run(data, { read: recorded.outputs });
      const texts = { student: tokenizer, teacher: teacher.tokenizer };
      const tokens = (view: "main" | "plain", side: "student" | "teacher") =>
        responseTokenTexts((view === "main" ? batch : batch.plain)?.[side], (id) =>
          texts[side].tokenText(id),
        );
      return recorded.plans(values, batch).map(({ views, ...plan }) => {
        const studentTokens = tokens(views.student, "student");
        return { ...plan, studentTokens, teacherTokens: tokens(views.teacher, "teacher") };
      });
    },
    destroy: () =>
      built.forEach((p) => void p.then(({ program }) => program.destroy()).catch(() => undefined)),
  };
}

/** A response position p is the *input* token at p: the last prompt token, then the response without eos. */
const responseTokenTexts = (side: PairBatch["student"] | undefined, text: (id: number) => string): string[] =>
  Array.from(side?.rows ?? [], (row) => text(side?.ids[row] ?? 0));
