// Transport inside a program of the caller's: features or costs are read from buffers that are on the GPU already, plans
// and gradients stay there, and the dispatches go into the caller's own compute pass.
import type { CostKind } from "../../config/transport";
import type { OtOptions } from "../../ot/types";
import type { ProblemStatus } from "../../ot/status";
import { gpuOf } from "./device";
import { optionsOf } from "./problems";

/** f32 in a buffer with usage STORAGE, from an offset on that is a multiple of 256 bytes. */
export type GpuRange = GPUBuffer | { readonly buffer: GPUBuffer; readonly offset?: number };

export interface PreparedShape {
  /** Rows and columns of each problem, 1 to 1024. */
  readonly sizes: readonly { readonly n: number; readonly m: number }[];
  /** Costs in `places`' layout: rows of a problem begin at multiples of four elements. Or: */
  readonly cost?: GpuRange;
  /** Features: Σn×d and Σm×d, one problem's rows after another's. */
  readonly features?: {
    readonly kind: CostKind;
    /** A multiple of 4. */
    readonly d: number;
    readonly x: GpuRange;
    readonly y: GpuRange;
    /** With a gradient: where those in x and y are written. */
    readonly dx?: GpuRange;
    readonly dy?: GpuRange;
  };
  /** Masses, laid out like the potentials (`places`); those of a balanced problem must sum to 1. Default uniform. */
  readonly masses?: GpuRange;
  /** Potentials of an earlier solve: where f starts. */
  readonly warm?: GpuRange;
  /** With a gradient: the weight of each problem's loss, f32[problems]. Default 1. */
  readonly weights?: GpuRange;
}

/** Where a problem lies. Element (i, j) of its matrices is at matrix + i·pitch + j; f_i at f + i, g_j at g + j. */
export interface PreparedPlace {
  readonly n: number;
  readonly m: number;
  readonly matrix: number;
  readonly pitch: number;
  readonly f: number;
  readonly g: number;
  /** First row in x and y. */
  readonly xRow: number;
  readonly yRow: number;
}

export interface Prepared {
  readonly places: readonly PreparedPlace[];
  /** Elements of the buffers that the caller makes, for this shape. */
  readonly lengths: { readonly matrices: number; readonly vectors: number };
  /** What a run leaves on the GPU. They belong to this object and end with it. */
  readonly buffers: Readonly<
    Record<"cost" | "plan" | "potentials", PreparedBuffer> &
      Partial<Record<"dcost" | "dx" | "dy", PreparedBuffer>>
  >;
  /** Put every dispatch into a compute pass; nothing is submitted, nothing read back. */
  encode(pass: GPUComputePassEncoder): void;
  /** Other sizes, of no more problems, rows, columns and elements than prepared, from the next submit on. @throws RangeError */
  resize(sizes: PreparedShape["sizes"]): readonly PreparedPlace[];
  /** Each problem's report of the last submitted run: a readback of 64 bytes a problem. */
  report(): Promise<ProblemStatus[]>;
  destroy(): void;
}

export interface PreparedBuffer {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

/**
 * Compile and place everything for problems of these sizes, once; `encode` then costs no allocation.
 *
 * Numbers are taken as they are: unlike `solve`, nothing is centred or scaled for float32, so keep costs, ε and features
 * within some 1e±15 of 1.
 *
 * @param settings as `solve`'s, without `divergence` and `history`.
 * @throws RangeError for a size, setting or buffer that does not fit, by name; GpuMemoryError; KernelError.
 */
export async function prepare(
  device: GPUDevice,
  shape: PreparedShape,
  settings: Omit<OtOptions, "divergence" | "history"> = {},
): Promise<Prepared> {
  const gpu = gpuOf(device);
  const options = optionsOf(settings);
  const { prepareOn } = await import("./prepare-on");
  return prepareOn(gpu, shape, options);
}
