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
  /** Processor time of all threads, median: on a software adapter it hardly depends on who else is running. */
  readonly cpu: number;
  /** First call, compilation included. */
  readonly first: number;
}

export const medianOf = (times: readonly number[]): number => {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
};

async function timed(work: () => Promise<unknown>): Promise<{ wall: number; cpu: number }> {
  const start = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { wall: performance.now() - start, cpu: (user + system) / 1e3 };
}

/** Run and print; ratios are to the first racer, from medians. @throws Error when a racer is wrong by more than `bar`. */
export async function race(title: string, racers: readonly Racer[], rounds: number, bar = Infinity) {
  const firsts: number[] = [];
  for (const racer of racers) {
    firsts.push((await timed(() => racer.run())).wall);
    await racer.run();
  }
  const times = racers.map((): { wall: number; cpu: number }[] => []);
  for (let round = 0; round < rounds; round++)
    for (const [k, racer] of racers.entries()) times[k]?.push(await timed(() => racer.run()));

  const laps = racers.map(({ name }, k): Lap => {
    const walls = (times[k] ?? []).map((t) => t.wall);
    const cpu = medianOf((times[k] ?? []).map((t) => t.cpu));
    return { name, median: medianOf(walls), best: Math.min(...walls), cpu, first: firsts[k] ?? NaN };
  });
  const [base] = laps;
  console.log(`\n${title}`);
  const column = (value: number, of: number | undefined) =>
    `${value.toFixed(2).padStart(9)} ms ×${(value / (of ?? NaN)).toFixed(2).padStart(6)}`;
  for (const [k, { name, median, best, cpu, first }] of laps.entries()) {
    const error = await racers[k]?.error?.();
    console.log(
      `  ${name.padEnd(40)} median ${column(median, base?.median)}   best ${column(best, base?.best)}` +
        `   CPU ${column(cpu, base?.cpu)}   first ${first.toFixed(0)} ms` +
        (error === undefined ? "" : `   error ${error.toExponential(1)}`),
    );
    if (error !== undefined && !(error <= bar)) throw new Error(`${name} is wrong: ${error} > ${bar}`);
  }
  return laps;
}
