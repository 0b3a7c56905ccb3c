// Least squares by the normal equations, in float64: X of least ‖A·X − B‖² solves (AᵀA)·X = AᵀB.

/** A matrix, row-major. */
export interface Rows {
  readonly count: number;
  readonly width: number;
  readonly data: ArrayLike<number>;
}

/** AᵀB, (p, q), for A (n, p) and B (n, q). */
export function crossProduct(a: Rows, b: Rows): Float64Array {
  const out = new Float64Array(a.width * b.width);
  for (let r = 0; r < a.count; r++)
    for (let i = 0; i < a.width; i++) {
      const x = a.data[r * a.width + i] ?? 0;
      for (let j = 0; j < b.width; j++)
        out[i * b.width + j] = (out[i * b.width + j] ?? 0) + x * (b.data[r * b.width + j] ?? 0);
    }
  return out;
}

/** Adds to the diagonal of S (p, p), by its trace, so that a singular S can be solved. */
export function addRidge(s: Float64Array, p: number, ridge: (trace: number) => number): void {
  let trace = 0;
  for (let i = 0; i < p; i++) trace += s[i * p + i] ?? 0;
  for (let i = 0; i < p; i++) s[i * p + i] = (s[i * p + i] ?? 0) + ridge(trace);
}

/** X (p, q) of S·X = R for a symmetric positive S (p, p), by Cholesky; `s` and `r` are overwritten, X lies in `r`. */
export function solveCholesky(s: Float64Array, r: Float64Array, p: number, q: number): Float64Array {
  const at = (i: number, j: number): number => s[i * p + j] ?? 0;
  for (let j = 0; j < p; j++)
    for (let i = j; i < p; i++) {
      let sum = at(i, j);
      for (let k = 0; k < j; k++) sum -= at(i, k) * at(j, k);
      s[i * p + j] = i === j ? Math.sqrt(Math.max(sum, 1e-300)) : sum / at(j, j);
    }
  const subtract = (to: number, from: number, factor: number) => {
    for (let c = 0; c < q; c++) r[to * q + c] = (r[to * q + c] ?? 0) - factor * (r[from * q + c] ?? 0);
  };
  const divide = (row: number, by: number) => {
    for (let c = 0; c < q; c++) r[row * q + c] = (r[row * q + c] ?? 0) / by;
  };
  for (let i = 0; i < p; i++) {
    for (let k = 0; k < i; k++) subtract(i, k, at(i, k));
    divide(i, at(i, i));
  }
  for (let i = p - 1; i >= 0; i--) {
    for (let k = i + 1; k < p; k++) subtract(i, k, at(k, i));
    divide(i, at(i, i));
  }
  return r;
}
