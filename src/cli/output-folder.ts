// The folder that `couplet run --out DIR` writes into: one run at a time, and never over another without being told.
import {
  accessSync,
  appendFileSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type FolderLock, lockFolder } from "./folder-lock";
import { BadUsage } from "./usage";
import { writeWhole } from "./whole-file";

export const CHECKPOINT = "checkpoint.safetensors";
/** What a run writes; `--overwrite` removes these and nothing else. */
const RUN_FILES = [
  CHECKPOINT,
  "config.json",
  "metrics.jsonl",
  "evaluations.jsonl",
  "plans.jsonl",
  "plan-start.json",
  "plan.json",
  "answers.json",
  "student",
];

export interface OutputOptions {
  /** Go on in a folder that holds a run. */
  readonly resume: boolean;
  /** Replace the run that the folder holds. */
  readonly overwrite: boolean;
  /** Bytes that the run writes at least, where that is known. */
  readonly bytes?: number | undefined;
}

/** A run's output, whose files are whole or not there. */
export interface OutputFolder {
  /** Before the first file of a new run: with `overwrite` the earlier run's files go, none before. */
  begin(): void;
  json(path: string, value: unknown): void;
  /** Drop the records after a step: a run that is resumed writes them again. */
  keep(path: string, upTo: number): void;
  append(path: string, value: unknown): void;
  bytes(path: string, value: Uint8Array): void;
  /** The old file stays whole until the new one is. */
  replace(path: string, value: Uint8Array): void;
  has(path: string): boolean;
  path(path: string): string;
  /** Lets other runs into the folder. */
  release(): void;
}

/**
 * Make the folder if need be, take its lock, and see that a run may write there.
 *
 * @throws BadUsage when it is not a folder that can be written, is too small for the run, belongs to a run that is
 * still going, or holds a run and neither option was given.
 */
export function openOutputFolder(dir: string, options: OutputOptions): OutputFolder {
  checkWritable(dir);
  const lock = lockFolder(dir);
  try {
    if (!options.resume && !options.overwrite) refuseOtherRun(dir);
    checkSpace(dir, options.bytes ?? 0);
  } catch (error) {
    lock.release();
    throw error;
  }
  return outputFolder(dir, options, lock);
}

/** Makes the folder if need be. @throws BadUsage when no file can be written there. */
export function checkWritable(dir: string): void {
  try {
    makeWithParents(dir);
    accessSync(dir, constants.W_OK | constants.X_OK);
    const probe = join(dir, `.couplet-probe-${process.pid}`);
    writeFileSync(probe, "whether files can be written here");
    rmSync(probe);
  } catch (error) {
    throw new BadUsage(`--out: nothing can be written to "${dir}": ${reasonOf(dir, error)}.`);
  }
}

/** mkdirSync's `recursive` never returns where a parent is there and takes no folders, as in /proc (Node 20). */
function makeWithParents(dir: string): void {
  if (existsSync(dir)) return;
  makeWithParents(dirname(dir));
  mkdirSync(dir);
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error);

function reasonOf(dir: string, error: unknown): string {
  const code = codeOf(error);
  if (code === "EEXIST" || (existsSync(dir) && !statSync(dir).isDirectory()))
    return "it is a file, not a folder";
  if (code === "ENOTDIR") return "a part of its path is a file";
  if (code === "ENOENT") return "its file system takes no folders there";
  if (code === "EROFS") return "the file system is read-only";
  if (code === "EACCES" || code === "EPERM") return "permission is denied";
  if (code === "ENOSPC" || code === "EDQUOT") return "the disk is full";
  return code;
}

/** @throws BadUsage naming the run that is there, and both ways on. */
function refuseOtherRun(dir: string): void {
  const found = RUN_FILES.filter((name) => existsSync(join(dir, name)));
  if (found.length === 0) return;
  const goOn = existsSync(join(dir, CHECKPOINT)) ? " --resume goes on with it." : "";
  throw new BadUsage(
    `--out: "${dir}" holds ${runIn(dir)} (${found.join(", ")}).${goOn} --overwrite replaces it. Or name another folder.`,
  );
}

function runIn(dir: string): string {
  const last = readRecords(join(dir, "metrics.jsonl"))
    .map(stepOf)
    .findLast((step) => step !== Infinity);
  return last === undefined ? "an earlier run" : `an earlier run of ${last} ${last === 1 ? "step" : "steps"}`;
}

/** @throws BadUsage when fewer bytes are free than the run is sure to write; its earlier checkpoint gives way to the next. */
function checkSpace(dir: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(dir);
  const old = statSync(join(dir, CHECKPOINT), { throwIfNoEntry: false })?.size ?? 0;
  const free = bavail * bsize + old;
  if (bytes > free)
    throw new BadUsage(
      `--out: the disk of "${dir}" has ${megabytes(free)} free; checkpoints and student of this run take ${megabytes(bytes)}.`,
    );
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

const readRecords = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];

function outputFolder(dir: string, { overwrite, resume }: OutputOptions, lock: FolderLock): OutputFolder {
  const at = (path: string) => {
    const full = join(dir, path);
    mkdirSync(dirname(full), { recursive: true });
    return full;
  };
  const whole = (path: string, value: string | Uint8Array) => writeWhole(at(path), value);
  return {
    begin() {
      if (!overwrite || resume) return;
      for (const name of RUN_FILES) rmSync(join(dir, name), { recursive: true, force: true });
    },
    json: (path, value) => whole(path, `${JSON.stringify(value, null, 1)}\n`),
    keep(path, upTo) {
      const old = upTo > 0 ? readRecords(join(dir, path)) : [];
      whole(
        path,
        old
          .filter((text) => stepOf(text) <= upTo)
          .map((text) => `${text}\n`)
          .join(""),
      );
    },
    append: (path, value) => appendFileSync(at(path), `${JSON.stringify(value)}\n`),
    bytes: whole,
    replace: whole,
    has: (path) => existsSync(join(dir, path)),
    path: (path) => join(dir, path),
    release: () => lock.release(),
  };
}

/** The step of a record's line; Infinity for a line that was cut off. */
function stepOf(text: string): number {
  try {
    const record: unknown = JSON.parse(text);
    const step: unknown = typeof record === "object" && record !== null && Reflect.get(record, "step");
    return typeof step === "number" ? step : Infinity;
  } catch {
    return Infinity;
  }
}
