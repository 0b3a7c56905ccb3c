// One cell and one seed: train as `couplet run` does, then answer every question of the study. A stopped run goes on from its
// last checkpoint, with the same bits on the same adapter.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { nodeSources } from "../../src/cli/sources";
import { parseRows } from "../../src/data";
import type { Gpu } from "../../src/gpu/device";
import { openRun, type Run } from "../../src/trainer";
import { type CellResult, cellConfig, pathOf, studyPlan } from "./plan";

interface Losses {
  readonly loss: number[];
  readonly crossEntropy: number[];
}

export async function runCell(
  cell: string,
  seed: number,
  gpu: Gpu,
  say: (line: string) => void,
): Promise<CellResult> {
  const began = performance.now();
  const config = cellConfig(cell, seed);
  const questions = pathOf(studyPlan().questions);
  const run = await openRun(gpu, config, {
    ...(await nodeSources(config)),
    heldOut: parseRows(readFileSync(questions, "utf8"), questions),
  });
  const [labels = ""] = run.facts().reading ?? [];
  say(`${cell}, seed ${seed}. ${labels}`);
  const losses = await train(run, `${cell}-${seed}`, say);
  const grades = await run.grade();
  await run.destroy();
  return {
    ...{ cell, seed, engine: "couplet", steps: config.steps, labels },
    right: grades.map(({ right }) => (right ? "1" : "0")).join(""),
    loss: tenths(losses.loss),
    crossEntropy: tenths(losses.crossEntropy),
    seconds: Math.round((performance.now() - began) / 1000),
    adapter: gpu.adapter.description || gpu.adapter.device,
  };
}

async function train(run: Run, name: string, say: (line: string) => void): Promise<Losses> {
  const { steps, checkpoints } = run.config;
  const folder = pathOf(".cache/study");
  const [weights, log] = [`${folder}/${name}.safetensors`, `${folder}/${name}.json`];
  mkdirSync(folder, { recursive: true });
  let losses: Losses = { loss: [], crossEntropy: [] };
  if (existsSync(weights) && existsSync(log)) {
    await run.restore(readFileSync(weights));
    losses = JSON.parse(readFileSync(log, "utf8")) as Losses;
    say(`  goes on at step ${run.at}`);
  }
  while (run.at < steps) {
    const { loss, terms } = await run.step();
    losses.loss.push(loss);
    losses.crossEntropy.push(terms["ce"] ?? NaN);
    if (run.at % checkpoints.everySteps !== 0) continue;
    say(`  step ${run.at} of ${steps}, loss ${loss.toFixed(4)}`);
    writeFileSync(`${log}.new`, JSON.stringify(losses));
    writeFileSync(`${weights}.new`, await run.checkpoint());
    renameSync(`${log}.new`, log);
    renameSync(`${weights}.new`, weights);
  }
  if (losses.loss.length !== steps)
    throw new Error(`${name}: ${losses.loss.length} losses of ${steps} steps`);
  return losses;
}

/** Of a run whose result is kept. */
export function forgetCheckpoint(cell: string, seed: number): void {
  for (const kind of ["safetensors", "json"])
    rmSync(pathOf(`.cache/study/${cell}-${seed}.${kind}`), { force: true });
}

function tenths(values: readonly number[]): { first: number; last: number } {
  const some = Math.max(1, Math.floor(values.length / 10));
  const mean = (of: readonly number[]) => of.reduce((sum, value) => sum + value, 0) / of.length;
  return { first: mean(values.slice(0, some)), last: mean(values.slice(-some)) };
}
