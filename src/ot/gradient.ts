// Recording the gradient of each problem's loss in its cost matrix, three ways. Equations: shaders/ot/*_duals.wgsl.
import type { PlanGradient } from "../config/transport";
import { defineKernel, withConstants } from "../gpu/kernel";
import { f32, packParams, u32 } from "../gpu/params";
import type { ProgramBuilder, Tensor } from "../gpu/program";
import envelopeGradientWgsl from "../../shaders/ot/envelope_gradient.wgsl?raw";
import implicitDualsWgsl from "../../shaders/ot/implicit_duals.wgsl?raw";
import implicitGradientWgsl from "../../shaders/ot/implicit_gradient.wgsl?raw";
import implicitSystemWgsl from "../../shaders/ot/implicit_system.wgsl?raw";
import passesWgsl from "../../shaders/ot/passes.wgsl?raw";
import problemWgsl from "../../shaders/ot/problem.wgsl?raw";
import unrolledDualsWgsl from "../../shaders/ot/unrolled_duals.wgsl?raw";
import unrolledEntriesWgsl from "../../shaders/ot/unrolled_entries.wgsl?raw";
import unrolledGradientWgsl from "../../shaders/ot/unrolled_gradient.wgsl?raw";
import { pitchOf, vectorLength } from "./problems";
import { checkGradient, type OtSettings } from "./settings";
import type { Solved } from "./sinkhorn";

const envelopeGradient = defineKernel({
  entry: "envelope_gradient",
  code: [problemWgsl, envelopeGradientWgsl],
  bindings: { problems: "read", plan: "read", weights: "read", dcost: "write" },
});

const implicitGradient = defineKernel({
  entry: "implicit_gradient",
  code: [problemWgsl, implicitGradientWgsl],
  bindings: {
    problems: "read",
    plan: "read",
    cost: "read",
    multipliers: "read",
    weights: "read",
    state: "read",
    dcost: "write",
  },
});

const implicitDuals = defineKernel({
  entry: "implicit_duals",
  code: [problemWgsl, passesWgsl, implicitSystemWgsl, implicitDualsWgsl],
  bindings: {
    params: "uniform",
    problems: "read",
    cost: "read",
    plan: "read",
    state: "write",
    multipliers: "write",
    potentials: "read",
    marginals: "read",
  },
});

const unrolledDuals = defineKernel({
  entry: "unrolled_duals",
  code: [problemWgsl, passesWgsl, unrolledEntriesWgsl, unrolledDualsWgsl],
  bindings: {
    params: "uniform",
    problems: "read",
    cost: "read",
    history: "read",
    marginals: "read",
    state: "read",
    plan: "read",
    adjoints: "write",
  },
});

const unrolledGradient = defineKernel({
  entry: "unrolled_gradient",
  code: [problemWgsl, unrolledEntriesWgsl, unrolledGradientWgsl],
  bindings: {
    params: "uniform",
    problems: "read",
    cost: "read",
    plan: "read",
    history: "read",
    adjoints: "read",
    weights: "read",
    state: "read",
    dcost: "write",
  },
});

/** Conjugate-gradient steps of the implicit gradient, at most, and the residual it aims for. */
const CG_STEPS = 500;
const CG_TOLERANCE = 1e-6;

/**
 * Record dcost = weight · d(loss)/dC for every problem; the loss is the settings' objective.
 *
 * @param weights what the total loss weighs each problem: f32[problems].
 * @throws RangeError when the solve cannot give this gradient.
 */
export function recordPlanGradient(
  b: ProgramBuilder,
  solved: Solved,
  gradient: PlanGradient,
  weights: Tensor,
): Tensor {
  checkGradient(solved.settings, gradient);
  // At convergence the value's gradient is the plan itself, so its implicit gradient is its envelope gradient.
  const balanced = solved.settings.tauA === null && solved.settings.tauB === null;
  if (gradient === "unrolled") return recordUnrolled(b, solved, weights);
  if (gradient === "implicit" && !(solved.settings.objective === "value" && balanced))
    return recordImplicit(b, solved, weights);
  const dcost = b.scratch("cost gradient", solved.capacity.costElements);
  const { problems, plan } = solved;
  b.dispatch(envelopeGradient, { problems, plan, weights, dcost }, elementGrid(solved));
  return dcost;
}

function recordImplicit(b: ProgramBuilder, solved: Solved, weights: Tensor): Tensor {
  const { problems, plan, cost, state, capacity, settings, potentials, marginals } = solved;
  const stride = vectorLength(capacity);
  const multipliers = b.scratch("implicit multipliers", 4 * stride);
  const { tauA, tauB } = settings;
  const center = massIsFixed(settings);
  const value = settings.objective === "value";
  const params = packParams(
    u32(CG_STEPS),
    u32(stride),
    f32(tauA ?? 0),
    f32(tauB ?? 0),
    f32(CG_TOLERANCE),
    u32(center ? 1 : 0),
    u32(value ? 1 : 0),
  );
  b.dispatch(implicitDuals, { params, problems, cost, plan, state, multipliers, potentials, marginals }, [
    capacity.problems,
  ]);
  const dcost = b.scratch("cost gradient", capacity.costElements);
  b.dispatch(
    withConstants(implicitGradient, { SLOPE: value ? 3 : center ? 2 : 1 }),
    { problems, plan, cost, multipliers, weights, state, dcost },
    elementGrid(solved),
  );
  return dcost;
}

function recordUnrolled(b: ProgramBuilder, solved: Solved, weights: Tensor): Tensor {
  const { problems, cost, plan, marginals, state, capacity, settings, history } = solved;
  if (!history) throw new RangeError(`gradient "unrolled" needs recordSinkhorn with keepHistory`);
  const stride = vectorLength(capacity);
  const value = settings.objective === "value" ? 1 : 0;
  const adjoints = b.scratch("adjoint history", (settings.maxIterations + 1) * stride);
  const center = massIsFixed(settings) ? 1 : 0;
  const { tauA, tauB } = settings;
  const params = packParams(u32(stride), u32(value), u32(center), f32(tauA ?? 0), f32(tauB ?? 0));
  const recursion = { params, problems, cost, history, marginals, state, plan, adjoints };
  b.dispatch(unrolledDuals, recursion, [capacity.problems]);
  const dcost = b.scratch("cost gradient", capacity.costElements);
  b.dispatch(
    unrolledGradient,
    {
      params: packParams(u32(stride), u32(value), u32(center)),
      ...{ problems, cost, plan, history, adjoints, weights, state, dcost },
    },
    [Math.ceil(capacity.maxCols / 32), Math.ceil(capacity.maxRows / 32), capacity.problems],
  );
  return dcost;
}

/** A constant added to C adds a constant to the loss, so its mean may be left out: better conditioned in float32. */
const massIsFixed = (s: OtSettings): boolean => s.scheme === "log" && (s.tauA === null || s.tauB === null);

const elementGrid = ({ capacity }: Solved) =>
  [Math.ceil((capacity.maxRows * pitchOf(capacity.maxCols)) / 256), capacity.problems] as const;
