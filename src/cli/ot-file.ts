// The file that `couplet ot` reads: JSON to problems and options. Every complaint names the problem and the field.
import { isRecord } from "../base/json";
import { messageOf } from "../base/errors";
import {
  checkGradient,
  checkProblem,
  checkSettings,
  DEFAULT_SETTINGS,
  OtInputError,
  type OtOptions,
  type OtProblem,
  type OtSettings,
  readProblem,
} from "../ot";
import { currentScheme, GRADIENTS, PUBLISHED, PUBLISHED_ALPHA, SCHEMES } from "../config/transport";
import { parseJson } from "./json";

export interface OtJob {
  readonly problems: readonly OtProblem[];
  readonly options: OtOptions;
}

const GRADIENT_OR_NONE = ["none", ...GRADIENTS] as const;
const OBJECTIVES = ["cost", "value"] as const;

type Json = Readonly<Record<string, unknown>>;

/** @throws OtInputError, RangeError for the first thing that is wrong. */
export function readOtJob(text: string): OtJob {
  const file = parse(text);
  const settings = readSettings(file);
  const gradient = oneOf(file, "gradient", GRADIENT_OR_NONE, "none");
  const divergence = flag(file, "divergence");
  checkSettings(settings);
  if (gradient !== "none") checkGradient(settings, gradient);
  const options: OtOptions = { ...settings, gradient, divergence };
  const list = file["problems"];
  if (!Array.isArray(list) || list.length === 0)
    throw wrong("problems", "expected a list of at least one problem");
  const problems = list.map((item: unknown, index) => readProblem(item, index));
  problems.forEach((p, index) => checkProblem(p, index, settings, options));
  return { problems, options };
}

function parse(text: string): Json {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    const detail = messageOf(error);
    throw wrong("file", `is not JSON: ${detail.replaceAll(/\s+/g, " ")}`); // it quotes the file, line breaks and all
  }
  if (!isRecord(value)) throw wrong("file", "expected an object with problems and epsilon");
  return value;
}

function readSettings(file: Json): OtSettings {
  const scheme = oneOf({ scheme: currentScheme(file["scheme"]) }, "scheme", SCHEMES, "log");
  const published = scheme === "multiplicative";
  const alpha = number(file, "alpha", PUBLISHED_ALPHA);
  const epsilon = published ? number(file, "epsilon", 1 / alpha) : number(file, "epsilon", undefined);
  if (!(epsilon > 0 && Number.isFinite(epsilon)))
    throw wrong("epsilon", `must be a number > 0, got ${epsilon}`);
  if (published && !(alpha > 0 && Number.isFinite(alpha)))
    throw wrong("alpha", `must be a number > 0, got ${alpha}`);
  // The authors' loop stops by its own constants unless the file says otherwise.
  const defaults = published ? PUBLISHED : { maxIterations: 2000, tolerance: 1e-6 };
  return {
    ...DEFAULT_SETTINGS,
    scheme,
    epsilon: published ? 1 / alpha : epsilon,
    relative: !published && flag(file, "relative"),
    maxIterations: number(file, "maxIterations", defaults.maxIterations),
    tolerance: number(file, "tolerance", defaults.tolerance),
    tauA: nullable(file, "tauA"),
    tauB: nullable(file, "tauB"),
    objective: oneOf(file, "objective", OBJECTIVES, "cost"),
    relaxation: number(file, "relaxation", 1),
    epsilonScaling: number(file, "epsilonScaling", 0),
  };
}

function number(file: Json, field: string, fallback: number | undefined): number {
  const value = file[field] ?? fallback;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw wrong(
    field,
    value === undefined ? "missing" : `expected a finite number, got ${JSON.stringify(value)}`,
  );
}

function nullable(file: Json, field: string): number | null {
  const value = file[field] ?? null;
  return value === null ? null : number(file, field, undefined);
}

function flag(file: Json, field: string): boolean {
  const value = file[field] ?? false;
  if (typeof value === "boolean") return value;
  throw wrong(field, `expected true or false, got ${JSON.stringify(value)}`);
}

function oneOf<T extends string>(file: Json, field: string, choices: readonly T[], fallback: T): T {
  const value = file[field] ?? fallback;
  const found = choices.find((c) => c === value);
  if (found !== undefined) return found;
  throw wrong(field, `expected one of ${choices.join(", ")}, got ${JSON.stringify(value)}`);
}

const wrong = (field: string, detail: string): OtInputError => new OtInputError(undefined, field, detail);
