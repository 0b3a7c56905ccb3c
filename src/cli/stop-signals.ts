// SIGINT and SIGTERM while a run trains: the first asks it to stop after its step, the second ends the process. Before the
// first step nobody listens, and the system ends the process at once, whatever it is doing: a tokenizer that holds the main
// thread could not hear.
import { STOP_SIGNALS, STOPPED, type StopSignal } from "./exit-codes";

export interface StopSignals {
  /** The signal that asked, if one did. */
  readonly asked: StopSignal | undefined;
  /** From now on a signal waits for the step under way. */
  waitForSteps(): void;
  dispose(): void;
}

/** @param leave called before the process ends at once. */
export function listenForSignals(leave: () => void): StopSignals {
  let asked: StopSignal | undefined;
  const exit = (signal: StopSignal, word: string) => {
    console.error(word);
    leave();
    process.exit(STOPPED[signal]);
  };
  const hear = (signal: NodeJS.Signals) => {
    const name = STOP_SIGNALS.find((known) => known === signal);
    if (name === undefined) return;
    if (asked) return exit(name, "Stopped at once: the last checkpoint that was written is what there is.");
    asked = name;
    console.error("Stopping after the step under way, with a checkpoint. Once more to stop at once.");
  };
  return {
    get asked() {
      return asked;
    },
    waitForSteps() {
      for (const name of STOP_SIGNALS) process.on(name, hear);
    },
    dispose() {
      for (const name of STOP_SIGNALS) process.off(name, hear);
    },
  };
}
