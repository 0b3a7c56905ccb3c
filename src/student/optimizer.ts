// Global-norm clipping and AdamW, each in one dispatch per arena segment. See shaders/optim.
import flatIndex from "../../shaders/lib/flat_index.wgsl?raw";
import isFinite_ from "../../shaders/lib/is_finite.wgsl?raw";
import workgroupSum from "../../shaders/lib/workgroup_sum.wgsl?raw";
import adamw_ from "../../shaders/optim/adamw.wgsl?raw";
import clipScale_ from "../../shaders/optim/clip_scale.wgsl?raw";
import hyper_ from "../../shaders/optim/hyper.wgsl?raw";
import sumSquares_ from "../../shaders/optim/sum_squares.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { packParams, u32 } from "../gpu/params";
import type { DispatchOptions, ProgramBuilder, Tensor } from "../gpu/program";
import { foldGrid } from "./grid";
import { onHardware, onSoftware } from "./hardware";
import { recordFill } from "./ops/fill";
import { recordSumParts } from "./ops/sum-parts";
import type { ParamStore } from "./params";

export const sumSquaresKernel = defineKernel({
  entry: "sum_squares",
  code: [workgroupSum, sumSquares_],
  bindings: { params: "uniform", g: "read", parts: "write" },
});

export const clipScaleKernel = defineKernel({
  entry: "clip_scale",
  code: [isFinite_, hyper_, clipScale_],
  bindings: { params: "uniform", hyper: "uniform", parts: "read", loss: "read", verdict: "write" },
});

export const adamwKernel = defineKernel({
  entry: "adamw",
  code: [flatIndex, hyper_, adamw_],
  bindings: {
    params: "uniform",
    hyper: "uniform",
    verdict: "read",
    g: "read",
    p: "write",
    m: "write",
    v: "write",
  },
});

/** AdamW at one step; rates as the schedule has them by then. */
export interface AdamWStep {
  readonly learningRate: number;
  readonly projectorLearningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  readonly clipNorm: number;
  /** 1-based. */
  readonly step: number;
}

/** Elements of the uniform input `hyper`: nine floats, rounded up to 16 bytes. */
export const HYPER_ELEMENTS = 12;

/** The values of `Hyper`, in the order of the WGSL struct. Bias corrections are computed here, in float64. */
export function packHyper(s: AdamWStep): Float32Array {
  const values = new Float32Array(HYPER_ELEMENTS);
  const bias1 = 1 - s.beta1 ** s.step;
  const rootBias2 = Math.sqrt(1 - s.beta2 ** s.step);
  values.set([s.learningRate, s.projectorLearningRate, s.beta1, s.beta2, s.eps, s.weightDecay, s.clipNorm]);
  values.set([bias1, rootBias2], 7);
  return values;
}

/** Gradients become zero: the start of a step that accumulates. */
export function recordClearGradients(b: ProgramBuilder, store: ParamStore): void {
  for (const { tensors } of store.segments) recordFill(b, tensors.grads, 0);
}

/** Workgroups that sum one segment's squares. */
const MAX_PARTS = 64;

/** Partial sums of squares of the student's gradients, projectors left out; their sum is the squared norm. */
export function recordStudentSquares(b: ProgramBuilder, { segments, ends: [, student] }: ParamStore): Tensor {
  const own = segments
    .map(({ base, length, tensors }) => ({ length: Math.min(length, student - base), g: tensors.grads }))
    .filter(({ length }) => length > 0);
  const groups = own.map(({ length }) => Math.min(MAX_PARTS, Math.ceil(length / 64)));
  const parts = b.scratch(
    "student squares",
    groups.reduce((total, n) => total + n, 0),
  );
  let first = 0;
  for (const [i, { length, g }] of own.entries()) {
    const grid = groups[i] ?? 0;
    b.dispatch(sumSquaresKernel, { params: packParams(u32(length), u32(first)), g, parts }, [grid]);
    first += grid;
  }
  return parts;
}

/** On hardware a segment's squares are summed by up to 2048 workgroups: 64 for each of so many elements. */
const ROUND = 2 ** 16;
const MOST_ROUNDS = 32;

/** Partial sums of squares, as many for each segment as `groups` says. */
function recordSquares(
  b: ProgramBuilder,
  segments: ParamStore["segments"],
  groups: readonly number[],
  only?: DispatchOptions["only"],
): Tensor {
  const parts = b.scratch(
    "norm parts",
    groups.reduce((total, n) => total + n, 0),
  );
  let first = 0;
  for (const [i, { length, tensors }] of segments.entries()) {
    const grid = groups[i] ?? 0;
    const params = packParams(u32(length), u32(first));
    b.dispatch(sumSquaresKernel, { params, g: tensors.grads, parts }, [grid], { only });
    first += grid;
  }
  return parts;
}

/**
 * Clip the gradient by its global norm and take one AdamW step: one dispatch of each kind per segment, and on hardware
 * one more for the norm of a large model.
 *
 * @param loss its elements must be finite too, or nothing is updated.
 * @returns the verdict (4): gradient norm before clipping, clipping factor, 1 if the update was applied, 0.
 */
export function recordClipAndAdamW(
  b: ProgramBuilder,
  store: ParamStore,
  hyper: Tensor,
  loss?: Tensor,
): { verdict: Tensor } {
  const { segments, ends } = store;
  const verdict = b.scratch("verdict", 4);
  const judge = (parts: Tensor, only?: DispatchOptions["only"]) => {
    const finite = packParams(u32(parts.length), u32(loss?.length ?? 0));
    const bindings = { params: finite, hyper, parts, loss: loss ?? parts, verdict };
    b.dispatch(clipScaleKernel, bindings, [1], { only });
  };
  const few = segments.map(({ length }) => Math.min(MAX_PARTS, Math.ceil(length / 64)));
  const many = segments.map(({ length }) => MAX_PARTS * Math.min(MOST_ROUNDS, Math.ceil(length / ROUND)));
  if (many.every((n) => n === MAX_PARTS)) judge(recordSquares(b, segments, few));
  else {
    judge(recordSquares(b, segments, few, onSoftware), onSoftware);
    const parts = b.scratch("norm", MAX_PARTS);
    const out = { out: parts, accumulate: false };
    recordSumParts(b, recordSquares(b, segments, many, onHardware), out, { only: onHardware });
    judge(parts, onHardware);
  }
  const [studentDecay, student, projectorDecay] = ends;
  for (const { base, length, tensors } of segments) {
    const params = packParams(u32(length), u32(base), u32(studentDecay), u32(student), u32(projectorDecay));
    const { params: p, grads: g, m, v } = tensors;
    b.dispatch(adamwKernel, { params, hyper, verdict, g, p, m, v }, foldGrid(length));
  }
  return { verdict };
}
