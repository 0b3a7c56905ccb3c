// Dynamic time warping of two token sequences by edit distance, METHODS §4.
//
//   D_ij = Levenshtein(a_i, b_j) + min(D_{i−1,j−1}, D_{i−1,j}, D_{i,j−1})
//   path from (n−1, m−1) back to (0, 0); of equal moves the diagonal, then i−1, then j−1
import { codePoints, editDistance } from "./edit-distance";

/** For each j of b, the i of a on the path, ascending. */
export function warpPartners(a: readonly string[], b: readonly string[]): number[][] {
  const [n, m] = [a.length, b.length];
  const distance = memoDistance();
  const width = m + 1;
  const total = new Float64Array((n + 1) * width).fill(Infinity);
  total[0] = 0;
  const at = (i: number, j: number) => total[i * width + j] ?? Infinity;
  for (let i = 1; i <= n; i++)
    for (let j = 1; j <= m; j++) {
      const before = Math.min(at(i - 1, j - 1), at(i - 1, j), at(i, j - 1));
      total[i * width + j] = before + distance(a[i - 1] ?? "", b[j - 1] ?? "");
    }
  const partners: number[][] = b.map(() => []);
  let [i, j] = [n, m];
  while (i > 0 && j > 0) {
    partners[j - 1]?.unshift(i - 1);
    const [diagonal, up, left] = [at(i - 1, j - 1), at(i - 1, j), at(i, j - 1)];
    const least = Math.min(diagonal, up, left);
    if (diagonal === least) [i, j] = [i - 1, j - 1];
    else if (up === least) i--;
    else j--;
  }
  return partners;
}

/** Tokens repeat: each pair of texts is compared once. */
function memoDistance(): (a: string, b: string) => number {
  const points = new Map<string, number[]>();
  const known = new Map<string, number>();
  const of = (text: string): number[] => {
    let value = points.get(text);
    if (!value) points.set(text, (value = codePoints(text)));
    return value;
  };
  return (a, b) => {
    const key = `${a}\0${b}`;
    let value = known.get(key);
    if (value === undefined) known.set(key, (value = editDistance(of(a), of(b))));
    return value;
  };
}
