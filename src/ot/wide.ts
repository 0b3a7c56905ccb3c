// Recording sweeps that many workgroups share. Equations and method: shaders/ot/wide.wgsl.
import { defineKernel, withConstants } from "../gpu/kernel";
import { f32, packParams, type Scalar, u32 } from "../gpu/params";
import type { ProgramBuilder, Tensor } from "../gpu/program";
import problemWgsl from "../../shaders/ot/problem.wgsl?raw";
import wideWgsl from "../../shaders/ot/wide.wgsl?raw";
import wideColumnsWgsl from "../../shaders/ot/wide_columns.wgsl?raw";
import wideControlWgsl from "../../shaders/ot/wide_control.wgsl?raw";
import wideRowsWgsl from "../../shaders/ot/wide_rows.wgsl?raw";
import { pitchOf, vectorLength, type OtCapacity } from "./problems";
import { PUBLISHED_CHECK_EVERY, PUBLISHED_DELTA, MAX_SIDE, RELAX_AFTER, type OtSettings } from "./settings";

const wideColumns = defineKernel({
  entry: "wide_columns",
  code: [problemWgsl, wideWgsl, wideColumnsWgsl],
  bindings: {
    params: "uniform",
    problems: "read",
    cost: "read",
    log_gibbs: "read",
    marginals: "read",
    iterate: "read",
    state: "read",
    log_scalings: "write",
  },
});

const wideControl = defineKernel({
  entry: "wide_control",
  code: [problemWgsl, wideWgsl, wideControlWgsl],
  bindings: {
    params: "uniform",
    problems: "read",
    log_scalings: "write",
    iterate: "write",
    state: "write",
    history: "write",
  },
});

const wideRows = defineKernel({
  entry: "wide_rows",
  code: [problemWgsl, wideWgsl, wideRowsWgsl],
  bindings: {
    params: "uniform",
    problems: "read",
    cost: "read",
    log_gibbs: "write",
    marginals: "read",
    iterate: "write",
    state: "read",
    log_scalings: "write",
  },
});

/** Columns of a stripe, rows of a block, and stripes of the widest problem, as in shaders/ot/wide.wgsl. */
const STRIPE = 32;
const BLOCK = 8;
const STRIPES = MAX_SIDE / STRIPE;

export interface WideArgs {
  readonly settings: OtSettings;
  readonly capacity: OtCapacity;
  readonly keepHistory: boolean;
  readonly problems: Tensor;
  readonly cost: Tensor;
  readonly marginals: Tensor;
  /** R = log K; K in the end. */
  readonly logGibbs: Tensor;
  readonly iterate: Tensor;
  readonly state: Tensor;
  readonly history: Tensor;
}

/** Wide sweeps are recorded one by one and cost a little even when all is done, so there are not more than this. */
const MOST_ROUNDS = 600;

/**
 * Record sweeps between `sinkhorn_begin` and `sinkhorn_finish`. They leave what `sinkhorn` leaves.
 *
 * @returns how many there are; what is missing to maxIterations + 1 is for `sinkhorn` to do.
 */
export function recordWideSweeps(b: ProgramBuilder, args: WideArgs): number {
  const { settings, capacity, keepHistory, problems, cost, marginals, logGibbs, iterate, state, history } =
    args;
  const stride = vectorLength(capacity);
  const log_scalings = b.scratch("log scalings", 2 * (stride + capacity.problems * STRIPES));
  const params = packParams(...sweepScalars(settings, stride, keepHistory));
  const sums = { params, problems, cost, log_gibbs: logGibbs, marginals, iterate, state, log_scalings };
  const stripes = [Math.ceil(pitchOf(capacity.maxCols) / STRIPE), capacity.problems] as const;
  const blocks = [Math.ceil(capacity.maxRows / BLOCK), capacity.problems] as const;
  // One round more than sweeps: the last one measures the last sweep's error, and has no rows.
  const rounds = Math.min(settings.maxIterations + 1, MOST_ROUNDS);
  for (let k = 0; k < rounds; k++) {
    b.dispatch(wideColumns, sums, stripes);
    b.dispatch(wideControl, { params, problems, log_scalings, iterate, state, history }, [capacity.problems]);
    if (k < settings.maxIterations) b.dispatch(wideRows, sums, blocks);
  }
  b.dispatch(withConstants(wideRows, { LAST: 1 }), sums, blocks);
  return rounds;
}

/** What every sweep kernel is told of a solve, in the order of their structs' common part. */
export function sweepScalars(s: OtSettings, stride: number, keepHistory: boolean): readonly Scalar[] {
  const multiplicative = s.scheme === "multiplicative";
  return [
    u32(s.maxIterations),
    u32(multiplicative ? 1 : 0),
    u32(keepHistory ? 1 : 0),
    f32(stopAt(s)),
    f32(s.tauA ?? 0),
    f32(s.tauB ?? 0),
    f32(s.relaxation),
    u32(RELAX_AFTER),
    u32(multiplicative ? PUBLISHED_CHECK_EVERY : 1),
    f32(multiplicative ? PUBLISHED_DELTA : 0),
    f32(s.epsilonScaling),
    u32(stride),
  ];
}

/**
 * Stop a little below the tolerance, so that the error summed anew from the plan is below it too. What a relaxed marginal
 * should be hangs on its potential, whose rounding counts as well.
 */
const STOP_MARGIN = 0.9;
const RELAXED_MARGIN = 0.5;

/** The error at which sweeps stop; the authors' loop stops at its tolerance exactly. */
function stopAt({ scheme, tolerance, tauA, tauB }: OtSettings): number {
  if (scheme === "multiplicative") return tolerance;
  return tolerance * (tauA === null && tauB === null ? STOP_MARGIN : RELAXED_MARGIN);
}
