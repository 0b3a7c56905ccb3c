// The first losses of every preset, for comparing two versions of the code bit by bit:
//   node scripts/run-ts.mjs bench/preset-losses.bench.ts before.json      write them
//   node scripts/run-ts.mjs bench/preset-losses.bench.ts after.json before.json     write, and compare
// Batches and rows are few, so that all presets take some minutes on a software adapter; nothing else is changed.
import { readFileSync, writeFileSync } from "node:fs";
import { openNodeGpu } from "../src/cli/node-gpu";
import { nodeSources } from "../src/cli/sources";
import { PRESETS } from "../src/config/presets";
import { openRun } from "../src/trainer";

const STEPS = 20;

export async function main([out, before]: string[]): Promise<void> {
  if (out === undefined) throw new Error("Say where to write: preset-losses.bench.ts OUT.json [BEFORE.json]");
  const found: Record<string, number[]> = {};
  for (const [id, { config }] of Object.entries(PRESETS)) {
    const gpu = await openNodeGpu();
    const data = { ...config.data, rows: 80 }; // the teacher writes answers for all of them (seqkd)
    const small = { ...config, data, batchSize: 4, steps: STEPS, evaluation: { everySteps: 0, rows: 0 } };
    const run = await openRun(gpu, small, await nodeSources(small));
    const losses: number[] = [];
    while (run.at < STEPS) losses.push((await run.step()).loss);
    found[id] = losses;
    await run.destroy();
    gpu.destroy();
    console.error(`${id}: ${losses[0]?.toFixed(4)} … ${losses.at(-1)?.toFixed(4)}`);
  }
  writeFileSync(out, JSON.stringify(found, null, 1));
  if (before !== undefined) compare(JSON.parse(readFileSync(before, "utf8")), found);
}

function compare(before: Record<string, number[]>, after: Record<string, number[]>): void {
  const ids = new Set([...Object.keys(before), ...Object.keys(after)]);
  const differ = [...ids].filter((id) => JSON.stringify(before[id]) !== JSON.stringify(after[id]));
  console.log(
    differ.length === 0 ? `${ids.size} presets, every loss equal` : `different: ${differ.join(", ")}`,
  );
  process.exitCode = differ.length === 0 ? 0 : 1;
}
