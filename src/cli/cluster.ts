// `couplet cluster CONFIG.json --out DIR [--steps N]`: the run as a folder for PyTorch on many GPUs, with the engine's own
// first steps beside it as proof.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { clusterFiles, type FirstSteps, PARITY_STEPS } from "../cluster";
import type { RunConfig } from "../config/run";
import { openRun, type RunSources } from "../trainer";
import { OK } from "./exit-codes";
import { openNodeGpu } from "./node-gpu";
import { checkWritable } from "./output-folder";
import { runProgress } from "./progress";
import { nodeSources, readConfig } from "./sources";
import { type Arguments, BadUsage } from "./usage";

/** Larger weights are named in the README instead of being held in memory and written twice. */
const MOST_MODEL_BYTES = 2 ** 30;

export async function clusterCommand({ positional, options }: Arguments): Promise<number> {
  const [file = ""] = positional;
  const out = options.get("out");
  if (out === undefined) throw new BadUsage("--out DIR is missing: the new folder to write.");
  const steps = stepsOf(options.get("steps"));
  const config = readConfig(file);
  const dir = resolve(out);
  checkNew(dir);
  const sources = await nodeSources(config);
  // What cannot go is refused before any step is computed.
  if (config.data.outputs === "gold") await clusterFiles(config, sources, { mostModelBytes: 0 });
  const first =
    steps > 0 || config.data.outputs !== "gold" ? await firstSteps(config, sources, steps) : undefined;
  const files = await clusterFiles(config, sources, { mostModelBytes: MOST_MODEL_BYTES, first });
  let bytes = 0;
  for (const [path, content] of files) {
    const target = join(dir, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
    bytes += content.length;
  }
  console.log(
    `${dir}: ${files.size} files, ${(bytes / 1e6).toFixed(1)} MB. Its README.md has the two commands.`,
  );
  if (!files.has("parity.json")) console.log("There is no parity.json: no step was computed.");
  return OK;
}

function stepsOf(text: string | undefined): number {
  const steps = Number(text ?? PARITY_STEPS);
  if (Number.isInteger(steps) && steps >= 0 && steps <= PARITY_STEPS) return steps;
  throw new BadUsage(`--steps is a whole number from 0 to ${PARITY_STEPS}, got ${text}.`);
}

/** @throws BadUsage rather than mixing files into a folder that holds others. */
function checkNew(dir: string): void {
  checkWritable(dir);
  if (existsSync(dir) && readdirSync(dir).length > 0)
    throw new BadUsage(`--out: the folder "${dir}" is not empty. Name a new one.`);
}

/** The run's own first steps, on whatever adapter there is. */
async function firstSteps(config: RunConfig, sources: RunSources, steps: number): Promise<FirstSteps> {
  const most = Math.min(steps, config.steps);
  const gpu = await openNodeGpu();
  const progress = runProgress(most);
  const adapter = gpu.adapter.description || gpu.adapter.device;
  progress.line(`adapter: ${adapter}`);
  try {
    const run = await openRun(gpu, config, sources, progress.loading);
    try {
      const plans = await run.plans(config.probe.row);
      for (let at = 0; at < most; at++) progress.step(await run.step());
      return { steps: run.firstSteps(), plans, adapter, train: run.rows() };
    } finally {
      await run.destroy();
    }
  } finally {
    progress.end();
    gpu.destroy();
  }
}
