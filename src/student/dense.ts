// The only function that applies a weight matrix, by the name of its module: whatever changes how
// matrices act (a bias, another layout, an adapter) is said here and holds for every family.
import { loraA, loraB, loraScale } from "./lora";
import type { StudentModel } from "./families/network";
import { add } from "./ops/residual";
import { linear } from "./ops/linear";
import { scale } from "./ops/scale";
import type { Tape, Var } from "./tape";

export interface DenseOptions {
  /** Added to the result: the residual stream. */
  readonly residual?: Var | undefined;
}

/** x (N, K) → (N, M): `module`.weight, `module`.bias where the model has one, and the adapter beside it if any. */
export function dense(
  tape: Tape,
  model: StudentModel,
  x: Var,
  module: string,
  options: DenseOptions = {},
): Var {
  const y = recordDense(tape, model, x, module, options);
  const { store, lora } = model;
  if (!lora || !store.entries.has(loraA(module))) return y;
  const low = linear(tape, x, store.leaf(tape, loraA(module)));
  return linear(tape, scale(tape, low, loraScale(lora)), store.leaf(tape, loraB(module)), { residual: y });
}

function recordDense(
  tape: Tape,
  { store, network: { layout } }: StudentModel,
  x: Var,
  module: string,
  { residual }: DenseOptions,
): Var {
  const weight = store.leaf(tape, `${module}.weight`);
  if (!store.entries.has(`${module}.bias`)) return linear(tape, x, weight, { residual, layout });
  const y = linear(tape, x, weight, { bias: store.leaf(tape, `${module}.bias`), layout });
  return residual ? add(tape, y, residual) : y;
}
