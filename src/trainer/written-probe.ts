// One prompt, answered by the student as it is and as it was, with the teacher's word on every token: what the rollout figure shows.
import type { PreparedRow } from "../data";
import type { Gpu } from "../gpu/device";
import { type Program, ProgramBuilder } from "../gpu/program";
import { labelLogProb } from "../objectives/ops/log-softmax";
import { type Sampled, Tape } from "../student";
import type { WrittenAnswer, WrittenRecord } from "../telemetry";
import { type BatchSource, dimsOf } from "./batch-source";
import type { Loaded } from "./loaded";
import { type LiveRecording, recordForward } from "./recording";
import type { Rollouts } from "./rollouts";
import { shapeKey, stepShape } from "./step-shape";

export interface WrittenProbe {
  /** @param atStart does something with the student as it was before the first step. */
  look(
    row: PreparedRow,
    atStart: <T>(work: () => Promise<T>) => Promise<T>,
  ): Promise<Omit<WrittenRecord, "step">>;
  destroy(): void;
}

interface Built {
  readonly program: Program;
  readonly live: LiveRecording;
}

/** @param taught whether the method has the teacher's logits. */
export function createWrittenProbe(
  gpu: Gpu,
  loaded: Loaded,
  source: BatchSource,
  { rollouts, taught }: { readonly rollouts: Rollouts; readonly taught: boolean },
): WrittenProbe {
  const { model, teacherWeights, tokenizer, teacher, pool } = loaded;
  const dims = dimsOf(loaded);
  const built = new Map<string, Promise<Built>>();
  const first = new Map<PreparedRow, Promise<WrittenAnswer>>();

  /** log q of the response, by the teacher. */
  async function teacherLogProbs(row: PreparedRow): Promise<Float32Array> {
    await source.ensure([row]);
    const batch = source.batch([row]);
    const shape = stepShape(batch, 1, dims);
    const key = shapeKey(shape);
    let made = built.get(key);
    if (!made) {
      const b = new ProgramBuilder(`teacher's word ${key}`, model.rangeBytes);
      const tape = new Tape(b, { training: false });
      const live = recordForward(tape, model, teacherWeights, shape);
      const { teacher: side } = live.recording;
      const logits = tape.constant(side.logits(), [shape.teacherRows, shape.teacherVocab]);
      b.output("log_q", labelLogProb(tape, logits, side.labels()).value);
      made = b.build(gpu, undefined, pool).then((program) => ({ program, live }));
      built.set(key, made);
      made.catch(() => built.delete(key));
    }
    const { program, live } = await made;
    const { log_q } = await program.run(live.inputs(batch, source.states([row])), { read: ["log_q"] });
    return log_q.subarray(0, batch.teacher.labels.length);
  }

  async function answer(row: PreparedRow, sampled: Sampled): Promise<WrittenAnswer> {
    const side = (of: "student" | "teacher", ids: readonly number[]) => {
      const tok = of === "student" ? tokenizer : teacher.tokenizer;
      const known = (id: number) => id < tok.vocabSize;
      return ids.map((id) => {
        const end = tok.stopIds.includes(id);
        return {
          text: known(id) ? tok.tokenText(id) : `#${id}`,
          bytes: end || !known(id) ? 0 : tok.tokenBytes(id).length,
          end,
        };
      });
    };
    const { row: read } = rollouts.read(row, sampled);
    const { ids, promptLength } = read?.teacher ?? { ids: new Int32Array(), promptLength: 0 };
    const logQ = read && taught ? await teacherLogProbs(read) : undefined;
    return {
      student: side("student", sampled.tokens).map((token, i) => ({
        ...token,
        logProb: sampled.logProbs[i] ?? 0,
      })),
      teacher: side("teacher", [...ids.subarray(promptLength)]).map((token, i) => ({
        ...token,
        ...(logQ && { logProb: logQ[i] ?? 0 }),
      })),
      groups: read?.groups ?? [],
      ended: sampled.ended,
    };
  }

  const write = async (row: PreparedRow) => answer(row, await rollouts.sample(row));

  return {
    async look(row, atStart) {
      const now = await write(row);
      let before = first.get(row);
      if (!before) {
        before = atStart(() => write(row));
        first.set(row, before);
        before.catch(() => first.delete(row));
      }
      return { prompt: row.row.promptCot ?? row.row.prompt, before: await before, now };
    },
    destroy() {
      for (const made of built.values())
        void made.then(({ program }) => program.destroy()).catch(() => undefined);
    },
  };
}
