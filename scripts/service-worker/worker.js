// The service worker of the built page: what a visit used works without a network the next time. The page itself is
// kept at once; models and the ONNX runtime, 37 MB, are kept when they are used, or all together when the page says
// that this device is one to train on. The build replaces VERSION (a hash of all files) and FILES (their paths); see
// plugin.ts.
const CACHE = "couplet-__VERSION__";
const FILES = __FILES__;
const NETWORK_MS = 3000;
const isLarge = (path) => /\.(onnx|safetensors|wasm)$/.test(path);
const at = (path) => new URL(path, self.registration.scope).href;

self.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      // One after another: the page's own requests come first on a slow line.
      for (const file of FILES) if (!isLarge(file)) await cache.add(at(file));
      await self.skipWaiting();
    })(),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const names = await caches.keys();
      // Versions of the page alone: the engine keeps caches of its own under other names.
      const old = names.filter((name) => /^couplet-[0-9a-f]{16}$/.test(name) && name !== CACHE);
      await Promise.all(old.map((name) => caches.delete(name)));
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("message", (event) => {
  if (event.data !== "keep-all") return;
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      for (const file of FILES)
        if (isLarge(file) && !(await cache.match(at(file)))) await cache.add(at(file));
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (!["GET", "HEAD"].includes(request.method) || !request.url.startsWith(self.registration.scope)) return;
  event.respondWith(request.mode === "navigate" ? page(request) : file(request));
});

/** The newest page while there is a network, so that an update is never a reload behind. */
async function page(request) {
  const kept = () => caches.match(at("index.html"));
  const late = new Promise((resolve) => setTimeout(resolve, NETWORK_MS));
  try {
    return (await Promise.race([fetch(request), late.then(kept)])) ?? (await fetch(request));
  } catch (error) {
    const page = await kept();
    if (page) return page;
    throw error;
  }
}

async function file(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true, ignoreVary: true, ignoreMethod: true });
  if (!kept) {
    const answer = await fetch(request);
    const path = request.url.slice(self.registration.scope.length).split("?")[0];
    // Used once, so wanted again; an answer that is a part of the file is none to keep.
    if (request.method === "GET" && answer.status === 200 && isLarge(path) && FILES.includes(path))
      void cache.put(request, answer.clone()).catch(() => undefined);
    return answer;
  }
  const { status, headers } = kept;
  return request.method === "HEAD" ? new Response(null, { status, headers }) : kept;
}
