// When a checkpoint is due by the clock, whatever the config says of steps: a run that is killed loses at most half a minute.
const MOST_MS_LOST = 25_000;
/** Writing takes at most a ninth of the time: large students on slow disks are kept less often. */
const WRITE_SHARE = 8;

export interface CheckpointClock {
  due(): boolean;
  /** Writes one, and counts from its end. */
  write(work: () => Promise<void>): Promise<void>;
}

/** @param now milliseconds, from any zero. */
export function checkpointClock(now: () => number = () => performance.now()): CheckpointClock {
  let [last, took] = [now(), 0];
  return {
    due: () => now() - last >= Math.max(MOST_MS_LOST, WRITE_SHARE * took),
    async write(work) {
      const started = now();
      await work();
      last = now();
      took = last - started;
    },
  };
}
