// Who answers a question of the Transport screen: the CPU twin, at once, or the WGSL kernels. A GPU's answer has a
// fixed price (a program recorded, buffers made, potentials read back), so that small problems are the twin's.
import { messageOf } from "../base/errors";
import type { SolverGpu } from "./solver-gpu";
import type { ScreenSolution, ScreenProblem } from "./reader-protocol";
import { solveScreenProblem } from "./screen-problem";

/**
 * Cells times sweeps (at most) from which `auto` asks the GPU. Measured (docs/TRANSPORT.md): a GPU's answer takes some
 * 10 ms however small the problem, and on software adapters both are even at about this; a problem mostly needs fewer
 * sweeps than it may take.
 */
export const WORTH_A_GPU = 2 ** 19;
/** After so many failures the GPU is left alone until the page is opened again. */
const MOST_FAILURES = 3;

export interface SolverRoute {
  answer(question: ScreenProblem): Promise<ScreenSolution>;
}

/** `open` loads and opens the GPU; `ready` is told when an answer that the CPU gave meanwhile could be the GPU's. */
export function createSolverRoute(open: () => Promise<SolverGpu>, ready: () => void): SolverRoute {
  let gpu: SolverGpu | undefined;
  let warm = false;
  let opening: Promise<void> | undefined;
  let never: { why: "no-gpu" | "failed"; detail: string } | undefined;
  let failures = 0;
  let failure = "";

  /** A first answer of its own compiles the kernels, which may take seconds: nobody should wait for that. */
  async function warmUp(question: ScreenProblem): Promise<void> {
    try {
      gpu ??= await open();
    } catch (error) {
      never = { why: "no-gpu", detail: messageOf(error) };
    }
    if (gpu) warm = (await tryGpu(question, gpu)) !== undefined;
    opening = undefined;
    ready();
  }

  /** A GPU that fails is dropped; the next question opens it again, a few times. */
  async function tryGpu(question: ScreenProblem, device: SolverGpu): Promise<ScreenSolution | undefined> {
    try {
      return await device.solve(question);
    } catch (error) {
      if (error instanceof RangeError) return undefined; // the question is at fault: the CPU says so
      gpu = undefined;
      warm = false;
      device.destroy();
      failure = messageOf(error);
      if (++failures >= MOST_FAILURES) never = { why: "failed", detail: failure };
      return undefined;
    }
  }

  return {
    async answer(question) {
      const { solver, n, m, maxIterations } = question;
      if (solver === "cpu") return solveScreenProblem(question, "asked");
      const small = n * m * maxIterations < WORTH_A_GPU;
      if (solver === "auto" && small) return solveScreenProblem(question, "small");
      if (never) return solveScreenProblem(question, never.why, never.detail);
      if (!gpu || !warm) {
        opening ??= warmUp(question);
        return solveScreenProblem(question, "opening");
      }
      return (await tryGpu(question, gpu)) ?? solveScreenProblem(question, "failed", failure);
    },
  };
}
