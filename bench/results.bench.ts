// The table of docs/RESULTS.md: every method on the bundled pair, the same budget and seeds for all.
//
//   nice -n 15 npm run bench:results                                    the budget below
//   STEPS=50 ROWS=40 SEEDS=7,8 METHODS=sft,uld npm run bench:results    another
//   OUT=results.jsonl npm run bench:results                             a line for each run; runs already there are skipped
//
// Held-out answers are greedy; exact match is of the final answer, with the chain-of-thought prompt and with the plain one.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { create, globals } from "webgpu";
import { nodeSources, presetConfig } from "../src/cli/sources";
import type { RunConfig } from "../src/config/run";
import { openGpu } from "../src/gpu/device";
import type { StepRecord, TermGauge } from "../src/telemetry";
import { openRun } from "../src/trainer";

const DEFAULT_METHODS = [
  ...["base", "sft", "uld", "mined", "gold", "alm", "shared-vocabulary", "cma", "first-light"],
  ...["cot2align", "cot2align-published", "cot2align-uld", "layer-wise"],
];
const STEPS = Number(process.env.STEPS ?? 100);
const ROWS = Number(process.env.ROWS ?? 100);
const SEEDS = (process.env.SEEDS ?? "7,8,9").split(",").map(Number);
const METHODS = process.env.METHODS?.split(",") ?? DEFAULT_METHODS;
const { OUT } = process.env;

interface Result {
  readonly method: string;
  readonly seed: number;
  readonly steps: number;
  readonly rows: number;
  readonly cot: number;
  readonly plain: number;
  readonly rougeL: number;
  /** Mean loss of the first and of the last tenth of the steps. */
  readonly first: number;
  readonly last: number;
  readonly gauges: Record<string, TermGauge>;
  readonly seconds: number;
}

const known = OUT && existsSync(OUT) ? readFileSync(OUT, "utf8").split("\n").filter(Boolean) : [];
const results = known.map((line) => JSON.parse(line) as Result);

function configOf(method: string, seed: number): RunConfig {
  const name = method === "base" ? "sft" : method;
  return {
    ...presetConfig(name),
    ...{
      seed,
      steps: STEPS,
      evaluation: { everySteps: STEPS, rows: ROWS },
      probe: { row: 0, everySteps: STEPS, gradientRatio: true },
    },
  };
}

Object.assign(globalThis, globals);
const instance = create([]);
const gpu = await openGpu(instance);

async function measure(method: string, seed: number): Promise<Result> {
  const began = performance.now();
  const config = configOf(method, seed);
  const run = await openRun(gpu, config, await nodeSources(config));
  const records: StepRecord[] = [];
  while (method !== "base" && run.at < STEPS) records.push(await run.step());
  const cot = await run.evaluate("cot");
  const plain = await run.evaluate("plain");
  await run.destroy();
  const tenth = Math.max(1, Math.floor(records.length / 10));
  const mean = (some: readonly StepRecord[]) => some.reduce((sum, { loss }) => sum + loss, 0) / some.length;
  return {
    ...{ method, seed, steps: records.length, rows: ROWS },
    ...{ cot: cot.correct / cot.total, plain: plain.correct / plain.total, rougeL: cot.rougeL ?? NaN },
    ...{ first: mean(records.slice(0, tenth)), last: mean(records.slice(-tenth)) },
    gauges: { ...records.at(-1)?.gauges },
    seconds: (performance.now() - began) / 1000,
  };
}

for (const seed of SEEDS)
  for (const method of METHODS) {
    if (method === "base" && seed !== SEEDS[0]) continue; // untrained: one seed says all
    if (results.some((r) => r.method === method && r.seed === seed)) continue;
    const result = await measure(method, seed);
    results.push(result);
    if (OUT) appendFileSync(OUT, `${JSON.stringify(result)}\n`);
    console.error(
      `${method}, seed ${seed}: ${(100 * result.cot).toFixed(1)} % in ${result.seconds.toFixed(0)} s`,
    );
  }

const meanSd = (values: readonly number[], scale = 100, digits = 1): string => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const sd = Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / Math.max(1, values.length - 1));
  const text = (value: number) => (scale * value).toFixed(digits);
  return values.length > 1 ? `${text(mean)} ± ${text(sd)}` : text(mean);
};
console.log(
  "| method | seeds | exact match, CoT (%) | exact match, plain (%) | ROUGE-L, CoT | loss, first → last tenth |",
);
console.log("|---|---|---|---|---|---|");
for (const method of METHODS) {
  const of = results.filter((r) => r.method === method);
  const column = (value: (r: Result) => number) => meanSd(of.map(value));
  const loss = of.some((r) => r.steps > 0)
    ? `${meanSd(
        of.map((r) => r.first),
        1,
        3,
      )} → ${meanSd(
        of.map((r) => r.last),
        1,
        3,
      )}`
    : "–";
  console.log(
    `| ${method} | ${of.length} | ${column((r) => r.cot)} | ${column((r) => r.plain)} | ${column((r) => r.rougeL)} | ${loss} |`,
  );
}
gpu.destroy();
process.exit(0); // Dawn keeps threads alive
