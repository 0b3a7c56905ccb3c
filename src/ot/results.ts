// From the buffers of a run back to one problem's result, in the units it came in.
import type { Layout } from "./layout";
import { vectorLength } from "./problems";
import { reportPlan } from "./report";
import { PUBLISHED_DELTA, type OtSettings } from "./settings";
import { MOST_RESIDUAL, readStatus, type ProblemStatus } from "./status";
import { hasFeatures, NO_MASS, type OtHistory, type OtResult } from "./types";
import type { Units } from "./units";

type Values = Readonly<Record<string, Float32Array>>;

/** The k-th problem of the run. Its report is measured on the plan that is returned. */
export function readResult(
  layout: Layout,
  k: number,
  values: Values,
  settings: OtSettings,
  implicit: boolean,
): OtResult {
  const p = layout.problems[k]!; // k runs over the layout's problems
  const at = layout.placed[k]!;
  const { unit, offset } = layout.units[k]!;
  const status = readStatus(values["state"] ?? [], k);
  const epsilon = epsilonOf(layout.units[k]!, status);
  const matrix = (name: string, scale = 1): Float64Array => {
    const out = new Float64Array(at.n * at.m);
    const data = values[name] ?? new Float32Array();
    for (let i = 0; i < at.n; i++)
      for (let j = 0; j < at.m; j++) out[i * at.m + j] = scale * data[at.cost + i * at.pitch + j]!;
    return out;
  };
  const [a, b] = [layout.a[k]!, layout.b[k]!];
  const scaled = (x: Float32Array, mass: Float64Array, tau: number | null, shift: number): Float64Array => {
    const stretch = stretchOf(layout.units[k]!, status, tau);
    return Float64Array.from(x, (v, i) => (mass[i]! > 0 && v > NO_MASS ? v * stretch + shift : NO_MASS));
  };
  const potentials = values["potentials"] ?? new Float32Array();
  // With C = offset + unit·C', the first half-step gives the whole offset to g.
  const f = scaled(potentials.subarray(at.f, at.f + at.n), a, settings.tauA, 0);
  const g = scaled(potentials.subarray(at.g, at.g + at.m), b, settings.tauB, offset);
  const plan = matrix("plan");
  const cost = hasFeatures(p) ? matrix("cost", unit) : p.cost;
  const report = reportPlan({ cost, plan, f, g, a, b }, settings, epsilon);
  const history = readHistory(layout, k, values, status, settings);
  const { gradientResidual } = status;
  return {
    ...{ n: at.n, m: at.m, plan, epsilon, iterations: status.iterations },
    ...report,
    ...(values["dcost"] ? { dcost: matrix("dcost") } : {}),
    ...(implicit ? { gradientResidual, gradientSolved: gradientResidual <= MOST_RESIDUAL } : {}),
    ...readFeatureGradients(layout, k, values),
    ...(history ? { history: withLastError(history, report.marginalError) } : {}),
  };
}

/** ε in the problem's own units, as asked where float32 took less. */
const epsilonOf = ({ unit, beyond = 0 }: Units, status: ProblemStatus): number =>
  beyond === 0 ? status.epsilon * unit : beyond > 0 ? beyond : -beyond * status.meanCost * unit;

/**
 * What turns a potential of the GPU, whose ε may be less than was asked for, into one of the problem: beyond that ε the
 * potential of a kept marginal is ε log a, that of a relaxed one does not grow any more.
 */
const stretchOf = (units: Units, status: ProblemStatus, tau: number | null): number =>
  units.beyond === undefined || tau !== null ? units.unit : epsilonOf(units, status) / status.epsilon;

function readFeatureGradients(
  layout: Layout,
  k: number,
  values: Values,
): { dx?: Float64Array; dy?: Float64Array } {
  const group = layout.groups.find((g) => k >= g.first && k < g.first + g.count);
  const at = layout.placed[k]!;
  const x = group && values[`dx ${group.first}`];
  const y = group && values[`dy ${group.first}`];
  if (!group || !x || !y) return {};
  const rows = (data: Float32Array, first: number, count: number, per: (row: number) => number) => {
    const out = new Float64Array(count * group.d);
    for (let i = 0; i < count; i++)
      for (let c = 0; c < group.d; c++) out[i * group.d + c] = per(i) * data[(first + i) * group.D + c]!;
    return out;
  };
  const { perRowX = one, perRowY = one } = layout.units[k]!.features ?? {};
  return { dx: rows(x, at.xOffset, at.n, perRowX), dy: rows(y, at.yOffset, at.m, perRowY) };
}

const one = (): number => 1;

/** Each row holds potentials and the scalings on top of them: f = f⁰ + ε log u. */
function readHistory(
  layout: Layout,
  k: number,
  values: Values,
  status: ProblemStatus,
  settings: OtSettings,
): OtHistory | undefined {
  const data = values["history"];
  if (!data) return undefined;
  const at = layout.placed[k]!;
  const { offset } = layout.units[k]!;
  const stride = vectorLength(layout.capacity);
  const rows = status.iterations + 1;
  const read = (
    first: number,
    mass: Float64Array,
    tau: number | null,
    shift: (row: number) => number,
  ): Float64Array => {
    const stretch = stretchOf(layout.units[k]!, status, tau);
    return Float64Array.from({ length: rows * mass.length }, (_, e) => {
      const row = Math.floor(e / mass.length);
      const here = 2 * row * stride + first + (e % mass.length);
      const scaling = data[here + stride]!;
      if (!(mass[e % mass.length]! > 0 && data[here]! > NO_MASS && scaling > 0)) return NO_MASS;
      return stretch * (data[here]! + status.epsilon * Math.log(scaling)) + shift(row);
    });
  };
  const g = read(at.g, layout.b[k]!, settings.tauB, (row) => (row === 0 ? 0 : offset));
  const error = sweepErrors(g, layout.b[k]!, epsilonOf(layout.units[k]!, status), settings);
  return { f: read(at.f, layout.a[k]!, settings.tauA, () => 0), g, error };
}

/**
 * The L1 column error after every sweep but the last, from potentials alone: the sums that a sweep divides by are the
 * column marginal of the sweep before. With lse_j = log b_j − g'_j/(ρε) of the next g', column j of P holds
 *
 *   c_j = exp(g_j/ε + lse_j) = b_j exp((g_j − g'_j)/ε − g'_j/τ)         (the authors' loop: less δ exp(g_j/ε))
 *
 * and should hold b_j, relaxed b_j exp(−g_j/τ); the error of relaxed problems is relative to that mass. NaN at the start, and where over-relaxation or a hotter ε broke the rule.
 */
function sweepErrors(g: Float64Array, b: Float64Array, eps: number, s: OtSettings): Float64Array {
  const m = b.length;
  const errors = new Float64Array(g.length / m).fill(NaN);
  if (s.relaxation !== 1 || s.epsilonScaling !== 0) return errors;
  const perTau = s.tauB === null ? 0 : 1 / s.tauB;
  const delta = s.scheme === "multiplicative" ? PUBLISHED_DELTA : 0;
  for (let k = 1; k + 1 < errors.length; k++) {
    let [error, mass] = [0, 0];
    for (let j = 0; j < m; j++) {
      const [now, next] = [g[k * m + j]!, g[(k + 1) * m + j]!];
      if (!(b[j]! > 0) || now === NO_MASS || next === NO_MASS) continue;
      const wanted = b[j]! * Math.exp(-now * perTau);
      const off = wanted * Math.expm1((now - next) * (1 / eps + perTau)) - delta * Math.exp(now / eps);
      error += Math.abs(off);
      mass += wanted;
    }
    errors[k] = perTau === 0 && s.tauA === null ? error : error / mass;
  }
  return errors;
}

/** The last sweep's error is measured on the plan itself. */
function withLastError(history: OtHistory, error: number): OtHistory {
  if (history.error.length > 1) history.error[history.error.length - 1] = error;
  return history;
}
