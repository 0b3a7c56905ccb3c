// The worker's pulse, for who watches it: see client/worker-watch.ts.
import type { Alive } from "./protocol";

const BEAT_MS = 1000;

export function sayAlive(): void {
  // crypto.randomUUID is for secure origins alone, and this page has something to say on others, too.
  const lock = `couplet-engine:${performance.timeOrigin}-${Math.random()}`;
  const say = (held: string | undefined) => self.postMessage({ type: "alive", lock: held } satisfies Alive);
  const beat = (held: string | undefined) => {
    say(held);
    setInterval(() => say(held), BEAT_MS);
  };
  if (!navigator.locks) return beat(undefined);
  // Held until the worker ends: what it waits for never comes.
  navigator.locks
    .request(lock, () => {
      beat(lock);
      return new Promise<never>(() => undefined);
    })
    .catch(() => beat(undefined));
}
