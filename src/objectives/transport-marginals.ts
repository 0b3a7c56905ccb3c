// Masses of tokens by attention received, for transport whose marginals are not uniform. The attention is that of a
// sequence's own response states, softmax(x·xᵀ/√d); no gradient flows through it.
import type { PairBatch } from "../data";
import type { InputData, Tensor } from "../gpu/program";
import {
  type OtCapacity,
  packProblems,
  PROBLEM_WORDS,
  type ProblemSize,
  recordAttentionMarginals,
  recordCost,
  vectorLength,
} from "../ot";
import type { Var } from "../student";
import { capacityOf, problemSizes, type Site } from "./transport-sites";
import type { Recording } from "./types";

interface SiteStates {
  readonly site: Site;
  /** Student states, and the teacher's before the projector; widths are multiples of four. */
  readonly own: Var;
  readonly teacher: Var;
}

export interface RecordedMarginals {
  /** Laid out as the solver's potentials. */
  readonly marginals: Tensor;
  inputs(batch: PairBatch): Record<string, InputData>;
}

const SIDES = [0, 1] as const;
const tableName = (side: 0 | 1) => `self_problems_${side === 0 ? "student" : "teacher"}`;

/** @param widths the models' true widths: √ of them scales the attention. */
export function recordMarginals(
  { tape, shape }: Recording,
  states: readonly SiteStates[],
  problems: Tensor,
  widths: readonly [student: number, teacher: number],
): RecordedMarginals {
  const { b } = tape;
  const sites = states.map(({ site }) => site);
  const capacity = capacityOf(shape, sites);
  const marginals = b.scratch("transport marginals", vectorLength(capacity));
  for (const side of SIDES) {
    const own = selfCapacity(capacity, side);
    const table = b.input(tableName(side), own.problems * PROBLEM_WORDS);
    const cost = b.scratch("self attention", own.costElements);
    states.forEach(({ own: x, teacher: y }, s) => {
      const {
        value: features,
        shape: [, D = 0],
      } = side === 0 ? x : y;
      recordCost(b, {
        ...{ x: features, y: features, D, trueD: widths[side], problems: table, capacity: own, cost },
        ...{ kind: "attention", range: { first: s * shape.batch, count: shape.batch } },
      });
    });
    const self = { problems: table, cost };
    recordAttentionMarginals(b, { problems, count: capacity.problems, marginals }, side, self);
  }
  return {
    marginals,
    inputs(batch) {
      const sizes = problemSizes(batch, shape.batch, sites);
      return Object.fromEntries(
        SIDES.map((side) => [
          tableName(side),
          packProblems(
            sizes.map((size) => selfProblem(size, side)),
            selfCapacity(capacity, side),
          ),
        ]),
      );
    },
  };
}

function selfCapacity({ problems, maxRows, maxCols, rows, cols }: OtCapacity, side: 0 | 1): OtCapacity {
  const [most, all] = side === 0 ? [maxRows, rows] : [maxCols, cols];
  const pitch = Math.ceil(most / 4) * 4;
  return { problems, maxRows: most, maxCols: most, costElements: all * pitch, rows: all, cols: all };
}

function selfProblem({ xOffset, n, yOffset, m }: ProblemSize, side: 0 | 1): ProblemSize {
  const [offset, count] = side === 0 ? [xOffset, n] : [yOffset, m];
  return { xOffset: offset, n: count, yOffset: offset, m: count };
}
