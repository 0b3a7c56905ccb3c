import { readdirSync } from "node:fs";
import { join } from "node:path";
import { configDefaults, defineConfig } from "vitest/config";
import { runsAlone } from "./scripts/test-groups.ts";

const root = join(import.meta.dirname, "test");
const exclude = [
  ...configDefaults.exclude,
  ...(process.env.COUPLET_BROWSER === "1" ? [] : ["browser/**", "faults/browser/**"]),
  ...(process.env.COUPLET_OPTIONAL === "1" ? [] : ["optional/**"]), // tests of models that are not in the repository
];
const all = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file.endsWith(".test.ts"));
const alone = new Set(all.filter((file) => runsAlone(join(root, file))));

// Everything runs in Node: kernels on Dawn, the page through a real headless Chromium.
// Forks: each file gets a process and its own Dawn instance. Those that compute on a GPU, or on a software adapter in the
// browser, have the cores to themselves; the others run two at a time.
const group = (name: string, include: readonly string[], maxWorkers: number, groupOrder: number) => ({
  extends: true as const,
  test: { name, include: [...include], maxWorkers, sequence: { groupOrder } },
});

export default defineConfig({
  test: {
    dir: "test",
    pool: "forks",
    exclude,
    // Limits are for what hangs: a slow machine is slow, not red.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    setupFiles: ["test/support/setup.ts"],
    projects: [
      group(
        "beside",
        all.filter((file) => !alone.has(file)),
        2,
        0,
      ),
      group("alone", [...alone], 1, 1),
    ],
  },
});
