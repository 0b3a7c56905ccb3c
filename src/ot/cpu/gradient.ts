// The three gradients in the cost matrix, in float64. The equations are those of shaders/ot/*_duals.wgsl.
import type { OtSettings } from "../settings";
import { NO_MASS, type OtHistory } from "../types";
import type { Dense } from "./sinkhorn";

const CG_TOLERANCE = 1e-12;
const CG_STEPS = 2000;
const CG_RESTARTS = 2;
/** What rounding leaves of a sum of terms of size 1, and of a direction's curvature. */
const ROUNDING = 2 ** -51;
const FLAT = 2 ** -50;
const SMALL = 2 ** -10;
/** Marginals below this have no inverse. */
const LEAST = 1e-290;

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

/**
 * The derivative of the converged plan's loss: conjugate gradients on the Schur complement. `residual` is what the linear
 * system is missed by in the end, relative to its right-hand side, or to 2⁻¹⁰ of its terms where it is less than that.
 */
export function implicitGradient(
  p: Dense,
  s: OtSettings,
  eps: number,
  plan: Float64Array,
  f: Float64Array,
  g: Float64Array,
): { dcost: Float64Array; residual: number } {
  const { n, m } = p;
  const whole = slopes(p, s, eps, f, g);
  // A constant in G changes λ + μ by itself, where the mass is fixed: without it fewer digits cancel.
  const balanced = s.tauA === null && s.tauB === null;
  const mass = plan.reduce((sum, x) => sum + x, 0);
  const shift = balanced && mass > 0 ? dot(plan, whole) / mass : 0;
  const G = whole.map((x) => x - shift);
  const [r, st] = [rowSums(plan, n, m), rowSums(mul(plan, G), n, m)];
  const c = columnSums(plan, n, m);
  const invR = r.map((x) => (x > LEAST ? rhoOf(s.tauA, eps) / x : 0));
  const u = mul(st, invR);
  const part = (size: (x: number) => number, join: (x: number, y: number) => number) =>
    timesT(
      mul(
        plan,
        G.map((x, at) => join(size(x), size(u[Math.floor(at / m)]!))),
      ),
      ones(n),
      n,
      m,
    );
  const { x: mu, residual } = conjugateGradients({
    apply: (y, diagonal) => minus(mul(diagonal, y), timesT(plan, mul(times(plan, y, n, m), invR), n, m)),
    diagonal: c.map((x) => x / rhoOf(s.tauB, eps)),
    b: part(
      (x) => x,
      (x, y) => x - y,
    ),
    terms: part(Math.abs, (x, y) => x + y),
    singular: balanced,
  });
  const lambda = mul(minus(st, times(plan, mu, n, m)), invR);
  const dcost = plan.map(
    (x, at) => x && x - (x * (G[at]! - lambda[Math.floor(at / m)]! - mu[at % m]!)) / eps,
  );
  return { dcost, residual };
}

interface System {
  readonly apply: (y: Float64Array, diagonal: Float64Array) => Float64Array;
  readonly diagonal: Float64Array;
  readonly b: Float64Array;
  /** What the entries of b are sums of, in magnitude. */
  readonly terms: Float64Array;
  /** Are the constants its null space? */
  readonly singular: boolean;
}

/** Why it stops where it does: shaders/ot/implicit_duals.wgsl. Norms are those of diagonal⁻¹. */
function conjugateGradients({ apply, diagonal, b, terms, singular }: System) {
  const inverse = diagonal.map((x) => (x > LEAST ? 1 / x : 0));
  const square = (y: Float64Array) => dot(y, mul(y, inverse));
  const mass = diagonal.reduce((sum, x) => sum + x, 0);
  const project = (y: Float64Array) => {
    if (!singular || !(mass > LEAST)) return y;
    const shift = y.reduce((sum, v) => sum + v, 0) / mass;
    return y.map((v, j) => v - shift * diagonal[j]!);
  };
  const x = new Float64Array(b.length);
  let r = project(b);
  let rz = square(r);
  const first = rz;
  const enough = Math.max(first * CG_TOLERANCE ** 2, ROUNDING ** 2 * square(terms));
  for (let step = 0, round = 0; round <= CG_RESTARTS; round++) {
    let z = mul(r, inverse);
    const d = z.slice();
    for (; step < CG_STEPS && rz > enough; step++) {
      const q = apply(d, diagonal);
      const curvature = dot(d, q);
      if (!(curvature > FLAT * dot(d, mul(d, diagonal)))) break; // a direction of the null space, or none
      const length = rz / curvature;
      for (let j = 0; j < x.length; j++) x[j]! += length * d[j]!;
      r = project(r.map((v, j) => v - length * q[j]!));
      z = mul(r, inverse);
      const next = square(r);
      for (let j = 0; j < d.length; j++) d[j] = z[j]! + (next / rz) * d[j]!;
      rz = next;
    }
    r = project(minus(b, apply(x, diagonal))); // made anew
    rz = square(r);
    if (rz <= 4 * enough) break;
  }
  return { x, residual: Math.sqrt(rz / Math.max(first, SMALL ** 2 * square(terms), 1e-300)) };
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
      return x !== NO_MASS && y !== NO_MASS ? Math.exp((x + y - c) / eps) : 0;
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

const ones = (length: number): Float64Array => new Float64Array(length).fill(1);
const rowSums = (M: Float64Array, n: number, m: number) => times(M, ones(m), n, m);
const columnSums = (M: Float64Array, n: number, m: number) => timesT(M, ones(n), n, m);
