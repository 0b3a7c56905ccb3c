// A run's numbers as files: what it was, what it measured, and on what.
import { BUNDLED_STUDENTS, BUNDLED_TEACHERS } from "../config/bundled";
import { ConfigError, parseJson, parseRunConfig, type RunConfig } from "../config/run";
import type { EvaluationRecord, StepRecord } from "../telemetry";
import { sha256IfAny, UNAVAILABLE } from "../base/digest";
import { canonical } from "./draft";
import type { RunHistory } from "./history";
import type { AppState } from "./state";
import { VERSIONS } from "./versions";

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
  /** Of the page and of what it computes with. */
  readonly versions: Readonly<Record<string, string>>;
  readonly config: RunConfig;
  /** SHA-256 of the config, key order aside; "unavailable" without a secure origin. */
  readonly configHash: string;
  readonly seed: number;
  readonly step: number;
  /** Of the first twenty steps: the same seed on the same adapter gives these again, to the last bit. */
  readonly firstLosses: readonly number[];
  readonly last: StepRecord | undefined;
  readonly evaluations: readonly EvaluationRecord[];
  readonly adapter: { readonly name: string; readonly features: readonly string[] };
  readonly browser: string;
  /** SHA-256 of the files of models and data, as served; a model of the library is named by its choice alone. */
  readonly files: Readonly<Record<string, string>>;
}

const FIRST_STEPS = 20;

/** Everything that a stranger needs to repeat the run and to see whether they did. */
export async function manifestOf(
  { run, device }: AppState,
  history: RunHistory,
  hash: (path: string) => Promise<string>,
): Promise<Manifest | undefined> {
  const { config } = run;
  if (!config) return undefined;
  const paths = [
    ...bundled(config.teacher, "onnx/model.onnx"),
    ...bundled(config.student, "model.safetensors"),
    `data/${config.data.source}-train.jsonl`,
    `data/${config.data.source}-heldout.jsonl`,
  ];
  const hashes = await Promise.all(paths.map(async (path) => [path, await hash(path)] as const));
  const adapter = device.kind === "open" ? device.adapter : { name: device.kind, features: [] };
  return {
    versions: VERSIONS,
    config,
    configHash: await configHash(config),
    seed: config.seed,
    step: run.step,
    firstLosses: history.records.slice(0, FIRST_STEPS).map(({ loss }) => loss),
    last: history.last,
    evaluations: history.evaluations,
    adapter: { name: adapter.name, features: adapter.features },
    browser: globalThis.navigator?.userAgent ?? "",
    files: Object.fromEntries(hashes),
  };
}

const bundled = (model: string, file: string): string[] =>
  [...BUNDLED_TEACHERS, ...BUNDLED_STUDENTS].some((id) => id === model) ? [`models/${model}/${file}`] : [];

export const configHash = (config: RunConfig): Promise<string> => sha256IfAny(canonical(config));

/**
 * The config of a file: a run config, or the manifest of a run.
 *
 * @throws ConfigError when it is neither, or when a manifest's config is not the one that was hashed.
 */
export async function configOfFile(text: string): Promise<RunConfig> {
  const json = parseJson(text);
  if (typeof json !== "object" || json === null || !("config" in json)) return parseRunConfig(json);
  const config = parseRunConfig(json.config);
  // The hash is of the config as it stands in the file: defaults and names may be newer than it.
  const [said, is] = ["configHash" in json ? json.configHash : undefined, await configHash(config)];
  const written = await sha256IfAny(canonical(json.config));
  if (said === undefined || [is, written].includes(String(said)) || [said, is].includes(UNAVAILABLE))
    return config;
  throw new ConfigError([
    `configHash: the manifest says ${String(said)}, its config gives ${is}: one of them was changed since. ` +
      "To use the config all the same, open it without the rest of the manifest",
  ]);
}

/** SHA-256 of a file of this site; "unavailable" where it is not there or the browser gives no digest. */
export async function hashOfUrl(url: string): Promise<string> {
  try {
    const response = await fetch(url);
    return response.ok ? await sha256IfAny(new Uint8Array(await response.arrayBuffer())) : UNAVAILABLE;
  } catch {
    return UNAVAILABLE;
  }
}
