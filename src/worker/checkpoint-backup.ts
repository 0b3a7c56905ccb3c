// What survives a lost device: the run's last checkpoint, kept in the worker's own memory.
import type { RunConfig } from "../config/run";
import { type Run, type RunError, sameRun } from "../trainer";
import { toFailure } from "./failures";
import type { Failure } from "./protocol";

/** Larger runs are not copied behind the user's back: a page has some 2 GB. */
const MOST_BYTES = 512 * 2 ** 20;

/** What a lost device may cost, whatever the steps take. */
const EVERY_MS = 25_000;

export interface CheckpointBackup {
  /** Keep the run as it stands, every so many steps and every so many seconds. */
  after(run: Run): Promise<void>;
  /** A checkpoint that was made for somebody else serves as well. */
  hold(run: Run, checkpoint: Uint8Array): void;
  /** The device was lost: the failure, which says from where loading again goes on. */
  needed(error: RunError): Failure;
  /** The checkpoint for a run that is loaded after a loss; only once, and only for the same run. */
  take(config: RunConfig): Uint8Array | undefined;
  forget(): void;
}

export function createCheckpointBackup(
  log: (text: string) => void,
  now: () => number = () => performance.now(),
): CheckpointBackup {
  let kept: { config: RunConfig; step: number; bytes: Uint8Array } | undefined;
  let lost = false;
  let keptAt = now();
  let said: Run | undefined;
  const due = ({ at, config: { checkpoints } }: Run) =>
    (checkpoints.everySteps > 0 && at % checkpoints.everySteps === 0) || now() - keptAt >= EVERY_MS;
  const keep = (run: Run, bytes: Uint8Array) => {
    kept = { config: run.config, step: run.at, bytes };
    keptAt = now();
  };
  return {
    async after(run) {
      if (run.at === 1) keptAt = now(); // compiling is no work that could be lost
      if (!due(run)) return;
      if (run.checkpointBytes <= MOST_BYTES) return keep(run, await run.checkpoint());
      if (said !== run)
        log("The run is too large to be kept in memory: after a lost device it goes on from the kept one.");
      said = run;
    },
    hold(run, checkpoint) {
      if (checkpoint.length <= MOST_BYTES) keep(run, checkpoint.slice());
    },
    needed(error) {
      lost = true;
      const remedy = kept
        ? `Load the run again: the device is then opened anew, and the run goes on from step ${kept.step}.`
        : "Load the run again: the device is then opened anew. Your settings are kept; training starts over.";
      return { ...toFailure(error), remedy };
    },
    take(config) {
      const saved = lost && kept && sameRun(kept.config, config) ? kept.bytes : undefined;
      if (!saved) kept = undefined;
      lost = false;
      return saved;
    },
    forget() {
      kept = undefined;
    },
  };
}
