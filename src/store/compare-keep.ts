// A comparison's finished runs in files that outlive the visit: one file a run, which says all there is to say of it. There
// is no index that two tabs could write over each other: what one of them finishes, the other finds.
import { parseRunConfig } from "../config/run";
import { FIRST_BUDGET, type Budget } from "./compare-budget";
import type { ComparedRun } from "./compared-run";
import type { KeptFiles, KeptFolders } from "./kept-files";
import { PRESETS } from "../config/presets";

const FOLDER = "couplet-comparison";
const BUDGET = `${FOLDER}/budget.json`;
/** Runs beyond this many are forgotten, oldest first: each may hold a MiB of plans. */
export const MOST_KEPT = 60;

export interface KeptComparison {
  /** Of the tab that changed it last. */
  readonly budget: Budget;
  /** Oldest first. */
  readonly finished: readonly ComparedRun[];
  /** Files of results that cannot be read any more. */
  readonly unreadable: number;
}

/**
 * What earlier visits and other tabs left; undefined: nothing.
 *
 * @throws KeepError when there is no storage.
 */
export async function readComparison(files: KeptFolders): Promise<KeptComparison | undefined> {
  await adopt(files);
  const names = (await files.list(FOLDER)).map(({ name }) => `${FOLDER}/${name}`);
  if (names.length === 0) return undefined;
  const runs = await Promise.all(names.filter((name) => name !== BUDGET).map((name) => readRun(files, name)));
  const whole = runs.flatMap((run) => run ?? []).toSorted((a, b) => a.finishedAt - b.finishedAt);
  const finished = whole.slice(-MOST_KEPT);
  await forgetRuns(files, whole.slice(0, -MOST_KEPT));
  return { budget: await readBudget(files), finished, unreadable: runs.length - whole.length };
}

/** What a comparison of before there were labels and shares to choose did. */
const BEFORE_LABELS = { labels: "all", share: 0.5 } as const;

async function readBudget(files: KeptFiles): Promise<Budget> {
  const bytes = await files.read(BUDGET);
  try {
    const budget = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Budget>; // our own file
    const presets = (budget.presets ?? FIRST_BUDGET.presets).filter((preset) =>
      Object.hasOwn(PRESETS, preset),
    );
    return { ...FIRST_BUDGET, ...BEFORE_LABELS, ...budget, presets };
  } catch {
    return FIRST_BUDGET; // never written, or cut off
  }
}

async function readRun(files: KeptFiles, name: string): Promise<ComparedRun | undefined> {
  try {
    const bytes = await files.read(name);
    if (!bytes) return undefined;
    const run = JSON.parse(new TextDecoder().decode(bytes), revive) as ComparedRun; // our own file
    const { finishedAt = 0 } = run; // of an earlier version of the page
    return Object.hasOwn(PRESETS, run.preset)
      ? {
          ...run,
          finishedAt,
          budget: { ...BEFORE_LABELS, ...run.budget },
          config: parseRunConfig(run.config),
        }
      : undefined;
  } catch {
    return undefined; // of another version of the page, or cut off
  }
}

/** Write a run that has just finished. */
export const keepRun = (files: KeptFiles, run: ComparedRun): Promise<void> =>
  files.write(`${FOLDER}/${nameOf(run)}`, JSON.stringify(run, pack));

export const keepBudget = (files: KeptFiles, budget: Budget): Promise<void> =>
  files.write(BUDGET, JSON.stringify(budget));

export async function forgetRuns(files: KeptFiles, runs: readonly ComparedRun[]): Promise<void> {
  for (const run of runs) await files.remove(`${FOLDER}/${nameOf(run)}`);
}

/** An earlier version of the page kept an index, and the runs beside it: they are moved into the folder. */
async function adopt(files: KeptFiles): Promise<void> {
  const OLD = "comparison.json";
  const bytes = await files.read(OLD);
  if (!bytes) return;
  try {
    const index = JSON.parse(new TextDecoder().decode(bytes)) as Budgeted;
    if (!(await files.read(BUDGET))) await keepBudget(files, index.budget);
    for (const [order, name] of index.files.entries()) {
      const run = await readRun(files, name);
      if (run) await keepRun(files, { ...run, finishedAt: run.finishedAt || order });
      await files.remove(name);
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error; // an index that is cut off names nothing
  }
  await files.remove(OLD);
}

interface Budgeted {
  readonly budget: Budget;
  /** Names of the runs' files, oldest first. */
  readonly files: readonly string[];
}

/** By a 64-bit hash of what the run is (FNV-1a in two halves): names are short and say nothing of the run. */
function nameOf({ preset, key }: ComparedRun): string {
  const text = `${preset} ${key}`;
  const hash = (seed: number) => {
    let h = seed;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16_777_619) >>> 0;
    return h.toString(16).padStart(8, "0");
  };
  return `comparison-${hash(2_166_136_261)}${hash(0x9e37_79b9)}.json`;
}

const F32 = "f32";

/** Plans are long: their numbers go in as base64 of little-endian floats, not as digits. NaN is no JSON number. */
function pack(_: string, value: unknown): unknown {
  if (!(value instanceof Float32Array)) return value;
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return { [F32]: btoa(text) };
}

function revive(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !(F32 in value)) return value;
  const bytes = Uint8Array.from(atob(String(value[F32])), (c) => c.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}
