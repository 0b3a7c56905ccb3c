// What survives a lost device: the run's last checkpoint, kept in the worker's own memory.
import type { RunConfig } from "../config/run";
import { type Run, type RunError, sameRun } from "../trainer";
import { toFailure } from "./failures";
import type { Failure } from "./protocol";

/** Larger runs are not copied behind the user's back: a page has some 2 GB. */
const MOST_BYTES = 512 * 2 ** 20;

export interface Rescue {
  /** Keep the run as it stands, every so many steps. */
  after(run: Run): Promise<void>;
  /** The device was lost: the failure, which says from where loading again goes on. */
  needed(error: RunError): Failure;
  /** The checkpoint for a run that is loaded after a loss; only once, and only for the same run. */
  take(config: RunConfig): Uint8Array | undefined;
  forget(): void;
}

export function createRescue(log: (text: string) => void): Rescue {
  let kept: { config: RunConfig; step: number; bytes: Uint8Array } | undefined;
  let lost = false;
  return {
    async after(run) {
      const { everySteps } = run.config.checkpoints;
      if (everySteps === 0 || run.at % everySteps !== 0) return;
      if (run.checkpointBytes > MOST_BYTES) {
        if (run.at === everySteps)
          log("The run is too large to be kept in memory; a lost device would lose it. Save checkpoints.");
        return;
      }
      kept = { config: run.config, step: run.at, bytes: await run.checkpoint() };
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
