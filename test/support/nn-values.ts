// Buffers that catch a kernel that reads or writes past its range.
import { expect } from "vitest";
import { expectClose, type Tolerance } from "./close";

/** Elements after the end of every input and output. */
export const GUARD = 37;

/** The values, then loud finite ones: NaN would be dropped by max(), ±9 changes every sum. */
export function guarded(values: ArrayLike<number>): Float32Array {
  const n = values.length;
  return Float32Array.from({ length: n + GUARD }, (_, i) => (i < n ? values[i]! : i % 2 ? 9 : -9));
}

/** The first values are as wanted; the guard after them still holds what it held: NaN, or `guarded`'s values. */
export function expectGuarded(
  got: Float32Array | undefined,
  want: ArrayLike<number>,
  tol: Tolerance,
  what = "",
): void {
  const n = want.length;
  expectClose(got!.subarray(0, n), want, tol, what);
  const guard = [...got!.subarray(n)];
  const untouched = guarded(want).subarray(n);
  const whole = guard.every((value, i) => Number.isNaN(value) || value === untouched[i]);
  expect(whole, `${what}: wrote past its end`).toBe(true);
}
