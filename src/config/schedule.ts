// The learning rate over a run: linear warm-up, then constant, linear or cosine decay to zero.
import type { OptimizerConfig } from "./run";

/** The factor on the learning rate at a step (1-based) of a run of `steps`. */
export function scheduleFactor(
  { schedule, warmupSteps }: Pick<OptimizerConfig, "schedule" | "warmupSteps">,
  step: number,
  steps: number,
): number {
  if (step <= warmupSteps) return step / (warmupSteps + 1);
  const progress = Math.min(1, (step - 1 - warmupSteps) / Math.max(1, steps - warmupSteps));
  switch (schedule) {
    case "constant":
      return 1;
    case "linear":
      return 1 - progress;
    case "cosine":
      return 0.5 * (1 + Math.cos(Math.PI * progress));
  }
}
