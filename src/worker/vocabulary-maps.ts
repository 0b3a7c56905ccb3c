// Vocabulary maps in the browser's own cache storage, so that a pair of large vocabularies is matched once.
import type { MapStore } from "../data";

const CACHE = "couplet-vocabulary-maps";
/** Cache storage is keyed by addresses; this one is never fetched. */
const key = (pair: string): string => `/vocabulary-maps/${pair}.json`;

export const cachedMaps: MapStore = {
  async read(pair) {
    const found = await (await caches.open(CACHE)).match(key(pair));
    return found?.text();
  },
  async write(pair, json) {
    await (await caches.open(CACHE)).put(key(pair), new Response(json));
  },
};
