// How much is kept: runs that have no name of their own go, one by one, when there are too many, when they take too much
// room, or when nobody has touched them for a season. A run with a name stays until somebody deletes it.
import type { KeptRun } from "./kept-runs";

export interface KeepLimits {
  /** Runs without a name. */
  readonly runs: number;
  /** Of all runs together. */
  readonly bytes: number;
  readonly days: number;
}

export const KEEP_LIMITS: KeepLimits = { runs: 20, bytes: 8 * 2 ** 30, days: 90 };

const DAY_MS = 86_400_000;
/** Less training than this is a try-out: such runs make room first. */
const TRY_OUT_MS = 60_000;

export type LimitReached = "age" | "number" | "size";

export interface LetGo {
  readonly run: KeptRun;
  readonly why: LimitReached;
}

/**
 * Which runs go, in this order.
 *
 * @param safe runs that stay whatever they are: the one on this page, and those that other tabs have open
 */
export function beyondLimits(
  runs: readonly KeptRun[],
  safe: ReadonlySet<string>,
  now: number,
  limits: KeepLimits = KEEP_LIMITS,
): LetGo[] {
  const gone: LetGo[] = [];
  const tryOut = ({ trainedMs }: KeptRun) => (trainedMs < TRY_OUT_MS ? 0 : 1);
  const candidates = runs
    .filter(({ id, name }) => name === undefined && !safe.has(id))
    .sort((a, b) => tryOut(a) - tryOut(b) || a.savedAt - b.savedAt);
  const old = candidates.filter(({ savedAt }) => now - savedAt > limits.days * DAY_MS);
  for (const run of old) gone.push({ run, why: "age" });
  const rest = candidates.filter((run) => !old.includes(run));
  let unnamed = runs.filter(({ name }) => name === undefined).length - old.length;
  let bytes = runs.reduce((sum, run) => sum + (old.includes(run) ? 0 : run.bytes), 0);
  for (const run of rest) {
    if (unnamed <= limits.runs && bytes <= limits.bytes) break;
    gone.push({ run, why: unnamed > limits.runs ? "number" : "size" });
    unnamed--;
    bytes -= run.bytes;
  }
  return gone;
}
