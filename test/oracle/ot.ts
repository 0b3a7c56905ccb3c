// Entropic optimal transport in float64, from the equations, with obvious loops and no cleverness.
// Everything here stays in the log domain; nothing is shared with src/ot.

export type Matrix = readonly (readonly number[])[];
export type Kind = "euclidean" | "sqeuclidean" | "cosine" | "attention";

export interface Options {
  epsilon: number;
  a?: readonly number[];
  b?: readonly number[];
  /** Exactly this many sweeps, unless `tolerance` is met before. */
  sweeps: number;
  tolerance?: number;
  tauA?: number | null;
  tauB?: number | null;
  /** Where f starts. */
  warm?: readonly number[];
}

export interface Solution {
  plan: number[][];
  f: number[];
  g: number[];
  iterations: number;
  error: number;
  cost: number;
  value: number;
  entropy: number;
  mass: number;
}

const sum = (x: readonly number[]): number => x.reduce((s, v) => s + v, 0);
const dot = (x: readonly number[], y: readonly number[]): number => sum(x.map((v, k) => v * y[k]!));

export function logSumExp(x: readonly number[]): number {
  const top = Math.max(...x);
  return top === -Infinity ? -Infinity : top + Math.log(sum(x.map((v) => Math.exp(v - top))));
}

export function costMatrix(x: Matrix, y: Matrix, kind: Kind): number[][] {
  const d = x[0]!.length;
  const norm = (v: readonly number[]) => Math.max(Math.sqrt(dot(v, v)), 1e-8);
  const squared = (p: readonly number[], q: readonly number[]) => sum(p.map((v, k) => (v - q[k]!) ** 2));
  switch (kind) {
    case "euclidean":
      return x.map((p) => y.map((q) => Math.sqrt(squared(p, q))));
    case "sqeuclidean":
      return x.map((p) => y.map((q) => squared(p, q)));
    case "cosine":
      return x.map((p) => y.map((q) => 1 - dot(p, q) / (norm(p) * norm(q))));
    case "attention":
      return x.map((p) => {
        const scores = y.map((q) => dot(p, q) / Math.sqrt(d));
        const lse = logSumExp(scores);
        return scores.map((s) => 1 - Math.exp(s - lse));
      });
  }
}

export const uniform = (n: number): number[] => new Array<number>(n).fill(1 / n);
export const meanOf = (c: Matrix): number => sum(c.flat()) / (c.length * c[0]!.length);

/** Log-domain Sinkhorn: one sweep updates g, then f. */
export function sinkhorn(cost: Matrix, options: Options): Solution {
  const { epsilon: eps, sweeps, tolerance = 0, tauA = null, tauB = null } = options;
  const { a = uniform(cost.length), b = uniform(cost[0]!.length) } = options;
  const rho = (tau: number | null) => (tau === null ? 1 : tau / (tau + eps));
  let f = a.map((mass, i) => (mass > 0 ? (options.warm?.[i] ?? 0) : -Infinity));
  let g = b.map(() => 0);
  let iterations = 0;
  let error = Infinity;
  while (iterations < sweeps && !(tolerance > 0 && error <= tolerance)) {
    g = b.map((mass, j) => {
      const lse = logSumExp(cost.map((row, i) => (f[i]! - row[j]!) / eps));
      return rho(tauB) * eps * (Math.log(mass) - lse);
    });
    f = a.map((mass, i) => {
      const lse = logSumExp(cost[i]!.map((c, j) => (g[j]! - c) / eps));
      return rho(tauA) * eps * (Math.log(mass) - lse);
    });
    iterations++;
    error = marginalError(planOf(cost, f, g, eps), f, g, a, b, tauA, tauB);
  }
  return { ...report(cost, f, g, a, b, eps), f, g, iterations, error };
}

export const planOf = (cost: Matrix, f: readonly number[], g: readonly number[], eps: number): number[][] =>
  cost.map((row, i) => row.map((c, j) => Math.exp((f[i]! + g[j]! - c) / eps)));

/** The larger of the two L1 errors; a relaxed marginal should be a·exp(−f/τ). */
export function marginalError(
  plan: Matrix,
  f: readonly number[],
  g: readonly number[],
  a: readonly number[],
  b: readonly number[],
  tauA: number | null = null,
  tauB: number | null = null,
): number {
  const wanted = (mass: number, potential: number, tau: number | null) =>
    tau === null || mass === 0 ? mass : mass * Math.exp(-potential / tau);
  const rows = plan.map((row, i) => Math.abs(sum(row) - wanted(a[i]!, f[i]!, tauA)));
  const cols = b.map((mass, j) => Math.abs(sum(plan.map((row) => row[j]!)) - wanted(mass, g[j]!, tauB)));
  return Math.max(sum(rows), sum(cols));
}

function report(
  cost: Matrix,
  f: readonly number[],
  g: readonly number[],
  a: readonly number[],
  b: readonly number[],
  eps: number,
) {
  const plan = planOf(cost, f, g, eps);
  return { plan, ...lossesOf(plan, cost, a, b, eps) };
}

function lossesOf(plan: Matrix, cost: Matrix, a: readonly number[], b: readonly number[], eps: number) {
  const xlogx = (p: number, q: number) => (p > 0 ? p * Math.log(p / q) : 0);
  const linear = sum(plan.map((row, i) => dot(row, cost[i]!)));
  const mass = sum(plan.map((row) => sum(row)));
  const entropy = -sum(plan.map((row) => sum(row.map((p) => xlogx(p, 1)))));
  const kl =
    sum(plan.map((row, i) => sum(row.map((p, j) => xlogx(p, a[i]! * b[j]!))))) - mass + sum(a) * sum(b);
  return { cost: linear, value: linear + eps * kl, entropy, mass };
}

/** The loop of CoT2Align's code, in float64: constants, order and stop rule. */
export function authorsLoop(
  cost: Matrix,
  alpha: number,
  a: readonly number[] = uniform(cost.length),
  b: readonly number[] = uniform(cost[0]!.length),
  maxIterations = 100,
  stop = 1e-9,
): { plan: number[][]; u: number[]; v: number[]; iterations: number } {
  const kernel = cost.map((row) => row.map((c) => Math.exp(-alpha * c)));
  let u = uniform(cost.length);
  let v = b.map(() => 1);
  let k = 0;
  for (let error = 1; k < maxIterations && error > stop;) {
    v = b.map((mass, j) => mass / (sum(kernel.map((row, i) => row[j]! * u[i]!)) + 1e-9));
    u = a.map((mass, i) => mass / (dot(kernel[i]!, v) + 1e-9));
    k++;
    if (k % 50 === 1)
      error = sum(b.map((mass, j) => Math.abs(v[j]! * sum(kernel.map((row, i) => row[j]! * u[i]!)) - mass)));
  }
  return { plan: kernel.map((row, i) => row.map((x, j) => u[i]! * x * v[j]!)), u, v, iterations: k };
}

/** Central differences of a scalar function of a matrix, in float64. */
export function differentiate(loss: (m: number[][]) => number, at: Matrix, h = 1e-5): number[][] {
  const m = at.map((row) => [...row]);
  return at.map((row, i) =>
    row.map((value, j) => {
      m[i]![j] = value + h;
      const up = loss(m);
      m[i]![j] = value - h;
      const down = loss(m);
      m[i]![j] = value;
      return (up - down) / (2 * h);
    }),
  );
}
