// Where parameters lie: arenas cut into segments, each no larger than what the adapter binds at once. A matrix that is
// larger alone (the embedding table of a large vocabulary) lies in several segments, in ranges of whole rows.
// Pure arithmetic: the memory plan uses it before anything is allocated.
import type { PlanningLimits } from "../gpu/counting";
import { ELEMENT_BYTES } from "../gpu/program";
import { size } from "./tape";

/** Each group has its own learning rate. */
export type ParamGroup = "student" | "projector";

/** A parameter without its values. */
export interface ParamShape {
  readonly name: string;
  readonly shape: readonly number[];
  readonly group: ParamGroup;
  /** Whether weight decay applies: to matrices, not to norms and biases. */
  readonly decay: boolean;
  /** False: it is used and never changed, and takes no memory for a gradient and moments. Absent: true. */
  readonly trainable?: boolean;
}

/** A stretch of a parameter that lies together: all of it, or a range of its rows. */
export interface ParamPiece {
  /** Which segment, among those of its kind (trainable or frozen). */
  readonly segment: number;
  /** Elements from the start of the segment. */
  readonly offset: number;
  /** Elements from the start of the parameter. */
  readonly start: number;
  readonly length: number;
}

export interface ParamEntry {
  readonly shape: readonly number[];
  /** In order, without gaps: one unless the parameter is larger than a segment. */
  readonly pieces: readonly ParamPiece[];
  readonly length: number;
  readonly group: ParamGroup;
  readonly decay: boolean;
  readonly trainable: boolean;
}

/** Where the runs of the trainable arena end: student with decay, student, projector with decay, projector. */
export type RunEnds = readonly [number, number, number, number];

/** A stretch of the arena: it begins `base` elements into the whole and takes `length`. */
export interface Stretch {
  readonly base: number;
  readonly length: number;
}

export interface ParamLayout {
  readonly entries: ReadonlyMap<string, ParamEntry>;
  /** Elements of the trainable arena, padding included. */
  readonly length: number;
  readonly ends: RunEnds;
  readonly trainable: readonly Stretch[];
  readonly frozen: readonly Stretch[];
}

/** Ranges start at multiples of this many elements, as storage bindings must. */
const ALIGN = 64;
/** Ranges of as many rows or more hold a multiple of as many: products then keep their faster forms. */
const ROWS = 64;

const RUNS = [
  { group: "student", decay: true },
  { group: "student", decay: false },
  { group: "projector", decay: true },
  { group: "projector", decay: false },
] as const;

/** The bytes of a segment at most: what the adapter binds at once, and what one buffer may hold. */
export const segmentBytesOf = ({
  maxStorageBufferBindingSize,
  maxBufferSize,
  segmentBytes = Infinity,
}: PlanningLimits): number => Math.min(maxStorageBufferBindingSize, maxBufferSize, segmentBytes);

/** Fills segment after segment; what fits into one never straddles two. */
class Packer {
  readonly stretches: { base: number; length: number }[] = [];
  constructor(private readonly most: number) {}

  get end(): number {
    const last = this.stretches.at(-1);
    return last ? last.base + last.length : 0;
  }

  place(name: string, shape: readonly number[]): ParamPiece[] {
    return elementRanges(name, shape, this.most).map(({ start, count }) => ({
      ...this.#append(count),
      start,
      length: count,
    }));
  }

  #append(length: number): { segment: number; offset: number } {
    const padded = Math.ceil(length / ALIGN) * ALIGN;
    let last = this.stretches.at(-1);
    if (!last || last.length + padded > this.most) {
      last = { base: this.end, length: 0 };
      this.stretches.push(last);
    }
    const offset = last.length;
    last.length += padded;
    return { segment: this.stretches.length - 1, offset };
  }
}

/** A tensor in ranges of whole rows, each of at most `most` elements; one range where it fits. */
export function elementRanges(
  name: string,
  shape: readonly number[],
  most: number,
): { readonly start: number; readonly count: number }[] {
  const length = size(shape);
  if (length <= most) return [{ start: 0, count: length }];
  const width = shape.length > 1 ? length / (shape[0] ?? 1) : length;
  const fit = Math.floor(most / width);
  if (fit < 1) throw tooLarge(name, width, shape, most);
  const count = (fit < ROWS ? fit : Math.floor(fit / ROWS) * ROWS) * width;
  return Array.from({ length: Math.ceil(length / count) }, (_, i) => ({
    start: i * count,
    count: Math.min(count, length - i * count),
  }));
}

function tooLarge(
  name: string,
  width: number,
  { length: axes }: readonly number[],
  most: number,
): RangeError {
  const mib = (elements: number) => `${((elements * ELEMENT_BYTES) / 2 ** 20).toFixed(1)} MiB`;
  const what = axes > 1 ? `A row of the parameter "${name}"` : `The parameter "${name}"`;
  return new RangeError(
    `${what} takes ${mib(width)}, but this adapter binds at most ${mib(most)} of memory at once. ` +
      "Choose a narrower model, or an adapter with a larger maxStorageBufferBindingSize.",
  );
}

/**
 * Trainable parameters in the order of their runs, frozen ones as they come.
 *
 * @throws RangeError when one row of a parameter is larger than a segment; Error for two of one name.
 */
export function layOutParams(parameters: readonly ParamShape[], segmentBytes: number): ParamLayout {
  const most = Math.floor(segmentBytes / ELEMENT_BYTES / ALIGN) * ALIGN;
  const entries = new Map<string, ParamEntry>();
  const [trained, frozen] = [new Packer(most), new Packer(most)];
  const add = ({ name, shape, group, decay, trainable = true }: ParamShape) => {
    if (entries.has(name)) throw new Error(`There are two parameters named "${name}"`);
    const pieces = (trainable ? trained : frozen).place(name, shape);
    entries.set(name, { shape, pieces, length: size(shape), group, decay, trainable });
  };
  const [a = 0, b = 0, c = 0, d = 0] = RUNS.map(({ group, decay }) => {
    parameters
      .filter((p) => p.trainable !== false && p.group === group && p.decay === decay)
      .forEach((p) => add(p));
    return trained.end;
  });
  parameters.filter((p) => p.trainable === false).forEach((p) => add(p));
  return {
    entries,
    length: trained.end,
    ends: [a, b, c, d],
    trainable: trained.stretches,
    frozen: frozen.stretches,
  };
}

/** Bytes by class. */
export function layoutBytes({ length, frozen }: ParamLayout): {
  weights: number;
  gradients: number;
  moments: number;
} {
  const still = frozen.reduce((sum, s) => sum + s.length, 0);
  const one = length * ELEMENT_BYTES;
  return { weights: one + still * ELEMENT_BYTES, gradients: one, moments: 2 * one };
}
