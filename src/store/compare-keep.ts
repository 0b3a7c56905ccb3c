// A comparison's finished runs in files that outlive the visit: an index, and one file a run.
import { parseRunConfig } from "../config/run";
import { FIRST_BUDGET, type Budget } from "./compare-budget";
import type { ComparedRun } from "./compared-run";
import type { KeptFiles } from "./kept-files";
import { PRESETS } from "../config/presets";

const INDEX = "comparison.json";
/** Runs beyond this many are forgotten, oldest first: each may hold a MiB of plans. */
export const MOST_KEPT = 60;

interface Index {
  readonly version: 1;
  readonly budget: Budget;
  /** Names of the runs' files, oldest first. */
  readonly files: readonly string[];
}

export interface KeptComparison {
  readonly budget: Budget;
  readonly finished: readonly ComparedRun[];
}

/**
 * What an earlier visit left; undefined: nothing. A run that cannot be read any more is left out.
 *
 * @throws KeepError when there is no storage.
 */
export async function readComparison(files: KeptFiles): Promise<KeptComparison | undefined> {
  const bytes = await files.read(INDEX);
  if (!bytes) return undefined;
  const index = JSON.parse(new TextDecoder().decode(bytes)) as Index; // our own file
  const runs = await Promise.all(index.files.map((name) => readRun(files, name)));
  const presets = index.budget.presets.filter((preset) => Object.hasOwn(PRESETS, preset));
  return {
    budget: { ...FIRST_BUDGET, ...index.budget, presets },
    finished: runs.flatMap((run) => run ?? []),
  };
}

async function readRun(files: KeptFiles, name: string): Promise<ComparedRun | undefined> {
  try {
    const bytes = await files.read(name);
    if (!bytes) return undefined;
    const run = JSON.parse(new TextDecoder().decode(bytes), revive) as ComparedRun; // our own file
    return Object.hasOwn(PRESETS, run.preset) ? { ...run, config: parseRunConfig(run.config) } : undefined;
  } catch {
    return undefined; // of another version of the page, or cut off
  }
}

/** Write a run that has just finished, then the index that names it. */
export async function keepRun(files: KeptFiles, run: ComparedRun, comparison: KeptComparison): Promise<void> {
  await files.write(nameOf(run), JSON.stringify(run, pack));
  await keepIndex(files, comparison);
}

/** The budget and the list of runs; files of runs that are no longer in it are removed. */
export async function keepIndex(
  files: KeptFiles,
  { budget, finished }: KeptComparison,
  gone: readonly ComparedRun[] = [],
): Promise<void> {
  const index: Index = { version: 1, budget, files: finished.map(nameOf) };
  await files.write(INDEX, JSON.stringify(index));
  for (const run of gone) await files.remove(nameOf(run));
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
