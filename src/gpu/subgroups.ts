// Which workgroup the kernels that hand values round inside a subgroup should have.
import type { Gpu } from "./device";

/**
 * Threads of a workgroup that is one subgroup where the adapter's size is fixed, several where it varies.
 * 0 when there are no subgroups, or they may have fewer than the 8 lanes that these kernels hand round.
 */
export function subgroupLanes({ device }: Pick<Gpu, "device">): number {
  if (!device.features.has("subgroups")) return 0;
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = device.adapterInfo;
  return subgroupMinSize < 8 ? 0 : Math.min(64, subgroupMaxSize);
}
