// Sinkhorn on the CPU in its own thread: for pages without WebGPU, and for trying another epsilon on any plan.
import { solveBatchOnCpu } from "../ot/cpu";
import { labSolve } from "./lab-solve";
import type { LabSolve, SolveReply, SolveRequest } from "./protocol";

self.addEventListener("message", (message: MessageEvent<SolveRequest | LabSolve>) => {
  const question = message.data;
  const reply = "states" in question ? labSolve(question) : answer(question);
  const buffers = Object.values(reply).flatMap((value) => (ArrayBuffer.isView(value) ? [value.buffer] : []));
  self.postMessage(reply, { transfer: buffers });
});

function answer({ id, rows, cols, cost, epsilon, maxIterations, tolerance }: SolveRequest): SolveReply {
  const options = { epsilon, relative: true, maxIterations, tolerance, history: true };
  const [solved] = solveBatchOnCpu([{ n: rows, m: cols, cost }], options);
  if (!solved) throw new Error("The solver gave no answer for one problem.");
  return {
    id,
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
