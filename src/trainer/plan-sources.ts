// The memory plan of a run that has not been opened: for the page before it loads, and for `couplet plan`.
import type { RunConfig } from "../config/run";
import type { PlanningLimits } from "../gpu/counting";
import { loadModelConfig, loadTeacherConfig, loadTokenizer } from "../models";
import { objectiveOf } from "../objectives";
import type { MemoryPlan } from "../telemetry";
import { dimsOf, tokenTables } from "./batch-source";
import { prepareRows, type RunSources } from "./load";
import { planWithChanges } from "./plan-changes";

/** From a config and its sources alone: no weights are read, no session is opened, nothing is allocated. */
export async function planSources(
  config: RunConfig,
  sources: RunSources,
  limits: PlanningLimits,
): Promise<MemoryPlan> {
  const objective = objectiveOf(config.method);
  const student = await loadModelConfig(sources.student);
  const teacher = {
    config: await loadTeacherConfig(sources.teacher),
    tokenizer: await loadTokenizer(sources.teacher),
  };
  const tokenizer = await loadTokenizer(sources.student);
  const views = objective.views?.(config.method) ?? 1;
  const rows = prepareRows(config, views, sources, tokenizer, teacher, student.maxPositions);
  await objective.prepare?.(config.method, tokenTables(tokenizer, teacher.tokenizer), {});
  const padIds = { student: tokenizer.padId, teacher: teacher.tokenizer.padId };
  const dims = dimsOf({ model: { config: student }, teacher });
  return planWithChanges({ config, student, dims, objective, padIds, ...rows }, limits);
}
