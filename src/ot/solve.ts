// Solving a batch on the GPU: lay it out, record a program, run it once, read the results.
import type { Gpu } from "../gpu/device";
import { ProgramBuilder, type Tensor } from "../gpu/program";
import { checkProblem, OtInputError } from "./check";
import { selfProblems } from "./cpu/solve";
import { layOut, pack, type Layout } from "./layout";
import { pitchOf, PROBLEM_WORDS, vectorLength } from "./problems";
import { recordTransport } from "./record";
import { readResult } from "./results";
import {
  checkGradient,
  checkSettings,
  DEFAULT_SETTINGS,
  type OtSettings,
  type SweepKernels,
} from "./settings";
import { kernelsFor } from "./sinkhorn";
import { hasFeatures, type OtOptions, type OtProblem, type OtResult } from "./types";
import { settingsIn, unitsOf, type Units } from "./units";

/**
 * Solve every problem, of whatever sizes, in as few runs as the adapter's limits allow.
 *
 * @throws OtInputError naming problem and field; RangeError for a setting that makes no sense.
 */
export async function solveBatch(
  gpu: Gpu,
  problems: readonly OtProblem[],
  options: OtOptions = {},
): Promise<OtResult[]> {
  const settings = { ...DEFAULT_SETTINGS, ...options };
  checkSettings(settings);
  if (options.gradient && options.gradient !== "none") checkGradient(settings, options.gradient);
  problems.forEach((p, i) => checkProblem(p, i, settings, options));

  const results = await solveAll(gpu, problems, settings, options);
  if (!options.divergence) return results;
  const own = await solveSelves(gpu, problems, settings, results);
  return results.map((r, i) => ({ ...r, divergence: r.value - 0.5 * own[2 * i]! - 0.5 * own[2 * i + 1]! }));
}

/** Values of the problems (x, x) and (y, y) of every problem, with the ε that the problem itself had. */
async function solveSelves(
  gpu: Gpu,
  problems: readonly OtProblem[],
  settings: OtSettings,
  results: readonly OtResult[],
): Promise<number[]> {
  const selves = problems.filter(hasFeatures).flatMap(selfProblems);
  const epsilons = results.flatMap((r) => [r.epsilon, r.epsilon]);
  const solved = await solveAll(gpu, selves, { ...settings, relative: false }, {}, epsilons);
  return solved.map((r) => r.value);
}

async function solveAll(
  gpu: Gpu,
  problems: readonly OtProblem[],
  settings: OtSettings,
  options: OtOptions,
  epsilons?: readonly number[],
): Promise<OtResult[]> {
  const results = new Array<OtResult>(problems.length);
  const units = problems.map((p, k) => unitsOf(p, settings, epsilons?.[k]));
  for (const { batch, kernels } of splitBatch(gpu, problems, units, settings, options)) {
    const layout = layOut(problems, units, batch, settings);
    const solved = await solveLayout(gpu, layout, settings, { ...options, kernels });
    solved.forEach((r, i) => (results[layout.order[i]!] = r));
  }
  return results;
}

/**
 * Problems in runs whose largest buffer fits the adapter, and whose sizes want the same kernels (and whose τ is the same
 * in their units): so that a problem's result does not depend on what else is in the batch, and small problems do not wait for the grid of a large one.
 */
function splitBatch(
  gpu: Gpu,
  problems: readonly OtProblem[],
  units: readonly Units[],
  settings: OtSettings,
  options: OtOptions,
): Batch[] {
  const { maxStorageBufferBindingSize: limit } = gpu.device.limits;
  const keeps = options.history || options.gradient === "unrolled";
  const relaxed = settings.tauA !== null || settings.tauB !== null;
  const open = new Map<string, { batch: number[]; used: number[] }>();
  const batches: Batch[] = [];
  problems.forEach((p, index) => {
    const kernels = options.kernels ?? kernelsFor(gpu.adapter.software, p.n, p.m);
    const vectors = p.n + pitchOf(p.m) + 4;
    const sizes = [
      p.n * pitchOf(p.m),
      vectors * (keeps ? 2 * (settings.maxIterations + 1) : 3),
      hasFeatures(p) ? Math.max(p.n, p.m) * (p.d + 3) : 0,
    ].map((elements) => elements * 4);
    if (Math.max(...sizes) > limit)
      throw new OtInputError(
        index,
        sizes[1]! > limit ? "maxIterations" : hasFeatures(p) ? "x" : "cost",
        `needs a buffer of ${Math.max(...sizes)} bytes, the adapter allows ${limit}`,
      );
    const key = `${kernels} ${relaxed ? units[index]!.unit : ""}`; // one run has one τ
    const last = open.get(key);
    const together = sizes.map((bytes, k) => bytes + (last?.used[k] ?? 0));
    if (last && last.batch.length < MAX_BATCH && Math.max(...together) <= limit) {
      last.batch.push(index);
      last.used = together;
    } else {
      const batch = [index];
      open.set(key, { batch, used: sizes });
      batches.push({ batch, kernels });
    }
  });
  return batches;
}

interface Batch {
  /** Indices of problems. */
  readonly batch: readonly number[];
  readonly kernels: SweepKernels;
}

/** A dispatch has one workgroup layer per problem, of which WebGPU allows 65535. */
const MAX_BATCH = 4096;

async function solveLayout(
  gpu: Gpu,
  layout: Layout,
  settings: OtSettings,
  options: OtOptions & { readonly kernels: SweepKernels },
): Promise<OtResult[]> {
  const { capacity, groups } = layout;
  const b = new ProgramBuilder("transport");
  const { gradient = "none" } = options;
  const features = groups.map(({ first, count, kind, d, D, x, y }) => ({
    x: b.input(`x ${first}`, x.length),
    y: b.input(`y ${first}`, y.length),
    ...{ kind, d, D, range: { first, count } },
  }));
  const vectors = vectorLength(capacity);
  const cost = b.input("cost", capacity.costElements);
  const { solved, dcost, featureGradients } = recordTransport(b, {
    problems: b.input("problems", capacity.problems * PROBLEM_WORDS),
    ...{ cost, features, capacity, gradient },
    settings: settingsIn(layout.units[0]?.unit ?? 1, settings),
    marginals: b.input("marginals", vectors),
    epsilons: b.input("epsilons", capacity.problems),
    ...(layout.warm ? { warm: b.input("warm", vectors) } : {}),
    ...(gradient === "none" ? {} : { weights: b.input("weights", capacity.problems) }),
    keepHistory: options.history === true,
    kernels: options.kernels,
  });
  const outputs: Record<string, Tensor> = {
    ...{ cost, plan: solved.plan, potentials: solved.potentials, state: solved.state },
    ...(solved.history && options.history && { history: solved.history }),
    ...(dcost && { dcost }),
  };
  featureGradients.forEach(({ dx, dy }, k) => {
    const { first } = groups[k]!; // gradients follow groups
    outputs[`dx ${first}`] = dx;
    outputs[`dy ${first}`] = dy;
  });
  for (const [name, tensor] of Object.entries(outputs)) b.output(name, tensor);

  const program = await b.build(gpu);
  try {
    const inputs = pack(layout, gradient !== "none");
    const values = await program.run(inputs, { read: Object.keys(outputs) });
    return layout.order.map((_, k) => readResult(layout, k, values, settings, gradient === "implicit"));
  } finally {
    program.destroy();
  }
}
