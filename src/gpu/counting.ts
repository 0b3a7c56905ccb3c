// A device that only counts: code that allocates runs on it unchanged, and what it would have taken is known.
import type { Gpu } from "./device";

export interface PlanningLimits {
  readonly maxStorageBufferBindingSize: number;
  readonly maxBufferSize: number;
  /** Parameters lie in ranges of at most so many bytes, even where the adapter binds more: for tests. */
  readonly segmentBytes?: number | undefined;
}

export interface CountingGpu {
  readonly gpu: Gpu;
  /** Bytes of the buffers made so far and not destroyed. */
  bytes(): number;
}

/** It makes buffers and takes their contents; anything else that a device does is missing on purpose. */
export function countingGpu(limits: PlanningLimits): CountingGpu {
  let total = 0;
  const device = {
    limits,
    createBuffer({ label = "", size, usage }: GPUBufferDescriptor) {
      total += size;
      return { label, size, usage, destroy: () => (total -= size) };
    },
    queue: { writeBuffer: () => undefined, submit: () => undefined },
  } as unknown as GPUDevice; // the part of it that allocation needs
  const none = () => undefined;
  const adapter = { vendor: "", architecture: "", device: "", description: "" };
  const { maxStorageBufferBindingSize, maxBufferSize } = limits;
  return {
    gpu: {
      device,
      adapter: {
        ...adapter,
        software: false,
        features: [],
        limits: { maxStorageBufferBindingSize, maxBufferSize },
      },
      lost: new Promise(none),
      check: none,
      destroy: none,
    },
    bytes: () => total,
  };
}
