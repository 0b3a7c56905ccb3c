// Sinkhorn in float64 on the CPU: the method of shaders/ot/sinkhorn.wgsl for pages without WebGPU.
// K = exp((f+g−C)/ε) is kept and sweeps scale it; a scaling out of range sends that half-step to the log domain.
import { PUBLISHED_CHECK_EVERY, PUBLISHED_DELTA, RELAX_AFTER, type OtSettings } from "../settings";
import { NO_MASS } from "../types";

export interface Dense {
  readonly n: number;
  readonly m: number;
  readonly cost: Float64Array;
  readonly a: Float64Array;
  readonly b: Float64Array;
  /** Warm start of f. */
  readonly warm: ArrayLike<number> | undefined;
}

/** The potential of a row or column without mass, in here: no cost, however large, comes near it. */
const NOTHING = -Infinity;

/** Scalings within e^±100 lose nothing in float64. */
const RANGE = Math.exp(100);

export class Sinkhorn {
  readonly kernel: Float64Array;
  readonly f: Float64Array;
  readonly g: Float64Array;
  readonly u: Float64Array;
  readonly v: Float64Array;
  readonly #sums: Float64Array;
  iterations = 0;
  error = NaN;

  constructor(
    readonly p: Dense,
    readonly s: OtSettings,
    readonly eps: number,
  ) {
    this.kernel = new Float64Array(p.n * p.m);
    this.f = Float64Array.from(p.a, (mass, i) => (mass > 0 ? (p.warm?.[i] ?? 0) : NOTHING));
    this.g = new Float64Array(p.m);
    this.u = new Float64Array(p.n).fill(1);
    this.v = new Float64Array(p.m).fill(1);
    this.#sums = new Float64Array(p.m);
  }

  /** Sweep until done; `seen` is told of the start and of every sweep (its error NaN if it was not measured). */
  run(seen: (state: Sinkhorn) => void = () => {}): void {
    const { maxIterations, tolerance, scheme, relaxation } = this.s;
    const multiplicative = scheme === "multiplicative";
    if (multiplicative) this.#exponentiate();
    seen(this);
    let plain = true;
    while (this.iterations < maxIterations) {
      const hot = this.#epsAt(this.iterations);
      if (!multiplicative && (this.iterations === 0 || this.#epsAt(this.iterations - 1) > this.eps)) {
        this.#logSweep(hot);
        plain = true;
      } else {
        const omega = plain ? 1 : relaxation;
        if (!this.#scale(omega) && !multiplicative) this.#logSweep(this.eps);
      }
      this.iterations++;
      this.error = this.#columnError();
      seen(this);
      const due = !multiplicative || this.iterations % PUBLISHED_CHECK_EVERY === 1;
      const met = due && tolerance > 0 && this.error <= tolerance && hot === this.eps;
      if (met && plain) break;
      plain =
        met || this.iterations < RELAX_AFTER || relaxation === 1 || this.iterations + 1 >= maxIterations;
    }
  }

  /** P = u K v. */
  plan(): Float64Array {
    const { m } = this.p;
    return this.kernel.map((k, at) => k * this.u[Math.floor(at / m)]! * this.v[at % m]!);
  }

  /** Potentials with the scalings folded in. */
  potentials(): { f: Float64Array; g: Float64Array } {
    const shown = (x: number): number => (x === NOTHING ? NO_MASS : x);
    return { f: this.#folded(this.f, this.u).map(shown), g: this.#folded(this.g, this.v).map(shown) };
  }

  #folded(potential: Float64Array, scaling: Float64Array): Float64Array {
    return potential.map((x, i) => (scaling[i]! > 0 ? x + this.eps * Math.log(scaling[i]!) : NOTHING));
  }

  #epsAt(k: number): number {
    const { epsilonScaling, maxIterations } = this.s;
    if (epsilonScaling === 0 || k + 1 >= maxIterations) return this.eps;
    const mean = this.p.cost.reduce((s, c) => s + c, 0) / this.p.cost.length;
    return Math.max(this.eps, mean * epsilonScaling ** k);
  }

  /** One sweep on the scalings. False, and nothing changed but lost scalings folded, when it left the range. */
  #scale(omega: number): boolean {
    const { n, m, a, b } = this.p;
    const { tauA, tauB, scheme } = this.s;
    const delta = scheme === "multiplicative" ? PUBLISHED_DELTA : 0;
    this.#columnSums();
    const v = this.v.map((old, j) => this.#next(old, this.#sums[j]!, b[j]!, this.g[j]!, tauB, omega, delta));
    const u = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (let j = 0, at = i * m; j < m; j++, at++) sum += this.kernel[at]! * v[j]!;
      u[i] = this.#next(this.u[i]!, sum, a[i]!, this.f[i]!, tauA, omega, delta);
    }
    const inside = (x: number, mass: number) => mass <= 0 || (x <= RANGE && x >= 1 / RANGE);
    const ok = v.every((x, j) => inside(x, b[j]!)) && u.every((x, i) => inside(x, a[i]!));
    if (ok || scheme === "multiplicative") {
      this.u.set(u);
      this.v.set(v);
    }
    return ok;
  }

  #next(
    old: number,
    sum: number,
    mass: number,
    potential: number,
    tau: number | null,
    omega: number,
    delta: number,
  ): number {
    if (mass <= 0) return 0;
    const exact = mass / (sum + delta);
    if (tau === null) return omega === 1 ? exact : old * (exact / old) ** omega;
    const rho = tau / (tau + this.eps);
    const rest = this.eps / (tau + this.eps); // 1 − ρ, with all its digits
    const step = rho * Math.log(exact / old) - rest * (potential / this.eps + Math.log(old));
    return old * Math.exp(omega * step);
  }

  #columnSums(): void {
    const { n, m } = this.p;
    this.#sums.fill(0);
    for (let i = 0, at = 0; i < n; i++) {
      const ui = this.u[i]!;
      for (let j = 0; j < m; j++, at++) this.#sums[j]! += this.kernel[at]! * ui;
    }
  }

  #columnError(): number {
    const { b } = this.p;
    const { tauA, tauB } = this.s;
    this.#columnSums();
    let [error, mass] = [0, 0];
    for (let j = 0; j < b.length; j++) {
      let wanted = b[j]!;
      if (tauB !== null && wanted > 0)
        wanted *= Math.exp(-(this.g[j]! + this.eps * Math.log(this.v[j]!)) / tauB);
      error += Math.abs(this.#sums[j]! * this.v[j]! - wanted);
      mass += wanted;
    }
    return tauA === null && tauB === null ? error : error / mass;
  }

  #logSweep(eps: number): void {
    const { n, m, cost, a, b } = this.p;
    const { tauA, tauB } = this.s;
    const rho = (tau: number | null) => (tau === null ? 1 : tau / (tau + eps));
    this.f.set(this.#folded(this.f, this.u));
    for (let j = 0; j < m; j++) {
      const lse = logSumExp(n, (i) => (this.f[i]! - cost[i * m + j]!) / eps);
      this.g[j] = b[j]! > 0 ? rho(tauB) * eps * (Math.log(b[j]!) - lse) : NOTHING;
    }
    for (let i = 0; i < n; i++) {
      const lse = logSumExp(m, (j) => (this.g[j]! - cost[i * m + j]!) / eps);
      this.f[i] = a[i]! > 0 ? rho(tauA) * eps * (Math.log(a[i]!) - lse) : NOTHING;
    }
    for (let i = 0, at = 0; i < n; i++)
      for (let j = 0; j < m; j++, at++)
        this.kernel[at] = Math.exp((this.f[i]! + this.g[j]! - cost[at]!) / this.eps);
    this.u.forEach((_, i) => (this.u[i] = a[i]! > 0 ? 1 : 0));
    this.v.forEach((_, j) => (this.v[j] = b[j]! > 0 ? 1 : 0));
  }

  #exponentiate(): void {
    this.p.cost.forEach((c, at) => (this.kernel[at] = Math.exp(-c / this.eps)));
    this.f.fill(0);
    this.u.fill(1 / this.p.n);
  }
}

function logSumExp(length: number, term: (i: number) => number): number {
  let top = -Infinity;
  for (let i = 0; i < length; i++) top = Math.max(top, term(i));
  let sum = 0;
  for (let i = 0; i < length; i++) sum += Math.exp(term(i) - top);
  return top + Math.log(sum);
}

/** The plan of given potentials: what redraws any iteration of a history. Rows and columns without mass stay empty. */
export function planFrom(
  cost: ArrayLike<number>,
  f: ArrayLike<number>,
  g: ArrayLike<number>,
  eps: number,
): Float64Array {
  const m = g.length;
  const plan = new Float64Array(f.length * m);
  for (let i = 0, at = 0; i < f.length; i++)
    for (let j = 0; j < m; j++, at++)
      plan[at] = f[i] === NO_MASS || g[j] === NO_MASS ? 0 : Math.exp((f[i]! + g[j]! - cost[at]!) / eps);
  return plan;
}
