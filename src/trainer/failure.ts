import type { Gpu } from "../gpu/device";
import { GpuMemoryError, KernelError, lossOf } from "../gpu/failures";

/** A run that cannot go on: what happened, why, what to do. The page and the headless runner show it as it is. */
export class RunError extends Error {
  override name = "RunError";
  constructor(
    readonly code:
      | "not-finite"
      | "logits-differ"
      | "export-differs"
      | "device-lost"
      | "no-rows"
      | "nothing-written"
      | "vocabulary"
      | "teacher-differs"
      | "teacher-weights"
      | "adapters"
      | "checkpoint"
      | "unsupported"
      | "out-of-memory"
      | "shader"
      | "model-absent"
      | "data-absent"
      | "result-missing"
      | "stopped",
    readonly what: string,
    readonly why: string,
    readonly remedy: string,
  ) {
    super(`${what} ${why} ${remedy}`);
  }
}

/**
 * What the GPU layer reports, in the reader's terms; anything else as it came.
 *
 * @param at steps done.
 */
export async function asRunError(gpu: Gpu, error: unknown, at: number): Promise<unknown> {
  if (error instanceof RunError) return error;
  const loss = await lossOf(gpu);
  if (loss) return deviceLost(loss, at);
  if (error instanceof GpuMemoryError)
    return new RunError(
      "out-of-memory",
      "The run does not fit into GPU memory.",
      error.message,
      "Lower batchSize and raise accumulation, lower data.maxLength, turn gradientCheckpointing on, or train adapters (training.kind lora); `couplet plan CONFIG.json` says what each saves.",
    );
  if (error instanceof KernelError)
    return new RunError(
      "shader",
      `This adapter cannot run the kernel "${error.entry}".`,
      error.message,
      "Update the browser and the graphics driver; if it happens again, report it with this message.",
    );
  return error;
}

export const deviceLost = ({ message }: Pick<GPUDeviceLostInfo, "message">, at: number): RunError =>
  new RunError(
    "device-lost",
    `The GPU device was lost after step ${at}.`,
    message || "No reason was given; a driver reset or too little GPU memory is usual.",
    "Load the run again: the device is then opened anew, and the run goes on from its last checkpoint.",
  );

/** What the kernels or the adapter cannot take is the student's trait, not a defect. */
export function supported<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RunError(
      "unsupported",
      "This student cannot be trained here.",
      error.message,
      "Choose another student; docs/STUDENT.md says what the engine takes.",
    );
  }
}

/** `work`, with failures of the GPU layer in the reader's terms. */
export async function withReadableErrors<T>(gpu: Gpu, at: () => number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw await asRunError(gpu, error, at());
  }
}
