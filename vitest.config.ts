import { defineConfig } from "vitest/config";

// Everything runs in Node: kernels on Dawn, the page through a real headless Chromium.
// Forks, one file at a time: each file gets its own Dawn instance and the cores to itself.
export default defineConfig({
  test: {
    dir: "test",
    pool: "forks",
    fileParallelism: false,
    // Limits are for what hangs: a slow machine is slow, not red.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    setupFiles: ["test/support/setup.ts"],
    exclude: [
      ...(process.env.COUPLET_BROWSER === "1" ? [] : ["browser/**", "faults/browser/**"]),
      ...(process.env.COUPLET_OPTIONAL === "1" ? [] : ["optional/**"]), // tests of models that are not in the repository
    ],
  },
});
