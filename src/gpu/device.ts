// Opening a GPU device, and saying plainly why there is none.

import { GpuMemoryError } from "./failures";

/** Why WebGPU cannot be used here; the page turns each into a remedy. */
export type NoGpuReason = "insecure-context" | "no-webgpu" | "no-adapter" | "no-device";

export class NoGpuError extends Error {
  override name = "NoGpuError";
  constructor(
    readonly reason: NoGpuReason,
    detail: string,
  ) {
    super(detail);
  }
}

export interface AdapterReport {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  /** True when the adapter is a software rasterizer (lavapipe, SwiftShader). */
  software: boolean;
  features: string[];
  limits: Record<string, number>;
}

/** A device with its adapter's facts and its first error. */
export interface Gpu {
  readonly device: GPUDevice;
  readonly adapter: AdapterReport;
  /** Resolves when the device is lost, by accident or by `destroy()`. */
  readonly lost: Promise<GPUDeviceLostInfo>;
  /** Somebody else's device: its uncaptured errors are theirs, so that runs catch their own in error scopes. */
  readonly adopted?: true;
  /** Throws the first uncaptured error since the last call: a GPU error must stop the run. */
  check(): void;
  destroy(): void;
}

const WANTED_FEATURES = ["timestamp-query", "subgroups", "shader-f16"] as const;

/** Limits that are raised to what the adapter has; everything also works within WebGPU's defaults. */
const RAISED_LIMITS = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupStorageSize",
  "maxStorageBuffersPerShaderStage",
] as const;

/**
 * Open a device on the given WebGPU implementation (`navigator.gpu`, or Dawn's `create([])` in Node).
 *
 * @throws NoGpuError with the reason when there is no WebGPU, no adapter or no device.
 */
export async function openGpu(gpu: GPU | undefined, options: { secureContext?: boolean } = {}): Promise<Gpu> {
  if (options.secureContext === false)
    throw new NoGpuError("insecure-context", "WebGPU needs a secure context (https:// or localhost).");
  if (!gpu) throw new NoGpuError("no-webgpu", "This browser has no WebGPU (navigator.gpu is missing).");
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new NoGpuError("no-adapter", "WebGPU is there, but it offers no adapter.");

  const requiredFeatures = WANTED_FEATURES.filter((f) => adapter.features.has(f));
  const requiredLimits = Object.fromEntries(RAISED_LIMITS.map((name) => [name, adapter.limits[name]]));
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({ label: "couplet", requiredFeatures, requiredLimits });
  } catch (cause) {
    throw new NoGpuError("no-device", `The adapter refused a device: ${String(cause)}`);
  }
  return watch(device, reportAdapter(adapter));
}

/**
 * A device that somebody else opened: nothing of it is watched or destroyed here, and it may lack every feature and have
 * WebGPU's default limits.
 */
export function adoptGpu(device: GPUDevice): Gpu {
  const { features, limits } = device;
  // Not every browser says which adapter a device came from; then it counts as hardware.
  const { adapterInfo: info = NO_INFO }: { readonly adapterInfo?: NamedInfo } = device;
  const adapter = reportAdapter({ info, features, limits });
  return { device, adapter, lost: device.lost, adopted: true, check: () => {}, destroy: () => {} };
}

type NamedInfo = Pick<GPUAdapterInfo, "vendor" | "architecture" | "device" | "description">;
const NO_INFO: NamedInfo = { vendor: "", architecture: "", device: "", description: "" };

function watch(device: GPUDevice, adapter: AdapterReport): Gpu {
  let firstError: Error | undefined;
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    const message = `GPU error: ${event.error.message}`;
    const noMemory = event.error.constructor.name === "GPUOutOfMemoryError"; // not a global everywhere
    firstError ??= noMemory ? new GpuMemoryError(message) : new Error(message);
  });
  return {
    device,
    adapter,
    lost: device.lost,
    check() {
      if (firstError === undefined) return;
      const error = firstError;
      firstError = undefined;
      throw error;
    },
    destroy: () => device.destroy(),
  };
}

function reportAdapter(
  adapter: Pick<GPUAdapter, "features" | "limits"> & { readonly info: NamedInfo },
): AdapterReport {
  const { vendor, architecture, device, description } = adapter.info;
  const limits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value: unknown = Reflect.get(adapter.limits, name);
    if (typeof value === "number") limits[name] = value;
  }
  return {
    vendor,
    architecture,
    device,
    description,
    software: /llvmpipe|lavapipe|swiftshader|software/i.test(
      `${vendor} ${architecture} ${device} ${description}`,
    ),
    features: [...adapter.features].sort(),
    limits,
  };
}

/** What an adapter is called. */
export function adapterName({ vendor, architecture, device, description }: AdapterReport): string {
  return description || device || [vendor, architecture].filter(Boolean).join(" ") || "unnamed adapter";
}
