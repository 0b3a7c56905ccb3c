import { expect } from "vitest";

export interface Tolerance {
  rtol: number;
  atol: number;
}

/** Largest error beyond rtol·|want|; NaN counts as infinite, so it never passes. */
function worstError(got: ArrayLike<number>, want: ArrayLike<number>, rtol: number): number {
  if (got.length !== want.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < want.length; i++) {
    const error = Math.abs(got[i]! - want[i]!) - rtol * Math.abs(want[i]!);
    worst = Number.isNaN(error) ? Infinity : Math.max(worst, error);
  }
  return worst;
}

export function expectClose(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  tol: Tolerance,
  what = "",
): void {
  expect(got.length, `${what} length`).toBe(want.length);
  expect(worstError(got, want, tol.rtol), `${what}: largest error beyond rtol·|want|`).toBeLessThanOrEqual(
    tol.atol,
  );
}

/** ‖got − want‖₂ / ‖want‖₂; infinite for NaN or unequal lengths. */
export function relativeL2(got: ArrayLike<number>, want: ArrayLike<number>): number {
  if (got.length !== want.length) return Infinity;
  let diff = 0;
  let norm = 0;
  for (let i = 0; i < want.length; i++) {
    diff += (got[i]! - want[i]!) ** 2;
    norm += want[i]! ** 2;
  }
  const ratio = Math.sqrt(diff) / (Math.sqrt(norm) || 1);
  return Number.isNaN(ratio) ? Infinity : ratio;
}
