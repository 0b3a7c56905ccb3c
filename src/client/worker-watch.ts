// Whether a worker lives, and whether it answers. Its death is learnt from a lock that it holds: the browser frees it
// when the worker is gone, be it closed, crashed or killed, and a busy worker is never mistaken for a dead one. That it
// computes without coming up for air (a teacher's forward pass on the CPU, an endless loop) is told as silence.

export interface WorkerWatch {
  heard(): void;
  stop(): void;
}

interface WatchEvents {
  readonly died: () => void;
  /** Every second from `SILENT_MS` on; 0 when it speaks again. */
  readonly silent: (seconds: number) => void;
}

const TICK_MS = 1000;
const SILENT_MS = 4000;
/** A tick that comes this late was held up itself: a sleeping machine, a frozen tab. Nothing can be said of the worker. */
const LATE_MS = 3000;

export function watchWorker(lock: string | undefined, { died, silent }: WatchEvents): WorkerWatch {
  const over = new AbortController();
  let heardAt = performance.now();
  let tickedAt = heardAt;
  let told = false;
  const timer = setInterval(() => {
    const now = performance.now();
    if (now - tickedAt > LATE_MS) heardAt = now;
    tickedAt = now;
    const quiet = now - heardAt;
    if (quiet < SILENT_MS) return;
    told = true;
    silent(Math.round(quiet / 1000));
  }, TICK_MS);
  if (lock !== undefined)
    navigator.locks.request(lock, { signal: over.signal }, died).catch((error: unknown) => {
      if (!over.signal.aborted) throw error;
    });
  return {
    heard() {
      heardAt = performance.now();
      if (told) silent(0);
      told = false;
    },
    stop() {
      over.abort();
      clearInterval(timer);
      if (told) silent(0);
    },
  };
}
