// From the buffers of a run back to one problem's result, in the units it came in.
import type { Layout } from "./layout";
import { vectorLength } from "./problems";
import { reportPlan } from "./report";
import type { OtSettings } from "./settings";
import { readStatus, type ProblemStatus } from "./status";
import { hasFeatures, NO_MASS, type OtHistory, type OtResult } from "./types";

type Values = Readonly<Record<string, Float32Array>>;

/** The k-th problem of the run. Its report is measured on the plan that is returned. */
export function readResult(layout: Layout, k: number, values: Values, settings: OtSettings): OtResult {
  const p = layout.problems[k]!; // k runs over the layout's problems
  const at = layout.placed[k]!;
  const unit = layout.unit[k]!;
  const offset = layout.offset[k]!;
  const status = readStatus(values["state"] ?? [], k);
  const matrix = (name: string): Float64Array => {
    const out = new Float64Array(at.n * at.m);
    const data = values[name] ?? new Float32Array();
    for (let i = 0; i < at.n; i++)
      for (let j = 0; j < at.m; j++) out[i * at.m + j] = data[at.cost + i * at.pitch + j]!;
    return out;
  };
  const scaled = (x: Float32Array, shift: number): Float64Array =>
    Float64Array.from(x, (v) => (v <= NO_MASS ? NO_MASS : v * unit + shift));
  const potentials = values["potentials"] ?? new Float32Array();
  // With C = offset + unit·C', the first half-step gives the whole offset to g.
  const f = scaled(potentials.subarray(at.f, at.f + at.n), 0);
  const g = scaled(potentials.subarray(at.g, at.g + at.m), offset);
  const plan = matrix("plan");
  const cost = hasFeatures(p) ? matrix("cost") : p.cost;
  const epsilon = status.epsilon * unit;
  const measured = { cost, plan, f, g, a: layout.a[k]!, b: layout.b[k]! };
  const history = readHistory(layout, k, values, status);
  return {
    ...{ n: at.n, m: at.m, plan, f, g, epsilon, iterations: status.iterations },
    ...reportPlan(measured, settings, epsilon),
    ...(values["dcost"] ? { dcost: matrix("dcost") } : {}),
    ...readFeatureGradients(layout, k, values),
    ...(history ? { history } : {}),
  };
}

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
  const rows = (data: Float32Array, first: number, count: number): Float64Array => {
    const out = new Float64Array(count * group.d);
    for (let i = 0; i < count; i++)
      for (let c = 0; c < group.d; c++) out[i * group.d + c] = data[(first + i) * group.D + c]!;
    return out;
  };
  return { dx: rows(x, at.xOffset, at.n), dy: rows(y, at.yOffset, at.m) };
}

/** Each row holds potentials and the scalings on top of them: f = f⁰ + ε log u. */
function readHistory(
  layout: Layout,
  k: number,
  values: Values,
  status: ProblemStatus,
): OtHistory | undefined {
  const data = values["history"];
  if (!data) return undefined;
  const at = layout.placed[k]!;
  const unit = layout.unit[k]!;
  const stride = vectorLength(layout.capacity);
  const rows = status.iterations + 1;
  const read = (first: number, length: number, shift: (row: number) => number): Float64Array =>
    Float64Array.from({ length: rows * length }, (_, e) => {
      const row = Math.floor(e / length);
      const here = 2 * row * stride + first + (e % length);
      const scaling = data[here + stride]!;
      if (data[here]! <= NO_MASS || !(scaling > 0)) return NO_MASS;
      return unit * (data[here]! + status.epsilon * Math.log(scaling)) + shift(row);
    });
  return {
    f: read(at.f, at.n, () => 0),
    g: read(at.g, at.m, (row) => (row === 0 ? 0 : layout.offset[k]!)),
    // The GPU keeps no error per sweep: measuring it would cost what the sweep costs.
    error: new Float64Array(rows).fill(NaN),
  };
}
