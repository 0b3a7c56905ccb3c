// Other ways to pair the tokens of two tokenizations, on the axes of a plan: what MinED, ULD and byte spans align. The
// pairs are those of training (src/data/pairings.ts), made where the tokenizers are.
import type { ScreenProblem, TokenPairings } from "../../client";

/** [n, m] row-major, 1 where student token i and teacher token j are paired. */
export type Pairing = Uint8Array;

/** All tokens of a chunk belong together. */
export function chunkPairs({ chunks }: TokenPairings, n: number, m: number): Pairing {
  const pairs = new Uint8Array(n * m);
  for (const { student, teacher } of chunks)
    for (let i = student[0]; i < student[1]; i++) pairs.fill(1, i * m + teacher[0], i * m + teacher[1]);
  return pairs;
}

/** MinED's path. */
export function pathPairs({ path }: TokenPairings, n: number, m: number): Pairing {
  const pairs = new Uint8Array(n * m);
  for (const [i, j] of path) pairs[i * m + j] = 1;
  return pairs;
}

/** ULD: the k-th position with the k-th, whatever the tokens are. */
export function positionPairs({ positions }: TokenPairings, n: number, m: number): Pairing {
  const pairs = new Uint8Array(n * m);
  for (let k = 0; k < positions; k++) pairs[k * m + k] = 1;
  return pairs;
}

/** Shares of the tokens on either side that are in a chunk. */
export function chunkShares(
  { chunks }: TokenPairings,
  n: number,
  m: number,
): { student: number; teacher: number } {
  const share = (side: "student" | "teacher", all: number) =>
    all === 0 ? 1 : chunks.reduce((sum, { [side]: [from, to] }) => sum + to - from, 0) / all;
  return { student: share("student", n), teacher: share("teacher", m) };
}

/** Share of the plan's mass on the pairs, and what a plan without preferences (a·bᵀ) would put there. */
export function agreement(
  plan: ArrayLike<number>,
  pairs: Pairing,
  { student: a, teacher: b }: ScreenProblem["masses"],
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
