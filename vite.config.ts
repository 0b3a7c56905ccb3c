import { readFileSync } from "node:fs";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { contentSecurityPolicy, inlineScripts, policy } from "./scripts/content-security-policy.ts";
import { serviceWorker } from "./scripts/service-worker/plugin.ts";

// What a run's manifest says it was computed with.
const { version, dependencies } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
const versions = { couplet: version, "@huggingface/transformers": dependencies["@huggingface/transformers"] };

// Threads for the wasm backend need cross-origin isolation. Static hosts that cannot send these
// headers still work: the wasm backend then runs on one thread.
const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** What docs/SECURITY.md asks of a host, so that the tests drive the page under it. */
const page = readFileSync(new URL("index.html", import.meta.url), "utf8");
const guarded = { ...isolation, "Content-Security-Policy": policy("worker", inlineScripts(page)) };

export default defineConfig({
  base: "./",
  define: { __VERSIONS__: JSON.stringify(versions) },
  plugins: [react(), contentSecurityPolicy(), serviceWorker()],
  worker: { format: "es" },
  build: { target: "es2023", chunkSizeWarningLimit: 1500 },
  server: { headers: isolation },
  preview: { headers: guarded },
});
