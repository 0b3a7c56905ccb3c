// Small texts that outlive a visit, in the browser's own cache storage. Storage may be denied (private window, blocked
// site data) or full: then they live as long as the worker, because nothing that is kept here may stop a run.

export interface PageCache {
  get(address: string): Promise<string | undefined>;
  set(address: string, text: string): Promise<void>;
}

/** Addresses begin with a slash; they are keys and are never fetched. */
export function pageCache(name: string): PageCache {
  const here = new Map<string, string>();
  return {
    async get(address) {
      try {
        const found = await (await caches.open(name)).match(address);
        return (await found?.text()) ?? here.get(address);
      } catch {
        return here.get(address);
      }
    },
    async set(address, text) {
      here.set(address, text);
      try {
        await (await caches.open(name)).put(address, new Response(text));
      } catch {
        // Kept above.
      }
    },
  };
}
