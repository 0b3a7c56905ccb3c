// `couplet profile CONFIG.json`: where a training step's time goes, kernel by kernel.
import { checkTimestamps } from "../gpu/profile";
import type { KernelRecord } from "../telemetry";
import { openRun } from "../trainer";
import { OK } from "./exit-codes";
import { openNodeGpu } from "./node-gpu";
import { nodeSources, readConfig } from "./sources";
import type { Arguments } from "./usage";

export async function profileCommand({ positional: [file = ""] }: Arguments): Promise<number> {
  const config = readConfig(file);
  const sources = await nodeSources(config);
  const gpu = await openNodeGpu();
  checkTimestamps(gpu); // before the models are loaded
  console.log(`adapter: ${gpu.adapter.description || gpu.adapter.device}`);
  const run = await openRun(gpu, config, sources);
  try {
    const { step, stepMs, teacherMs, stages, kernels } = await run.profile();
    console.log(`step ${step}: ${stepMs.toFixed(1)} ms in one submit, the teacher included`);
    const parts = stages.map(({ stage, ms }) => `${stage} ${ms.toFixed(1)}`).join(" · ");
    console.log(`by stage, in ms: ${parts} · beside them the teacher ${teacherMs.toFixed(1)}`);
    for (const line of profileTable(kernels)) console.log(line);
  } finally {
    await run.destroy();
  }
  return OK;
}

/** The table, line by line. */
export function profileTable(kernels: readonly KernelRecord[]): string[] {
  const total = kernels.reduce((sum, { ms }) => sum + ms, 0);
  const dispatches = kernels.reduce((sum, k) => sum + k.dispatches, 0);
  const rows = kernels.map(({ label, dispatches: n, ms, share, gflops, gbytes }) =>
    row(label, String(n), ms.toFixed(3), (100 * share).toFixed(1), rate(gflops), rate(gbytes)),
  );
  return [
    row("kernel", "dispatches", "ms", "share %", "GFLOP/s", "GB/s"),
    ...rows,
    row("all", String(dispatches), total.toFixed(3), "100.0", "", ""),
    "The quietest of five rounds, every dispatch timed on its own: shares are what counts. GFLOP/s where the op declares its",
    "arithmetic; GB/s counts each bound range once, whether or not the kernel touches all of it.",
  ];
}

/** A kernel below the clock's resolution has no rate. */
const rate = (value: number | undefined): string =>
  value !== undefined && Number.isFinite(value) ? value.toFixed(2) : "–";

const row = (label: string, ...cells: string[]): string =>
  label.padEnd(36) + cells.map((cell) => cell.padStart(11)).join("");
