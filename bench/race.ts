// Timing competitors fairly on a machine that is never quiet: one call each per round, so that noise hits all alike.

export interface Racer {
  readonly name: string;
  run(): Promise<unknown>;
  /** Largest difference from the reference, once a run has been made. */
  readonly error?: () => Promise<number>;
}

export interface Lap {
  readonly name: string;
  readonly median: number;
  readonly best: number;
  /** First call, compilation included. */
  readonly first: number;
}

export const medianOf = (times: readonly number[]): number => {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
};

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Run and print; ratios are to the first racer, from medians. @throws Error when a racer is wrong by more than `bar`. */
export async function race(title: string, racers: readonly Racer[], rounds: number, bar = Infinity) {
  const firsts: number[] = [];
  for (const racer of racers) {
    firsts.push(await timed(() => racer.run()));
    await racer.run();
  }
  const times = racers.map((): number[] => []);
  for (let round = 0; round < rounds; round++)
    for (const [k, racer] of racers.entries()) times[k]?.push(await timed(() => racer.run()));

  const laps = racers.map(({ name }, k): Lap => {
    const all = times[k] ?? [];
    return { name, median: medianOf(all), best: Math.min(...all), first: firsts[k] ?? NaN };
  });
  const [base] = laps;
  console.log(`\n${title}`);
  for (const [k, { name, median, best, first }] of laps.entries()) {
    const error = await racers[k]?.error?.();
    const ratio = (median / (base?.median ?? NaN)).toFixed(2);
    const bestRatio = (best / (base?.best ?? NaN)).toFixed(2);
    console.log(
      `  ${name.padEnd(44)} median ${median.toFixed(2).padStart(9)} ms ×${ratio.padStart(6)}` +
        `   best ${best.toFixed(2).padStart(9)} ms ×${bestRatio.padStart(6)}   first ${first.toFixed(0)} ms` +
        (error === undefined ? "" : `   error ${error.toExponential(1)}`),
    );
    if (error !== undefined && !(error <= bar)) throw new Error(`${name} is wrong: ${error} > ${bar}`);
  }
  return laps;
}
