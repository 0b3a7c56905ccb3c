// X-Token's map of tokens as tables for the GPU, by rows and by columns, and the pairs of tokens that H-KL matches.
import {
  buildProjectionNow,
  DataError,
  type PairBatch,
  type ProjectionOptions,
  storedProjection,
  type TokenProjection,
  type TokenTables,
} from "../../data";
import { NO_ROW } from "../../student";

/** Teacher tokens that a student token keeps at run time, as published. */
export const PROJECTION_WIDTH = 4;

const known = new WeakMap<TokenTables, TokenProjection>();

/** Have the map ready ahead of the first batch: that of a large pair takes a while; see `MapStore`. */
export async function prepareProjection(tokens: TokenTables, options: ProjectionOptions): Promise<void> {
  if (!known.has(tokens)) known.set(tokens, await storedProjection(tokens, PROJECTION_WIDTH, options));
}

/** The batch's own map, or that of its two vocabularies. */
export function projectionOf({ projection, tokens }: PairBatch): TokenProjection {
  if (projection) return projection;
  if (!tokens)
    throw new DataError("X-Token maps tokens by their texts: the token tables of both models are missing");
  let found = known.get(tokens);
  if (!found) known.set(tokens, (found = buildProjectionNow(tokens, PROJECTION_WIDTH)));
  return found;
}

export interface ProjectionTables {
  /** [rows, width] pairs: teacher id or NO_ROW, bits of the weight. */
  readonly byRow: Uint32Array;
  /** (columns + 1), and pairs: student id, bits of the weight. */
  readonly starts: Uint32Array;
  readonly byColumn: Uint32Array;
}

const tables = new WeakMap<TokenProjection, ProjectionTables>();

/** @param rows, columns the heads' rows: tokens without a row of the map stand for none. */
export function projectionTables(
  w: TokenProjection,
  { rows, columns, width }: { readonly rows: number; readonly columns: number; readonly width: number },
): ProjectionTables {
  let made = tables.get(w);
  if (made?.byRow.length !== 2 * rows * width || made.starts.length !== columns + 1)
    tables.set(w, (made = makeTables(w, rows, columns, width)));
  return made;
}

function makeTables(w: TokenProjection, rows: number, columns: number, width: number): ProjectionTables {
  const bits = new Uint32Array(Float32Array.from(w.values).buffer);
  const given = w.width === 0 ? 0 : w.indices.length / w.width;
  const byRow = Uint32Array.from({ length: 2 * rows * width }, (_, i) => (i % 2 === 0 ? NO_ROW : 0));
  const starts = new Uint32Array(columns + 1);
  const each = (take: (v: number, i: number, u: number, weight: number) => void) => {
    for (let v = 0; v < Math.min(rows, given); v++)
      for (let i = 0; i < Math.min(width, w.width); i++) {
        const u = w.indices[v * w.width + i] ?? -1;
        if (u >= 0 && u < columns) take(v, i, u, bits[v * w.width + i] ?? 0);
      }
  };
  each((v, i, u, weight) => {
    byRow.set([u, weight], 2 * (v * width + i));
    starts[u + 1] = (starts[u + 1] ?? 0) + 1;
  });
  for (let u = 0; u < columns; u++) starts[u + 1] = (starts[u + 1] ?? 0) + (starts[u] ?? 0);
  const next = starts.slice();
  const byColumn = new Uint32Array(2 * rows * width);
  each((v, _i, u, weight) => {
    const at = next[u] ?? 0;
    byColumn.set([v, weight], 2 * at);
    next[u] = at + 1;
  });
  return { byRow, starts, byColumn };
}

/** The least weight of a pair that H-KL takes as one token. */
const LEAST_SHARE = 0.6;

export interface CommonTokens {
  /** Pairs, by teacher id. */
  readonly student: readonly number[];
  readonly teacher: readonly number[];
}

/**
 * Tokens that stand for each other: strict, a row's only id if its weight is 1; else its largest weight from 0.6 on. A
 * teacher token that several want goes to the highest weight, and of equal ones, as when strict, to the lowest student id.
 */
export function commonTokens(w: TokenProjection, strict: boolean): CommonTokens {
  const taken = new Map<number, { readonly v: number; readonly weight: number }>();
  for (let v = 0; v * w.width < w.indices.length; v++) {
    const row = Array.from({ length: w.width }, (_, i) => v * w.width + i).filter(
      (at) => (w.indices[at] ?? -1) >= 0,
    );
    const [first = -1] = row;
    const best = row.reduce((a, at) => ((w.values[at] ?? 0) > (w.values[a] ?? 0) ? at : a), first);
    const weight = w.values[best] ?? 0;
    if (best < 0 || (strict ? row.length !== 1 || weight !== 1 : weight < Math.fround(LEAST_SHARE))) continue;
    const u = w.indices[best] ?? -1;
    const before = taken.get(u);
    if (!before || (!strict && weight > before.weight)) taken.set(u, { v, weight });
  }
  const pairs = [...taken].toSorted(([a], [b]) => a - b);
  return { student: pairs.map(([, { v }]) => v), teacher: pairs.map(([u]) => u) };
}
