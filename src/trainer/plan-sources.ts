// The memory plan of a run that has not been opened: for the page before it loads, and for `couplet plan`.
import { type RunConfig, splitSeedOf } from "../config/run";
import { tokenTables } from "../data";
import { objectiveOf } from "../objectives";
import type { MemoryPlan } from "../telemetry";
import { dimsOf } from "./batch-source";
import type { RunSources } from "./loaded";
import { readerOf, readRows } from "./reading";
import { openSides } from "./sides";
import { labelledRows, unwritten } from "./teacher-rows";
import type { PlanLimits, PlanParts } from "./plan";
import { planWithChanges } from "./plan-changes";

/**
 * From a config and its sources alone: no weights are read, no session is opened, nothing is allocated.
 *
 * @throws RunError, ModelError, DataError for what a run would be refused for, too.
 */
export async function planSources(
  config: RunConfig,
  sources: RunSources,
  limits: PlanLimits,
): Promise<MemoryPlan> {
  return planWithChanges({ ...(await readParts(config, sources)), config }, limits);
}

/** A planner for a form that changes: rows are tokenized again only when models, data or method have changed. */
export function createPlanner(): (
  config: RunConfig,
  sources: () => Promise<RunSources>,
  limits: PlanLimits,
) => Promise<MemoryPlan> {
  let known: { key: string; parts: Promise<Omit<PlanParts, "config">> } | undefined;
  return async (config, sources, limits) => {
    const { teacher, student, data, method, rollout, teacherDevice } = config;
    const split = splitSeedOf(config);
    const key = JSON.stringify([teacher, student, data, method, rollout, teacherDevice, split]);
    if (known?.key !== key) known = { key, parts: sources().then((found) => readParts(config, found)) };
    const { parts } = known;
    parts.catch(() => (known = undefined)); // files may be there another time
    return planWithChanges({ ...(await parts), config }, limits);
  };
}

async function readParts(config: RunConfig, sources: RunSources): Promise<Omit<PlanParts, "config">> {
  const objective = objectiveOf(config.method);
  const sides = await openSides(config, sources);
  const { teacher, teacherBytes, teacherModel } = sides;
  const { config: student, tokenizer } = sides.student;
  const views = objective.views?.(config.method) ?? 1;
  const given = labelledRows(config, sources.train);
  const known = { ...sources, train: unwritten(config, given), said: given.said };
  const rows = readRows(config, views, known, readerOf(sides.student), readerOf(teacher));
  const { vocabularyMaps, signal } = sources;
  await objective.prepare?.(config.method, tokenTables(tokenizer, teacher.tokenizer), {
    vocabularyMaps,
    signal,
  });
  const padIds = { student: tokenizer.padId, teacher: teacher.tokenizer.padId };
  return {
    student,
    dims: dimsOf({ model: { config: student }, teacher }),
    objective,
    padIds,
    teacherBytes,
    teacherModel,
    ...rows,
  };
}
