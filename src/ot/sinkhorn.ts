// Recording a batched Sinkhorn solve. Equations and method: shaders/ot/sinkhorn.wgsl.
import { defineKernel } from "../gpu/kernel";
import { f32, packParams, u32 } from "../gpu/params";
import type { ProgramBuilder, Tensor } from "../gpu/program";
import logPassesWgsl from "../../shaders/ot/log_passes.wgsl?raw";
import passesWgsl from "../../shaders/ot/passes.wgsl?raw";
import problemWgsl from "../../shaders/ot/problem.wgsl?raw";
import sinkhornWgsl from "../../shaders/ot/sinkhorn.wgsl?raw";
import sinkhornBeginWgsl from "../../shaders/ot/sinkhorn_begin.wgsl?raw";
import sinkhornFinishWgsl from "../../shaders/ot/sinkhorn_finish.wgsl?raw";
import sweepWgsl from "../../shaders/ot/sweep.wgsl?raw";
import { vectorLength, type OtCapacity } from "./problems";
import { checkSettings, KERNEL_CHECK_EVERY, KERNEL_DELTA, RELAX_AFTER, type OtSettings } from "./settings";
import { STATE_FLOATS } from "./status";

export const sinkhornBegin = defineKernel({
  entry: "sinkhorn_begin",
  code: [problemWgsl, passesWgsl, sinkhornBeginWgsl],
  bindings: {
    params: "uniform",
    problems: "read",
    matrix: "read",
    given: "read",
    warm: "read",
    marginals: "write",
    potentials: "write",
    state: "write",
    epsilons: "read",
  },
});

export const sinkhorn = defineKernel({
  entry: "sinkhorn",
  code: [problemWgsl, passesWgsl, logPassesWgsl, sweepWgsl, sinkhornWgsl],
  bindings: {
    params: "uniform",
    problems: "read",
    cost: "read",
    marginals: "read",
    matrix: "write",
    potentials: "write",
    state: "write",
    history: "write",
  },
});

export const sinkhornFinish = defineKernel({
  entry: "sinkhorn_finish",
  code: [problemWgsl, passesWgsl, sinkhornFinishWgsl],
  bindings: {
    params: "uniform",
    problems: "read",
    cost: "read",
    marginals: "read",
    potentials: "read",
    matrix: "write",
    duals: "write",
    state: "write",
  },
});

/** Sweeps per dispatch: short enough for a watchdog at 1024×1024, long enough that dispatches cost nothing. */
const SWEEPS_PER_DISPATCH = 50;
/** Stop a little below the tolerance, so that the error summed anew from the plan is below it too. */
const STOP_MARGIN = 0.9;

export interface SinkhornArgs {
  readonly cost: Tensor;
  readonly problems: Tensor;
  readonly capacity: OtCapacity;
  readonly settings: OtSettings;
  /** Masses (R+S), laid out like the potentials; zeros allowed. Default: uniform. */
  readonly marginals?: Tensor;
  /** Potentials (R+S) of an earlier solve: the row part is where f starts. */
  readonly warm?: Tensor;
  /** ε of each problem, f32[problems], in place of the settings': > 0 absolute, < 0 relative to the mean cost. */
  readonly epsilons?: Tensor;
  /** Keep the potentials of every sweep, for the unrolled gradient. */
  readonly keepHistory?: boolean;
}

/** What a solve leaves behind, all on the GPU. */
export interface Solved {
  readonly settings: OtSettings;
  readonly capacity: OtCapacity;
  readonly problems: Tensor;
  readonly cost: Tensor;
  /** Ragged, like the cost. Padding columns hold 0. */
  readonly plan: Tensor;
  /** Potentials (R+S): f at each problem's f, g at its g. −1e30 where there is no mass. */
  readonly potentials: Tensor;
  readonly marginals: Tensor;
  /** STATE_FLOATS per problem; `readStatus` names them. */
  readonly state: Tensor;
  /** (maxIterations+1, 2(R+S)) when asked for: per sweep the potentials f⁰, g⁰ and the scalings on top of them. */
  readonly history: Tensor | undefined;
}

/** Record a solve of every problem in the table. */
export function recordSinkhorn(b: ProgramBuilder, args: SinkhornArgs): Solved {
  const { cost, problems, capacity, settings, keepHistory = false } = args;
  checkSettings(settings);
  const stride = vectorLength(capacity);
  const marginals = b.scratch("marginals", stride);
  const potentials = b.scratch("potentials and scalings", 2 * stride);
  const state = b.scratch("transport state", capacity.problems * STATE_FLOATS);
  const matrix = b.scratch("plan", capacity.costElements);
  const duals = b.scratch("potentials", stride);
  const history = b.scratch("potential history", keepHistory ? 2 * (settings.maxIterations + 1) * stride : 4);
  const grid = [capacity.problems] as const;

  const begin = {
    params: beginParams(args, stride),
    problems,
    matrix: cost,
    given: args.marginals ?? cost, // bound, not read, when uniform
    warm: args.warm ?? cost,
    marginals,
    potentials,
    state,
    epsilons: args.epsilons ?? cost,
  };
  b.dispatch(sinkhornBegin, begin, grid);
  const params = sweepParams(settings, stride, keepHistory);
  const sweep = { params, problems, cost, marginals, matrix, potentials, state, history };
  // One round more than sweeps: the last one measures the last sweep's error.
  const dispatches = Math.ceil((settings.maxIterations + 1) / SWEEPS_PER_DISPATCH);
  for (let i = 0; i < dispatches; i++) b.dispatch(sinkhorn, sweep, grid);
  const { tolerance, tauA, tauB } = settings;
  const finish = packParams(f32(tolerance), f32(tauA ?? 0), f32(tauB ?? 0), u32(stride));
  const rest = { problems, cost, marginals, potentials, matrix, duals, state };
  b.dispatch(sinkhornFinish, { params: finish, ...rest }, grid);

  const solved = { settings, capacity, problems, cost, plan: matrix, potentials: duals, marginals, state };
  return { ...solved, history: keepHistory ? history : undefined };
}

const beginParams = ({ settings, marginals, warm, epsilons }: SinkhornArgs, stride: number): ArrayBuffer =>
  packParams(
    f32(settings.epsilon),
    u32(settings.relative ? 1 : 0),
    u32(marginals ? 0 : 1),
    u32(warm ? 1 : 0),
    u32(stride),
    u32(settings.scheme === "kernel" ? 1 : 0),
    u32(epsilons ? 1 : 0),
  );

function sweepParams(s: OtSettings, stride: number, keepHistory: boolean): ArrayBuffer {
  const kernel = s.scheme === "kernel";
  return packParams(
    u32(SWEEPS_PER_DISPATCH),
    u32(s.maxIterations),
    u32(kernel ? 1 : 0),
    u32(keepHistory ? 1 : 0),
    f32(s.tolerance * (kernel ? 1 : STOP_MARGIN)),
    f32(s.tauA ?? 0),
    f32(s.tauB ?? 0),
    f32(s.relaxation),
    u32(RELAX_AFTER),
    u32(kernel ? KERNEL_CHECK_EVERY : 1),
    f32(kernel ? KERNEL_DELTA : 0),
    f32(s.epsilonScaling),
    u32(stride),
  );
}
