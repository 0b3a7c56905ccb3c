// What a cluster's run is held against: the first batch of this very run, and what the engine made of its first steps.
import type { RunConfig } from "../config/run";
import { createSampler, makePairBatch, type PreparedRow, type Sequence, type TokenTables } from "../data";
import { deriveSeed } from "../config/rng";
import { alignMined, batchChunks } from "../objectives";
import type { PlanRecord, StepRecord } from "../telemetry";
import { termOf } from "./python";

/** Steps that are compared. */
export const PARITY_STEPS = 10;

export interface ParityParts {
  readonly config: RunConfig;
  readonly train: readonly PreparedRow[];
  readonly tokens: TokenTables;
  readonly studentVocab: number;
  /** The first records of the run from step 1. */
  readonly steps: readonly StepRecord[];
  /** Of the probe row, before the first step. */
  readonly plans?: readonly PlanRecord[] | undefined;
  /** What computed them. */
  readonly adapter: string;
}

/** parity.json */
export function parityOf({ config, train, tokens, studentVocab, steps, plans = [], adapter }: ParityParts) {
  const size = config.batchSize * config.accumulation;
  const drawn = createSampler(train.length, size, deriveSeed(config.seed, "data")).next();
  const rows = drawn.flatMap((i) => train[i] ?? []);
  return {
    version: 1,
    adapter,
    tolerance: 1e-4,
    batch: {
      rows: drawn,
      main: rows.map(bothSides),
      plain: rows.map(({ plain }) => (plain ? bothSides(plain) : null)),
    },
    ...alignment(config, rows, tokens, studentVocab),
    plans: plans.map(({ layer, plan, cost, studentTokens, teacherTokens, transportCost, iterations }) => ({
      ...{ layer, transportCost, iterations, shape: [studentTokens.length, teacherTokens.length] },
      plan: Array.from(plan, rounded),
      cost: Array.from(cost, rounded),
    })),
    steps: steps.map(({ step, loss, terms, gradNorm, tokens: count, learningRate, unconverged }) => ({
      ...{ step, loss, terms, gradNorm, tokens: count, learningRate, unconverged },
    })),
  };
}

const bothSides = ({ student, teacher }: { readonly student: Sequence; readonly teacher: Sequence }) => ({
  student: sequence(student),
  teacher: sequence(teacher),
});

const sequence = ({ ids, promptLength }: Sequence) => ({ ids: [...ids], prompt: promptLength });

const rounded = (x: number): number => Number(x.toPrecision(7));

/** How the method pairs the tokens of the batch, sample by sample; nothing for methods that do not align. */
function alignment(
  { method }: RunConfig,
  rows: readonly PreparedRow[],
  tokens: TokenTables,
  studentVocab: number,
) {
  const term = termOf(method);
  if (!term) return {};
  const batch = makePairBatch(rows, { student: 0, teacher: 0 });
  const starts = (side: "student" | "teacher", sample: number) => batch[side].rowOffsets[sample] ?? 0;
  if (
    term.id === "mined" &&
    "tokenMatch" in term &&
    (term.tokenMatch === "bytes" || term.tokenMatch === "spelling")
  ) {
    const { source } = alignMined(batch, tokens, term.tokenMatch, studentVocab);
    return {
      aligned: rows.map((_, b) =>
        Array.from(source.subarray(starts("student", b), starts("student", b + 1)), (row) =>
          row === 0xffffffff ? -1 : row - starts("teacher", b),
        ),
      ),
    };
  }
  if (!["gold", "alm", "shared_vocabulary"].includes(term.id)) return {};
  const chunks = batchChunks(batch, tokens);
  return {
    aligned: rows.map((_, b) =>
      chunks
        .filter(({ sample }) => sample === b)
        .map(({ student, teacher }) => [
          ...student.map((row) => row - starts("student", b)),
          ...teacher.map((row) => row - starts("teacher", b)),
        ]),
    ),
  };
}
