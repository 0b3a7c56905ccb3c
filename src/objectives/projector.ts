// Projectors: trained linear maps beside the student, in the group `projector` with its own learning rate.
import { createRng, deriveSeed } from "../config/rng";
import { linear, type NewParameter, type ParamStore, type Tape, type Var } from "../student";

export type ProjectorName = "ot" | "t2s" | "s2t" | "query";

/** nn.Linear's default: weights and bias uniform in ±1/√(fan in). */
export function projectorParameters(
  name: ProjectorName,
  from: number,
  to: number,
  seed: number,
): NewParameter[] {
  const rng = createRng(name === "ot" ? seed : deriveSeed(seed, name));
  const bound = 1 / Math.sqrt(from);
  const uniform = (n: number) => Float32Array.from({ length: n }, () => (2 * rng.next() - 1) * bound);
  const group = "projector" as const;
  return [
    { name: `projector.${name}.weight`, shape: [to, from], data: uniform(to * from), group, decay: true },
    { name: `projector.${name}.bias`, shape: [to], data: uniform(to), group, decay: false },
  ];
}

/** x·Wᵀ + b. */
export const project = (tape: Tape, params: ParamStore, name: ProjectorName, x: Var): Var =>
  linear(tape, x, params.leaf(tape, `projector.${name}.weight`), {
    bias: params.leaf(tape, `projector.${name}.bias`),
  });
