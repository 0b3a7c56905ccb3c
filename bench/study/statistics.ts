// The study's statistics: paired differences of shares of right answers, with intervals.
import { createRng } from "../../src/config/rng";

/** Answers of one run, a digit a question. */
export interface Answers {
  readonly seed: number;
  readonly right: string;
}

interface Share {
  readonly seeds: readonly number[];
  /** Of right answers, one a seed, from 0 to 1. */
  readonly each: readonly number[];
  readonly mean: number;
}

interface Difference {
  readonly seeds: readonly number[];
  /** Share of the one minus share of the other, one a seed. */
  readonly each: readonly number[];
  readonly mean: number;
  /** 95 %, percentiles of a bootstrap over seeds and questions. */
  readonly bootstrap: readonly [low: number, high: number];
  /** 95 % of Student's t over the seeds; none for a single seed. */
  readonly student: readonly [low: number, high: number] | undefined;
}

const DRAWS = 4000;
/** Two-sided 95 % quantiles of Student's t by degrees of freedom, from 1. */
const T95 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const shareOf = (right: string): number => [...right].filter((digit) => digit === "1").length / right.length;

export function shareOfRuns(runs: readonly Answers[]): Share {
  const each = runs.map(({ right }) => shareOf(right));
  return { seeds: runs.map(({ seed }) => seed), each, mean: mean(each) };
}

/**
 * The seeds that both have, question by question.
 *
 * @returns undefined where they share no seed.
 * @throws RangeError when two runs of a seed answered different numbers of questions.
 */
export function difference(one: readonly Answers[], other: readonly Answers[]): Difference | undefined {
  const pairs = one.flatMap(({ seed, right }) => {
    const against = other.find((run) => run.seed === seed);
    return against ? [{ seed, gains: gainsOf(right, against.right) }] : [];
  });
  if (pairs.length === 0) return undefined;
  const each = pairs.map(({ gains }) => mean([...gains]));
  return {
    seeds: pairs.map(({ seed }) => seed),
    ...{ each, mean: mean(each) },
    bootstrap: bootstrap(pairs.map(({ gains }) => gains)),
    student: studentInterval(each),
  };
}

/** Of each question: 1 where only the one is right, −1 where only the other is. */
function gainsOf(one: string, other: string): Int8Array {
  if (one.length !== other.length)
    throw new RangeError(`${one.length} answers beside ${other.length}: runs must answer the same questions`);
  return Int8Array.from(one, (digit, i) => Number(digit) - Number(other[i]));
}

/** Seeds and questions are drawn anew each time, with replacement and independently of one another. */
function bootstrap(gains: readonly Int8Array[]): readonly [number, number] {
  const rng = createRng(20_260_227);
  const questions = gains[0]?.length ?? 0;
  const means = new Float64Array(DRAWS);
  const times = new Uint8Array(gains.length);
  for (let draw = 0; draw < DRAWS; draw++) {
    times.fill(0);
    for (let i = 0; i < gains.length; i++) {
      const drawn = rng.int(gains.length);
      times[drawn] = (times[drawn] ?? 0) + 1;
    }
    let sum = 0;
    for (let q = 0; q < questions; q++) {
      const question = rng.int(questions);
      for (let i = 0; i < gains.length; i++) sum += (times[i] ?? 0) * (gains[i]?.[question] ?? 0);
    }
    means[draw] = sum / (questions * gains.length);
  }
  means.sort();
  return [means[Math.floor(0.025 * DRAWS)] ?? NaN, means[Math.ceil(0.975 * DRAWS) - 1] ?? NaN];
}

function studentInterval(each: readonly number[]): readonly [number, number] | undefined {
  const t = T95[each.length - 2];
  if (t === undefined) return undefined;
  const centre = mean(each);
  const variance = each.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (each.length - 1);
  const half = t * Math.sqrt(variance / each.length);
  return [centre - half, centre + half];
}
