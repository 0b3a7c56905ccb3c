// The Transport screen's problems through the WGSL kernels. This file is loaded with the first question that a GPU
// should answer, so that the CPU twin is there at once.
import { adapterName, openGpu, type Gpu } from "../gpu/device";
import { solve } from "../parts/ot";
import type { ScreenSolution, ScreenProblem } from "./reader-protocol";
import { otProblemOf, toSolution } from "./screen-problem";

export interface SolverGpu {
  readonly adapter: string;
  /** @throws whatever the device has to complain about; it is of no more use then. */
  solve(question: ScreenProblem): Promise<ScreenSolution>;
  destroy(): void;
}

/** @throws NoGpuError when there is none. */
export const openSolverGpu = async (
  implementation: GPU | undefined,
  secureContext: boolean,
): Promise<SolverGpu> => solverGpuOn(await openGpu(implementation, { secureContext }));

export function solverGpuOn(gpu: Gpu): SolverGpu {
  const adapter = adapterName(gpu.adapter);
  return {
    adapter,
    async solve(question) {
      const started = performance.now();
      const { problem, options } = otProblemOf(question);
      const [solved] = await solve([problem], options, { device: gpu.device });
      gpu.check();
      return toSolution(problem.cost, solved, { device: "gpu", adapter }, started);
    },
    destroy: () => gpu.destroy(),
  };
}
