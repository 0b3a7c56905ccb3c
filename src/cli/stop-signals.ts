// SIGINT and SIGTERM while a run is under way: the first asks it to stop after its step, the second ends the process.
import { STOP_SIGNALS, STOPPED, type StopSignal } from "./exit-codes";

export interface StopSignals {
  /** The signal that asked, if one did. */
  readonly asked: StopSignal | undefined;
  /** From now on a signal waits for the step under way; before, it ends the process at once. */
  waitForSteps(): void;
  dispose(): void;
}

/** @param leave called before the process ends at once. */
export function listenForSignals(leave: () => void): StopSignals {
  let asked: StopSignal | undefined;
  let waits = false;
  const exit = (signal: StopSignal, word: string) => {
    console.error(word);
    leave();
    process.exit(STOPPED[signal]);
  };
  const hear = (signal: NodeJS.Signals) => {
    const name = STOP_SIGNALS.find((known) => known === signal);
    if (name === undefined) return;
    if (!waits) return exit(name, "Stopped before the first step: nothing was trained, nothing is kept.");
    if (asked) return exit(name, "Stopped at once: the last checkpoint that was written is what there is.");
    asked = name;
    console.error("Stopping after the step under way, with a checkpoint. Once more to stop at once.");
  };
  for (const name of STOP_SIGNALS) process.on(name, hear);
  return {
    get asked() {
      return asked;
    },
    waitForSteps() {
      waits = true;
    },
    dispose() {
      for (const name of STOP_SIGNALS) process.off(name, hear);
    },
  };
}
