// Where an axis begins and ends and which numbers stand on it: the same for a chart on the page and in a file.

/** On a log scale; between numbers that are given, and not found from the values. */
export interface LeftAxis {
  readonly log?: boolean;
  readonly range?: readonly [number, number];
}

/** The left axis from the least and the largest value, either of which may be missing (not finite). */
export function leftRange({ log, range }: LeftAxis, min: number, max: number): [number, number] {
  if (range) return [range[0], range[1]];
  if (!Number.isFinite(min) || !Number.isFinite(max)) return log ? [0.1, 1] : [0, 1];
  if (log) return [10 ** Math.floor(Math.log10(min)), 10 ** Math.ceil(Math.log10(max * 1.001))];
  // Zero is always on it; what lies below zero is drawn below zero.
  const room = 0.06 * (Math.max(max, 0) - Math.min(min, 0));
  return [min < 0 ? min - room : 0, max > 0 ? max + room : min < 0 ? room : 1];
}

export const rightRange = (min: number, max: number): [number, number] => [
  0,
  max > 0 ? max * 1.08 : Math.max(1, min),
];

/** A run of one step still needs a width. */
export const stepRange = (min: number, max: number): [number, number] =>
  Number.isFinite(min) && max > min ? [min, max] : [min || 0, (min || 0) + 10];

/** About `count` round numbers within the range: 1, 2 or 5 times a power of ten apart. */
export function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((n) => n * power >= rough) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/** The powers of ten within the range. */
export const decades = (low: number, high: number): number[] => {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(`1e${first + i}`));
};
