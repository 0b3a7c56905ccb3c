// Sinkhorn on the CPU in its own thread: for pages without WebGPU, and for trying another epsilon on any plan.
import { solveBatchOnCpu } from "../ot/cpu";
import type { SolveReply, SolveRequest } from "./protocol";

self.addEventListener("message", (message: MessageEvent<SolveRequest>) => {
  const reply = answer(message.data);
  self.postMessage(reply, { transfer: [reply.plan.buffer, reply.errors.buffer] });
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
