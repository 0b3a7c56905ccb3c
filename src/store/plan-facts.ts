// What can be read off a plan: its largest flows, a cell's share, the mean cost that scales epsilon.
import type { PlanRecord } from "../telemetry";

export interface Flow {
  readonly row: number;
  readonly col: number;
  readonly mass: number;
  readonly cost: number;
  /** Share of the student token's mass that goes to this teacher token. */
  readonly rowShare: number;
}

export function flowAt(record: PlanRecord, row: number, col: number): Flow {
  const cols = record.teacherTokens.length;
  const mass = record.plan[row * cols + col] ?? 0;
  let rowMass = 0;
  for (let j = 0; j < cols; j++) rowMass += record.plan[row * cols + j] ?? 0;
  const rowShare = rowMass > 0 ? mass / rowMass : 0;
  return { row, col, mass, cost: record.cost[row * cols + col] ?? Number.NaN, rowShare };
}

/** Which views of a row a plan pairs: the run's own on both sides, or one side plain and one with its reasoning. */
export const VIEW_PAIRS = ["same", "plain_cot", "cot_plain"] as const;
export type ViewPair = (typeof VIEW_PAIRS)[number];

/** A site's name as its two parts: "hidden_plain_cot" is the layer "hidden" with the pairing "plain_cot". */
export function siteParts(site: string): { readonly layer: string; readonly pairing: ViewPair } {
  const pairing = VIEW_PAIRS.find((p) => site.endsWith(`_${p}`)) ?? "same";
  return { pairing, layer: pairing === "same" ? site : site.slice(0, -pairing.length - 1) };
}

export const siteOf = (layer: string, pairing: ViewPair): string =>
  pairing === "same" ? layer : `${layer}_${pairing}`;

/** The `count` heaviest pairs, heaviest first; ties keep reading order. */
export function topFlows(record: PlanRecord, count: number): Flow[] {
  const cols = record.teacherTokens.length;
  return Array.from(record.plan, (mass, index) => ({ mass, index }))
    .sort((a, b) => b.mass - a.mass || a.index - b.index)
    .slice(0, count)
    .map(({ index }) => flowAt(record, Math.floor(index / cols), index % cols));
}

export function largestMass(record: PlanRecord): number {
  let largest = 0;
  for (const mass of record.plan) if (mass > largest) largest = mass;
  return largest;
}

function meanCost(record: PlanRecord): number {
  let sum = 0;
  for (const cost of record.cost) sum += cost;
  return sum / record.cost.length;
}

/** The record's epsilon in units of its mean cost. */
export function relativeEpsilon(record: PlanRecord): number {
  return record.epsilon / meanCost(record);
}
