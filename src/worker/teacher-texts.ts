// What the teacher wrote, kept from visit to visit, so that a run on its answers is prepared once.
import type { TextCache } from "../data";
import { pageCache } from "./page-cache";

const cache = pageCache("couplet-teacher-texts");

async function address(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `/teacher-texts/${hex}`;
}

export const cachedTexts: TextCache = {
  get: async (key) => cache.get(await address(key)),
  set: async (key, text) => cache.set(await address(key), text),
};
