// The search for a budget in which a run teaches something and methods can be told apart; docs/RESULTS.md has its tables.
//
//   npm run bench:regime -- cases.json                 each case in turn; a line of JSON for each, with its curve
//   OUT=lines.jsonl npm run bench:regime -- cases.json    appended to a file; cases already there are skipped
//   HELD_OUT=rows.jsonl …                              other held-out rows than the bundled 400
//
// With evaluation.everySteps 0 answers are scored at the end alone. A case is { "preset": "sft", "seed": 7, "change": { a part of a run's config } }. Answers are greedy and count when exact.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { openNodeGpu } from "../src/cli/node-gpu";
import { nodeSources, presetConfig } from "../src/cli/sources";
import { parseRunConfig } from "../src/config/run";
import { parseRows } from "../src/data";
import { openRun } from "../src/trainer";
import { medianOf } from "./race";

interface Case {
  readonly preset: string;
  readonly seed: number;
  readonly change: Record<string, unknown>;
}

interface Outcome extends Case {
  /** Held-out answers right, as shares, by step. */
  readonly curve: readonly { step: number; cot: number; rougeL: number }[];
  readonly plain: number;
  readonly loss: { readonly first: number; readonly last: number };
  readonly medianStepMs: number;
  readonly seconds: number;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `change` laid over `base`: records field by field, everything else whole. */
function changed(base: unknown, change: unknown): unknown {
  if (!isRecord(base) || !isRecord(change)) return change;
  const fields = Object.entries(change).map(([name, value]) => [name, changed(base[name], value)] as const);
  return { ...base, ...Object.fromEntries(fields) };
}

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

async function outcomeOf(one: Case, gpu: Awaited<ReturnType<typeof openNodeGpu>>): Promise<Outcome> {
  const began = performance.now();
  const config = parseRunConfig(changed({ ...presetConfig(one.preset), seed: one.seed }, one.change));
  const sources = await nodeSources(config);
  const heldOut = process.env["HELD_OUT"];
  const run = await openRun(gpu, config, {
    ...sources,
    ...(heldOut && { heldOut: parseRows(readFileSync(heldOut, "utf8"), heldOut) }),
  });
  const every = config.evaluation.everySteps || config.steps;
  const curve: { step: number; cot: number; rougeL: number }[] = [];
  const losses: number[] = [];
  const times: number[] = [];
  async function answer(): Promise<void> {
    const { correct, total, rougeL } = await run.evaluate("cot");
    curve.push({ step: run.at, cot: correct / total, rougeL: rougeL ?? NaN });
  }
  if (config.evaluation.everySteps > 0) await answer();
  while (run.at < config.steps) {
    const { loss, ms } = await run.step();
    losses.push(loss);
    times.push(ms);
    if (run.at % every === 0 || run.at === config.steps) await answer();
  }
  const plain = await run.evaluate("plain");
  await run.destroy();
  const tenth = Math.max(1, Math.floor(losses.length / 10));
  return {
    ...one,
    curve,
    plain: plain.correct / plain.total,
    loss: { first: mean(losses.slice(0, tenth)), last: mean(losses.slice(-tenth)) },
    medianStepMs: medianOf(times),
    seconds: (performance.now() - began) / 1000,
  };
}

const nameOf = ({ preset, seed, change }: Case): string => JSON.stringify([preset, seed, change]);

const [file] = process.argv.slice(2);
if (!file) throw new Error("Say which cases to run: npm run bench:regime -- cases.json");
const cases = JSON.parse(readFileSync(file, "utf8")) as Case[];
const out = process.env["OUT"];
const done = out && existsSync(out) ? readFileSync(out, "utf8").split("\n").filter(Boolean) : [];
const names = new Set(done.map((line) => nameOf(JSON.parse(line) as Case)));
const gpu = await openNodeGpu();
for (const one of cases) {
  if (names.has(nameOf(one))) continue;
  const line = JSON.stringify(await outcomeOf(one, gpu));
  if (out) appendFileSync(out, `${line}\n`);
  console.log(line);
}
gpu.destroy();
process.exit(0); // Dawn keeps threads alive
