// Work whose length a stranger's file decides: the split expressions of a tokenizer, the program of a chat template. It
// is announced here, so that who can end it may watch it. A worker of the page is ended from outside; the command line
// has a thread that watches (cli/watchdog.ts). Nobody watching is fine, too.

/** What it may take before whoever watches ends it. */
export interface Budget {
  readonly seconds: number;
  readonly megabytes: number;
}

/** Honest ones take 3 s for 30 MB of tokenizer.json, 3 s for 100,000 letters, a few ms for a conversation. */
export const BUDGETS = {
  build: { seconds: 60, megabytes: 4096 },
  encode: { seconds: 20, megabytes: 1024 },
  render: { seconds: 10, megabytes: 512 },
} as const satisfies Record<string, Budget>;

/** Told of the work as it begins; what it gives back is called as the work ends. */
export type Watch = (what: string, budget: Budget) => () => void;

let watch: Watch | undefined;

export function watchUntrusted(by: Watch | undefined): void {
  watch = by;
}

export function untrusted<T>(what: string, kind: keyof typeof BUDGETS, work: () => T): T {
  const done = watch?.(what, BUDGETS[kind]);
  try {
    return work();
  } finally {
    done?.();
  }
}
