// A distillation term scaled to the size of the cross entropy of its batch, the scale a constant: sg(|CE|/|KD|)·KD. See
// shaders/loss/balance_terms.wgsl.
import flatIndex from "../../shaders/lib/flat_index.wgsl?raw";
import balanceTerms from "../../shaders/loss/balance_terms.wgsl?raw";
import type { PairBatch } from "../data";
import { defineKernel } from "../gpu/kernel";
import { packParams, u32 } from "../gpu/params";
import type { Tensor } from "../gpu/program";
import { rowRanges } from "../gpu/tensor";
import type { Tape, Var } from "../student";
import { foldGrid } from "../student/grid";
import { rowMask } from "./distillation";
import { recordWeightedTotal } from "./ops/divergence";
import { labelLogProb } from "./ops/log-softmax";
import type { RecordedTerm, Recording } from "./types";

const bindings = { params: "uniform", shares: "uniform", goal: "read", term: "read", out: "write" } as const;
const code = [flatIndex, balanceTerms];
const balanceKernel = defineKernel({ entry: "balance_terms", code, bindings });
const scaleByKernel = defineKernel({ entry: "scale_by", code, bindings });

export interface Balance {
  /** The student's logits for the term: what flows back is multiplied by the factor. */
  readonly logits: Var;
  /** Its first element, once `recordBalance` was called. */
  readonly factor: Tensor;
  /** Σ log p of the labels first. */
  readonly entropy: Tensor;
  readonly shares: Tensor;
  /** Response rows of the recording. */
  readonly rows: number;
}

export function balanced({ tape, student, shape }: Recording): Balance {
  const { b } = tape;
  const logits = student.logits();
  const logProbs = labelLogProb(tape, tape.detached(logits), student.labels()).value;
  const entropy = recordWeightedTotal(b, b.input("balance_rows", shape.studentRows), logProbs);
  const shares = b.input("balance_shares", 4, "uniform");
  const factor = b.scratch("balance factor", 4);
  const scaled = tape.result("balanced logits", logits.shape, [logits], logits.value);
  tape.record(scaled, (dy) => {
    const { tensor: dx, accumulate } = tape.gradTarget(logits);
    const parts = rowRanges(dx, 1);
    rowRanges(dy, 1).forEach(({ tensor: term, count }, i) => {
      const params = packParams(u32(count), u32(accumulate ? 1 : 0));
      const out = parts[i]?.tensor ?? dx;
      b.dispatch(scaleByKernel, { params, shares, goal: factor, term, out }, foldGrid(count));
    });
  });
  return { logits: scaled, factor, entropy, shares, rows: shape.studentRows };
}

/** @param term totals of the term, its sum first. */
export function recordBalance({ b }: Tape, { factor, entropy, shares }: Balance, term: Tensor): void {
  const params = packParams(u32(1), u32(0));
  b.dispatch(balanceKernel, { params, shares, goal: entropy, term, out: factor }, [1]);
  b.output("balance_factor", factor);
}

/** The term with its factor. @param share what a sum of the term is multiplied by to be its mean over the batch. */
export function scaledTerm(
  term: RecordedTerm,
  { rows }: Balance,
  share: (batch: PairBatch) => number,
): RecordedTerm {
  return {
    outputs: [...term.outputs, "balance_factor"],
    inputs: (batch) => ({
      ...term.inputs(batch),
      balance_rows: rowMask(batch.student.labels.length, rows),
      balance_shares: Float32Array.of(1 / batch.student.labels.length, share(batch), 0, 0),
    }),
    terms(outputs, batch) {
      const { terms, ...rest } = term.terms(outputs, batch);
      const factor = outputs["balance_factor"]?.[0] ?? NaN;
      const scaled = Object.entries(terms).map(([name, value]) => [name, factor * value]);
      return { ...rest, terms: Object.fromEntries(scaled) };
    },
  };
}
