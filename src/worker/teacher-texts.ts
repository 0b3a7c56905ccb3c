// What the teacher wrote, kept from visit to visit, so that a run on its answers is prepared once.
import type { TextCache } from "../data";
import { sha256 } from "../base/digest";
import { pageCache } from "./page-cache";

const cache = pageCache("couplet-teacher-texts");

const address = async (key: string): Promise<string> => `/teacher-texts/${await sha256(key)}`;

export const cachedTexts: TextCache = {
  get: async (key) => cache.get(await address(key)),
  set: async (key, text) => cache.set(await address(key), text),
};
