// A run that was computed elsewhere, on a cluster or by the command line, as a kept run: its folder's numbers and plans without
// its weights. It is listed and looked at like the others; it cannot be gone on with here.
import { ConfigError, parseRunConfigText } from "../config/run";
import type { EvaluationRecord, PlanRecord, StepRecord } from "../telemetry";
import { type KeptRuns, newRunId } from "./kept-runs";
import type { RunRecord } from "./run-record";

/** Files of a run's folder by their names without the folder's, as text; others than these are not asked for. */
export const RUN_FOLDER_FILES = ["config.json", "metrics.jsonl", "evaluations.jsonl", "plans.jsonl"] as const;

/**
 * What a run's folder says.
 *
 * @throws Error in one line: which file, which line, what is wrong.
 */
export function recordOfFolder(files: ReadonlyMap<string, string>): RunRecord {
  const config = files.get("config.json");
  const metrics = files.get("metrics.jsonl");
  const missing = [config === undefined && "config.json", metrics === undefined && "metrics.jsonl"].filter(
    Boolean,
  );
  if (config === undefined || metrics === undefined)
    throw new Error(
      `It is no run's folder: ${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} missing.`,
    );
  const steps = lines(metrics, "metrics.jsonl", stepOf);
  const last = steps.at(-1);
  if (!last) throw new Error("metrics.jsonl holds no step: the run has not taken one yet.");
  steps.forEach(({ step }, i) => {
    if (step !== i + 1)
      throw new Error(`metrics.jsonl, line ${i + 1}: step ${i + 1} was expected, not ${step}.`);
  });
  const upTo = <T extends { readonly step: number }>(all: T[]) => all.filter(({ step }) => step <= last.step);
  return {
    ...{ step: last.step, config: configIn(config), steps, answers: undefined },
    evaluations: upTo(lines(files.get("evaluations.jsonl") ?? "", "evaluations.jsonl", evaluationOf)),
    plans: upTo(lines(files.get("plans.jsonl") ?? "", "plans.jsonl", planOf)),
  };
}

/** Keeps it under its folder's name, so that no limit lets it go. @throws Error as above, KeepError. */
export async function keepFolder(
  runs: KeptRuns,
  name: string,
  files: ReadonlyMap<string, string>,
): Promise<string> {
  const record = recordOfFolder(files);
  const id = newRunId();
  await runs.write(id, Date.now(), new Uint8Array(), record);
  await runs.rename(id, name === "" ? "a run from elsewhere" : name);
  return id;
}

function configIn(text: string) {
  try {
    return parseRunConfigText(text);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new Error(`config.json: ${error.issues[0] ?? "it is no run config"}.`);
  }
}

type Json = Readonly<Record<string, unknown>>;

/** A last line that was cut off is left out: the run may be writing it. */
function lines<T>(text: string, file: string, read: (json: Json, bad: (what: string) => Error) => T): T[] {
  const all = text.split("\n").filter((line) => line.trim() !== "");
  return all.flatMap((line, i) => {
    const bad = (what: string) => new Error(`${file}, line ${i + 1}: ${what}.`);
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      if (i === all.length - 1 && !text.endsWith("\n")) return [];
      throw bad("not JSON");
    }
    if (typeof json !== "object" || json === null || Array.isArray(json)) throw bad("not a JSON object");
    return [read({ ...json }, bad)];
  });
}

type Bad = (what: string) => Error;

function number(json: Json, name: string, bad: Bad): number {
  const value = json[name];
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw bad(`"${name}" must be a number, got ${JSON.stringify(value) ?? "nothing"}`);
}

const numberOr = (json: Json, name: string, other: number, bad: Bad): number =>
  json[name] === undefined ? other : number(json, name, bad);

function stepOf(json: Json, bad: Bad): StepRecord {
  const { terms } = json;
  if (typeof terms !== "object" || terms === null) throw bad('"terms" must hold the terms of the loss');
  const named = { ...(terms as Json) };
  return {
    ...(json as Partial<StepRecord>), // coverage, gauges and what else a newer version may say
    step: number(json, "step", bad),
    loss: number(json, "loss", bad),
    terms: Object.fromEntries(Object.keys(named).map((name) => [name, number(named, name, bad)])),
    gradNorm: number(json, "gradNorm", bad),
    learningRate: number(json, "learningRate", bad),
    tokenAccuracy: numberOr(json, "tokenAccuracy", 0, bad),
    tokens: numberOr(json, "tokens", 0, bad),
    marginalError: numberOr(json, "marginalError", 0, bad),
    unconverged: numberOr(json, "unconverged", 0, bad),
    ms: numberOr(json, "ms", 0, bad),
  };
}

function evaluationOf(json: Json, bad: Bad): EvaluationRecord {
  const [step, correct, total] = ["step", "correct", "total"].map((name) => number(json, name, bad));
  const rougeL = json["rougeL"] === undefined ? undefined : number(json, "rougeL", bad);
  return {
    step: step ?? 0,
    correct: correct ?? 0,
    total: total ?? 0,
    ...(rougeL !== undefined && { rougeL }),
  };
}

function planOf(json: Json, bad: Bad): PlanRecord {
  const tokens = (name: string): readonly string[] => {
    const value = json[name];
    if (Array.isArray(value) && value.every((token) => typeof token === "string")) return value;
    throw bad(`"${name}" must be a list of texts`);
  };
  const [studentTokens, teacherTokens] = [tokens("studentTokens"), tokens("teacherTokens")];
  const matrix = (name: string): Float32Array => {
    const value: unknown = json[name];
    const wanted = studentTokens.length * teacherTokens.length;
    if (Array.isArray(value) && value.length === wanted && value.every(Number.isFinite))
      return Float32Array.from(value as number[]);
    throw bad(`"${name}" must hold ${wanted} numbers, one for each pair of tokens`);
  };
  return {
    ...{ step: number(json, "step", bad), layer: String(json["layer"]), studentTokens, teacherTokens },
    ...{ plan: matrix("plan"), cost: matrix("cost"), transportCost: number(json, "transportCost", bad) },
    ...{ entropy: number(json, "entropy", bad), epsilon: number(json, "epsilon", bad) },
    ...{ iterations: number(json, "iterations", bad), marginalError: number(json, "marginalError", bad) },
    converged: json["converged"] === true,
    ...(json["maxDeviation"] !== undefined && { maxDeviation: number(json, "maxDeviation", bad) }),
  };
}
