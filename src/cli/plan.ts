// `couplet plan CONFIG.json [--json]`: the memory of a run, before anything of it is allocated.
import os from "node:os";
import type { PlanningLimits } from "../gpu/counting";
import { NoGpuError } from "../gpu/device";
import type { MemoryPlan } from "../telemetry";
import { type HostRoom, mib, planSources, PROGRAM_BYTES } from "../trainer";
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
  const { name, limits, software } = await adapterLimits();
  const host: HostRoom = { bytes: hostBytes(), holdsGpu: software };
  const plan = await planSources(config, sources, { ...limits, host });
  if (options.has("json"))
    console.log(JSON.stringify({ adapter: name, limits, hostBytes: host.bytes, ...plan }, null, 1));
  else for (const line of planTable(plan, name, host)) console.log(line);
  return plan.fits ? OK : CANNOT_RUN;
}

async function adapterLimits(): Promise<{ name: string; limits: PlanningLimits; software: boolean }> {
  try {
    const gpu = await openNodeGpu();
    const { maxStorageBufferBindingSize, maxBufferSize } = gpu.device.limits;
    const { description, device, software } = gpu.adapter;
    gpu.destroy();
    return { name: description || device, limits: { maxStorageBufferBindingSize, maxBufferSize }, software };
  } catch (error) {
    if (!(error instanceof NoGpuError)) throw error;
    return { name: "none here; WebGPU's default limits", limits: DEFAULT_LIMITS, software: false };
  }
}

/** What this process may take: the machine's memory, or less where a container has a limit. */
function hostBytes(): number {
  const limit = process.constrainedMemory(); // 0, or more than there is, where nothing limits it
  return limit > 0 ? Math.min(os.totalmem(), limit) : os.totalmem();
}

/** What the process takes beside the GPU's memory and its own 0.5 GB (Node, driver, ONNX Runtime). */
function hostLines(
  { host, teacherCache }: MemoryPlan,
  row: (name: string, bytes: number) => string,
  room: HostRoom,
): string[] {
  if (!host) return [];
  return [
    `host memory, beside some ${mib(PROGRAM_BYTES)} of the program and the driver, of ${mib(room.bytes)} in this machine:`,
    row("teacher", host.teacher),
    row("teacher cache", teacherCache),
    `${row("student", host.student)}  while it is loaded and exported`,
    `${row("checkpoint", host.checkpoint)}  while it is made`,
    row("host peak", host.peak),
  ];
}

/** One class a line, the verdict, and what would take less. */
export function planTable(plan: MemoryPlan, adapter: string, room: HostRoom): string[] {
  const { rows, length, responses } = plan.batch;
  const row = (name: string, bytes: number) => `${name.padEnd(16)}${mib(bytes).padStart(12)}`;
  return [
    `adapter: ${adapter}`,
    ...(plan.reading ?? []),
    `largest batch: ${rows} rows of ${length} tokens, ${responses} response positions`,
    ...Object.entries(plan.bytes).map(([name, bytes]) => row(name, bytes)),
    row("total", plan.total),
    ...hostLines(plan, row, room),
    `largest tensor: "${plan.largest.label}", ${mib(plan.largest.bytes)}`,
    ...(plan.fits ? ["It fits."] : [`It does not fit: ${plan.reasons.join("; ")}.`]),
    ...(plan.changes.length > 0 ? ["Less memory:"] : []),
    ...plan.changes.map(
      ({ settings, total, fits }) =>
        `  ${mib(total).padStart(12)}  ${fits ? "fits" : "does not fit"}  ${settings}`,
    ),
  ];
}
