// The numbers of a run, outside React: appended at full rate, read when a chart redraws.
import { createSeries, type EvaluationRecord, type Series, type StepRecord } from "../telemetry";

/** Columns every step has, besides one per loss term. */
const COMMON = [
  "step",
  "loss",
  "gradNorm",
  "learningRate",
  "tokenAccuracy",
  "tokens",
  "marginalError",
  "unconverged",
  "ms",
] as const;

type CommonColumn = (typeof COMMON)[number];

export interface RunHistory {
  /** Names of the weighted loss terms, in the order in which the run reports them. */
  readonly terms: readonly string[];
  readonly length: number;
  readonly last: StepRecord | undefined;
  readonly records: readonly StepRecord[];
  readonly evaluations: readonly EvaluationRecord[];
  column(name: CommonColumn): Float64Array;
  term(name: string): Float64Array;
  push(records: readonly StepRecord[]): void;
  pushEvaluation(evaluation: EvaluationRecord): void;
  /** Forget everything after `step`; the run went back. */
  rewind(step: number): void;
  /** Called after every change, at the rate of the events. */
  subscribe(listener: () => void): () => void;
}

const EMPTY = new Float64Array(0);

export function createHistory(): RunHistory {
  const listeners = new Set<() => void>();
  let records: StepRecord[] = [];
  let evaluations: EvaluationRecord[] = [];
  let terms: string[] = [];
  let series: Series = createSeries(COMMON);

  const changed = () => {
    for (const listener of listeners) listener();
  };
  const append = (record: StepRecord) => {
    if (records.length === 0) {
      terms = Object.keys(record.terms);
      series = createSeries([...COMMON, ...terms.map(termColumn)]);
    }
    records.push(record);
    series.push(rowOf(record));
  };
  const truncate = (step: number) => {
    const kept = records.filter((record) => record.step <= step);
    evaluations = evaluations.filter((evaluation) => evaluation.step <= step);
    if (kept.length === records.length) return;
    records = [];
    series.clear();
    for (const record of kept) append(record);
  };

  return {
    get terms() {
      return terms;
    },
    get length() {
      return records.length;
    },
    get last() {
      return records.at(-1);
    },
    get records() {
      return records;
    },
    get evaluations() {
      return evaluations;
    },
    column: (name) => series.column(name),
    term: (name) => (terms.includes(name) ? series.column(termColumn(name)) : EMPTY),
    push(incoming) {
      const first = incoming[0];
      if (!first) return;
      if (first.step <= (records.at(-1)?.step ?? 0)) truncate(first.step - 1);
      for (const record of incoming) append(record);
      changed();
    },
    pushEvaluation(evaluation) {
      evaluations = [...evaluations.filter((e) => e.step < evaluation.step), evaluation];
      changed();
    },
    rewind(step) {
      truncate(step);
      changed();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

const termColumn = (name: string) => `term:${name}`;

function rowOf(record: StepRecord): Record<string, number> {
  const row: Record<string, number> = {};
  for (const name of COMMON) row[name] = record[name];
  for (const [name, value] of Object.entries(record.terms)) row[termColumn(name)] = value;
  return row;
}
