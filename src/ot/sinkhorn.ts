// Recording a batched Sinkhorn solve. Equations and method: shaders/ot/sinkhorn.wgsl.
import { defineKernel } from "../gpu/kernel";
import { f32, packParams, u32 } from "../gpu/params";
import type { ProgramBuilder, Tensor } from "../gpu/program";
import type { Gpu } from "../gpu/device";
import { subgroupLanes } from "../gpu/subgroups";
import passesWgsl from "../../shaders/ot/passes.wgsl?raw";
import problemWgsl from "../../shaders/ot/problem.wgsl?raw";
import sinkhornWgsl from "../../shaders/ot/sinkhorn.wgsl?raw";
import sinkhornBeginWgsl from "../../shaders/ot/sinkhorn_begin.wgsl?raw";
import sinkhornFinishWgsl from "../../shaders/ot/sinkhorn_finish.wgsl?raw";
import logWgsl from "../../shaders/ot/sinkhorn_log.wgsl?raw";
import rowsWgsl from "../../shaders/ot/sinkhorn_rows.wgsl?raw";
import subgroupRowsWgsl from "../../shaders/ot/sinkhorn_rows_subgroups.wgsl?raw";
import sweepWgsl from "../../shaders/ot/sinkhorn_sweep.wgsl?raw";
import { pitchOf, vectorLength, type OtCapacity } from "./problems";
import { checkSettings, type OtSettings, type SweepKernels } from "./settings";
import { STATE_FLOATS } from "./status";
import { recordWideSweeps, sweepScalars } from "./wide";

const sinkhornBegin = defineKernel({
  entry: "sinkhorn_begin",
  code: [problemWgsl, passesWgsl, sinkhornBeginWgsl],
  bindings: {
    params: "uniform",
    problems: "read",
    cost: "read",
    given: "read",
    warm: "read",
    marginals: "write",
    iterate: "write",
    state: "write",
    epsilons: "read",
  },
});

export const sinkhorn = defineKernel({
  entry: "sinkhorn",
  code: [problemWgsl, passesWgsl, logWgsl, sweepWgsl, rowsWgsl, sinkhornWgsl],
  bindings: {
    params: "uniform",
    problems: "read",
    cost: "read",
    marginals: "read",
    gibbs: "write",
    iterate: "write",
    state: "write",
    history: "write",
  },
});

/** The same with one read of K a sweep: for devices with subgroups, workgroups of at least maxPitch/4 threads. */
export const sinkhornFused = (WG: number) =>
  defineKernel({
    ...sinkhorn,
    code: [
      "enable subgroups;",
      ...[problemWgsl, passesWgsl, logWgsl, sweepWgsl, subgroupRowsWgsl, sinkhornWgsl],
    ],
    constants: { WG },
  });

const sinkhornFinish = defineKernel({
  entry: "sinkhorn_finish",
  code: [problemWgsl, passesWgsl, sinkhornFinishWgsl],
  bindings: {
    params: "uniform",
    problems: "read",
    cost: "read",
    marginals: "read",
    iterate: "read",
    plan: "write",
    potentials: "write",
    state: "write",
  },
});

/** Sweeps per dispatch: short enough for a watchdog at 1024×1024, long enough that dispatches cost nothing. */
const SWEEPS_PER_DISPATCH = 50;

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
  /** Which kernels sweep. Default: by the largest size, and at best on a GPU. */
  readonly kernels?: SweepKernels;
}

/** Elements of one problem from which many workgroups share it: measured on an H100 (docs/SINKHORN.md). */
const WIDE_ELEMENTS = 256 * 256;
/** A wider fused workgroup would not fit the 16 KiB of workgroup memory that every device has. */
const FUSED_MAX_COLUMNS = 512;
/** Fused workgroups come in steps of this many threads: few pipelines. */
const FUSED_STEP = 32;

/** The kernels for a problem of this size. On a software adapter the plain ones win at every size. */
export function kernelsFor(software: boolean, n: number, m: number): SweepKernels {
  if (software) return "portable";
  if (n * m >= WIDE_ELEMENTS) return "wide";
  return m <= FUSED_MAX_COLUMNS ? "fused" : "portable";
}

/** The fused kernel where the device has subgroups and columns allow it; default: skipped on software adapters; `kernels: "fused"` forces it. */
function fusedFor(gpu: Gpu, { maxCols, problems }: OtCapacity, asked: boolean) {
  const lanes = subgroupLanes(gpu);
  if (lanes === 0 || maxCols > FUSED_MAX_COLUMNS || (gpu.adapter.software && !asked)) return undefined;
  const step = Math.max(lanes, FUSED_STEP); // threads beyond the columns only cost
  return {
    spec: sinkhornFused(Math.ceil(pitchOf(maxCols) / 4 / step) * step),
    grid: [problems] as const,
  };
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
  const iterate = b.scratch("potentials and scalings", 2 * stride);
  const state = b.scratch("transport state", capacity.problems * STATE_FLOATS);
  const plan = b.scratch("plan", capacity.costElements); // the Gibbs kernel, until the last dispatch scales it
  const potentials = b.scratch("potentials", stride);
  const history = b.scratch("potential history", keepHistory ? 2 * (settings.maxIterations + 1) * stride : 4);
  const grid = [capacity.problems] as const;

  const { marginals: given, warm, epsilons } = args;
  // A kernel's bindings are all bound: what is not given is a tensor of nothing, and never read.
  const nothing = given && warm && epsilons ? undefined : b.scratch("not given", 4);
  const or = (tensor: Tensor | undefined): Tensor => tensor ?? nothing!; // there where one of them is missing
  b.dispatch(
    sinkhornBegin,
    {
      params: beginParams(args, stride),
      ...{ problems, cost, marginals, iterate, state },
      ...{ given: or(given), warm: or(warm), epsilons: or(epsilons) },
    },
    grid,
  );
  const tensors = { problems, cost, marginals, iterate, state, history };
  const { kernels = kernelsFor(false, capacity.maxRows, capacity.maxCols) } = args;
  const done =
    kernels === "wide"
      ? recordWideSweeps(b, { settings, capacity, keepHistory, logGibbs: plan, ...tensors })
      : 0;
  const sweep = {
    params: packParams(u32(SWEEPS_PER_DISPATCH), ...sweepScalars(settings, stride, keepHistory)),
    gibbs: plan,
    ...tensors,
  };
  const faster =
    kernels === "portable" ? undefined : (gpu: Gpu) => fusedFor(gpu, capacity, args.kernels === "fused");
  // One round more than sweeps: the last one measures the last sweep's error.
  const dispatches = Math.ceil((settings.maxIterations + 1 - done) / SWEEPS_PER_DISPATCH);
  for (let i = 0; i < dispatches; i++) b.dispatch(sinkhorn, sweep, grid, { faster });
  const { tolerance, tauA, tauB } = settings;
  const finish = packParams(f32(tolerance), f32(tauA ?? 0), f32(tauB ?? 0), u32(stride));
  const rest = { problems, cost, marginals, iterate, plan, potentials, state };
  b.dispatch(sinkhornFinish, { params: finish, ...rest }, grid);

  const solved = { settings, capacity, problems, cost, plan, potentials, marginals, state };
  return { ...solved, history: keepHistory ? history : undefined };
}

const beginParams = ({ settings, marginals, warm, epsilons }: SinkhornArgs, stride: number): ArrayBuffer =>
  packParams(
    f32(settings.epsilon),
    u32(settings.relative ? 1 : 0),
    u32(marginals ? 0 : 1),
    u32(warm ? 1 : 0),
    u32(stride),
    u32(settings.scheme === "multiplicative" ? 1 : 0),
    u32(epsilons ? 1 : 0),
  );
