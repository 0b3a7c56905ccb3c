// What a command's exit code says. A command that a signal stopped exits as a shell reports it: 128 + the signal's number.
export const OK = 0;
/** A defect of Couplet: the stack is printed. */
export const INTERNAL = 1;
/** The command line, a file or a setting is wrong, or a folder cannot be written. */
export const BAD_INPUT = 2;
/** The input is right, but it does not fit or cannot run here; what was done up to then is kept. */
export const CANNOT_RUN = 3;
export const STOPPED = { SIGINT: 130, SIGTERM: 143 } as const;
export type StopSignal = keyof typeof STOPPED;
export const STOP_SIGNALS: readonly StopSignal[] = ["SIGINT", "SIGTERM"];
