// Which kernel is fastest on an adapter, as a file in the user's cache folder: measured once, so that a run replayed
// later takes the same kernels and gives the same numbers.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { RunSources } from "../trainer";

const folder = (): string =>
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "couplet", "kernel-choices");
const file = (adapter: string): string => join(folder(), encodeURIComponent(adapter).slice(0, 200));

export const choiceFiles: NonNullable<RunSources["kernelChoices"]> = {
  get: (adapter) => readFile(file(adapter), "utf8").catch(() => undefined), // not there yet
  async set(adapter, form) {
    await mkdir(folder(), { recursive: true });
    await writeFile(file(adapter), form);
  },
};
