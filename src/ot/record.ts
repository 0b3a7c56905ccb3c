// Recording a whole answer to a batch: costs from features, the sweeps, and a gradient back to wherever the costs came from.
import type { CostKind } from "../config/transport";
import type { ProgramBuilder, Tensor } from "../gpu/program";
import { recordCost, recordCostBackward, type CostArgs, type SavedCost } from "./cost";
import { recordPlanGradient } from "./gradient";
import type { OtCapacity, ProblemRange } from "./problems";
import type { OtSettings, SweepKernels } from "./settings";
import { recordSinkhorn, type Solved } from "./sinkhorn";
import type { OtOptions } from "./types";

/** Features of a range of problems. */
export interface FeatureTensors {
  readonly x: Tensor;
  readonly y: Tensor;
  readonly kind: CostKind;
  /** Columns of both; a multiple of 4. */
  readonly D: number;
  /** How many of them are features; the others hold 0. */
  readonly d: number;
  readonly range: ProblemRange;
  /** Where the gradients go; scratch where they are left out. */
  readonly dx?: Tensor;
  readonly dy?: Tensor;
}

export interface TransportArgs {
  readonly problems: Tensor;
  readonly capacity: OtCapacity;
  readonly settings: OtSettings;
  /** Read, and written at the places of problems with features. */
  readonly cost: Tensor;
  readonly features: readonly FeatureTensors[];
  readonly marginals?: Tensor;
  readonly epsilons?: Tensor;
  readonly warm?: Tensor;
  /** With which weight a problem's loss enters the gradient, f32[problems]; needed for one. */
  readonly weights?: Tensor;
  readonly gradient: NonNullable<OtOptions["gradient"]>;
  readonly keepHistory: boolean;
  readonly kernels?: SweepKernels;
}

export interface RecordedTransport {
  readonly solved: Solved;
  /** With a gradient. */
  readonly dcost?: Tensor;
  /** With a gradient, in the order of `features`. */
  readonly featureGradients: readonly { readonly dx: Tensor; readonly dy: Tensor }[];
}

export function recordTransport(b: ProgramBuilder, args: TransportArgs): RecordedTransport {
  const { problems, capacity, settings, cost, gradient } = args;
  const costs = args.features.map((group): { args: CostArgs; saved: SavedCost } => {
    const { x, y, D, d: trueD, kind, range } = group;
    const costArgs = { ...{ x, y, D, trueD, kind, range }, ...{ problems, capacity, cost } };
    return { args: costArgs, saved: recordCost(b, costArgs) };
  });
  const { marginals, epsilons, warm, kernels } = args;
  const solved = recordSinkhorn(b, {
    ...{ cost, problems, capacity, settings },
    ...(marginals && { marginals }),
    ...(epsilons && { epsilons }),
    ...(warm && { warm }),
    keepHistory: args.keepHistory || gradient === "unrolled",
    ...(kernels && { kernels }),
  });
  if (gradient === "none") return { solved, featureGradients: [] };
  if (!args.weights) throw new RangeError("a gradient needs weights");
  const dcost = recordPlanGradient(b, solved, gradient, args.weights);
  const featureGradients = costs.map(({ args: costArgs, saved }, k) => {
    const dx = args.features[k]?.dx ?? b.scratch("dx", costArgs.x.length);
    const dy = args.features[k]?.dy ?? b.scratch("dy", costArgs.y.length);
    recordCostBackward(b, { ...costArgs, saved, dcost, dx, dy });
    return { dx, dy };
  });
  return { solved, dcost, featureGradients };
}
