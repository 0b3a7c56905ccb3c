// Seeded matrices for transport tests, and the way between nested and flat arrays.
import { createRng } from "../../src/config/rng";
import type { Matrix } from "./ot";

export const flat = (m: Matrix): Float64Array => Float64Array.from(m.flat());

export const nested = (x: ArrayLike<number>, rows: number): number[][] => {
  const width = x.length / rows;
  return Array.from({ length: rows }, (_, i) => Array.from({ length: width }, (_, j) => x[i * width + j]!));
};

/** Standard normal entries. */
export function normals(rows: number, width: number, seed: number): number[][] {
  const rng = createRng(seed);
  return Array.from({ length: rows }, () => Array.from({ length: width }, () => rng.normal()));
}

/** Entries in [0, 1). */
export function uniforms(rows: number, width: number, seed: number): number[][] {
  const rng = createRng(seed);
  return Array.from({ length: rows }, () => Array.from({ length: width }, () => rng.next()));
}

/** Random masses that sum to one; every third is zero when asked for. */
export function masses(length: number, seed: number, zeros = false): number[] {
  const rng = createRng(seed);
  const raw = Array.from({ length }, (_, i) => (zeros && i % 3 === 1 ? 0 : 0.1 + rng.next()));
  const total = raw.reduce((s, x) => s + x, 0);
  return raw.map((x) => x / total);
}
