// What the teacher wrote, in the browser's own cache storage, so that a run on its answers is prepared once.
import type { TextCache } from "../data";

const CACHE = "couplet-teacher-texts";

/** Cache storage is keyed by addresses; this one is never fetched. */
async function address(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `/teacher-texts/${hex}`;
}

export const cachedTexts: TextCache = {
  async get(key) {
    const found = await (await caches.open(CACHE)).match(await address(key));
    return found?.text();
  },
  async set(key, text) {
    await (await caches.open(CACHE)).put(await address(key), new Response(text));
  },
};
