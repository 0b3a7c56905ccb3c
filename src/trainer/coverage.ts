// What a method's alignment of two tokenizations leaves out, before the run and at each step, and terms that teach
// nothing: counted, and said in words.
import type { RunConfig } from "../config/run";
import {
  addCoverage,
  type Coverage,
  firstDifference,
  leastShare,
  makePairBatch,
  type PreparedRow,
  shareOf,
  type TokenTables,
} from "../data";
import type { Objective, TokenAlignment } from "../objectives";
import type { ChunkCounts, CoverageRecord, StepRecord } from "../telemetry";
import type { Progress } from "./progress";

/** Enough for a share to the percent; rows of a large set are looked at in equal distances. */
const MOST_ROWS = 256;
/** Rows between two looks at the event loop. */
const SLICE = 16;
const FEW = 0.5;
const WORST_ROWS = 5;

type PadIds = Parameters<typeof makePairBatch>[1];

export interface MeasuredCoverage {
  readonly record: CoverageRecord;
  /** What to tell before training where most tokens take no part. */
  readonly warning: string | undefined;
}

/** Undefined for methods that read all tokens. @throws the signal's reason when aborted */
export async function measureCoverage(
  objective: Objective,
  { method }: Pick<RunConfig, "method">,
  rows: readonly PreparedRow[],
  { padIds, tokens }: { readonly padIds: PadIds; readonly tokens: TokenTables },
  progress: Progress,
  signal?: AbortSignal,
): Promise<MeasuredCoverage | undefined> {
  const alignment = objective.alignment?.(method);
  if (!alignment) return undefined;
  const seen: { row: PreparedRow; coverage: Coverage }[] = [];
  const some = spread(rows, MOST_ROWS);
  for (const [i, row] of some.entries()) {
    if (i % SLICE === 0) {
      progress("aligning rows", i, some.length);
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
    }
    seen.push({ row, coverage: alignment.coverage(makePairBatch([row], padIds), tokens) });
  }
  const sum = addCoverage(seen.map(({ coverage }) => coverage));
  const least = seen
    .filter(({ coverage }) => leastShare(coverage) < FEW)
    .toSorted((a, b) => leastShare(a.coverage) - leastShare(b.coverage))
    .slice(0, WORST_ROWS);
  const record: CoverageRecord = {
    rows: seen.length,
    empty: seen.filter(({ coverage }) => leastShare(coverage) === 0).length,
    ...sharesOf(sum),
    reads: alignment.reads,
    least: least.map(({ row, coverage }) => ({ id: row.row.id, ...sharesOf(coverage) })),
  };
  const warning = leastShare(sum) < FEW ? warningOf(record, alignment, least[0]?.row, tokens) : undefined;
  return { record, warning };
}

/** Of one step: what its batches give together. */
export const sharesOf = ({ student, teacher }: Coverage): { student: number; teacher: number } => ({
  student: shareOf(student),
  teacher: shareOf(teacher),
});

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

/** For the log, before training. */
export const coverageLine = ({ rows, empty, student, teacher, reads }: CoverageRecord): string =>
  `alignment: ${percent(student)} of the student's and ${percent(teacher)} of the teacher's response tokens take part (${reads}); ` +
  `${rows} rows looked at${empty > 0 ? `, ${empty} of them without any such token` : ""}`;

function warningOf(
  record: CoverageRecord,
  { reads, remedy }: TokenAlignment,
  worst: PreparedRow | undefined,
  tokens: TokenTables,
): string {
  const { student, teacher, rows, empty } = record;
  const none = empty > 0 ? ` Of ${rows} rows looked at, ${empty} have none at all.` : "";
  const apart = worst && textsApart(worst, tokens);
  return (
    `Most of the text teaches nothing here: the method reads ${reads}, and these are ${percent(student)} of the student's and ` +
    `${percent(teacher)} of the teacher's response tokens.${none}${apart ? ` ${apart}` : ""} ${remedy}`
  );
}

/** Where the two sides of a row stop reading the same text, when they do. */
function textsApart({ row, student, teacher }: PreparedRow, tokens: TokenTables): string | undefined {
  const response = ({ ids, promptLength }: PreparedRow["student"]) => [...ids.subarray(promptLength)];
  const apart = firstDifference(response(student), response(teacher), tokens);
  if (!apart) return undefined;
  return (
    `In row ${row.id} the student reads ${JSON.stringify(apart.student)} where the teacher reads ${JSON.stringify(apart.teacher)}: ` +
    "look at the chat templates, and at what the maximum lengths cut."
  );
}

function spread<T>(all: readonly T[], most: number): readonly T[] {
  if (all.length <= most) return all;
  return Array.from({ length: most }, (_, i) => all[Math.floor((i * all.length) / most)]).filter(
    (one) => one !== undefined,
  );
}

/** Terms that are exactly zero though the settings give them weight. */
export function silentTerms(
  terms: Readonly<Record<string, number>>,
  unweighted: readonly string[],
): string[] {
  return Object.entries(terms)
    .filter(([name, value]) => value === 0 && !unweighted.includes(name))
    .map(([name]) => name);
}

/** Chunks that a term left out by what the teacher says of them, in words. */
const chunksLine = ({ step }: StepRecord, { counted, found }: ChunkCounts): string =>
  `step ${step}: ${found - counted} of ${found} chunks left out: the teacher gives a word's end behind them no chance, ` +
  "as inside a word or before a full stop (method.debias)";

/**
 * Says of a run's steps which terms were silent: at the first such step, then each time their number has doubled. Of chunks
 * that are left out it tells once.
 */
export function createSilenceLog(): (record: StepRecord) => string | undefined {
  const steps = new Map<string, number>();
  let toldOfChunks = false;
  return (record) => {
    const { step, silent = [], coverage, chunks } = record;
    if (silent.length === 0 && chunks && chunks.counted < chunks.found && !toldOfChunks) {
      toldOfChunks = true;
      return chunksLine(record, chunks);
    }
    if (silent.length === 0) return undefined;
    const names = silent.join(", ");
    const count = (steps.get(names) ?? 0) + 1;
    steps.set(names, count);
    if (!Number.isInteger(Math.log2(count))) return undefined;
    const none = coverage && Math.min(coverage.student, coverage.teacher) === 0;
    const why = none
      ? "no response token of the batch takes part in the alignment"
      : silent.includes("ce")
        ? "the student already gives every label all its mass"
        : "nothing in the batch gives them a value";
    const times = count > 1 ? ` (${count} steps so far)` : "";
    return `step ${step}: ${names} exactly zero${times}: ${why}`;
  };
}
