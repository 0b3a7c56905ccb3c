// Which dispatches are for graphics cards and which for software rasterizers, where the two do the same work differently.
import type { Gpu } from "../gpu/device";

/** A rasterizer on the CPU: a workgroup is a loop there, so that more of them gain nothing. */
export const onSoftware = ({ adapter }: Gpu): boolean => adapter.software;
export const onHardware = (gpu: Gpu): boolean => !onSoftware(gpu);
