/** A small seeded generator (mulberry32): the same seed gives the same run everywhere. */
export interface Rng {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, n). */
  int(n: number): number;
  /** Standard normal (Box–Muller, one value a call). */
  normal(): number;
  /** The whole state, for checkpoints. */
  state(): number;
  restore(state: number): void;
}

export function createRng(seed: number): Rng {
  let s = seed >>> 0;
  const next = (): number => {
    s = (s + 0x6d2b79f5) >>> 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    int: (n) => Math.floor(next() * n),
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    state: () => s,
    restore(state) {
      s = state >>> 0;
    },
  };
}

/** Derive an independent stream from a run seed, so that data order and initialization do not share draws. */
export function deriveSeed(seed: number, stream: string): number {
  let h = (seed ^ 0x811c9dc5) >>> 0;
  for (const ch of stream) h = Math.imul(h ^ ch.codePointAt(0)!, 0x01000193) >>> 0; // a string iterates whole code points
  return h;
}
