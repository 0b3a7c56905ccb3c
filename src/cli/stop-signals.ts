// SIGINT and SIGTERM while a run trains: the first asks it to stop after its step, the second ends the process. Before the
// first step nobody listens, and the system ends the process at once, whatever it is doing: a tokenizer that holds the main
// thread could not hear.
import { STOP_SIGNALS, STOPPED, type StopSignal } from "./exit-codes";

export interface StopSignals {
  /** The signal that asked, if one did. */
  readonly asked: StopSignal | undefined;
  /** From now on a signal waits for the step under way; `heard` is called when one comes. */
  waitForSteps(heard?: () => void): void;
  dispose(): void;
}

/**
 * @param leave called before the process ends at once
 * @param word what is said at the first signal
 */
export function listenForSignals(
  leave: () => void,
  word = "Stopping after the step under way, with a checkpoint. Once more to stop at once.",
): StopSignals {
  let tell: () => void = () => undefined;
  let asked: StopSignal | undefined;
  const exit = (signal: StopSignal) => {
    console.error("Stopped at once: what was written last is what there is.");
    leave();
    process.exit(STOPPED[signal]);
  };
  const hear = (signal: NodeJS.Signals) => {
    const name = STOP_SIGNALS.find((known) => known === signal);
    if (name === undefined) return;
    if (asked) return exit(name);
    asked = name;
    console.error(word);
    tell();
  };
  return {
    get asked() {
      return asked;
    },
    waitForSteps(heard) {
      if (heard) tell = heard;
      for (const name of STOP_SIGNALS) process.on(name, hear);
    },
    dispose() {
      for (const name of STOP_SIGNALS) process.off(name, hear);
    },
  };
}
