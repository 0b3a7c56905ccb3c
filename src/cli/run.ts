// `couplet run CONFIG.json --out DIR`: the page's engine without a page.
import { messageOf } from "../base/errors";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { RunConfig } from "../config/run";
import type { PlanRecord } from "../telemetry";
import { createStateSets, type ModelFiles } from "../models";
import { folderStore } from "../models/library/node-store";
import {
  coverageLine,
  createSilenceLog,
  labelledRows,
  openRun,
  type Run,
  RunError,
  type RunSources,
  type TeacherStateCounts,
} from "../trainer";
import { checkpointClock } from "./checkpoint-clock";
import { BAD_INPUT, CANNOT_RUN, OK, STOPPED } from "./exit-codes";
import { explain, fileError } from "./explain";
import { openNodeGpu } from "./node-gpu";
import { CHECKPOINT, openOutputFolder, type OutputFolder } from "./output-folder";
import { type RunProgress, runProgress } from "./progress";
import { nodeSources, readConfig } from "./sources";
import { listenForSignals, type StopSignals } from "./stop-signals";
import { type Arguments, BadUsage } from "./usage";

const MOST_CHECKPOINT_BYTES = 2 ** 31 - 2 ** 20; // with room for the header

export async function runCommand({ positional, options }: Arguments): Promise<number> {
  const [file = ""] = positional;
  const out = options.get("out");
  if (out === undefined) throw new BadUsage("--out DIR is missing: the folder that the run writes into.");
  const config = readConfig(file);
  const dir = resolve(out);
  const resume = checkpointOf(dir, options);
  const cache = options.get("cache");
  const teacherStates = cache === undefined ? undefined : createStateSets(folderStore(resolve(cache)));
  const sources = { ...(await nodeSources(config)), teacherStates };
  const { said } = labelledRows(config, sources.train);
  const output = openOutputFolder(dir, {
    resume: resume !== undefined && resume.path.startsWith(join(dir, "/")),
    overwrite: options.has("overwrite"),
    bytes: await leastBytes(sources.student, config),
  });
  const signals = listenForSignals(() => output.release());
  process.once("exit", output.release);
  const progress = runProgress(config.steps);
  progress.line(said);
  try {
    return await open(config, sources, output, {
      progress,
      signals,
      resume,
      command: commandAgain(file, out, cache),
    });
  } finally {
    progress.end();
    signals.dispose();
    process.off("exit", output.release);
    output.release();
  }
}

interface Checkpoint {
  readonly path: string;
  readonly bytes: Buffer;
}

/** @throws BadUsage when it cannot be read, or contradicts --overwrite. */
function checkpointOf(dir: string, options: ReadonlyMap<string, string>): Checkpoint | undefined {
  const named = options.get("resume");
  if (named === undefined) return undefined;
  const path = named === "" ? join(dir, CHECKPOINT) : resolve(named);
  if (options.has("overwrite") && path.startsWith(join(dir, "/")))
    throw new BadUsage(
      "--overwrite would delete the checkpoint that --resume goes on from: give one of them.",
    );
  try {
    return { path, bytes: readFileSync(path) };
  } catch {
    throw new BadUsage(`The checkpoint file "${path}" cannot be read.`);
  }
}

/** What the run is sure to write: the student as weights and as a graph, and one checkpoint unless adapters are trained. */
async function leastBytes(student: ModelFiles, { training }: RunConfig): Promise<number> {
  if (!(await student.has("model.safetensors"))) return 0; // in shards or in an ONNX file: not known before it is read
  const size = (await student.stream?.("model.safetensors"))?.size ?? 0;
  return training.kind === "lora" ? 2 * size : 5 * size;
}

/** How the same run is called again, with --resume. */
const commandAgain = (file: string, out: string, cache: string | undefined): string =>
  [
    "couplet run",
    quoted(file),
    "--out",
    quoted(out),
    "--resume",
    ...(cache ? ["--cache", quoted(cache)] : []),
  ].join(" ");

const quoted = (path: string): string =>
  /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;

interface Going {
  readonly progress: RunProgress;
  readonly signals: StopSignals;
  readonly resume: Checkpoint | undefined;
  /** The command line that goes on with this run. */
  readonly command: string;
}

async function open(
  config: RunConfig,
  sources: RunSources,
  out: OutputFolder,
  going: Going,
): Promise<number> {
  const gpu = await openNodeGpu();
  const { progress, resume } = going;
  progress.line(`adapter: ${gpu.adapter.description || gpu.adapter.device}`);
  let run: Run | undefined;
  try {
    run = await openRun(gpu, config, sources, progress.loading);
    const { reading = [], notes = [], coverage } = run.facts();
    const covered = coverage ? [coverageLine(coverage)] : [];
    for (const line of [...reading.slice(1), ...covered, ...notes]) progress.line(line); // the first stands above
    if (resume) await run.restore(resume.bytes);
    out.begin();
    const code = await train(run, out, going);
    if (sources.teacherStates) progress.line(teacherLine(await run.keepTeacherStates()));
    return code;
  } catch (error) {
    progress.end();
    const file = fileError(error);
    if (file === undefined) return explain(error);
    console.error(
      out.has(CHECKPOINT) ? `${file} The last checkpoint is whole. To go on:\n${going.command}` : file,
    );
    return run === undefined ? BAD_INPUT : CANNOT_RUN;
  } finally {
    await run?.destroy();
    gpu.destroy();
  }
}

/** @throws RunError when the run cannot even begin; later failures end it with what it has. */
async function train(run: Run, out: OutputFolder, { progress, signals, command }: Going): Promise<number> {
  const { config } = run;
  const { steps, probe, checkpoints } = config;
  out.json("config.json", config);
  for (const records of ["metrics.jsonl", "evaluations.jsonl", "plans.jsonl"]) out.keep(records, run.at);
  const due = (everySteps: number) => everySteps > 0 && run.at % everySteps === 0;
  if (run.at === 0) {
    await evaluate(run, out, progress);
    out.json("plan-start.json", (await run.plans(probe.row)).map(plainPlan));
  } else progress.line(`resumed at step ${run.at}`);
  const small = run.checkpointBytes < MOST_CHECKPOINT_BYTES;
  if (!small)
    progress.line("no checkpoints: they would be larger than a file that Node writes at once (2 GiB)");
  signals.waitForSteps();
  const clock = checkpointClock();
  const silence = createSilenceLog();
  let failed: RunError | undefined;
  while (run.at < steps && !failed && !signals.asked) {
    failed = await caught(async () => {
      const record = await run.step();
      out.append("metrics.jsonl", record);
      progress.step(record);
      const silent = silence(record);
      if (silent !== undefined) progress.line(silent);
      if (due(config.evaluation.everySteps)) await evaluate(run, out, progress);
      // Last, so that whoever resumes here has all that belongs to this step.
      if (small && (due(checkpoints.everySteps) || clock.due()))
        await clock.write(async () => out.replace(CHECKPOINT, await run.checkpoint()));
    });
  }
  progress.end();
  if (signals.asked && !failed) return stopped(run, out, signals.asked, small ? command : undefined);
  // A lost device takes the weights with it: what is on the disk is what there is.
  if (failed?.code === "device-lost") explain(resumable(failed, out));
  else failed = (await writeResults(run, config, out)) ?? failed;
  return failed ? CANNOT_RUN : OK;
}

async function evaluate(run: Run, out: OutputFolder, progress: RunProgress): Promise<void> {
  const { evaluation, probe } = run.config;
  if (evaluation.everySteps === 0 || evaluation.rows === 0) return;
  const scored = await run.evaluate();
  out.append("evaluations.jsonl", scored);
  for (const plan of await run.plans(probe.row)) out.append("plans.jsonl", plainPlan(plan));
  progress.line(`step ${scored.step}: ${scored.correct} of ${scored.total} held-out answers right`);
}

/** A signal asked the run to end: the checkpoint, and the command that goes on. */
async function stopped(
  run: Run,
  out: OutputFolder,
  signal: keyof typeof STOPPED,
  command: string | undefined,
): Promise<number> {
  if (command === undefined) {
    console.error(`Stopped at step ${run.at}, without a checkpoint: it would be too large.`);
    return STOPPED[signal];
  }
  out.replace(CHECKPOINT, await run.checkpoint());
  console.error(`Stopped at step ${run.at}. To go on:\n${command}`);
  return STOPPED[signal];
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

/**
 * The checkpoint and the student first, then plans and answers; what a run that failed cannot give any more is said, and
 * nothing that fails here costs what comes after it.
 */
async function writeResults(run: Run, config: RunConfig, out: OutputFolder): Promise<RunError | undefined> {
  const missing = [
    await made("checkpoint", async () => {
      if (run.checkpointBytes < MOST_CHECKPOINT_BYTES) out.replace(CHECKPOINT, await run.checkpoint());
    }),
    await made("student", async () => {
      for await (const [path, bytes] of run.exportFiles()) out.bytes(`student/${path}`, bytes);
    }),
    await made("plans", async () =>
      out.json("plan.json", (await run.plans(config.probe.row)).map(plainPlan)),
    ),
    await made("answers", async () => out.json("answers.json", await run.answers(config.probe.row))),
  ];
  return missing.find((error) => error !== undefined);
}

/** One result of a finished run. A full disk ends the command; anything else is said, and the others are made all the same. */
const made = (what: string, work: () => Promise<void>): Promise<RunError | undefined> =>
  caught(async () => {
    try {
      await work();
    } catch (error) {
      if (error instanceof RunError || fileError(error) !== undefined) throw error;
      throw new RunError(
        "result-missing",
        `The run's ${what} could not be made.`,
        messageOf(error),
        "What else the run made is written. Please report this with the run's config.",
      );
    }
  });

/** A failure in the run's own terms is printed and given back. */
async function caught(work: () => Promise<void>): Promise<RunError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    if (error.code !== "device-lost") explain(error);
    return error;
  }
}

const teacherLine = ({ computed, found, trouble }: TeacherStateCounts): string =>
  `teacher: ${computed} sequences computed, ${found} from the cache` +
  (trouble === undefined ? "" : `; the cache was given up: ${trouble}`);

/** Typed arrays print as objects in JSON; a plan is written as plain lists. */
const plainPlan = (plan: PlanRecord) => ({ ...plan, plan: [...plan.plan], cost: [...plan.cost] });
