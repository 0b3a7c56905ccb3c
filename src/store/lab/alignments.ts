// Other ways to pair the tokens of two tokenizations, on the axes of a plan: what MinED, ULD and byte spans align.
import type { LabSolve, TokenLine } from "../../client";

/** [n, m] row-major, 1 where student token i and teacher token j are paired. */
export type Pairing = Uint8Array;

/** Chunks: the shortest spans of bytes at whose end both tokenizations break; all their tokens belong together. */
export function byteChunks(student: TokenLine, teacher: TokenLine): Pairing {
  const m = teacher.end.length;
  const pairs = new Uint8Array(student.end.length * m);
  let [i0, j0, i, j] = [0, 0, 0, 0];
  while (i < student.end.length && j < m) {
    const [a, b] = [student.end[i] ?? 0, teacher.end[j] ?? 0];
    if (a <= b) i++;
    if (b <= a) j++;
    if (a !== b) continue;
    for (let p = i0; p < i; p++) pairs.fill(1, p * m + j0, p * m + j);
    [i0, j0] = [i, j];
  }
  return pairs;
}

/** ULD: the k-th position with the k-th, whatever the tokens are. */
export function positions(n: number, m: number): Pairing {
  const pairs = new Uint8Array(n * m);
  for (let k = 0; k < Math.min(n, m); k++) pairs[k * m + k] = 1;
  return pairs;
}

/** MinED: dynamic time warping whose cost is the edit distance of the tokens without their spaces (METHODS §4). */
export function minimumEditPath(student: readonly string[], teacher: readonly string[]): Pairing {
  const [a, b] = [student.map(withoutSpace), teacher.map(withoutSpace)];
  const [n, m] = [a.length, b.length];
  const total = new Float64Array(n * m);
  const at = (i: number, j: number) => (i < 0 || j < 0 ? Infinity : (total[i * m + j] ?? Infinity));
  const known = new Map<string, number>();
  for (let i = 0; i < n; i++)
    for (let j = 0; j < m; j++) {
      const before = i + j === 0 ? 0 : Math.min(at(i - 1, j - 1), at(i - 1, j), at(i, j - 1));
      const key = `${a[i]}\n${b[j]}`;
      let distance = known.get(key);
      if (distance === undefined) known.set(key, (distance = editDistance(a[i] ?? "", b[j] ?? "")));
      total[i * m + j] = before + distance;
    }
  const pairs = new Uint8Array(n * m);
  for (let i = n - 1, j = m - 1; i >= 0 && j >= 0;) {
    pairs[i * m + j] = 1;
    const [diagonal, up, left] = [at(i - 1, j - 1), at(i - 1, j), at(i, j - 1)];
    if (i === 0 && j === 0) break;
    if (diagonal <= up && diagonal <= left) [i, j] = [i - 1, j - 1];
    else if (up <= left) i--;
    else j--;
  }
  return pairs;
}

/** Share of the plan's mass on the pairs, and what a plan without preferences (a·bᵀ) would put there. */
export function agreement(
  plan: ArrayLike<number>,
  pairs: Pairing,
  { student: a, teacher: b }: LabSolve["masses"],
): { share: number; chance: number } {
  let [on, all, chance] = [0, 0, 0];
  for (let i = 0, at = 0; i < a.length; i++)
    for (let j = 0; j < b.length; j++, at++) {
      const mass = plan[at] ?? 0;
      all += mass;
      if (pairs[at] === 0) continue;
      on += mass;
      chance += (a[i] ?? 0) * (b[j] ?? 0);
    }
  return { share: all > 0 ? on / all : 0, chance };
}

const withoutSpace = (token: string): string => token.replaceAll("␣", "");

export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
