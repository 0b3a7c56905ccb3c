// Sinkhorn in its own thread: on the CPU for pages without WebGPU and for trying another epsilon on any plan, and
// through the WGSL kernels for the Transport screen where there is a GPU.
import { messageOf } from "../base/errors";
import { solveOnCpu } from "../parts/ot";
import type { LabReady, LabSolution, LabSolve, Refusal, SolveReply, SolveRequest } from "./protocol";
import { createLabRoute } from "./lab-route";

const route = createLabRoute(
  async () => (await import("./lab-gpu")).openLabGpu(navigator.gpu, self.isSecureContext),
  () => self.postMessage({ type: "ready" } satisfies LabReady),
);

self.addEventListener("message", ({ data }: MessageEvent<SolveRequest | LabSolve>) => {
  const reply = "states" in data ? route.answer(data) : Promise.resolve(data).then(answer);
  reply.then(send).catch((error: unknown) => {
    const refused = messageOf(error);
    self.postMessage({ id: data.id, refused } satisfies Refusal);
  });
});

function send(reply: LabSolution | SolveReply): void {
  const buffers = Object.values(reply).flatMap((value) => (ArrayBuffer.isView(value) ? [value.buffer] : []));
  self.postMessage(reply, { transfer: buffers });
}

function answer({ id, rows, cols, cost, epsilon, maxIterations, tolerance }: SolveRequest): SolveReply {
  const options = { epsilon, relative: true, maxIterations, tolerance, history: true };
  const [solved] = solveOnCpu([{ n: rows, m: cols, cost }], options);
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
