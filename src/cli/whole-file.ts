// A file that is whole or not there: written under another name first, so that a full disk or a kill leaves the old file or
// the new one, and nothing beside it.
import { renameSync, rmSync, writeFileSync } from "node:fs";

export function writeWhole(file: string, value: string | Uint8Array): void {
  try {
    writeFileSync(`${file}.part`, value);
    renameSync(`${file}.part`, file);
  } catch (error) {
    rmSync(`${file}.part`, { force: true });
    throw error instanceof Error ? Object.assign(error, { path: file }) : error; // of a full disk the system names no file
  }
}
