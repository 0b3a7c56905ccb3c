// Run a TypeScript module of this repo in Node, with Vite's module rules (`?raw` shaders, JSON).
//   node scripts/run-ts.mjs bench/ot.bench.ts [arguments…]
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { createServer } from "vite";

/** @returns {Promise<{ module: Record<string, unknown>, close(): Promise<void> }>} */
export async function loadModule(path) {
  const root = resolve(import.meta.dirname, "..");
  const server = await createServer({
    root,
    configFile: false,
    logLevel: "error",
    appType: "custom",
    server: { middlewareMode: true, hmr: false, ws: false, watch: null },
    optimizeDeps: { noDiscovery: true, include: [] },
  });
  const module = await server.ssrLoadModule(resolve(root, path));
  return { module, close: () => server.close() };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [path, ...rest] = process.argv.slice(2);
  if (!path) throw new Error("Say which module to run: node scripts/run-ts.mjs FILE.ts");
  process.argv = [process.argv[0], resolve(path), ...rest];
  const { module, close } = await loadModule(path);
  if (typeof module.main === "function") await module.main(rest);
  await close();
}
