// Which kernel is fastest on an adapter, in the browser's own cache storage: measured on the first visit alone, so
// that a run replayed later takes the same kernels and gives the same numbers.
import type { RunSources } from "../trainer";

const CACHE = "couplet-kernel-choices";
/** Cache storage is keyed by addresses; this one is never fetched. */
const address = (adapter: string): string => `/kernel-choices/${encodeURIComponent(adapter)}`;

export const cachedChoices: NonNullable<RunSources["kernelChoices"]> = {
  async get(adapter) {
    const found = await (await caches.open(CACHE)).match(address(adapter));
    return found?.text();
  },
  async set(adapter, form) {
    await (await caches.open(CACHE)).put(address(adapter), new Response(form));
  },
};
