// `couplet profile CONFIG.json`: where a training step's time goes, kernel by kernel.
import type { Gpu } from "../gpu/device";
import {
  bestOf,
  byKernel,
  checkTimestamps,
  type DispatchTime,
  type KernelTime,
  profile,
  watchPrograms,
} from "../gpu/profile";
import { openRun, type Run } from "../trainer";
import { openNodeGpu } from "./node-gpu";
import { nodeSources, readConfig } from "./sources";
import { BadUsage, parseArguments } from "./usage";

const ROUNDS = 5;

export async function profileCommand(argv: string[]): Promise<number> {
  const { positional } = parseArguments(argv, []);
  const [file] = positional;
  if (!file || positional.length !== 1) throw new BadUsage("Usage: couplet profile CONFIG.json");
  const config = readConfig(file);
  const sources = nodeSources(config);
  const gpu = await openNodeGpu();
  checkTimestamps(gpu); // before the models are loaded
  console.log(`adapter: ${gpu.adapter.description || gpu.adapter.device}`);
  const run = await openRun(gpu, config, sources);
  try {
    const { stepMs, times } = await profileStep(gpu, run);
    console.log(`step ${run.at}: ${stepMs.toFixed(1)} ms in one submit, the teacher included`);
    for (const line of profileTable(byKernel(times))) console.log(line);
  } finally {
    await run.destroy();
  }
  return 0;
}

/** A warm step, and the programs that it ran, each timed dispatch by dispatch. */
export async function profileStep(gpu: Gpu, run: Run): Promise<{ stepMs: number; times: DispatchTime[] }> {
  await run.step(); // compiles
  const watch = watchPrograms(gpu);
  let stepMs: number;
  try {
    stepMs = (await run.step()).ms;
  } finally {
    watch.stop();
  }
  const times: DispatchTime[] = [];
  for (const [program, runs] of watch.runs) {
    const rounds: DispatchTime[][] = [];
    for (let i = 0; i < ROUNDS; i++) rounds.push(await profile(program));
    for (let i = 0; i < runs; i++) times.push(...bestOf(rounds));
  }
  return { stepMs, times };
}

/** The table, line by line. */
export function profileTable(kernels: readonly KernelTime[]): string[] {
  const total = kernels.reduce((sum, { ms }) => sum + ms, 0);
  const dispatches = kernels.reduce((sum, k) => sum + k.dispatches, 0);
  const rows = kernels.map(({ label, dispatches: n, ms, share, gflops, gbytes }) =>
    row(label, String(n), ms.toFixed(3), (100 * share).toFixed(1), rate(gflops), rate(gbytes)),
  );
  return [
    row("kernel", "dispatches", "ms", "share %", "GFLOP/s", "GB/s"),
    ...rows,
    row("all", String(dispatches), total.toFixed(3), "100.0", "", ""),
    "Best of five, every dispatch timed on its own: shares are what counts. GFLOP/s where the op declares its",
    "arithmetic; GB/s counts each bound range once, whether or not the kernel touches all of it.",
  ];
}

/** A kernel below the clock's resolution has no rate. */
const rate = (value: number | undefined): string =>
  value !== undefined && Number.isFinite(value) ? value.toFixed(2) : "–";

const row = (label: string, ...cells: string[]): string =>
  label.padEnd(36) + cells.map((cell) => cell.padStart(11)).join("");
