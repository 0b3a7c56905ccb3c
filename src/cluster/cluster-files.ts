// A run as a folder that PyTorch runs on a cluster: the Python package, the config, the rows, both models, what training
// starts from, and what its first steps are held against.
import { sha256 } from "../base/digest";
import { cardOf, isOnPolicy, type RunConfig } from "../config/run";
import { DataError, type PreparedRow, type Row, tokenTables } from "../data";
import {
  expectedTensors,
  type ModelFiles,
  type NamedTensor,
  parseModelChoice,
  type Tokenizer,
  writeSafetensors,
} from "../models";
import { objectiveOf } from "../objectives";
import type { PlanRecord, StepRecord } from "../telemetry";
import {
  decoderLength,
  labelledRows,
  dimsOf,
  openSides,
  readerOf,
  type ReadRows,
  readRows,
  runParameters,
  teacherWrites,
  type RunSources,
  type Sides,
} from "../trainer";
import { type CarriedModel, carryModel } from "./models";
import { parityOf } from "./parity";
import { isCovered, neededFiles, packageFile, readsTokens, termOf } from "./python";
import { readmeOf } from "./readme";
import { clusterRow, jsonLines } from "./rows";
import { trlAnswer, trlWords } from "./trl";

/** What the engine found out about the run, where it was run. */
export interface FirstSteps {
  /** From step 1 on. */
  readonly steps: readonly StepRecord[];
  readonly plans?: readonly PlanRecord[];
  readonly adapter: string;
  /** The training rows as they were learned, where a teacher wrote in them. */
  readonly train?: readonly Row[];
}

interface ClusterOptions {
  /** Bytes of a model's weights that are carried along. */
  readonly mostModelBytes: number;
  readonly first?: FirstSteps | undefined;
}

/**
 * The folder by its paths. No weights are computed, and no GPU is used.
 *
 * @throws DataError where the run cannot go: a method that the package does not compute, rows that a teacher has yet to write.
 */
export async function clusterFiles(
  config: RunConfig,
  sources: RunSources,
  { mostModelBytes, first }: ClusterOptions,
): Promise<Map<string, Uint8Array>> {
  checkCanGo(config, first);
  const sides = await openSides(config, sources);
  const views = objectiveOf(config.method).views?.(config.method) ?? 1;
  const readers = { student: sides.student.tokenizer, teacher: sides.teacher.tokenizer, views };
  const { rows: labels, said } = labelledRows(config, sources.train);
  const known = { ...sources, train: first?.train ?? labels, said };
  const rows = readRows(config, views, known, readerOf(sides.student), readerOf(sides.teacher));
  const choice = parseModelChoice(config.teacher);
  const student = await carryModel("student", config.student, sources.student, mostModelBytes);
  const teacher = sides.taught
    ? await carryModel("teacher", choice.name, sources.teacher, mostModelBytes)
    : undefined;
  const trl = trlAnswer(config, readers);
  const quantized = sides.taught && choice.dtype !== "fp32" ? choice.dtype : undefined;
  const facts = {
    ...{ config, trl, quantized, steps: first?.steps.length ?? 0, dropped: rows.dropped.length },
    missing: [student.missing, teacher?.missing].flatMap((what) => what ?? []),
  };
  const texts = new Map<string, string>([
    ...neededFiles(config).map((path) => [path, packageFile(path)] as const),
    ["data/train.jsonl", jsonLines(rows.train.map((row) => clusterRow(row, config, readers)))],
    ["data/heldout.jsonl", jsonLines(rows.heldOut.map((row) => clusterRow(row, config, readers)))],
    ["config.json", json(config)],
    ["run.json", json(await runFacts(config, sources, sides, rows.limits, views, { student, teacher }))],
    "why" in trl ? ["TRL.md", trlWords(trl.why)] : ["trl_gold.py", packageFile("trl_gold.py")],
    ["README.md", readmeOf(facts)],
    ...parityFile(config, rows.train, sides, first),
  ]);
  const encoder = new TextEncoder();
  return new Map([
    ...[...texts].map(([path, content]) => [path, encoder.encode(content)] as const),
    ...student.files,
    ...(teacher?.files ?? []),
    ["start.safetensors", writeSafetensors(startOf(config, sides))],
  ]);
}

/** @throws DataError */
function checkCanGo(config: RunConfig, first: FirstSteps | undefined): void {
  if (!isCovered(config.method)) {
    const name = cardOf(termOf(config.method)?.id ?? "")?.name ?? config.method.id;
    throw new DataError(`${name} cannot go to a cluster yet: reference/cluster has no loss for it`);
  }
  if (isOnPolicy(config.data))
    throw new DataError(
      `in this run the student writes its own answers (data.outputs: "${config.data.outputs}"), which reference/cluster does not do yet; TRL's GOLDTrainer (lmbda above 0) and DistillationTrainer do for losses that they have`,
    );
  if (teacherWrites(config.data) && !first?.train)
    throw new DataError(
      "the teacher writes rows of this run before its first step, and has not yet: load the run, then take it along",
    );
}

/** parity.json, where there is anything to be held against. */
function parityFile(
  config: RunConfig,
  train: readonly PreparedRow[],
  { student, teacher }: Sides,
  first: FirstSteps | undefined,
): [string, string][] {
  if (!first || first.steps.length === 0) return [];
  const tokens = tokenTables(student.tokenizer, teacher.tokenizer);
  const parts = { ...first, config, train, tokens, studentVocab: student.config.vocabSize };
  return [["parity.json", json(parityOf(parts))]];
}

/** run.json: what was worked out here and is not worked out again there. */
async function runFacts(
  config: RunConfig,
  sources: RunSources,
  sides: Sides,
  limits: ReadRows["limits"],
  views: 1 | 2,
  { student, teacher }: { readonly student: CarriedModel; readonly teacher: CarriedModel | undefined },
) {
  const own = await tokenizerFacts(sides.student.tokenizer, sources.student, limits.student);
  const other = sides.taught
    ? await tokenizerFacts(sides.teacher.tokenizer, sources.teacher, limits.teacher)
    : own;
  return {
    version: 1,
    models: { student: student.source, ...(teacher && { teacher: teacher.source }) },
    tokenizers: { student: own, teacher: other },
    views,
    readsTokens: readsTokens(config),
    answerTokens: decoderLength(config, sides.student.config),
    unweighted: unweightedTerms(config, sides),
  };
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`;

async function tokenizerFacts(
  { around, eosId, stopIds, padId, scheme, vocabSize }: Tokenizer,
  files: ModelFiles,
  limits: { readonly maxLength: number; readonly maxPrompt: number },
) {
  const { start = [], end = [] } = around ?? {};
  return {
    digest: await sha256(await files.read("tokenizer.json")),
    ...{ start, end: end.length > 0 ? end : [eosId], eos: eosId, stops: stopIds, pad: padId },
    ...{ scheme, size: vocabSize, ...limits },
  };
}

/** Terms that are zero by their settings, and are meant to be. */
function unweightedTerms(config: RunConfig, { student, teacher }: Sides): Record<string, true> {
  const names = objectiveOf(config.method).unweighted?.(
    config.method,
    tokenTables(student.tokenizer, teacher.tokenizer),
  );
  return Object.fromEntries((names ?? []).map((name) => [name, true]));
}

/** Projectors and adapters as the engine starts them; B of an adapter is zero and stays out. */
function startOf(config: RunConfig, { student, teacher }: Sides): Map<string, NamedTensor> {
  const shapes = new Map([...expectedTensors(student.config)].map(([name, shape]) => [name, { shape }]));
  const objective = objectiveOf(config.method);
  const dims = dimsOf({ model: { config: student.config }, teacher });
  const { all } = runParameters(config, objective, dims, student.config, shapes);
  return new Map(
    all.flatMap(({ name, shape, data }) => (data && !shapes.has(name) ? [[name, { shape, data }]] : [])),
  );
}
