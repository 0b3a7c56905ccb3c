// What is known of a dispatch before it runs.
import type { Gpu } from "./device";
import type { Grid, KernelSpec } from "./kernel";

export interface DispatchFacts {
  /** The kernel's entry point. */
  readonly label: string;
  /** The part of the program that it was recorded in; "" for none. See `ProgramBuilder.inStage`. */
  readonly stage: string;
  readonly grid: Grid;
  /** As its op declared it; 0 where it did not. */
  readonly flops: number;
  /** Of everything bound, each range once: what the kernel must move if it reads or writes all of it. */
  readonly bytes: number;
}

/** The same work as another kernel, for devices that can: equal bindings, its own grid. Asked once, on `build`. */
export type Faster = (gpu: Gpu) => { readonly spec: KernelSpec; readonly grid: Grid } | undefined;

export interface DispatchOptions {
  readonly faster?: Faster | undefined;
  /**
   * For work that devices do in different dispatches: where it says false, this one is left out. Asked once, on
   * `build`. The memory of a program is that of all its dispatches, whatever device it is built on.
   */
  readonly only?: ((gpu: Gpu) => boolean) | undefined;
  /** Multiplications and additions of the dispatch, for profiles; without it they show bytes alone. */
  readonly flops?: number;
}
