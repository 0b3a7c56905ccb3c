// From problems as arrays to the flat buffers of one run: order, places, and the change of units that keeps
// float32 honest. A balanced log-domain problem with a given cost is solved in units of its own range,
// C' = (C − min C)/(max C − min C), ε' = ε/(max C − min C): offsets and scales of any size then lose nothing.
import type { InputData } from "../gpu/program";
import { massesOf } from "./check";
import {
  capacityFor,
  packProblems,
  placeProblems,
  vectorLength,
  type OtCapacity,
  type Placed,
} from "./problems";
import { epsilonOf, type CostKind, type OtSettings } from "./settings";
import { hasFeatures, NO_MASS, type FeatureProblem, type OtProblem } from "./types";

/** Problems of one cost kind and width, whose features lie in one buffer. */
export interface FeatureGroup {
  readonly kind: CostKind;
  readonly d: number;
  /** d rounded up to a multiple of 4; the columns added hold 0. */
  readonly D: number;
  readonly first: number;
  readonly count: number;
  readonly x: Float32Array;
  readonly y: Float32Array;
}

export interface Layout {
  /** Place in the run → place in the batch. */
  readonly order: readonly number[];
  readonly problems: readonly OtProblem[];
  readonly placed: readonly Placed[];
  readonly capacity: OtCapacity;
  readonly groups: readonly FeatureGroup[];
  readonly a: readonly Float64Array[];
  readonly b: readonly Float64Array[];
  /** C = offset + unit·C'. */
  readonly offset: readonly number[];
  readonly unit: readonly number[];
  /** > 0 in units of C'; < 0 relative to the mean that the GPU finds. */
  readonly epsilons: readonly number[];
  readonly warm: boolean;
}

const keyOf = (p: OtProblem): string => (hasFeatures(p) ? `${p.kind} ${p.d}` : "");

export function layOut(
  all: readonly OtProblem[],
  batch: readonly number[],
  settings: OtSettings,
  given?: readonly number[],
): Layout {
  const order = [...batch].sort((i, j) => keyOf(all[i]!).localeCompare(keyOf(all[j]!)) || i - j);
  const problems = order.map((i) => all[i]!); // order holds indices of the batch
  const rows = new Map<string, { x: number; y: number }>();
  const sizes = problems.map((p) => {
    const at = rows.get(keyOf(p)) ?? { x: 0, y: 0 };
    rows.set(keyOf(p), { x: at.x + p.n, y: at.y + p.m });
    return { xOffset: at.x, n: p.n, yOffset: at.y, m: p.m };
  });
  const capacity = capacityFor(sizes);
  const units = problems.map((p) => unitsOf(p, settings));
  return {
    ...{ order, problems, capacity },
    placed: placeProblems(sizes, capacity),
    groups: groupsOf(problems),
    a: problems.map((p) => massesOf(p.a, p.n, settings)),
    b: problems.map((p) => massesOf(p.b, p.m, settings)),
    offset: units.map((u) => u.offset),
    unit: units.map((u) => u.unit),
    epsilons: problems.map((p, k) => (given?.[order[k]!] ?? epsilonFor(p, settings)) / units[k]!.unit),
    warm: problems.some((p) => p.f !== undefined),
  };
}

function unitsOf(p: OtProblem, s: OtSettings): { offset: number; unit: number } {
  if (hasFeatures(p) || s.scheme === "kernel" || s.tauA !== null || s.tauB !== null)
    return { offset: 0, unit: 1 };
  let low = Infinity;
  let high = -Infinity;
  for (let at = 0; at < p.cost.length; at++) {
    low = Math.min(low, p.cost[at]!);
    high = Math.max(high, p.cost[at]!);
  }
  return { offset: low, unit: high > low ? high - low : 1 };
}

function epsilonFor(p: OtProblem, s: OtSettings): number {
  if (hasFeatures(p)) return s.relative ? -s.epsilon : s.epsilon;
  let sum = 0;
  for (let at = 0; at < p.cost.length; at++) sum += p.cost[at]!;
  return epsilonOf(s, sum / p.cost.length);
}

function groupsOf(problems: readonly OtProblem[]): FeatureGroup[] {
  const groups: FeatureGroup[] = [];
  for (let first = 0; first < problems.length;) {
    const key = keyOf(problems[first]!);
    const members = problems
      .slice(first)
      .filter((p): p is FeatureProblem => hasFeatures(p) && keyOf(p) === key);
    const [head] = members;
    if (head) {
      const D = Math.ceil(head.d / 4) * 4;
      const x = padRows(
        members.map((p) => p.x),
        head.d,
        D,
      );
      const y = padRows(
        members.map((p) => p.y),
        head.d,
        D,
      );
      groups.push({ kind: head.kind, d: head.d, D, first, count: members.length, x, y });
    }
    first += Math.max(1, members.length);
  }
  return groups;
}

function padRows(parts: readonly ArrayLike<number>[], d: number, D: number): Float32Array {
  const rows = parts.reduce((sum, part) => sum + part.length / d, 0);
  const out = new Float32Array(rows * D);
  let row = 0;
  for (const part of parts)
    for (let at = 0; at < part.length; at += d, row++)
      for (let k = 0; k < d; k++) out[row * D + k] = part[at + k]!;
  return out;
}

/** The values of every input of the run. */
export function pack(layout: Layout, weights: boolean): Record<string, InputData> {
  const { capacity, problems, placed, groups } = layout;
  const cost = new Float32Array(capacity.costElements);
  const marginals = new Float32Array(vectorLength(capacity));
  const warm = new Float32Array(vectorLength(capacity));
  problems.forEach((p, k) => {
    const at = placed[k]!;
    marginals.set(layout.a[k]!, at.f);
    marginals.set(layout.b[k]!, at.g);
    if (p.f)
      for (let i = 0; i < p.n; i++) warm[at.f + i] = p.f[i]! <= NO_MASS ? 0 : p.f[i]! / layout.unit[k]!;
    if (hasFeatures(p)) return;
    for (let i = 0; i < p.n; i++)
      for (let j = 0; j < p.m; j++)
        cost[at.cost + i * at.pitch + j] = (p.cost[i * p.m + j]! - layout.offset[k]!) / layout.unit[k]!;
  });
  return {
    problems: packProblems(placed, capacity),
    ...{ cost, marginals },
    epsilons: Float32Array.from(layout.epsilons, (e) => (e > 0 ? Math.max(e, 1e-30) : e)),
    ...(layout.warm ? { warm } : {}),
    ...(weights ? { weights: new Float32Array(problems.length).fill(1) } : {}),
    ...Object.fromEntries(
      groups.flatMap((g) => [
        [`x ${g.first}`, g.x],
        [`y ${g.first}`, g.y],
      ]),
    ),
  };
}
