// What is known of a dispatch before it runs.
import type { Grid } from "./kernel";

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
