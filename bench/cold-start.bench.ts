// From nothing compiled to the first step of the bundled student, and which kernels take the time to compile.
//
//   npm run bench:cold                      cross entropy alone
//   METHOD=cot2align npm run bench:cold     the first preset, with its transport kernels
//
// lavapipe compiles at a kernel's first dispatch, and keeps machine code in a folder: here an empty one.
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { openNodeGpu } from "../src/cli/node-gpu";
import { nodeSources } from "../src/cli/sources";
import { DEFAULT_RUN } from "../src/config/presets";
import { parseRunConfig } from "../src/config/run";
import { watchPrograms } from "../src/gpu/profile";
import { openRun } from "../src/trainer";

const cache = mkdtempSync(join(tmpdir(), "couplet-cold-"));
process.env.MESA_SHADER_CACHE_DIR = cache; // before the driver is loaded

const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
  const start = performance.now();
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  const seconds = (ms: number) => `${(ms / 1e3).toFixed(2)} s`;
  console.log(
    `${what.padEnd(24)} ${seconds(performance.now() - start)} by the clock, ${seconds((user + system) / 1e3)} of processor time`,
  );
  return result;
};

const { method: _, ...rest } = DEFAULT_RUN;
const config =
  process.env.METHOD === "cot2align" ? DEFAULT_RUN : parseRunConfig({ ...rest, method: { id: "sft" } });
const gpu = await openNodeGpu();
console.log(`${gpu.adapter.description}; ${cpus().length} cores; ${config.method.id}`);
const run = await timed("open", async () => openRun(gpu, config, await nodeSources(config)));
const watch = watchPrograms(gpu);
await timed("first step", () => run.step());
watch.stop();
await timed("second step", () => run.step());
const kernels = new Set([...watch.runs.keys()].flatMap((program) => program.listing().map((d) => d.label)));
console.log(`${kernels.size} kernels`);
rmSync(cache, { recursive: true, force: true });
process.exit(0);
