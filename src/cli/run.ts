// `couplet run CONFIG.json --out DIR`: the page's engine without a page.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseRunConfigText, type RunConfig } from "../config/run";
import type { PlanRecord, StepRecord } from "../telemetry";
import { openRun, type Run, RunError } from "../trainer";
import { openNodeGpu } from "./node-gpu";
import { nodeSources } from "./sources";
import { BadUsage, parseArguments } from "./usage";

export async function runCommand(argv: string[]): Promise<number> {
  const { positional, options } = parseArguments(argv, ["out"]);
  const [file] = positional;
  const out = options.get("out");
  if (!file || !out || positional.length !== 1)
    throw new BadUsage("Usage: couplet run CONFIG.json --out DIR");
  const config = parseRunConfigText(readText(file));
  const sources = nodeSources(config);
  const gpu = await openNodeGpu();
  console.error(`adapter: ${gpu.adapter.description || gpu.adapter.device}`);
  const run = await openRun(gpu, config, sources);
  try {
    return await train(run, outputFolder(resolve(out)));
  } finally {
    await run.destroy();
  }
}

async function train(run: Run, out: OutputFolder): Promise<number> {
  const { config } = run;
  const { steps, evaluation, probe } = config;
  out.json("config.json", config);
  out.lines("metrics.jsonl", []);
  out.lines("evaluations.jsonl", []);
  const evaluate = async () => {
    if (evaluation.everySteps === 0 || evaluation.rows === 0) return;
    const scored = await run.evaluate();
    out.append("evaluations.jsonl", scored);
    console.error(`step ${scored.step}: ${scored.correct} of ${scored.total} held-out answers right`);
  };
  let failed: RunError | undefined;
  await evaluate();
  out.json("plan-start.json", (await run.plans(probe.row)).map(plainPlan));
  while (run.at < steps && !failed) {
    try {
      const record = await run.step();
      out.append("metrics.jsonl", record);
      report(record, steps);
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      failed = error;
      console.error(`${error.what}\n${error.why}\n${error.remedy}`);
      continue;
    }
    if (evaluation.everySteps > 0 && run.at % evaluation.everySteps === 0) await evaluate();
  }
  await writeResults(run, config, out);
  return failed ? 3 : 0;
}

async function writeResults(run: Run, config: RunConfig, out: OutputFolder): Promise<void> {
  out.json("plan.json", (await run.plans(config.probe.row)).map(plainPlan));
  await tellOf(async () => out.json("answers.json", await run.answers(config.probe.row)));
  for (const [path, bytes] of await run.exportStudent()) out.bytes(`student/${path}`, bytes);
}

/** What a run that failed cannot give any more is said, and the rest is written. */
async function tellOf(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    console.error(`${error.what}\n${error.why}\n${error.remedy}`);
  }
}

function report({ step, loss, terms, gradNorm, ms }: StepRecord, steps: number): void {
  if (step !== 1 && step % 10 !== 0 && step !== steps) return;
  const parts = Object.entries(terms).map(([name, value]) => `${name} ${value.toFixed(4)}`);
  console.error(
    `step ${step}/${steps}  loss ${loss.toFixed(4)}  (${parts.join(", ")})  |g| ${gradNorm.toFixed(2)}  ${ms.toFixed(0)} ms`,
  );
}

/** Typed arrays print as objects in JSON; a plan is written as plain lists. */
const plainPlan = (plan: PlanRecord) => ({ ...plan, plan: [...plan.plan], cost: [...plan.cost] });

interface OutputFolder {
  json(path: string, value: unknown): void;
  lines(path: string, values: readonly unknown[]): void;
  append(path: string, value: unknown): void;
  bytes(path: string, value: Uint8Array): void;
}

function outputFolder(dir: string): OutputFolder {
  const at = (path: string) => {
    const full = join(dir, path);
    mkdirSync(dirname(full), { recursive: true });
    return full;
  };
  const line = (value: unknown) => `${JSON.stringify(value)}\n`;
  return {
    json: (path, value) => writeFileSync(at(path), `${JSON.stringify(value, null, 1)}\n`),
    lines: (path, values) => writeFileSync(at(path), values.map(line).join("")),
    append: (path, value) => writeFileSync(at(path), line(value), { flag: "a" }),
    bytes: (path, value) => writeFileSync(at(path), value),
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    throw new BadUsage(`The config file "${file}" cannot be read.`);
  }
}
