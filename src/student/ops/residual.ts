// The sum of two values on the tape, such as a residual stream's. See shaders/nn/add.wgsl.
import type { Tape, Var } from "../tape";
import { recordAdd } from "./add";

/** a + b; both gradients are dy itself. */
export function add(tape: Tape, a: Var, b: Var): Var {
  const y = tape.result(`${a.label}+${b.label}`, a.shape, [a, b]);
  recordAdd(tape.b, { a: a.value, b: b.value, out: y.value, accumulate: false });
  tape.record(y, (dy) => {
    tape.passGrad(a, dy, y);
    tape.passGrad(b, dy, y);
  });
  return y;
}
