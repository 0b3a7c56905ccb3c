// What a kernel's binding may be: a range of GPU memory with a name, or the bytes of a uniform struct.

import type { KernelSpec } from "./kernel";

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

type Place =
  | { readonly kind: "scratch"; readonly id: number }
  | { readonly kind: "input"; readonly name: string; readonly uniform: boolean }
  | { readonly kind: "fixed"; readonly buffer: GPUBuffer; readonly offset: number };

/** What a binding accepts: a tensor, or for a uniform the bytes of its struct (constant for the program). */
export type Binding = Tensor | ArrayBuffer;

/** A range of a buffer that outlives the program: weights, gradients, moments. */
export function fixed(label: string, buffer: GPUBuffer, offsetElements: number, length: number): Tensor {
  const offset = offsetElements * ELEMENT_BYTES;
  if (offset % UNIFORM_ALIGN !== 0)
    throw new RangeError(
      `Tensor "${label}" must start at a multiple of ${UNIFORM_ALIGN} bytes, got ${offset}`,
    );
  return { label, length, place: { kind: "fixed", buffer, offset } };
}

/** Rows first … first+count−1 of a fixed matrix with `width` columns. @throws RangeError as `fixed`. */
export function rowsOf(t: Tensor, width: number, first: number, count: number): Tensor {
  if (t.place.kind !== "fixed")
    throw new TypeError(
      `Tensor "${t.label}" is no range of a lasting buffer, so it has no ranges of its own`,
    );
  const start = t.place.offset / ELEMENT_BYTES + first * width;
  return fixed(`${t.label}[${first}…]`, t.place.buffer, start, count * width);
}

export const byteLength = (t: Tensor): number => t.length * ELEMENT_BYTES;

/** @throws RangeError unless it is a length. */
export function positive(label: string, length: number): number {
  if (Number.isInteger(length) && length > 0) return length;
  throw new RangeError(`Tensor "${label}" needs a positive whole number of elements, got ${length}`);
}

/** @throws TypeError when a uniform is bound as storage, or the other way. */
export function checkBinding(spec: KernelSpec, name: string, binding: Binding): Binding {
  const uniform = spec.bindings[name] === "uniform";
  const isUniform =
    binding instanceof ArrayBuffer || (binding.place.kind === "input" && binding.place.uniform);
  if (uniform === isUniform) return binding;
  const kind = spec.bindings[name] ?? "?";
  throw new TypeError(
    `"${spec.entry}" binds ${name} as ${kind}, got ${isUniform ? "a uniform" : "a storage tensor"}`,
  );
}
