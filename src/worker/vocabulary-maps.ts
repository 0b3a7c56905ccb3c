// Vocabulary maps, kept from visit to visit, so that a pair of large vocabularies is matched once.
import type { MapStore } from "../data";
import { pageCache } from "./page-cache";

const cache = pageCache("couplet-vocabulary-maps");
const address = (pair: string): string => `/vocabulary-maps/${pair}.json`;

export const cachedMaps: MapStore = {
  read: (pair) => cache.get(address(pair)),
  write: (pair, json) => cache.set(address(pair), json),
};
