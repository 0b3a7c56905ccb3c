// Cost matrices from features, and the way back, in float64. The equations are those of shaders/ot/cost_matrix.wgsl.
import type { FeatureProblem } from "../types";

const NORM_FLOOR = 1e-8; // torch's cosine_similarity

export function costOf({ n, m, d, x, y, kind }: FeatureProblem): Float64Array {
  const cost = new Float64Array(n * m);
  const nx = norms(x, n, d);
  const ny = norms(y, m, d);
  const distance = kind === "euclidean" || kind === "sqeuclidean";
  for (let i = 0, at = 0; i < n; i++)
    for (let j = 0; j < m; j++, at++) {
      let s = 0;
      for (let k = 0; k < d; k++) {
        const p = x[i * d + k]!;
        const q = y[j * d + k]!;
        s += distance ? (p - q) ** 2 : p * q;
      }
      if (kind === "euclidean") s = Math.sqrt(s);
      else if (kind === "cosine") s = 1 - s / (nx[i]! * ny[j]!);
      else if (kind === "attention") s /= Math.sqrt(d);
      cost[at] = s;
    }
  if (kind === "attention") for (let i = 0; i < n; i++) softmaxCost(cost.subarray(i * m, (i + 1) * m));
  return cost;
}

function softmaxCost(row: Float64Array): void {
  const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = row.reduce((s, c) => s + Math.exp(c - top), 0);
  row.forEach((c, j) => (row[j] = 1 - Math.exp(c - top) / sum));
}

const norms = (x: ArrayLike<number>, rows: number, d: number): Float64Array =>
  Float64Array.from({ length: rows }, (_, i) => {
    let s = 0;
    for (let k = 0; k < d; k++) s += x[i * d + k]! ** 2;
    return Math.max(Math.sqrt(s), NORM_FLOOR);
  });

/** dx and dy from dcost. */
export function costBackward(
  p: FeatureProblem,
  cost: Float64Array,
  dcost: Float64Array,
): { dx: Float64Array; dy: Float64Array } {
  const { n, m, d, x, y, kind } = p;
  const dx = new Float64Array(n * d);
  const dy = new Float64Array(m * d);
  const nx = norms(x, n, d);
  const ny = norms(y, m, d);
  const distance = kind === "euclidean" || kind === "sqeuclidean";
  for (let i = 0; i < n; i++) {
    let pull = 0; // attention: Σ_j A D
    for (let j = 0; j < m; j++) pull += (1 - cost[i * m + j]!) * dcost[i * m + j]!;
    for (let j = 0; j < m; j++) {
      const c = cost[i * m + j]!;
      const g = dcost[i * m + j]!;
      let w = -2 * g; // sqeuclidean
      if (kind === "euclidean") w = c > 0 ? -g / c : 0;
      else if (kind === "cosine") w = -g / (nx[i]! * ny[j]!);
      else if (kind === "attention") w = ((1 - c) * (pull - g)) / Math.sqrt(d);
      const px = kind === "cosine" && nx[i]! > NORM_FLOOR ? (g * (1 - c)) / nx[i]! ** 2 : distance ? -w : 0;
      const py = kind === "cosine" && ny[j]! > NORM_FLOOR ? (g * (1 - c)) / ny[j]! ** 2 : distance ? -w : 0;
      for (let k = 0; k < d; k++) {
        dx[i * d + k]! += w * y[j * d + k]! + px * x[i * d + k]!;
        dy[j * d + k]! += w * x[i * d + k]! + py * y[j * d + k]!;
      }
    }
  }
  return { dx, dy };
}
