// On which device a question is answered.
import { adoptGpu, NoGpuError, openGpu, type Gpu } from "../../gpu/device";

const adopted = new WeakMap<GPUDevice, Gpu>();

/** A caller's own device. @throws TypeError when it is none; Error where WebGPU's constants are missing. */
export function gpuOf(device: GPUDevice): Gpu {
  let gpu = adopted.get(device);
  if (gpu) return gpu;
  const has = (name: string) => Reflect.get(Object(device) as object, name) !== undefined;
  if (!has("queue") || !has("createComputePipelineAsync") || !has("limits"))
    throw new TypeError(
      'device: expected a GPUDevice (what adapter.requestDevice() resolves to), "gpu", "cpu" or "auto", ' +
        `got ${typeof device === "string" ? JSON.stringify(device) : "something else"}`,
    );
  if (!("GPUBufferUsage" in globalThis))
    throw new Error(
      "WebGPU's constants (GPUBufferUsage and others) are missing. With the package webgpu in Node: " +
        "Object.assign(globalThis, globals), before anything is solved.",
    );
  adopted.set(device, (gpu = adoptGpu(device)));
  return gpu;
}

let opened: Promise<Gpu> | undefined;

/** The device that this module opens for whoever brings none; one for all, opened again when it was lost. @throws NoGpuError */
export function sharedGpu(): Promise<Gpu> {
  return (opened ??= open().catch((error: unknown) => {
    opened = undefined;
    throw error;
  }));
}

async function open(): Promise<Gpu> {
  const { navigator, isSecureContext: secureContext } = globalThis as {
    navigator?: { gpu?: GPU };
    isSecureContext?: boolean;
  };
  if (!navigator?.gpu && secureContext !== false)
    throw new NoGpuError(
      "no-webgpu",
      "There is no WebGPU here (navigator.gpu is missing). In Node, pass a device of the package webgpu.",
    );
  const gpu = await openGpu(navigator?.gpu, secureContext === undefined ? {} : { secureContext });
  void gpu.lost.then(() => (opened = undefined));
  return gpu;
}
