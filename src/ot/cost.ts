// Cost matrices from features, and the way back. Equations: shaders/ot/cost_matrix.wgsl, cost_weights.wgsl.
import { COST_KINDS, type CostKind } from "../config/transport";
import { defineKernel, withConstants } from "../gpu/kernel";
import { f32, packParams, u32 } from "../gpu/params";
import type { ProgramBuilder, Tensor } from "../gpu/program";
import attentionCostWgsl from "../../shaders/ot/attention_cost.wgsl?raw";
import costWgsl from "../../shaders/ot/cost_matrix.wgsl?raw";
import costWeightsWgsl from "../../shaders/ot/cost_weights.wgsl?raw";
import featureGradientWgsl from "../../shaders/ot/feature_gradient.wgsl?raw";
import problemWgsl from "../../shaders/ot/problem.wgsl?raw";
import rowNormsWgsl from "../../shaders/ot/row_norms.wgsl?raw";
import { vectorLength, type OtCapacity, type ProblemRange } from "./problems";

const rowNorms = defineKernel({
  entry: "row_norms",
  code: [rowNormsWgsl],
  bindings: { params: "uniform", features: "read", norms: "write" },
});

const costMatrix = defineKernel({
  entry: "cost_matrix",
  code: [problemWgsl, costWgsl],
  bindings: {
    params: "uniform",
    problems: "read",
    x: "read",
    y: "read",
    x_norms: "read",
    y_norms: "read",
    cost: "write",
  },
});

const attentionCost = defineKernel({
  entry: "attention_cost",
  code: [problemWgsl, attentionCostWgsl],
  bindings: { params: "uniform", problems: "read", cost: "write" },
});

const costWeights = defineKernel({
  entry: "cost_weights",
  code: [problemWgsl, costWeightsWgsl],
  bindings: {
    params: "uniform",
    problems: "read",
    cost: "read",
    dcost: "read",
    x_norms: "read",
    y_norms: "read",
    weights: "write",
    alpha: "write",
  },
});

const featureGradient = defineKernel({
  entry: "feature_gradient",
  code: [problemWgsl, featureGradientWgsl],
  bindings: {
    params: "uniform",
    problems: "read",
    own: "read",
    other: "read",
    weights: "read",
    alpha: "read",
    grad: "write",
  },
});

export interface CostArgs {
  /** Features [rows, D] and [cols, D]; their lengths say how many rows. D is a multiple of 4. */
  readonly x: Tensor;
  readonly y: Tensor;
  readonly D: number;
  /** √ of this scales `attention`: the width before padding to a multiple of 4. Default D. */
  readonly trueD?: number;
  readonly problems: Tensor;
  readonly capacity: OtCapacity;
  /** Which problems of the table these features belong to. Default: all. */
  readonly range?: ProblemRange;
  readonly kind: CostKind;
  /** Written at each problem's place. */
  readonly cost: Tensor;
}

/** What the way back needs from the way there. */
export interface SavedCost {
  readonly xNorms: Tensor;
  readonly yNorms: Tensor;
}

/** Record the cost matrices of a range of problems. */
export function recordCost(b: ProgramBuilder, args: CostArgs): SavedCost {
  const { x, y, D, problems, capacity, kind, cost } = args;
  if (D % 4 !== 0 || D <= 0)
    throw new RangeError(`Cost features need a width that is a multiple of 4, got ${D}`);
  const { first, count } = rangeOf(args);
  const norms = (features: Tensor): Tensor => {
    if (kind !== "cosine") return b.scratch("no norms", 4); // bound, never read
    const rows = Math.floor(features.length / D);
    const out = b.scratch("row norms", rows);
    const params = packParams(u32(rows), u32(D));
    b.dispatch(rowNorms, { params, features, norms: out }, [Math.ceil(rows / 64)]);
    return out;
  };
  const saved = { xNorms: norms(x), yNorms: norms(y) };
  const params = packParams(u32(D), u32(first), f32(scaleOf(args)));
  const tiles = (length: number) => Math.ceil(length / 32);
  b.dispatch(
    withConstants(costMatrix, { KIND: COST_KINDS.indexOf(kind) }),
    { params, problems, x, y, x_norms: saved.xNorms, y_norms: saved.yNorms, cost },
    [tiles(capacity.maxCols), tiles(capacity.maxRows), count],
  );
  if (kind === "attention")
    b.dispatch(attentionCost, { params: packParams(u32(first)), problems, cost }, [
      Math.ceil(capacity.maxRows / 64),
      count,
    ]);
  return saved;
}

export interface CostBackwardArgs extends CostArgs {
  readonly saved: SavedCost;
  readonly dcost: Tensor;
  /** Gradients [rows, D] and [cols, D]; leave one out if nothing needs it. Rows in no problem get 0 (or keep theirs). */
  readonly dx?: Tensor;
  readonly dy?: Tensor;
  /** Add to what is there instead of writing. */
  readonly accumulate?: { readonly dx?: boolean; readonly dy?: boolean };
}

/** Record dx and dy from dcost. Problems of the range may share rows: their gradients are summed in order. */
export function recordCostBackward(b: ProgramBuilder, args: CostBackwardArgs): void {
  const { x, y, D, problems, capacity, kind, cost, dcost, saved, dx, dy, accumulate = {} } = args;
  const { first, count } = rangeOf(args);
  const weights = b.scratch("cost weights", capacity.costElements);
  const alpha = b.scratch("cost pull", vectorLength(capacity));
  b.dispatch(
    withConstants(costWeights, { KIND: COST_KINDS.indexOf(kind) }),
    {
      params: packParams(u32(first), f32(scaleOf(args))),
      problems,
      cost,
      dcost,
      x_norms: saved.xNorms,
      y_norms: saved.yNorms,
      weights,
      alpha,
    },
    [Math.ceil(Math.max(capacity.maxRows, capacity.maxCols) / 64), count],
  );
  const side = (SIDE: number, own: Tensor, other: Tensor, grad: Tensor, add: boolean) => {
    const rows = Math.floor(own.length / D);
    const DISTANCE = kind === "euclidean" || kind === "sqeuclidean" ? 1 : 0;
    b.dispatch(
      withConstants(featureGradient, { SIDE, DISTANCE, PULL: kind === "cosine" ? 1 : 0 }),
      {
        params: packParams(u32(first), u32(count), u32(rows), u32(D), u32(add ? 1 : 0)),
        problems,
        own,
        other,
        weights,
        alpha,
        grad,
      },
      [Math.ceil(D / 32), Math.ceil(rows / 32)],
    );
  };
  if (dx) side(0, x, y, dx, accumulate.dx ?? false);
  if (dy) side(1, y, x, dy, accumulate.dy ?? false);
}

const rangeOf = ({ range, capacity }: CostArgs): ProblemRange =>
  range ?? { first: 0, count: capacity.problems };

const scaleOf = ({ D, trueD = D }: CostArgs): number => 1 / Math.sqrt(trueD);
