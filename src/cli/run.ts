// `couplet run CONFIG.json --out DIR`: the page's engine without a page.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { RunConfig } from "../config/run";
import type { PlanRecord, StepRecord } from "../telemetry";
import { createStateSets } from "../models";
import { folderStore } from "../models/node-store";
import { openRun, type Run, RunError, type TeacherStateCounts } from "../trainer";
import { openNodeGpu } from "./node-gpu";
import { nodeSources, readConfig } from "./sources";
import { BadUsage, parseArguments } from "./usage";

const USAGE = "Usage: couplet run CONFIG.json --out DIR [--resume CHECKPOINT] [--cache DIR]";
const CHECKPOINT = "checkpoint.safetensors";
const MOST_CHECKPOINT_BYTES = 2 ** 31 - 2 ** 20; // with room for the header

export async function runCommand(argv: string[]): Promise<number> {
  const { positional, options } = parseArguments(argv, ["out", "resume", "cache"]);
  const [file] = positional;
  const out = options.get("out");
  if (!file || !out || positional.length !== 1) throw new BadUsage(USAGE);
  const config = readConfig(file);
  const resume = options.get("resume");
  const checkpoint = resume === undefined ? undefined : readBytes("checkpoint", resume);
  const cache = options.get("cache");
  const teacherStates = cache === undefined ? undefined : createStateSets(folderStore(resolve(cache)));
  const sources = { ...nodeSources(config), teacherStates };
  const gpu = await openNodeGpu();
  console.error(`adapter: ${gpu.adapter.description || gpu.adapter.device}`);
  let run: Run | undefined;
  try {
    run = await openRun(gpu, config, sources);
    for (const note of run.facts().notes ?? []) console.error(note);
    if (checkpoint) await run.restore(checkpoint);
    const code = await train(run, outputFolder(resolve(out)));
    if (teacherStates) tellStates(await run.keepTeacherStates());
    return code;
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    tell(error);
    return 3;
  } finally {
    await run?.destroy();
    gpu.destroy();
  }
}

/** @throws RunError when the run cannot even begin; later failures end it with what it has. */
async function train(run: Run, out: OutputFolder): Promise<number> {
  const { config } = run;
  const { steps, evaluation, probe, checkpoints } = config;
  out.json("config.json", config);
  out.keep("metrics.jsonl", run.at);
  out.keep("evaluations.jsonl", run.at);
  out.keep("plans.jsonl", run.at);
  const due = (everySteps: number) => everySteps > 0 && run.at % everySteps === 0;
  const evaluate = async () => {
    if (evaluation.everySteps === 0 || evaluation.rows === 0) return;
    const scored = await run.evaluate();
    out.append("evaluations.jsonl", scored);
    for (const plan of await run.plans(probe.row)) out.append("plans.jsonl", plainPlan(plan));
    console.error(`step ${scored.step}: ${scored.correct} of ${scored.total} held-out answers right`);
  };
  if (run.at === 0) {
    await evaluate();
    out.json("plan-start.json", (await run.plans(probe.row)).map(plainPlan));
  } else console.error(`resumed at step ${run.at}`);
  const small = run.checkpointBytes < MOST_CHECKPOINT_BYTES;
  if (!small)
    console.error("no checkpoints: they would be larger than a file that Node writes at once (2 GiB)");
  let failed: RunError | undefined;
  while (run.at < steps && !failed) {
    failed = await caught(async () => {
      const record = await run.step();
      out.append("metrics.jsonl", record);
      report(record, steps);
      if (due(evaluation.everySteps)) await evaluate();
      // Last, so that whoever resumes here has all that belongs to this step.
      if (small && due(checkpoints.everySteps)) out.replace(CHECKPOINT, await run.checkpoint());
    });
  }
  // A lost device takes the weights with it: what is on the disk is what there is.
  if (failed?.code === "device-lost") tell(resumable(failed, out));
  else failed = (await writeResults(run, config, out)) ?? failed;
  return failed ? 3 : 0;
}

const resumable = (error: RunError, out: OutputFolder): RunError =>
  new RunError(
    error.code,
    error.what,
    error.why,
    out.has(CHECKPOINT)
      ? `Run the same command again with --resume ${out.path(CHECKPOINT)}.`
      : "There is no checkpoint yet; run the same command again, with smaller checkpoints.everySteps.",
  );

/** The checkpoint, plans, answers and the student; what a run that failed cannot give any more is said. */
async function writeResults(run: Run, config: RunConfig, out: OutputFolder): Promise<RunError | undefined> {
  const missing = [
    await caught(async () => {
      if (run.checkpointBytes < MOST_CHECKPOINT_BYTES) out.replace(CHECKPOINT, await run.checkpoint());
    }),
    await caught(async () => out.json("plan.json", (await run.plans(config.probe.row)).map(plainPlan))),
    await caught(async () => out.json("answers.json", await run.answers(config.probe.row))),
    await caught(async () => {
      for (const [path, bytes] of await run.exportStudent()) out.bytes(`student/${path}`, bytes);
    }),
  ];
  return missing.find((error) => error !== undefined);
}

/** A failure in the run's own terms is told and given back. */
async function caught(work: () => Promise<void>): Promise<RunError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    if (error.code !== "device-lost") tell(error);
    return error;
  }
}

const tellStates = ({ computed, found, trouble }: TeacherStateCounts): void =>
  console.error(
    `teacher: ${computed} sequences computed, ${found} from the cache` +
      (trouble === undefined ? "" : `; the cache was given up: ${trouble}`),
  );

const tell = ({ what, why, remedy }: RunError): void => console.error(`${what}\n${why}\n${remedy}`);

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
  /** Drop the records after a step: a run that is resumed writes them again. */
  keep(path: string, upTo: number): void;
  append(path: string, value: unknown): void;
  bytes(path: string, value: Uint8Array): void;
  /** The old file stays whole until the new one is. */
  replace(path: string, value: Uint8Array): void;
  has(path: string): boolean;
  path(path: string): string;
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
    keep(path, upTo) {
      const file = at(path);
      const old = upTo > 0 && existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
      const kept = old.filter((text) => stepOf(text) <= upTo);
      writeFileSync(file, kept.map((text) => `${text}\n`).join(""));
    },
    append: (path, value) => writeFileSync(at(path), line(value), { flag: "a" }),
    bytes: (path, value) => writeFileSync(at(path), value),
    replace(path, value) {
      const file = at(path);
      writeFileSync(`${file}.part`, value);
      renameSync(`${file}.part`, file);
    },
    has: (path) => existsSync(join(dir, path)),
    path: (path) => join(dir, path),
  };
}

/** The step of a record's line; a line that was cut off is of none that is kept. */
function stepOf(text: string): number {
  try {
    const record: unknown = JSON.parse(text);
    const step: unknown = typeof record === "object" && record !== null && Reflect.get(record, "step");
    return typeof step === "number" ? step : Infinity;
  } catch {
    return Infinity;
  }
}

function readBytes(what: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    throw new BadUsage(`The ${what} file "${file}" cannot be read.`);
  }
}
