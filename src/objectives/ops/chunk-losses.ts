// Losses on chunks: generalized JSD of merged log-probabilities, and likelihood matching.
// See shaders/loss/mixture_divergence.wgsl and shaders/loss/likelihood_match.wgsl.
import sum4 from "../../../shaders/lib/workgroup_sum4.wgsl?raw";
import likelihoodMatch from "../../../shaders/loss/likelihood_match.wgsl?raw";
import mixtureDivergence from "../../../shaders/loss/mixture_divergence.wgsl?raw";
import { defineKernel, type Grid, type KernelSpec } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import type { Binding, Tensor } from "../../gpu/program";
import { type RowBlock, rowBlocks } from "../../gpu/tensor";
import type { Tape, Var } from "../../student";
import { recordWeightedTotal } from "./divergence";

const bindings = {
  params: "uniform",
  scale: "uniform",
  weight: "read",
  s: "read",
  t: "read",
  out: "write",
} as const;
type Names = keyof typeof bindings;

const kernel = (entry: string, code: readonly string[]): KernelSpec<Names> =>
  defineKernel({ entry, code, bindings });

const mixtureKernel = kernel("mixture_divergence", [sum4, mixtureDivergence]);
const mixtureBackwardKernel = kernel("mixture_divergence_backward", [sum4, mixtureDivergence]);
const likelihoodKernel = kernel("likelihood_match", [likelihoodMatch]);
const likelihoodBackwardKernel = kernel("likelihood_match_backward", [likelihoodMatch]);

export interface ChunkLossArgs {
  readonly student: Var;
  /** Of the student's shape: a constant. */
  readonly teacher: Tensor;
  /** (G): the weight of each chunk in the sum; a chunk of weight 0 is not read. */
  readonly weight: Tensor;
  readonly scale: Binding;
}

export interface ChunkLoss {
  /** (G): of each chunk, not weighted. */
  readonly loss: Tensor;
  /** (4): Σ weight·loss first. */
  readonly totals: Tensor;
}

/** Both are one kernel forward and one backward over the same bindings. */
function recordChunkLoss(
  tape: Tape,
  [forward, backward]: readonly [KernelSpec<Names>, KernelSpec<Names>],
  { student, teacher, weight, scale }: ChunkLossArgs,
  params: (accumulate: 0 | 1, count: number) => ArrayBuffer,
  grid: (count: number) => Grid,
): ChunkLoss {
  const { b } = tape;
  const loss = b.scratch(`${forward.entry}`, weight.length);
  const rows = weight.length;
  const inputs = (of: RowBlock["of"]) => ({ weight: of(weight), s: of(student.value), t: of(teacher) });
  for (const { count, of } of rowBlocks(rows, student.value, teacher))
    b.dispatch(forward, { params: params(0, count), scale, ...inputs(of), out: of(loss) }, grid(count));
  tape.push(() => {
    if (!student.needsGrad) return;
    const { tensor: out, accumulate } = tape.gradTarget(student);
    for (const { count, of } of rowBlocks(rows, student.value, teacher, out)) {
      const bindings = { params: params(accumulate ? 1 : 0, count), scale, ...inputs(of), out: of(out) };
      b.dispatch(backward, bindings, grid(count));
    }
  });
  return { loss, totals: recordWeightedTotal(b, weight, loss) };
}

export interface MixtureArgs extends ChunkLossArgs {
  readonly beta: number;
  /** The least log-probability of either side: log 1e-8 by default. Without one (−1e30) β is 0 or 1. */
  readonly least?: number;
  /** At β = 1: the gradient with the sum's factors held fixed. */
  readonly held?: boolean;
}

/** Σ_g weight[g] · JSD_β of rows of log-probabilities [G, C]; β = 0 is forward KL, 1 reverse. */
export function recordMixtureDivergence(tape: Tape, args: MixtureArgs): ChunkLoss {
  const [, columns = 0] = args.student.shape;
  const { beta, least = Math.log(1e-8), held = false } = args;
  const params = (accumulate: 0 | 1) =>
    packParams(u32(columns), u32(accumulate), f32(beta), f32(least), u32(held ? 1 : 0));
  return recordChunkLoss(tape, [mixtureKernel, mixtureBackwardKernel], args, params, (count) => [count]);
}

/** Σ_g weight[g] · binary cross entropy of chunk likelihoods exp(l/τ), l [G]. */
export function recordLikelihoodMatch(
  tape: Tape,
  args: ChunkLossArgs & { readonly temperature: number },
): ChunkLoss {
  const params = (accumulate: 0 | 1, count: number) =>
    packParams(u32(count), u32(accumulate), f32(1 / args.temperature));
  const kernels = [likelihoodKernel, likelihoodBackwardKernel] as const;
  return recordChunkLoss(tape, kernels, args, params, (count) => [Math.ceil(count / 64)]);
}
