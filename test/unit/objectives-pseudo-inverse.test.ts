// Projectors that preserve logits — plan
//   shared tokens   paired by their bytes, spaces alike whatever marks them; the first of equals
//   least squares   against the exact solution; more columns than rows stays finite and fits
//   t2s, s2t        where the heads span each other, projected states give the other model's logits on shared tokens;
//                   random ones do not (control); other parameters stay as they are
import { describe, expect, test } from "vitest";
import { createRng } from "../../src/config/rng";
import type { TokenTable } from "../../src/data";
import { leastSquares, preservingLogits, sharedTokens } from "../../src/objectives/pseudo-inverse";

const rng = createRng(3);
const random = (n: number) => Float32Array.from({ length: n }, () => rng.normal());
const table = (tokens: string[], space: string): TokenTable => ({
  ...{ size: tokens.length, space, raw: (id) => tokens[id]! },
  bytes: (id) => new TextEncoder().encode(tokens[id]!.replaceAll(space, " ")),
});
const TOKENS = {
  student: table(["a", "▁b", "c", "x", "a", "d", "e"], "▁"),
  teacher: table(["z", "Ġb", "a", "c", "e", "d"], "Ġ"),
};

/** a [n, k] · b [m, k]ᵀ. */
const timesTransposed = (a: ArrayLike<number>, b: ArrayLike<number>, k: number): number[] => {
  const [n, m] = [a.length / k, b.length / k];
  return Array.from({ length: n * m }, (_, e) => {
    const [i, j] = [Math.floor(e / m), e % m];
    let sum = 0;
    for (let c = 0; c < k; c++) sum += a[i * k + c]! * b[j * k + c]!;
    return sum;
  });
};
const gap = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i]!)));

describe("projectors that preserve logits", () => {
  test("tokens of one text are paired", () => {
    expect(sharedTokens(TOKENS)).toEqual([
      [1, 1],
      [0, 2],
      [2, 3],
      [6, 4],
      [5, 5],
    ]);
  });

  test("least squares: the exact solution, and fewer rows than columns", () => {
    const rows = (count: number, width: number, data: Float32Array) => ({
      ...{ count, width, data: Float64Array.from(data) },
    });
    const [a, x] = [random(9 * 3), random(2 * 3)];
    const b = Float32Array.from(timesTransposed(a, x, 3)); // b = a·xᵀ
    const got = leastSquares(rows(9, 3, a), rows(9, 2, b)); // (3, 2)
    const want = Float32Array.from({ length: 6 }, (_, e) => x[(e % 2) * 3 + Math.floor(e / 2)]!);
    expect(gap(got, want)).toBeLessThan(1e-5);
    const wide = random(2 * 5);
    const fit = leastSquares(rows(2, 5, wide), rows(2, 2, Float32Array.of(1, 2, 3, 4)));
    const transposed = Float32Array.from({ length: 10 }, (_, e) => fit[(e % 5) * 2 + Math.floor(e / 5)]!);
    expect(gap(timesTransposed(wide, transposed, 5), [1, 2, 3, 4])).toBeLessThan(1e-3);
  });

  test("both directions keep the logits of shared tokens", () => {
    const d = 4; // both widths: each head spans the other
    const student = random(7 * d);
    const mix = random(d * d);
    const teacher = random(6 * d);
    for (const [s, t] of sharedTokens(TOKENS))
      teacher.set(timesTransposed(student.subarray(s * d, (s + 1) * d), mix, d), t * d);
    const parameter = (name: string, size: number) => ({
      ...{
        name: `projector.${name}`,
        shape: [size],
        data: random(size),
        group: "projector" as const,
        decay: true,
      },
    });
    const before = [
      parameter("t2s.weight", d * d),
      parameter("t2s.bias", d),
      parameter("s2t.weight", d * d),
      parameter("ot.weight", 4),
    ];
    const heads = {
      student: { shape: [7, d], data: student },
      teacher: { shape: [6, d], data: teacher },
      tokens: TOKENS,
    };
    const after = preservingLogits(before, heads);
    const pick = (data: Float32Array, ids: number[]) =>
      Float32Array.from(ids.flatMap((id) => [...data.subarray(id * d, (id + 1) * d)]));
    const shared = sharedTokens(TOKENS);
    const [own, other] = [
      pick(
        student,
        shared.map(([s]) => s),
      ),
      pick(
        teacher,
        shared.map(([, t]) => t),
      ),
    ];
    const states = random(3 * d);
    const through = (weight: Float32Array, head: Float32Array) =>
      timesTransposed(timesTransposed(states, weight, d), head, d);
    expect(gap(through(after[0]!.data!, own), timesTransposed(states, other, d))).toBeLessThan(1e-3);
    expect(gap(through(after[2]!.data!, other), timesTransposed(states, own, d))).toBeLessThan(1e-3);
    expect(gap(through(before[0]!.data, own), timesTransposed(states, other, d))).toBeGreaterThan(0.1);
    expect([...after[1]!.data!]).toEqual([0, 0, 0, 0]);
    expect(after[3]!.data).toBe(before[3]!.data);
  });
});
