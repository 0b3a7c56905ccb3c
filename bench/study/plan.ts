// The study's plan and results as files: which cells there are, what they are compared with, what has been run.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseRunConfigText, type RunConfig } from "../../src/config/run";

const ROOT = resolve(import.meta.dirname, "../..");

interface Cell {
  /** PAIR-REGIME-METHOD, and the name of its config in bench/study/cells. */
  readonly id: string;
  readonly title: string;
}

interface Comparison {
  readonly cell: string;
  /** On the same rows, the same seeds and the same questions. */
  readonly against: string;
  readonly primary?: boolean;
}

export interface StudyPlan {
  readonly seeds: readonly number[];
  /** JSON lines, from the top of the repository. */
  readonly questions: string;
  readonly steps: number;
  readonly pairs: Readonly<Record<string, string>>;
  readonly regimes: Readonly<Record<string, string>>;
  /** In the order in which they are run. */
  readonly cells: readonly Cell[];
  readonly comparisons: readonly Comparison[];
}

/** One run: a line of bench/study/results/CELL.jsonl. */
export interface CellResult {
  readonly cell: string;
  readonly seed: number;
  /** "couplet" for the engine, "pytorch" for the independent run. */
  readonly engine: string;
  readonly steps: number;
  /** What was done to the labels, with counts. */
  readonly labels: string;
  /** A digit a question, in the questions' order: 1 where the final answer is exactly right. */
  readonly right: string;
  /** Mean loss of the first and of the last tenth of the steps, and of its cross entropy: as in the loss, weight included (PyTorch's has none). */
  readonly loss: { readonly first: number; readonly last: number };
  readonly crossEntropy: { readonly first: number; readonly last: number };
  readonly seconds: number;
  readonly adapter: string;
}

export const studyPlan = (): StudyPlan =>
  JSON.parse(readFileSync(join(ROOT, "bench/study/plan.json"), "utf8")) as StudyPlan; // our own file; a test reads every cell

const cellText = (id: string): string => readFileSync(join(ROOT, `bench/study/cells/${id}.json`), "utf8");

/** @throws ConfigError for one that is no run config. */
export const cellConfig = (id: string, seed: number): RunConfig => ({
  ...parseRunConfigText(cellText(id)),
  seed,
});

const resultsFile = (cell: string): string => join(ROOT, `bench/study/results/${cell}.jsonl`);

export const resultsOf = (cell: string): CellResult[] =>
  existsSync(resultsFile(cell))
    ? readFileSync(resultsFile(cell), "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as CellResult)
    : [];

export const keepResult = (result: CellResult): void =>
  appendFileSync(resultsFile(result.cell), `${JSON.stringify(result)}\n`);

export const pathOf = (name: string): string => join(ROOT, name);
