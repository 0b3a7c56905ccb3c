// `couplet plan CONFIG.json [--json]`: the GPU memory of a run, before anything of it is allocated.
import type { PlanningLimits } from "../gpu/counting";
import { NoGpuError } from "../gpu/device";
import type { MemoryPlan } from "../telemetry";
import { mib, planSources } from "../trainer";
import { CANNOT_RUN, OK } from "./exit-codes";
import { openNodeGpu } from "./node-gpu";
import { nodeSources, readConfig } from "./sources";
import type { Arguments } from "./usage";

/** What every WebGPU adapter has. */
const DEFAULT_LIMITS: PlanningLimits = { maxStorageBufferBindingSize: 2 ** 27, maxBufferSize: 2 ** 28 };

export async function planCommand({ positional, options }: Arguments): Promise<number> {
  const [file = ""] = positional;
  const config = readConfig(file);
  const sources = await nodeSources(config);
  const { name, limits } = await adapterLimits();
  const plan = await planSources(config, sources, limits);
  if (options.has("json")) console.log(JSON.stringify({ adapter: name, limits, ...plan }, null, 1));
  else for (const line of planTable(plan, name)) console.log(line);
  return plan.fits ? OK : CANNOT_RUN;
}

async function adapterLimits(): Promise<{ name: string; limits: PlanningLimits }> {
  try {
    const gpu = await openNodeGpu();
    const { maxStorageBufferBindingSize, maxBufferSize } = gpu.device.limits;
    const name = gpu.adapter.description || gpu.adapter.device;
    gpu.destroy();
    return { name, limits: { maxStorageBufferBindingSize, maxBufferSize } };
  } catch (error) {
    if (!(error instanceof NoGpuError)) throw error;
    return { name: "none here; WebGPU's default limits", limits: DEFAULT_LIMITS };
  }
}

/** What the process takes beside the GPU's memory and its own 0.5 GB (Node, driver, ONNX Runtime). */
function hostLines(
  { host, teacherCache }: MemoryPlan,
  row: (name: string, bytes: number) => string,
): string[] {
  if (!host) return [];
  return [
    "host memory, beside some 500 MiB of the program and the driver:",
    row("teacher", host.teacher),
    row("teacher cache", teacherCache),
    `${row("student", host.student)}  while it is loaded and exported`,
    `${row("checkpoint", host.checkpoint)}  while it is made`,
    row("host peak", host.peak),
  ];
}

/** One class a line, the verdict, and what would take less. */
export function planTable(plan: MemoryPlan, adapter: string): string[] {
  const { rows, length, responses } = plan.batch;
  const row = (name: string, bytes: number) => `${name.padEnd(16)}${mib(bytes).padStart(12)}`;
  return [
    `adapter: ${adapter}`,
    ...(plan.reading ?? []),
    `largest batch: ${rows} rows of ${length} tokens, ${responses} response positions`,
    ...Object.entries(plan.bytes).map(([name, bytes]) => row(name, bytes)),
    row("total", plan.total),
    ...hostLines(plan, row),
    `largest tensor: "${plan.largest.label}", ${mib(plan.largest.bytes)}`,
    ...(plan.fits ? ["It fits."] : [`It does not fit: ${plan.reasons.join("; ")}.`]),
    ...(plan.changes.length > 0 ? ["Less memory:"] : []),
    ...plan.changes.map(
      ({ settings, total, fits }) =>
        `  ${mib(total).padStart(12)}  ${fits ? "fits" : "does not fit"}  ${settings}`,
    ),
  ];
}
