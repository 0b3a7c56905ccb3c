// Work whose length a stranger's file decides: the split expressions of a tokenizer, the program of a chat template. It
// is announced here, so that who can end it may watch it. A worker of the page is ended from outside; the command line
// has a thread that watches (cli/watchdog.ts). Nobody watching is fine, too.

/** What one piece of work may take before whoever watches ends it. */
export interface Budget {
  readonly seconds: number;
  readonly megabytes: number;
  /** What an honest one may take, in milliseconds: time beyond it counts towards `TOTAL_SECONDS`. */
  readonly honestMs: number;
}

/**
 * Honest ones take 3 s for 30 MB of tokenizer.json, 3 s for 100,000 letters, a few ms for a conversation. A text of a row
 * is short: whoever presses Ctrl-C in training waits for one at most.
 */
const BUDGETS = {
  build: { seconds: 60, megabytes: 4096, honestMs: 10_000 },
  encode: { seconds: 4, megabytes: 1024, honestMs: 250 },
  render: { seconds: 4, megabytes: 512, honestMs: 250 },
} as const satisfies Record<string, Budget>;
/** And for every letter, on a machine that is four times slower or as busy. */
const MS_A_LETTER = 0.12;

/** What all pieces of work together may take beyond what honest ones would. */
export const TOTAL_SECONDS = 60;

/** Told of the work as it begins; what it gives back is called as the work ends. */
export type Watch = (what: string, budget: Budget) => () => void;

let watch: Watch | undefined;

export function watchUntrusted(by: Watch | undefined): void {
  watch = by;
}

/** @param letters of the text that is worked on */
export function untrusted<T>(what: string, kind: keyof typeof BUDGETS, work: () => T, letters = 0): T {
  const { seconds, megabytes, honestMs } = BUDGETS[kind];
  const ms = letters * MS_A_LETTER;
  const budget = { megabytes, seconds: seconds + Math.ceil(ms / 1000), honestMs: honestMs + Math.ceil(ms) };
  const done = watch?.(what, budget);
  try {
    return work();
  } finally {
    done?.();
  }
}
