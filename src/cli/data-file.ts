// A data file on a disk, read by the code that the Data page reads with; what became of it is told.
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { type FileOptions, importFile, type ImportedRows, KIND_NAMES, type Row } from "../data";
import { BadUsage } from "./usage";

/**
 * @param source a path; "FILE#PART" names one of several lists of rows in a JSON file ("#all": every one).
 * @throws BadUsage for what is no file, DataError for one that holds no usable rows.
 */
export async function readDataFile(
  source: string,
  tell: (line: string) => void,
  options: Pick<FileOptions, "promptsOnly"> = {},
): Promise<{ rows: readonly Row[]; file: string }> {
  const [, path = source, part] = existsSync(resolve(source)) ? [] : (/^(.+)#([^#/\\]+)$/.exec(source) ?? []);
  const file = resolve(path);
  const seen = await importFile(blobOf(source, file), path, { ...options, part });
  for (const line of importReport(path, seen)) tell(line);
  return { rows: seen.rows, file: path };
}

const MOST_LINES = 8;

/** What was read, and as what; how many rows were skipped, where the first of each kind is, and why. */
export function importReport(name: string, seen: ImportedRows): string[] {
  const { kind, mapping, rows, places, problems, dropped, notes, parts } = seen;
  const count = (n: number) => `${n} ${n === 1 ? "row" : "rows"}`;
  const reasons = Object.entries(dropped);
  const skipped = reasons.reduce((sum, [, n]) => sum + n, 0);
  const columns =
    mapping.prompt === mapping.output ? `"${mapping.prompt}"` : `"${mapping.prompt}" and "${mapping.output}"`;
  const lines = [`data: ${count(rows.length)} of ${name}, read as ${KIND_NAMES[kind]}, from ${columns}`];
  for (const note of notes) lines.push(`data: ${note}`);
  const other = parts?.all.find((part) => part.name !== parts.chosen);
  if (other)
    lines.push(`data: another is read by data.source "${name}#${other.name}", all of them by "${name}#all"`);
  if (skipped === 0) return lines;
  lines.push(`data: ${count(skipped)} of ${name} skipped:`);
  for (const [reason, n] of reasons.slice(0, MOST_LINES)) {
    const first = problems.find((problem) => problem.reason.replaceAll(/\d+/g, "…") === reason);
    const where = first ? `${places} ${first.line}${n > 1 ? " and others" : ""}` : "further on";
    lines.push(`  ${n} × ${first?.reason ?? reason} (${where})`);
  }
  if (reasons.length > MOST_LINES) lines.push(`  and ${reasons.length - MOST_LINES} further reasons`);
  return lines;
}

const PART = 2 ** 28; // bytes read at once: one call of Node reads less than 2 GiB

function blobOf(source: string, file: string): Blob {
  if (!existsSync(file))
    throw new BadUsage(
      `data.source: there is no bundled data set and no file "${source}" (looked at ${file}).`,
    );
  const about = statSync(file);
  if (!about.isFile())
    throw new BadUsage(
      `data.source: "${source}" is ${about.isDirectory() ? "a folder; name a file in it" : "no regular file"}.`,
    );
  const parts: Uint8Array<ArrayBuffer>[] = [];
  try {
    const handle = openSync(file, "r");
    try {
      for (let left = about.size; left > 0;) {
        const part = new Uint8Array(Math.min(left, PART));
        const read = readSync(handle, part);
        if (read === 0) break;
        parts.push(part.subarray(0, read));
        left -= read;
      }
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw new BadUsage(
      `data.source: "${source}" cannot be read (${error instanceof Error ? error.message : "?"}).`,
    );
  }
  return new Blob(parts);
}
