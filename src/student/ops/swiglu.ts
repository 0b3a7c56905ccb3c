// swiglu, forward and backward. See shaders/nn/swiglu.wgsl and swiglu_backward.wgsl.
import flatIndex from "../../../shaders/lib/flat_index.wgsl?raw";
import swiglu_ from "../../../shaders/nn/swiglu.wgsl?raw";
import swigluBackward from "../../../shaders/nn/swiglu_backward.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import { foldGrid } from "../grid";
import type { Tape, Var } from "../tape";

export const swigluKernel = defineKernel({
  entry: "swiglu",
  code: [flatIndex, swiglu_],
  bindings: { params: "uniform", gate: "read", up: "read", y: "write" },
});

export const swigluBackwardKernel = defineKernel({
  entry: "swiglu_backward",
  code: [flatIndex, swigluBackward],
  bindings: { params: "uniform", gate: "read", up: "read", dy: "read", dgate: "write", dup: "write" },
});

/** silu(gate) ⊙ up. gate and up must be different Vars. */
export function swiglu(tape: Tape, gate: Var, up: Var): Var {
  const y = tape.result("swiglu", gate.shape, [gate, up]);
  const count = y.value.length;
  const bindings = { params: packParams(u32(count)), gate: gate.value, up: up.value, y: y.value };
  tape.b.dispatch(swigluKernel, bindings, foldGrid(count));

  tape.record(y, (dy) => {
    const dgate = tape.gradSink(gate);
    const dup = tape.gradSink(up);
    const params = packParams(u32(count), u32(dgate.accumulate ? 1 : 0), u32(dup.accumulate ? 1 : 0));
    tape.b.dispatch(
      swigluBackwardKernel,
      { params, gate: gate.value, up: up.value, dy, dgate: dgate.tensor, dup: dup.tensor },
      foldGrid(count),
    );
  });
  return y;
}
