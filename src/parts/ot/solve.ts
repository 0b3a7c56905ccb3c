// One question to either solver: the WGSL kernels, or their twin in float64.
import { adapterName, NoGpuError, type Gpu } from "../../gpu/device";
import { GpuMemoryError, KernelError, lossOf } from "../../gpu/failures";
import { OtInputError } from "../../ot/check";
import { solutionsOnCpu, solveBatchOnCpu } from "../../ot/cpu";
import type { OtOptions, OtProblem, OtResult } from "../../ot/types";
import { gpuOf, sharedGpu } from "./device";
import { optionsOf, problemsOf, type RowsProblem } from "./problems";

export interface SolveTarget {
  /**
   * A GPUDevice of yours; `"gpu"`: one that is opened here; `"cpu"`: the float64 twin; `"auto"` (default): a GPU where
   * there is one, else the twin. What answered stands in every solution's `by`.
   */
  readonly device?: GPUDevice | "gpu" | "cpu" | "auto";
}

export type SolvedBy =
  | { readonly device: "gpu"; readonly adapter: string }
  /** `why`: "asked", or what there is instead of a GPU. */
  | { readonly device: "cpu"; readonly why: string };

export interface Solution extends OtResult {
  readonly by: SolvedBy;
}

/**
 * Solve every problem, of whatever sizes up to 1024×1024, mixed as they come.
 *
 * @param problems cost matrices n×m, or features n×d and m×d; flat and row-major with their sizes, or as lists of rows.
 * @param settings what differs from DEFAULT_SETTINGS; and `gradient`, `divergence`, `history`.
 * @returns one solution per problem, in their order. The units of `cost`, `value`, `epsilon` and the potentials are those
 *   of the costs; a plan has the masses' unit.
 * @throws OtInputError naming problem and field; RangeError for a setting that makes no sense; NoGpuError with
 *   `device: "gpu"` where there is none; GpuMemoryError, KernelError; Error when the device is lost meanwhile.
 */
export async function solve(
  problems: readonly (OtProblem | RowsProblem)[],
  settings: OtOptions = {},
  { device = "auto" }: SolveTarget = {},
): Promise<Solution[]> {
  const [list, options] = [problemsOf(problems), optionsOf(settings)];
  if (device === "cpu") return onCpu(list, options, "asked");
  if (device !== "auto") return onGpu(device === "gpu" ? await sharedGpu() : gpuOf(device), list, options);
  try {
    await sharedGpu();
  } catch (error) {
    if (error instanceof NoGpuError) return onCpu(list, options, error.message);
    throw error;
  }
  return onGpu(await sharedGpu(), list, options);
}

/** The float64 twin at once, for a worker that has nothing else to do. @throws as `solve` */
export const solveOnCpu = (
  problems: readonly (OtProblem | RowsProblem)[],
  settings: OtOptions = {},
): OtResult[] => solveBatchOnCpu(problemsOf(problems), optionsOf(settings));

/** After so long at a stretch the thread is let go between two problems. */
const STRETCH_MS = 16;

async function onCpu(problems: readonly OtProblem[], options: OtOptions, why: string): Promise<Solution[]> {
  const solutions: Solution[] = [];
  let since = performance.now();
  for (const result of solutionsOnCpu(problems, options)) {
    solutions.push({ ...result, by: { device: "cpu", why } });
    if (performance.now() - since < STRETCH_MS) continue;
    await new Promise((resolve) => setTimeout(resolve));
    since = performance.now();
  }
  return solutions;
}

async function onGpu(gpu: Gpu, problems: readonly OtProblem[], options: OtOptions): Promise<Solution[]> {
  const { solveBatch } = await import("../../ot/solve");
  const by = { device: "gpu", adapter: adapterName(gpu.adapter) } as const;
  try {
    return (await solveBatch(gpu, problems, options)).map((result) => ({ ...result, by }));
  } catch (error) {
    throw await explained(error, gpu);
  }
}

/** A lost device fails with words that say nothing. */
async function explained(error: unknown, gpu: Gpu): Promise<unknown> {
  const named = [OtInputError, RangeError, GpuMemoryError, KernelError];
  if (named.some((kind) => error instanceof kind)) return error;
  const loss = await lossOf(gpu);
  if (!loss) return error;
  const detail = loss.message || loss.reason;
  return new Error(`The GPU device was lost while it solved (${detail}). Open another one and ask again.`, {
    cause: error,
  });
}
