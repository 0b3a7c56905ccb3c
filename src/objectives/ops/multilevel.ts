// The parts of MultiLevelOT. See shaders/loss/z_scale.wgsl, pick_top.wgsl, multilevel_token.wgsl, l1_cost.wgsl.
import sum4 from "../../../shaders/lib/workgroup_sum4.wgsl?raw";
import l1Cost from "../../../shaders/loss/l1_cost.wgsl?raw";
import multilevelToken from "../../../shaders/loss/multilevel_token.wgsl?raw";
import pickTop_ from "../../../shaders/loss/pick_top.wgsl?raw";
import sampleSums from "../../../shaders/loss/sample_sums.wgsl?raw";
import zScale_ from "../../../shaders/loss/z_scale.wgsl?raw";
import problem from "../../../shaders/ot/problem.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import type { Binding, Tensor } from "../../gpu/program";
import { rowBlocks } from "../../gpu/tensor";
import {
  DEFAULT_SETTINGS,
  type OtCapacity,
  type OtSettings,
  recordPlanGradient,
  recordSinkhorn,
} from "../../ot";
import type { Tape, Var } from "../../student";
import { recordFill } from "../../student/ops/fill";
import { recordWeightedTotal } from "./divergence";
import { rowKernel } from "./softmax-stats";
import { recordSortRows } from "./sort-rows";

const scaleBindings = {
  params: "uniform",
  x: "read",
  dy: "read",
  stats: "write",
  out: "write",
} as const;
const zScaleKernel = defineKernel({
  entry: "z_scale",
  code: [sum4, zScale_],
  bindings: scaleBindings,
});
const zScaleBackwardKernel = defineKernel({ ...zScaleKernel, entry: "z_scale_backward" });

const sampleSumsKernel = defineKernel({
  entry: "sample_sums",
  code: [sampleSums],
  bindings: { params: "uniform", ranges: "read", x: "read", out: "write" },
});

const pickBindings = {
  params: "uniform",
  sample: "read",
  order: "read",
  x: "read",
  kept: "read",
  out: "write",
} as const;
const pickTopKernel = defineKernel({ entry: "pick_top", code: [pickTop_], bindings: pickBindings });
const pickTopBackwardKernel = defineKernel({ ...pickTopKernel, entry: "pick_top_backward" });

const tokenBindings = {
  params: "uniform",
  scale: "uniform",
  pairs: "read",
  weight: "read",
  a: "read",
  b: "read",
  out: "write",
} as const;
const multilevelTokenKernel = defineKernel({
  entry: "multilevel_token",
  code: [sum4, multilevelToken],
  bindings: tokenBindings,
});
const multilevelTokenBackwardKernel = defineKernel({
  ...multilevelTokenKernel,
  entry: "multilevel_token_backward",
});

const costBindings = {
  params: "uniform",
  problems: "read",
  x: "read",
  y: "read",
  dcost: "read",
  out: "write",
} as const;
const l1CostKernel = defineKernel({
  entry: "l1_cost",
  code: [problem, l1Cost],
  bindings: costBindings,
});
const l1CostBackwardKernel = defineKernel({ ...l1CostKernel, entry: "l1_cost_backward" });

/** [R, V] → [R, V]: each row divided by T and its own standard deviation. */
export function zScale(tape: Tape, x: Var, temperature: number): Var {
  const { b } = tape;
  const [rows = 0, vocab = 0] = x.shape;
  const label = `scaled ${x.label}`;
  const y = tape.result(label, [rows, vocab], [x], b.scratchLike(label, x.value));
  const stats = b.scratch(`${x.label} spread`, 2 * rows);
  const params = (accumulate: boolean) => packParams(u32(vocab), u32(accumulate ? 1 : 0), f32(temperature));
  for (const { count, of } of rowBlocks(rows, x.value, y.value)) {
    const inputs = { x: of(x.value), stats: of(stats), dy: of(x.value) };
    const forward = { params: params(false), ...inputs, out: of(y.value) };
    b.dispatch(rowKernel(zScaleKernel, vocab), forward, [count]);
  }
  tape.record(y, (dy) => {
    const { tensor: out, accumulate } = tape.gradTarget(x);
    for (const { count, of } of rowBlocks(rows, x.value, dy, out)) {
      const inputs = { x: of(x.value), stats: of(stats), dy: of(dy) };
      const backward = { params: params(accumulate), ...inputs, out: of(out) };
      b.dispatch(rowKernel(zScaleBackwardKernel, vocab), backward, [count]);
    }
  });
  return y;
}

export interface TopArgs {
  /** u32 (B) pairs: the rows [from, to) of each sample. */
  readonly ranges: Tensor;
  /** u32 (B): 0, 1, 2, …; NO_ROW where there is no sample. */
  readonly samples: Tensor;
  /** u32 (R): the sample of each row, or NO_ROW. */
  readonly sampleOf: Tensor;
  readonly top: number;
}

/** Log-probabilities [R, V] → [R, top]: probabilities of the tokens that are likeliest over the sample, in that order. */
export function pickTop(tape: Tape, x: Var, { ranges, samples, sampleOf, top }: TopArgs): Var {
  const { b } = tape;
  const [rows = 0, vocab = 0] = x.shape;
  const count = samples.length;
  const sums = b.scratch(`${x.label} sums`, count * vocab);
  for (const block of rowBlocks(rows, x.value)) {
    const params = packParams(u32(vocab), u32(block.first), u32(block.count));
    const sumBindings = { params, ranges, x: block.of(x.value), out: sums };
    b.dispatch(sampleSumsKernel, sumBindings, [Math.ceil(vocab / 64), count]);
  }
  const { order } = recordSortRows(b, { values: sums, vocab, rows: samples, withOrder: true });
  if (!order) throw new Error("a sort that was asked for its order has one");
  const y = tape.result(`${x.label} top`, [rows, top], [x]);
  const params = packParams(u32(vocab), u32(top));
  const grid = (some: number) => [Math.ceil(top / 64), some] as const;
  for (const block of rowBlocks(rows, x.value)) {
    const source = block.of(x.value);
    const inputs = { params, sample: block.of(sampleOf), order, x: source, kept: source };
    b.dispatch(pickTopKernel, { ...inputs, out: block.of(y.value) }, grid(block.count));
  }
  tape.record(y, (dy) => {
    const { tensor: out, accumulate } = tape.gradTarget(x);
    if (!accumulate) recordFill(b, out, 0);
    for (const { count: some, of } of rowBlocks(rows, out)) {
      const inputs = { params, sample: of(sampleOf), order, x: of(dy), kept: of(y.value) };
      b.dispatch(pickTopBackwardKernel, { ...inputs, out: of(out) }, grid(some));
    }
  });
  return y;
}

export interface TokenLevelArgs {
  /** [Rs, K] and [Rt, K] of leading probabilities; the teacher's are constants. */
  readonly student: Var;
  readonly teacher: Tensor;
  /** u32 (P) pairs of rows, NO_ROW where there is none. A student row occurs once at most. */
  readonly pairs: Tensor;
  readonly weight: Tensor;
  readonly entropyWeight: number;
  readonly scale: Binding;
}

/** (4): Σ_p weight[p]·(‖a − b‖₁ + w·CE) first. */
export function recordTokenLevel(tape: Tape, args: TokenLevelArgs): Tensor {
  const { b } = tape;
  const { student, teacher, pairs, weight, entropyWeight, scale } = args;
  const [, top = 0] = student.shape;
  const count = pairs.length / 2;
  const loss = b.scratch("token level", count);
  const params = packParams(u32(top), f32(entropyWeight));
  const inputs = { params, scale, pairs, weight, a: student.value, b: teacher };
  b.dispatch(multilevelTokenKernel, { ...inputs, out: loss }, [count]);
  tape.push(() => {
    if (!student.needsGrad) return;
    const { tensor: out, accumulate } = tape.gradTarget(student);
    if (!accumulate) recordFill(b, out, 0);
    b.dispatch(multilevelTokenBackwardKernel, { ...inputs, out }, [count]);
  });
  return recordWeightedTotal(b, weight, loss);
}

export interface SequenceLevelArgs {
  /** [Rs, K] and [Rt, K] of log-probabilities; the teacher's are constants. */
  readonly student: Var;
  readonly teacher: Tensor;
  readonly problems: Tensor;
  readonly capacity: OtCapacity;
  /** (problems): the weight of each ⟨P, C⟩ in the objective, the plan's mass counted as 1. */
  readonly weights: Tensor;
  readonly epsilon: number;
  readonly iterations: number;
}

/**
 * Σ_p weights[p]·⟨P, C⟩ with C the L1 distances of rows and P after a fixed number of Sinkhorn sweeps, differentiated
 * through every sweep. Returns the solver's state.
 */
export function recordSequenceLevel(tape: Tape, args: SequenceLevelArgs): Tensor {
  const { b } = tape;
  const { student, teacher, problems, capacity, weights, epsilon, iterations } = args;
  const [, width = 0] = student.shape;
  const settings: OtSettings = {
    ...DEFAULT_SETTINGS,
    ...{ epsilon, relative: false, maxIterations: iterations, tolerance: 0 },
  };
  const cost = b.scratch("sequence cost", capacity.costElements);
  const inputs = { params: packParams(u32(width)), problems, x: student.value, y: teacher };
  const grid = [capacity.maxRows, capacity.problems] as const;
  b.dispatch(l1CostKernel, { ...inputs, dcost: teacher, out: cost }, grid);
  const solved = recordSinkhorn(b, { cost, problems, capacity, settings, keepHistory: tape.training });
  tape.push(() => {
    if (!student.needsGrad) return;
    const dcost = recordPlanGradient(b, solved, "unrolled", weights);
    const { tensor: out, accumulate } = tape.gradTarget(student);
    if (!accumulate) recordFill(b, out, 0);
    b.dispatch(l1CostBackwardKernel, { ...inputs, dcost, out }, grid);
  });
  return solved.state;
}
