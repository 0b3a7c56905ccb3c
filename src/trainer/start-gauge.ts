// How far the student has gone from where it began: KL(now ‖ start) at the tokens that it has just written, exact at each of them
// (a sum over the vocabulary), so that its mean estimates the divergence of whole answers per token.
import type { RunConfig } from "../config/run";
import { makePairBatch, type PreparedRow, type SideBatch } from "../data";
import type { Gpu } from "../gpu/device";
import { f32, packParams } from "../gpu/params";
import { type Program, ProgramBuilder } from "../gpu/program";
import { expectedTensors, loadStudentWeights, type ModelFiles } from "../models";
import { recordDivergence } from "../objectives/ops/divergence";
import {
  createModel,
  createParamStore,
  gatherRows,
  type NewParameter,
  type ParamStore,
  recordHead,
  recordModel,
  type StudentModel,
  studentParameters,
  Tape,
} from "../student";
import { dimsOf } from "./batch-source";
import type { Loaded } from "./loaded";
import { paddedIds, paddedRows } from "./recording";
import { stepShape } from "./step-shape";

export interface StartGauge {
  /** Nats per response token of these rows. */
  divergence(rows: readonly PreparedRow[]): Promise<number>;
  destroy(): void;
}

/** The weights that a run begins with, frozen; adapters sit on such already, and need no copy. */
export interface StartModel {
  readonly model: StudentModel;
  destroy(): void;
}

const frozen = (parameters: readonly NewParameter[]): NewParameter[] =>
  parameters.map((parameter) => ({ ...parameter, trainable: false }));

/** Its memory without its values. */
export function placeStart(
  gpu: Gpu,
  { config, lora, store }: StudentModel,
): StartModel & { readonly store: ParamStore } {
  const shapes = new Map([...expectedTensors(config)].map(([name, shape]) => [name, { shape }]));
  const own = lora ? undefined : createParamStore(gpu, frozen(studentParameters(shapes)));
  const model = createModel(gpu, config, own ?? store);
  return {
    model,
    store: own ?? store,
    destroy() {
      model.destroy();
      own?.destroy();
    },
  };
}

export async function openStart(gpu: Gpu, live: StudentModel, files: ModelFiles): Promise<StartModel> {
  const start = placeStart(gpu, live);
  if (!live.lora)
    await start.store.fill(frozen(studentParameters((await loadStudentWeights(files)).tensors)));
  return start;
}

/** Σ over the response rows of KL(live ‖ start), as the output "totals". */
export function recordStartGauge(
  live: StudentModel,
  start: StudentModel,
  {
    batch: B,
    length: T,
    rows: R,
  }: { readonly batch: number; readonly length: number; readonly rows: number },
): ProgramBuilder {
  const b = new ProgramBuilder(`kl to start ${B}×${T}`, live.rangeBytes);
  const tape = new Tape(b, { training: false });
  const [ids, rows] = [b.input("ids", B * T), b.input("rows", R)];
  const logitsOf = (model: StudentModel) =>
    recordHead(tape, model, gatherRows(tape, recordModel(tape, model, { B, T, ids }).hidden, rows));
  const { totals } = recordDivergence(tape, {
    ...{ student: logitsOf(live), teacher: logitsOf(start).value, rowWeight: b.input("weight", R) },
    ...{ divergence: "reverse_kl", temperature: 1, scale: packParams(f32(1), f32(0), f32(0), f32(0)) },
  });
  b.output("totals", totals);
  return b;
}

export function createStartGauge(
  gpu: Gpu,
  loaded: Pick<Loaded, "model" | "teacher" | "tokenizer" | "pool">,
  { batchSize }: RunConfig,
  start: StartModel,
): StartGauge {
  const { model, tokenizer, teacher, pool } = loaded;
  const padIds = { student: tokenizer.padId, teacher: teacher.tokenizer.padId };
  const programs = new Map<string, Promise<Program>>();
  const dims = dimsOf(loaded);

  async function sumOf(side: SideBatch, T: number, R: number): Promise<number> {
    const key = `${T} ${R}`;
    const shape = { batch: batchSize, length: T, rows: R };
    let program = programs.get(key);
    if (!program)
      programs.set(key, (program = recordStartGauge(model, start.model, shape).build(gpu, undefined, pool)));
    const weight = new Float32Array(R).fill(1, 0, side.rows.length);
    const data = { ids: paddedIds(side, batchSize, T), rows: paddedRows(side, T, R), weight };
    const { totals } = await (await program).run(data, { read: ["totals"] });
    return totals[0] ?? NaN;
  }

  return {
    async divergence(rows) {
      let [sum, tokens] = [0, 0];
      for (let i = 0; i < rows.length; i += batchSize) {
        const batch = makePairBatch(rows.slice(i, i + batchSize), padIds);
        const { studentLength, studentRows } = stepShape(batch, batchSize, dims);
        sum += await sumOf(batch.student, studentLength, studentRows);
        tokens += batch.student.labels.length;
      }
      return sum / Math.max(1, tokens);
    },
    destroy() {
      start.destroy();
      for (const program of programs.values()) void program.then((p) => p.destroy()).catch(() => undefined);
    },
  };
}
