// add, fill, swiglu, swiglu_backward — plan
//   add         a + b, a copy of a, each × accumulate × count {1, 63, 65, 1000}: one f32 rounding per addition
//   fill        every element, none after the end
//   fold        a grid beyond one dimension: 64·32768 + 5 elements land where they should
//   swiglu      matches the f64 oracle; gates of ±90 and ±1e4 stay finite
//   backward    finite differences of the oracle × accumulate into gate, into up
import { expect, test } from "vitest";
import { f32, packParams, u32 } from "../../src/gpu/params";
import { foldGrid } from "../../src/student/grid";
import { addKernel } from "../../src/student/ops/add";
import { fillKernel } from "../../src/student/ops/fill";
import { swigluBackwardKernel, swigluKernel } from "../../src/student/ops/swiglu";
import { finiteDifferences, normals, swiglu } from "../oracle/nn";
import { runKernel } from "../support/gpu";
import { expectGuarded, guarded, GUARD } from "../support/nn-values";

test.each([1, 63, 65, 1000])("add, %i elements", async (count) => {
  const [a, b, before] = [normals(1, count), normals(2, count), normals(3, count)];
  for (const onlyA of [0, 1])
    for (const accumulate of [0, 1]) {
      const { out } = await runKernel(addKernel, {
        inputs: { params: packParams(u32(count), u32(onlyA), u32(accumulate)), a: guarded(a), b: guarded(b) },
        ...(accumulate
          ? { outputs: {}, inout: { out: guarded(before) } }
          : { outputs: { out: count + GUARD } }),
        grid: foldGrid(count),
      });
      const want = Array.from(a, (x, i) => x + (onlyA ? 0 : b[i]!) + (accumulate ? before[i]! : 0));
      // Two roundings of sums up to 8.
      expectGuarded(out, want, { rtol: 0, atol: 1e-6 }, `${onlyA} ${accumulate}`);
    }
  expect.hasAssertions();
});

test("fill and the folded grid", async () => {
  const count = 64 * 32768 + 5;
  expect(foldGrid(count)).toEqual([32768, 2]);
  expect(foldGrid(count - 5)).toEqual([32768]);
  const { out } = await runKernel(fillKernel, {
    inputs: { params: packParams(u32(count), f32(-2.5)) },
    outputs: { out: count + GUARD },
    grid: foldGrid(count),
  });
  expect(out!.subarray(0, count).every((x) => x === -2.5)).toBe(true);
  expect(out!.subarray(count).every(Number.isNaN)).toBe(true);
});

test.each([1, 65, 257])("swiglu, %i elements", async (count) => {
  const [gate, up, dy] = [normals(4, count, 3), normals(5, count), normals(6, count)];
  [90, -90, 1e4, -1e4, 0].forEach((z, i) => {
    if (i < count - 1) gate[i] = z;
  });
  const { y } = await runKernel(swigluKernel, {
    inputs: { params: packParams(u32(count)), gate: guarded(gate), up: guarded(up) },
    outputs: { y: count + GUARD },
    grid: foldGrid(count),
  });
  // exp within 3 + 2|z| ulp, |z| up to 10 where silu is not yet negligible.
  expectGuarded(y, swiglu(gate, up), { rtol: 5e-6, atol: 1e-7 });

  const wantGate = finiteDifferences((at) => swiglu(at, up), gate, dy, 1e-4);
  const wantUp = finiteDifferences((at) => swiglu(gate, at), up, dy, 1e-4);
  const [beforeGate, beforeUp] = [normals(7, count), normals(8, count)];
  for (const [intoGate, intoUp] of [
    [0, 0],
    [1, 0],
    [0, 1],
  ] as const) {
    const outputs = { ...(!intoGate && { dgate: count + GUARD }), ...(!intoUp && { dup: count + GUARD }) };
    const got = await runKernel(swigluBackwardKernel, {
      inputs: {
        params: packParams(u32(count), u32(intoGate), u32(intoUp)),
        gate: guarded(gate),
        up: guarded(up),
        dy: guarded(dy),
      },
      outputs,
      inout: { ...(intoGate && { dgate: guarded(beforeGate) }), ...(intoUp && { dup: guarded(beforeUp) }) },
      grid: foldGrid(count),
    });
    const plus = (want: number[], before: Float32Array, into: number) =>
      want.map((value, i) => value + into * before[i]!);
    const tol = { rtol: 5e-6, atol: 3e-6 };
    expectGuarded(got.dgate, plus(wantGate, beforeGate, intoGate), tol, "dgate");
    expectGuarded(got.dup, plus(wantUp, beforeUp, intoUp), tol, "dup");
  }
  expect.hasAssertions();
});
