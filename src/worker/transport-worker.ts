// Sinkhorn on the CPU in its own thread: for pages without WebGPU, and for trying another epsilon on any plan.
import type { SolveReply, SolveRequest } from "./protocol";

self.addEventListener("message", (message: MessageEvent<SolveRequest>) => {
  const reply = solve(message.data);
  self.postMessage(reply, { transfer: [reply.plan.buffer, reply.errors.buffer] });
});

/** Log-domain Sinkhorn with uniform marginals, in float64. */
function solve({ id, rows, cols, cost, epsilon, maxIterations, tolerance }: SolveRequest): SolveReply {
  const eps = epsilon * (cost.reduce((sum, c) => sum + c, 0) / cost.length);
  const f = new Float64Array(rows);
  const g = new Float64Array(cols);
  const errors: number[] = [];
  const terms = new Float64Array(Math.max(rows, cols));
  const logMass = (i: number, j: number) => ((f[i] ?? 0) + (g[j] ?? 0) - (cost[i * cols + j] ?? 0)) / eps;
  let marginalError = Number.POSITIVE_INFINITY;
  while (errors.length < maxIterations && marginalError > tolerance) {
    for (let j = 0; j < cols; j++) {
      g[j] = 0;
      for (let i = 0; i < rows; i++) terms[i] = logMass(i, j);
      g[j] = -eps * (Math.log(cols) + logSumExp(terms, rows));
    }
    marginalError = 0;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < cols; j++) terms[j] = logMass(i, j);
      const logRow = logSumExp(terms, cols);
      marginalError += Math.abs(Math.exp(logRow) - 1 / rows);
      f[i] = (f[i] ?? 0) - eps * (Math.log(rows) + logRow);
    }
    errors.push(marginalError);
  }
  return { id, ...measure(rows, cols, cost, logMass), epsilon: eps, iterations: errors.length, marginalError, converged: marginalError <= tolerance, errors: Float32Array.from(errors) };
}

function measure(rows: number, cols: number, cost: Float32Array, logMass: (i: number, j: number) => number) {
  const plan = new Float32Array(rows * cols);
  let transportCost = 0;
  let entropy = 0;
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < cols; j++) {
      const log = logMass(i, j);
      const mass = Math.exp(log);
      plan[i * cols + j] = mass;
      transportCost += mass * (cost[i * cols + j] ?? 0);
      if (mass > 0) entropy -= mass * log;
    }
  return { plan, transportCost, entropy };
}

function logSumExp(terms: Float64Array, count: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) largest = Math.max(largest, terms[i] ?? largest);
  let sum = 0;
  for (let i = 0; i < count; i++) sum += Math.exp((terms[i] ?? 0) - largest);
  return largest + Math.log(sum);
}
