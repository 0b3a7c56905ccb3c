// Advantages of sampled tokens, and the policy gradient's loss on them. See shaders/loss/chunk_credit.wgsl.
import chunkCredit from "../../../shaders/loss/chunk_credit.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import type { Binding, Tensor } from "../../gpu/program";
import type { Tape, Var } from "../../student";

/** Both passes read and write the same tables. */
const bindings = {
  params: "uniform",
  scale: "uniform",
  chunk_of: "read",
  chunks: "read",
  student: "read",
  teacher: "read",
  advantages: "write",
  loss: "write",
} as const;
const creditKernel = defineKernel({ entry: "chunk_credit", code: [chunkCredit], bindings });
const creditBackwardKernel = defineKernel({ entry: "chunk_credit_backward", code: [chunkCredit], bindings });

/** As the shader numbers them. */
const RULES = ["by_log_prob", "by_count", "exact_boundaries", "unlikely"] as const;

export interface CreditArgs {
  /** log p of each row's label [R]. */
  readonly student: Var;
  /** log q of the teacher's labels [Rt]; left out by `unlikely`. */
  readonly teacher?: Tensor;
  /** u32 (R): the chunk of each row, or NO_ROW. */
  readonly chunkOf: Tensor;
  /** u32 (G) fours: s0, s1, t0, t1. */
  readonly chunks: Tensor;
  readonly rule: (typeof RULES)[number];
  /** As METHODS §10.6; null: no limit. */
  readonly clamp: number | null;
  readonly maxChunk: number | null;
  /** Of `unlikely`: the log-probability under which a token has −penalty. */
  readonly threshold?: number;
  readonly penalty?: number;
  readonly scale: Binding;
}

export interface RecordedCredit {
  /** [R]: A, and −A·log p. */
  readonly advantages: Tensor;
  readonly loss: Tensor;
}

/** −Σ A·log p over the rows in chunks, scaled into the objective; A is a constant. */
export function recordChunkCredit(tape: Tape, args: CreditArgs): RecordedCredit {
  const { b } = tape;
  const { student, scale, chunkOf: chunk_of, chunks } = args;
  const rows = student.value.length;
  const params = (accumulate: 0 | 1) =>
    packParams(
      ...[u32(rows), u32(RULES.indexOf(args.rule)), u32(args.maxChunk ?? 0), u32(accumulate)],
      ...[f32(args.clamp ?? 3e38), f32(args.threshold ?? 0), f32(args.penalty ?? 0)],
    );
  const advantages = b.scratch("advantages", rows);
  const loss = b.scratch("advantage loss", rows);
  const grid = [Math.ceil(rows / 64)] as const;
  const inputs = { scale, chunk_of, chunks, student: student.value };
  const teacher = args.teacher ?? student.value;
  b.dispatch(creditKernel, { params: params(0), ...inputs, teacher, advantages, loss }, grid);
  tape.push(() => {
    if (!student.needsGrad) return;
    const { tensor, accumulate } = tape.gradTarget(student);
    const outputs = { teacher: advantages, advantages: tensor, loss };
    b.dispatch(creditBackwardKernel, { params: params(accumulate ? 1 : 0), ...inputs, ...outputs }, grid);
  });
  return { advantages, loss };
}
