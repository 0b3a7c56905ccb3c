// A plan with advice: what the run would take with other settings, each planned like the run itself.
import type { RunConfig } from "../config/run";
import { expectedTensors, type StudentConfig } from "../models";
import { loraModules } from "../student";
import type { MemoryChange, MemoryPlan } from "../telemetry";
import { RunError, supported } from "./failure";
import { mib, type PlanLimits, type PlanParts, planRun } from "./plan";

/**
 * The plan, and what each of a few changes would make of it.
 *
 * @throws RunError `unsupported` for a model that no adapter could train.
 */
export function planWithChanges(parts: PlanParts, limits: PlanLimits): MemoryPlan {
  const { memory } = supported(() => planRun(parts, limits));
  const changes = changedConfigs(parts.config, parts.student).map(([settings, config]): MemoryChange => {
    const { total, fits } = planRun({ ...parts, config }, limits).memory;
    return { settings, total, fits };
  });
  const smaller = changes.filter(({ total }) => total < memory.total);
  return { ...memory, changes: smaller.toSorted((a, b) => b.total - a.total) };
}

/** One at a time, then all together. Shorter rows are not among them: they would change what is learned. */
function changedConfigs(config: RunConfig, student: StudentConfig): [string, RunConfig][] {
  const { batchSize, accumulation, training, gradientCheckpointing } = config;
  const split = (parts: number): Partial<RunConfig> => ({
    batchSize: Math.ceil(batchSize / parts),
    accumulation: accumulation * parts,
  });
  const named = (change: Partial<RunConfig>): string =>
    Object.entries(change)
      .map(([name, value]) => `${name} ${typeof value === "object" ? loraName(value) : String(value)}`)
      .join(", ");
  const loraName = (value: object): string => JSON.stringify(value).replaceAll(/["{}]/g, "");
  const lora: Partial<RunConfig> = { training: suggestedLora(student) };
  const splits = [2, batchSize].filter((n, i, all) => n > 1 && batchSize % n === 0 && all.indexOf(n) === i);
  const single: Partial<RunConfig>[] = [
    ...splits.map(split),
    ...(gradientCheckpointing ? [] : [{ gradientCheckpointing: true }]),
    ...(training.kind === "full" ? [lora] : []),
  ];
  const together = Object.assign({}, ...single) as Partial<RunConfig>; // each a part of a config
  const all = single.length > 1 ? [...single, together] : single;
  return all.map((change) => [named(change), { ...config, ...change }]);
}

const ATTENTION = ["q_proj", "v_proj", "c_attn", "query_key_value"];

/** Small adapters on attention, as the LoRA paper has them. */
function suggestedLora(student: StudentConfig): RunConfig["training"] {
  const parts = loraModules(expectedTensors(student), []).map((module) => module.split(".").at(-1) ?? "");
  const targets = ATTENTION.filter((target) => parts.includes(target));
  return { kind: "lora", rank: 8, alpha: 16, targets };
}

/** @throws RunError `out-of-memory` with the settings that would fit. */
export function checkFits(plan: MemoryPlan): void {
  if (plan.fits) return;
  const fitting = plan.changes.filter(({ fits }) => fits);
  const ways = fitting.map(({ settings, total }) => `${settings} (${mib(total)})`);
  throw new RunError(
    "out-of-memory",
    `The run does not fit into GPU memory: it would take ${mib(plan.total)}.`,
    `${plan.reasons.join("; ")}.`,
    ways.length > 0
      ? `Nothing was allocated. It would fit with ${ways.join("; or ")}.`
      : "Nothing was allocated. Lower data.maxLength, or choose a smaller student; other settings alone do not make it fit.",
  );
}
