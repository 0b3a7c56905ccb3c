// The three gradients in the cost matrix, in float64. The equations are those of shaders/ot/*_duals.wgsl.
import type { OtSettings } from "../settings";
import { NO_MASS, type OtHistory } from "../types";
import type { Dense } from "./sinkhorn";

const CG_TOLERANCE = 1e-12;
const CG_STEPS = 2000;

/** dLoss/dP: C for ⟨P,C⟩, f + g − ε log ab for the value. */
function slopes(
  p: Dense,
  s: OtSettings,
  eps: number,
  f: ArrayLike<number>,
  g: ArrayLike<number>,
): Float64Array {
  if (s.objective === "cost") return p.cost;
  return p.cost.map((_, at) => {
    const i = Math.floor(at / p.m);
    const j = at % p.m;
    const mass = p.a[i]! * p.b[j]!;
    return mass > 0 ? f[i]! + g[j]! - eps * Math.log(mass) : 0;
  });
}

const rhoOf = (tau: number | null, eps: number): number => (tau === null ? 1 : tau / (tau + eps));

/** The derivative of the converged plan's loss: conjugate gradients on the Schur complement. */
export function implicitGradient(
  p: Dense,
  s: OtSettings,
  eps: number,
  plan: Float64Array,
  f: Float64Array,
  g: Float64Array,
): Float64Array {
  const { n, m } = p;
  const G = slopes(p, s, eps, f, g);
  const [r, st] = [rowSums(plan, n, m), rowSums(mul(plan, G), n, m)];
  const [c, t] = [columnSums(plan, n, m), columnSums(mul(plan, G), n, m)];
  const invR = r.map((x) => (x > 0 ? rhoOf(s.tauA, eps) / x : 0));
  const diag = c.map((x) => x / rhoOf(s.tauB, eps));
  const invC = diag.map((x) => (x > 0 ? 1 / x : 0));
  const through = (y: Float64Array) => timesT(plan, mul(times(plan, y, n, m), invR), n, m);
  const mu = conjugateGradients(
    (y) => minus(mul(diag, y), through(y)),
    minus(t, timesT(plan, mul(st, invR), n, m)),
    invC,
  );
  const lambda = mul(minus(st, times(plan, mu, n, m)), invR);
  return plan.map((x, at) => x - (x * (G[at]! - lambda[Math.floor(at / m)]! - mu[at % m]!)) / eps);
}

function conjugateGradients(
  apply: (y: Float64Array) => Float64Array,
  b: Float64Array,
  precondition: Float64Array,
): Float64Array {
  const x = new Float64Array(b.length);
  const r = b.slice();
  let z = mul(r, precondition);
  const d = z.slice();
  let rz = dot(r, z);
  const first = rz;
  for (let k = 0; k < CG_STEPS && rz > first * CG_TOLERANCE ** 2 && rz > 1e-300; k++) {
    const q = apply(d);
    const curvature = dot(d, q);
    if (!(curvature > 0)) break;
    const step = rz / curvature;
    for (let j = 0; j < x.length; j++) {
      x[j]! += step * d[j]!;
      r[j]! -= step * q[j]!;
    }
    z = mul(r, precondition);
    const next = dot(r, z);
    for (let j = 0; j < d.length; j++) d[j] = z[j]! + (next / rz) * d[j]!;
    rz = next;
  }
  return x;
}

/** Reverse over the finite iteration, from the potentials of every sweep. */
export function unrolledGradient(p: Dense, s: OtSettings, eps: number, history: OtHistory): Float64Array {
  const { n, m } = p;
  const sweeps = history.error.length - 1;
  const fAt = (k: number) => history.f.subarray(k * n, (k + 1) * n);
  const gAt = (k: number) => history.g.subarray(k * m, (k + 1) * m);
  const entries = (f: Float64Array, g: Float64Array) =>
    p.cost.map((c, at) => {
      const x = f[Math.floor(at / m)]!;
      const y = g[at % m]!;
      return x > NO_MASS && y > NO_MASS ? Math.exp((x + y - c) / eps) : 0;
    });
  const share = (pull: Float64Array, mass: Float64Array, pot: Float64Array, tau: number | null) =>
    pull.map((x, i) => {
      if (!(mass[i]! > 0)) return 0;
      return (rhoOf(tau, eps) * x) / (tau === null ? mass[i]! : mass[i]! * Math.exp(-pot[i]! / tau));
    });
  const plan = entries(fAt(sweeps), gAt(sweeps));
  const Q = mul(plan, slopes(p, s, eps, fAt(sweeps), gAt(sweeps))).map((x) => x / eps);
  const dcost = minus(plan, Q);
  let fBar = rowSums(Q, n, m);
  let gBar = columnSums(Q, n, m);
  for (let k = sweeps; k > 0; k--) {
    const E = entries(fAt(k), gAt(k));
    const pRow = share(fBar, p.a, fAt(k), s.tauA);
    gBar = minus(gBar, timesT(E, pRow, n, m));
    const before = entries(fAt(k - 1), gAt(k));
    const qCol = share(gBar, p.b, gAt(k), s.tauB);
    fBar = times(before, qCol, n, m).map((x) => -x);
    for (let i = 0, at = 0; i < n; i++)
      for (let j = 0; j < m; j++, at++) dcost[at]! += E[at]! * pRow[i]! + before[at]! * qCol[j]!;
    gBar = new Float64Array(m);
  }
  return dcost;
}

const mul = (x: Float64Array, y: Float64Array): Float64Array => x.map((v, i) => (v === 0 ? 0 : v * y[i]!));
const minus = (x: Float64Array, y: Float64Array): Float64Array => x.map((v, i) => v - y[i]!);
const dot = (x: Float64Array, y: Float64Array): number => x.reduce((s, v, i) => s + v * y[i]!, 0);

function times(M: Float64Array, y: Float64Array, n: number, m: number): Float64Array {
  const out = new Float64Array(n);
  for (let i = 0, at = 0; i < n; i++) for (let j = 0; j < m; j++, at++) out[i]! += M[at]! * y[j]!;
  return out;
}

function timesT(M: Float64Array, x: Float64Array, n: number, m: number): Float64Array {
  const out = new Float64Array(m);
  for (let i = 0, at = 0; i < n; i++) for (let j = 0; j < m; j++, at++) out[j]! += M[at]! * x[i]!;
  return out;
}

const rowSums = (M: Float64Array, n: number, m: number) => times(M, new Float64Array(m).fill(1), n, m);
const columnSums = (M: Float64Array, n: number, m: number) => timesT(M, new Float64Array(n).fill(1), n, m);
