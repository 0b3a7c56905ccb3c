// A run's numbers as files: what it was, what it measured, and on what.
import type { RunConfig } from "../config/run";
import type { EvaluationRecord, StepRecord } from "../telemetry";
import type { RunHistory } from "./history";
import type { AppState } from "./state";

/** One line a step, one column a number; terms are weighted and add up to the loss. */
export function metricsCsv(history: RunHistory): string {
  const terms = history.terms;
  const head = [
    "step",
    "loss",
    ...terms,
    "gradNorm",
    "learningRate",
    "tokenAccuracy",
    "tokens",
    "marginalError",
    "ms",
  ];
  const row = (record: StepRecord) => [
    record.step,
    record.loss,
    ...terms.map((term) => record.terms[term] ?? ""),
    record.gradNorm,
    record.learningRate,
    record.tokenAccuracy,
    record.tokens,
    record.marginalError,
    record.ms,
  ];
  return `${[head, ...history.records.map(row)].map((cells) => cells.join(",")).join("\n")}\n`;
}

/** What the headless runner writes as metrics.jsonl. */
export const metricsJsonl = (history: RunHistory): string =>
  history.records.map((record) => `${JSON.stringify(record)}\n`).join("");

export interface Manifest {
  readonly couplet: string;
  readonly config: RunConfig;
  readonly seed: number;
  readonly step: number;
  readonly last: StepRecord | undefined;
  readonly evaluations: readonly EvaluationRecord[];
  readonly adapter: string;
  readonly browser: string;
  /** SHA-256 of the models' files, as served. */
  readonly files: Readonly<Record<string, string>>;
}

/** Everything that a stranger needs to repeat the run and to see whether they did. */
export async function manifestOf(
  { run, device }: AppState,
  history: RunHistory,
  hash: (path: string) => Promise<string>,
): Promise<Manifest | undefined> {
  const { config } = run;
  if (!config) return undefined;
  const paths = [
    `models/${config.teacher}/onnx/model.onnx`,
    `models/${config.student}/model.safetensors`,
    `data/${config.data.source}-train.jsonl`,
    `data/${config.data.source}-heldout.jsonl`,
  ];
  const hashes = await Promise.all(paths.map(async (path) => [path, await hash(path)] as const));
  return {
    couplet: "0.1.0",
    config,
    seed: config.seed,
    step: run.step,
    last: history.last,
    evaluations: history.evaluations,
    adapter: device.kind === "open" ? device.adapter.name : device.kind,
    browser: globalThis.navigator?.userAgent ?? "",
    files: Object.fromEntries(hashes),
  };
}

/** SHA-256 of a file of this site; "unavailable" where the browser gives no digest (insecure origins). */
export async function hashOfUrl(url: string): Promise<string> {
  try {
    const bytes = await (await fetch(url)).arrayBuffer();
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  } catch {
    return "unavailable";
  }
}
