// Sinkhorn in its own thread: on the CPU for pages without WebGPU and for trying another epsilon on any plan, and
// through the WGSL kernels for the Transport screen where there is a GPU.
import { messageOf } from "../base/errors";
import { solveOnCpu } from "../parts/ot";
import { createSolverRoute } from "./solver-route";
import type { CostProblem, CostSolution, SolverCommand, SolverEvent } from "./protocol";

const route = createSolverRoute(
  async () => (await import("./solver-gpu")).openSolverGpu(navigator.gpu, self.isSecureContext),
  () => post({ type: "ready" }),
);

self.addEventListener("message", ({ data }: MessageEvent<SolverCommand>) => {
  answer(data).then(post, (error: unknown) =>
    post({ type: "failed", id: data.id, detail: messageOf(error) }),
  );
});

/** Arrays of a solution are handed over, not copied; nobody here uses them again. */
function post(event: SolverEvent): void {
  const solution = "solution" in event ? event.solution : {};
  const buffers = Object.values(solution).flatMap((value: unknown) =>
    ArrayBuffer.isView(value) ? [value.buffer] : [],
  );
  self.postMessage(event, { transfer: buffers });
}

async function answer(command: SolverCommand): Promise<SolverEvent> {
  const { id } = command;
  if (command.type === "solve") return { type: "solved", id, solution: await route.answer(command.problem) };
  return { type: "solved-cost", id, solution: solveCost(command.problem) };
}

function solveCost({ rows, cols, cost, epsilon, maxIterations, tolerance }: CostProblem): CostSolution {
  const options = { epsilon, relative: true, maxIterations, tolerance, history: true };
  const [solved] = solveOnCpu([{ n: rows, m: cols, cost }], options);
  if (!solved) throw new Error("The solver gave no answer for one problem.");
  return {
    plan: Float32Array.from(solved.plan),
    transportCost: solved.cost,
    entropy: solved.entropy,
    epsilon: solved.epsilon,
    iterations: solved.iterations,
    marginalError: solved.marginalError,
    converged: solved.converged,
    errors: Float32Array.from(solved.history?.error ?? []),
  };
}
