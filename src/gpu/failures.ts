// What can go wrong on a GPU through no fault of the program, by name, so that a run can say what to do.

/** A buffer that the adapter has no memory for. */
export class GpuMemoryError extends Error {
  override name = "GpuMemoryError";
}

/** A shader that this adapter's compiler refuses. */
export class KernelError extends Error {
  override name = "KernelError";
  constructor(
    readonly entry: string,
    message: string,
  ) {
    super(message);
  }
}

const PATIENCE_MS = 200;

/** A lost device makes whatever was running fail first, with words that say nothing: wait for the real reason. */
export async function lossOf(gpu: {
  readonly lost: Promise<GPUDeviceLostInfo>;
}): Promise<GPUDeviceLostInfo | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const nothing = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
  });
  try {
    return await Promise.race([gpu.lost, nothing]);
  } finally {
    clearTimeout(timer);
  }
}

/** Run `allocate` and find out whether its buffers exist. @throws GpuMemoryError when one does not. */
export async function allocating<T extends { destroy(): void }>(
  device: GPUDevice,
  what: string,
  allocate: () => T,
): Promise<T> {
  device.pushErrorScope("out-of-memory");
  let made: T;
  try {
    made = allocate();
  } catch (error) {
    await device.popErrorScope();
    throw error;
  }
  const error = await device.popErrorScope();
  if (!error) return made;
  made.destroy();
  throw new GpuMemoryError(`${what} found no GPU memory: ${error.message}`);
}
