// The worker's pulse, for who watches it: see client/worker-watch.ts.
import type { Alive } from "./protocol";

const BEAT_MS = 1000;

export function sayAlive(): void {
  const lock = `couplet-engine:${crypto.randomUUID()}`;
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
