// Which kernel is fastest on an adapter, kept from visit to visit: measured on the first alone, so that a run replayed
// later takes the same kernels and gives the same numbers.
import type { RunSources } from "../trainer";
import { pageCache } from "./page-cache";

const cache = pageCache("couplet-kernel-choices");
const address = (adapter: string): string => `/kernel-choices/${encodeURIComponent(adapter)}`;

export const cachedChoices: NonNullable<RunSources["kernelChoices"]> = {
  get: (adapter) => cache.get(address(adapter)),
  set: (adapter, form) => cache.set(address(adapter), form),
};
