// What a kernel's binding may be: a range of GPU memory with a name, or the bytes of a uniform struct.

import type { KernelSpec } from "./kernel";
import { checkPacked } from "./uniform-layout";

/** Elements are 4 bytes wide: f32, u32 or i32. */
export const ELEMENT_BYTES = 4;
export const UNIFORM_ALIGN = 256; // WebGPU's default minUniformBufferOffsetAlignment and minStorageBufferOffsetAlignment

/** A range of GPU memory that a program names. Scratch gets its buffer when the program is built. */
export interface Tensor {
  readonly label: string;
  /** Number of 4-byte elements. */
  readonly length: number;
  readonly place: Place;
}

/** "view": a stretch of a scratch tensor or an input, from so many elements on. */
type WholePlace =
  | { readonly kind: "scratch"; readonly id: number }
  | { readonly kind: "input"; readonly name: string; readonly uniform: boolean }
  | { readonly kind: "fixed"; readonly buffer: GPUBuffer; readonly offset: number }
  | { readonly kind: "view"; readonly of: WholeTensor; readonly offset: number };

/** "split": a matrix larger than the adapter binds at once, in ranges of whole rows, one after the other. */
type Place = WholePlace | { readonly kind: "split"; readonly parts: readonly Tensor[] };

/** A tensor that lies in one range of memory, as bindings and outputs need it. */
export interface WholeTensor extends Tensor {
  readonly place: WholePlace;
}

/** What a binding accepts: a tensor, or for a uniform the bytes of its struct (constant for the program). */
export type Binding = Tensor | ArrayBuffer;
/** A binding that was checked. */
export type Bound = WholeTensor | ArrayBuffer;

/** A range of a buffer that outlives the program: weights, gradients, moments. */
export function fixed(label: string, buffer: GPUBuffer, offsetElements: number, length: number): Tensor {
  const offset = offsetElements * ELEMENT_BYTES;
  if (offset % UNIFORM_ALIGN !== 0)
    throw new RangeError(
      `Tensor "${label}" must start at a multiple of ${UNIFORM_ALIGN} bytes, got ${offset}`,
    );
  return { label, length, place: { kind: "fixed", buffer, offset } };
}

/** Ranges of whole rows as one tensor; a single range is itself. */
export function inRanges(label: string, parts: readonly Tensor[]): Tensor {
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return { label, length: positive(label, length), place: { kind: "split", parts } };
}

/** Rows of a matrix that lie together. */
export interface RowRange {
  /** The first row. */
  readonly first: number;
  readonly count: number;
  readonly tensor: Tensor;
}

/** The ranges of a matrix with `width` columns: one, the matrix itself, unless it is split. */
export function rowRanges(t: Tensor, width: number): RowRange[] {
  const parts = t.place.kind === "split" ? t.place.parts : [t];
  let first = 0;
  return parts.map((tensor) => {
    const range = { first, count: tensor.length / width, tensor };
    first += range.count;
    return range;
  });
}

/**
 * Rows first … first+count−1 of a fixed matrix with `width` columns.
 *
 * @throws RangeError as `fixed`, or when the rows do not lie in one range.
 */
export function rowsOf(t: Tensor, width: number, first: number, count: number): Tensor {
  const range = rowRanges(t, width).findLast((r) => r.first <= first);
  if (!range || first + count > range.first + range.count)
    throw new RangeError(`Rows ${first} to ${first + count - 1} of "${t.label}" do not lie in one range`);
  const { place } = range.tensor;
  if (place.kind !== "fixed")
    throw new TypeError(`Tensor "${t.label}" is not a view of a persistent buffer; only those can be sliced`);
  const start = place.offset / ELEMENT_BYTES + (first - range.first) * width;
  return fixed(`${t.label}[${first}…]`, place.buffer, start, count * width);
}

/** Bindings begin at multiples of so many elements. */
const ALIGN = UNIFORM_ALIGN / ELEMENT_BYTES;

/**
 * Elements start … start+length−1 of a tensor; all of it is itself.
 *
 * @throws RangeError when they do not lie in one range, or `start` is no multiple of 64.
 */
export function slice(t: Tensor, start: number, length: number): Tensor {
  if (start === 0 && length === t.length) return t;
  const { place } = t;
  const label = `${t.label}[${start}…]`;
  if (place.kind === "split") {
    const range = rowRanges(t, 1).findLast(({ first }) => first <= start);
    if (!range || start + length > range.first + range.count)
      throw new RangeError(`Elements from ${start} on of "${t.label}" do not lie in one range`);
    return slice(range.tensor, start - range.first, length);
  }
  if (place.kind === "fixed") return fixed(label, place.buffer, place.offset / ELEMENT_BYTES + start, length);
  if (place.kind === "view") return slice(place.of, place.offset + start, length);
  if (start % ALIGN !== 0) throw new RangeError(`"${label}" must start at a multiple of ${ALIGN} elements`);
  return {
    label,
    length: positive(label, length),
    place: { kind: "view", of: t as WholeTensor, offset: start },
  };
}

/** Rows of matrices that are worked on together. */
export interface RowBlock {
  readonly first: number;
  readonly count: number;
  /** These rows of any tensor that has as many rows as the matrices. */
  of(t: Tensor): Tensor;
}

/** The blocks of rows in which none of these matrices is split: one, all rows, unless one is. */
export function rowBlocks(rows: number, ...matrices: readonly Tensor[]): RowBlock[] {
  const starts = new Set(matrices.flatMap((t) => rowRanges(t, t.length / rows).map(({ first }) => first)));
  const firsts = [...starts].toSorted((a, b) => a - b);
  return firsts.map((first, i) => {
    const count = (firsts[i + 1] ?? rows) - first;
    return {
      ...{ first, count },
      of: (t) => slice(t, (first * t.length) / rows, (count * t.length) / rows),
    };
  });
}

/** How many rows each range of a matrix has, with at most so many bytes; multiples of 64, but the last. */
export function rowCuts(rows: number, width: number, bytes: number): number[] {
  if (rows * width * ELEMENT_BYTES <= bytes) return [rows];
  const most = Math.max(ALIGN, Math.floor(bytes / (width * ELEMENT_BYTES) / ALIGN) * ALIGN);
  return Array.from({ length: Math.ceil(rows / most) }, (_, i) => Math.min(most, rows - i * most));
}

export const byteLength = (t: Tensor): number => t.length * ELEMENT_BYTES;

/** @throws RangeError unless it is a length. */
export function positive(label: string, length: number): number {
  if (Number.isInteger(length) && length > 0) return length;
  throw new RangeError(`Tensor "${label}" needs a positive whole number of elements, got ${length}`);
}

/** @throws TypeError for a split tensor: an op that takes matrices of any size goes through `rowRanges`. */
export function whole(t: Tensor, user: string): WholeTensor {
  if (t.place.kind !== "split") return t as WholeTensor; // just checked
  const { length } = t.place.parts;
  throw new TypeError(`${user} takes one range of memory, but "${t.label}" lies in ${length}`);
}

/** @throws TypeError when a uniform is bound as storage, or the other way, or is not its struct, or a tensor is split. */
export function checkBinding(spec: KernelSpec, name: string, binding: Binding): Bound {
  const bound = binding instanceof ArrayBuffer ? binding : whole(binding, `"${spec.entry}": ${name}`);
  const uniform = spec.bindings[name] === "uniform";
  const isUniform = bound instanceof ArrayBuffer || (bound.place.kind === "input" && bound.place.uniform);
  if (uniform === isUniform) {
    if (bound instanceof ArrayBuffer) checkPacked(spec, name, bound);
    return bound;
  }
  const kind = spec.bindings[name] ?? "?";
  throw new TypeError(
    `"${spec.entry}" binds ${name} as ${kind}, got ${isUniform ? "a uniform" : "a storage tensor"}`,
  );
}
