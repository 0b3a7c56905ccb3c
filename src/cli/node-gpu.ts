// WebGPU in Node: Dawn, through the npm package `webgpu`.
import { tmpdir } from "node:os";
import { openGpu, type Gpu } from "../gpu/device";

let instance: GPU | undefined; // Dawn frees the device's backend if its instance is collected

/**
 * Open Dawn's default adapter.
 *
 * @throws NoGpuError when there is none; on Linux without a GPU install Mesa's lavapipe (mesa-vulkan-drivers ≥ 24).
 */
export async function openNodeGpu(): Promise<Gpu> {
  process.env.XDG_RUNTIME_DIR ??= tmpdir(); // the Vulkan loader complains without it
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  instance ??= create([]);
  return openGpu(instance);
}
