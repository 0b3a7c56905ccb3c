// From problems as arrays to the flat buffers of one run: order, places, and each problem in its own units (units.ts).
import type { CostKind } from "../config/transport";
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
import type { OtSettings } from "./settings";
import { hasFeatures, type OtProblem } from "./types";
import type { Units } from "./units";

/** Problems of one cost kind and width, whose features lie in one buffer. */
interface FeatureGroup {
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
  readonly units: readonly Units[];
  readonly warm: boolean;
}

const keyOf = (p: OtProblem): string => (hasFeatures(p) ? `${p.kind} ${p.d}` : "");

export function layOut(
  all: readonly OtProblem[],
  allUnits: readonly Units[],
  batch: readonly number[],
  settings: OtSettings,
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
  const units = order.map((i) => allUnits[i]!);
  return {
    ...{ order, problems, capacity, units },
    placed: placeProblems(sizes, capacity),
    a: problems.map((p) => massesOf(p.a, p.n, settings)),
    b: problems.map((p) => massesOf(p.b, p.m, settings)),
    groups: groupsOf(problems, units),
    warm: units.some(({ warm }) => warm !== undefined),
  };
}

function groupsOf(problems: readonly OtProblem[], units: readonly Units[]): FeatureGroup[] {
  const groups: FeatureGroup[] = [];
  for (let first = 0; first < problems.length;) {
    const head = problems[first]!; // first is below the length
    if (!hasFeatures(head)) {
      first++;
      continue;
    }
    const members = problems.slice(first).flatMap((p, k) => {
      if (!hasFeatures(p) || keyOf(p) !== keyOf(head)) return [];
      return [units[first + k]?.features ?? p];
    });
    const D = Math.ceil(head.d / 4) * 4;
    const [x, y] = (["x", "y"] as const).map((side) =>
      padRows(
        members.map((p) => p[side]),
        head.d,
        D,
      ),
    );
    groups.push({ kind: head.kind, d: head.d, D, first, count: members.length, x: x!, y: y! });
    first += members.length;
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

/** What is larger belongs to a row or a column without mass. */
const LARGEST = 1e20;
const within = (c: number): number => Math.min(Math.max(c, -LARGEST), LARGEST);

/** The values of every input of the run. */
export function pack(layout: Layout, weights: boolean): Record<string, InputData> {
  const { capacity, problems, placed, groups } = layout;
  const cost = new Float32Array(capacity.costElements);
  const marginals = new Float32Array(vectorLength(capacity));
  const warm = new Float32Array(vectorLength(capacity));
  problems.forEach((p, k) => {
    const at = placed[k]!;
    const { offset, unit, warm: start } = layout.units[k]!;
    marginals.set(layout.a[k]!, at.f);
    marginals.set(layout.b[k]!, at.g);
    start?.forEach((f, i) => (warm[at.f + i] = f / unit));
    if (hasFeatures(p)) return;
    for (let i = 0; i < p.n; i++)
      for (let j = 0; j < p.m; j++)
        cost[at.cost + i * at.pitch + j] = within((p.cost[i * p.m + j]! - offset) / unit);
  });
  return {
    problems: packProblems(placed, capacity),
    ...{ cost, marginals },
    epsilons: Float32Array.from(layout.units, ({ epsilon }) => epsilon),
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
