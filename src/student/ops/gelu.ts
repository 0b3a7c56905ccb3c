// gelu and geglu, forward and backward, in the erf and the tanh form. See shaders/lib/gelu.wgsl.
import flatIndex from "../../../shaders/lib/flat_index.wgsl?raw";
import geluLib from "../../../shaders/lib/gelu.wgsl?raw";
import geglu_ from "../../../shaders/nn/geglu.wgsl?raw";
import gegluBackward from "../../../shaders/nn/geglu_backward.wgsl?raw";
import gelu_ from "../../../shaders/nn/gelu.wgsl?raw";
import geluBackward from "../../../shaders/nn/gelu_backward.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import { foldGrid } from "../grid";
import type { Tape, Var } from "../tape";

export const geluKernel = defineKernel({
  entry: "gelu",
  code: [flatIndex, geluLib, gelu_],
  bindings: { params: "uniform", x: "read", y: "write" },
});

export const geluBackwardKernel = defineKernel({
  entry: "gelu_backward",
  code: [flatIndex, geluLib, geluBackward],
  bindings: { params: "uniform", x: "read", dy: "read", dx: "write" },
});

export const gegluKernel = defineKernel({
  entry: "geglu",
  code: [flatIndex, geluLib, geglu_],
  bindings: { params: "uniform", gate: "read", up: "read", y: "write" },
});

export const gegluBackwardKernel = defineKernel({
  entry: "geglu_backward",
  code: [flatIndex, geluLib, gegluBackward],
  bindings: { params: "uniform", gate: "read", up: "read", dy: "read", dgate: "write", dup: "write" },
});

export type GeluKind = "erf" | "tanh";
export const geluKind = (kind: GeluKind) => u32(kind === "tanh" ? 1 : 0);

export function gelu(tape: Tape, x: Var, kind: GeluKind): Var {
  const y = tape.result("gelu", x.shape, [x]);
  const count = y.value.length;
  const params = packParams(u32(count), geluKind(kind));
  tape.b.dispatch(geluKernel, { params, x: x.value, y: y.value }, foldGrid(count));
  tape.record(y, (dy) => {
    const { tensor: dx, accumulate } = tape.gradTarget(x);
    const backward = packParams(u32(count), geluKind(kind), u32(accumulate ? 1 : 0));
    tape.b.dispatch(geluBackwardKernel, { params: backward, x: x.value, dy, dx }, foldGrid(count));
  });
  return y;
}

/** gelu(gate) ⊙ up. gate and up must be different Vars. */
export function geglu(tape: Tape, gate: Var, up: Var, kind: GeluKind): Var {
  const y = tape.result("geglu", gate.shape, [gate, up]);
  const count = y.value.length;
  const params = packParams(u32(count), geluKind(kind));
  const bindings = { params, gate: gate.value, up: up.value, y: y.value };
  tape.b.dispatch(gegluKernel, bindings, foldGrid(count));
  tape.record(y, (dy) => {
    const [dgate, dup] = [tape.gradSink(gate), tape.gradSink(up)];
    const flags = [dgate, dup].map(({ accumulate }) => u32(accumulate ? 1 : 0));
    tape.b.dispatch(
      gegluBackwardKernel,
      {
        params: packParams(u32(count), geluKind(kind), ...flags),
        gate: gate.value,
        up: up.value,
        dy,
        dgate: dgate.tensor,
        dup: dup.tensor,
      },
      foldGrid(count),
    );
  });
  return y;
}
