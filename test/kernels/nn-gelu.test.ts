// gelu, gelu_backward, geglu, geglu_backward — plan
//   oracle      erfc(0), erfc(1), erfc(2), erfc(5) against tables
//   forward     both forms match the f64 oracle on z ∈ [−12, 12] and at ±1e4; the negative tail keeps its digits
//   forms       erf and tanh differ where they should (control)
//   backward    finite differences of the oracle × form × accumulate; geglu into gate, into up
import { describe, expect, test } from "vitest";
import { packParams, u32 } from "../../src/gpu/params";
import { foldGrid } from "../../src/student/grid";
import {
  gegluBackwardKernel,
  gegluKernel,
  geluBackwardKernel,
  geluKernel,
  geluKind,
} from "../../src/student/ops/gelu";
import { finiteDifferences, normals } from "../oracle/nn";
import { erfc, geglu, gelu, type GeluForm } from "../oracle/nn-layers";
import { runKernel } from "../support/gpu";
import { expectGuarded, guarded, GUARD } from "../support/nn-values";

const forms: GeluForm[] = ["erf", "tanh"];

test.each([
  [0, 1],
  [1, 0.15729920705028513],
  [2, 0.004677734981047266],
  [5, 1.5374597944280349e-12],
  [-1, 1.8427007929497148],
])("the oracle's erfc(%d)", (x, want) => expect(Math.abs(erfc(x) / want - 1)).toBeLessThan(1e-12));

const forward = async (form: GeluForm, x: Float32Array) => {
  const { y } = await runKernel(geluKernel, {
    inputs: { params: packParams(u32(x.length), geluKind(form)), x: guarded(x) },
    outputs: { y: x.length + GUARD },
    grid: foldGrid(x.length),
  });
  return y!;
};

describe.each(forms)("gelu, %s", (form) => {
  test("forward", async () => {
    const x = Float32Array.from({ length: 241 }, (_, i) => (i - 120) / 10);
    // exp within 3 + 2|z| ulp; tanh's form loses the digits of 1 − s above, none below.
    const want = Array.from(x, (z) => gelu(form, z));
    expectGuarded(await forward(form, x), want, { rtol: 4e-6, atol: 1e-6 });
    const tail = Float32Array.of(-3, -4, -5, -6, -8, -10);
    const relative = form === "erf" ? 3e-5 : 1;
    expectGuarded(
      await forward(form, tail),
      Array.from(tail, (z) => gelu(form, z)),
      {
        rtol: relative,
        atol: form === "erf" ? 1e-30 : 1e-15,
      },
    );
    const huge = Float32Array.of(1e4, -1e4, 0);
    expectGuarded(await forward(form, huge), [1e4, 0, 0], { rtol: 1e-6, atol: 1e-6 });
  });

  test.each([false, true])("backward, accumulate %s", async (accumulate) => {
    const x = normals(1, 131, 2);
    x.set([90, -90, 1e4, -1e4, 0]);
    const [dy, before] = [normals(2, x.length), normals(3, x.length)];
    const { dx } = await runKernel(geluBackwardKernel, {
      inputs: {
        params: packParams(u32(x.length), geluKind(form), u32(accumulate ? 1 : 0)),
        x: guarded(x),
        dy: guarded(dy),
      },
      ...(accumulate
        ? { outputs: {}, inout: { dx: guarded(before) } }
        : { outputs: { dx: x.length + GUARD } }),
      grid: foldGrid(x.length),
    });
    const slopes = finiteDifferences((at) => at.map((z) => gelu(form, z)), x, dy, 1e-4);
    const want = slopes.map((value, i) => value + (accumulate ? before[i]! : 0));
    expectGuarded(dx, want, { rtol: 5e-6, atol: 3e-6 });
  });

  test("gated", async () => {
    const count = 257;
    const [gate, up, dy] = [normals(4, count, 2), normals(5, count), normals(6, count)];
    gate.set([90, -90, 1e4, -1e4, 0]);
    const { y } = await runKernel(gegluKernel, {
      inputs: { params: packParams(u32(count), geluKind(form)), gate: guarded(gate), up: guarded(up) },
      outputs: { y: count + GUARD },
      grid: foldGrid(count),
    });
    expectGuarded(y, geglu(form, gate, up), { rtol: 5e-6, atol: 2e-6 });
    const wantGate = finiteDifferences((at) => geglu(form, at, up), gate, dy, 1e-4);
    const wantUp = finiteDifferences((at) => geglu(form, gate, at), up, dy, 1e-4);
    const [beforeGate, beforeUp] = [normals(7, count), normals(8, count)];
    for (const [intoGate, intoUp] of [
      [0, 0],
      [1, 0],
      [0, 1],
    ] as const) {
      const got = await runKernel(gegluBackwardKernel, {
        inputs: {
          params: packParams(u32(count), geluKind(form), u32(intoGate), u32(intoUp)),
          gate: guarded(gate),
          up: guarded(up),
          dy: guarded(dy),
        },
        outputs: { ...(!intoGate && { dgate: count + GUARD }), ...(!intoUp && { dup: count + GUARD }) },
        inout: {
          ...(intoGate && { dgate: guarded(beforeGate) }),
          ...(intoUp && { dup: guarded(beforeUp) }),
        },
        grid: foldGrid(count),
      });
      const plus = (want: number[], before: Float32Array, into: number) =>
        want.map((value, i) => value + into * before[i]!);
      expectGuarded(got.dgate, plus(wantGate, beforeGate, intoGate), { rtol: 5e-6, atol: 5e-6 }, "dgate");
      expectGuarded(got.dup, plus(wantUp, beforeUp, intoUp), { rtol: 5e-6, atol: 5e-6 }, "dup");
    }
  });
});

test("control: the two forms differ near z = 2", async () => {
  const at = Float32Array.of(2.1);
  const [erf, tanh] = [await forward("erf", at), await forward("tanh", at)];
  expect(Math.abs(erf[0]! - tanh[0]!)).toBeGreaterThan(1e-4);
});
