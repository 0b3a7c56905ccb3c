// Vocabulary maps as files in the user's cache folder, so that a pair of large vocabularies is matched once.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { MapStore } from "../data";

const folder = (): string =>
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "couplet", "vocabulary-maps");
const file = (pair: string): string => join(folder(), `${pair}.json`);

export const mapFiles: MapStore = {
  read: (pair) => readFile(file(pair), "utf8"),
  async write(pair, json) {
    await mkdir(folder(), { recursive: true });
    await writeFile(file(pair), json);
  },
};
