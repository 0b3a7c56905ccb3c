// Rows from any file in use, for the page and for the command line alike: read, mapped, and told what dropped out and
// why. Of a large file the work is done in slices with breaks between them, so that whatever else runs in the worker
// goes on.
import { createRowCollector, type ImportedRows, type ImportOptions, type RowCollector } from "./collect";
import { DataError } from "./errors";
import { HEAD_LENGTH, kindOf } from "./kinds";
import { readParquet } from "./parquet";
import type { RecordReader } from "./record";
import { createRecordReader } from "./records";
import { isParquet } from "./signatures";
import { headOf, textOf } from "./text-file";

export interface RowImporter {
  push(text: string): void;
  /** @throws DataError when nothing could be used. */
  end(): ImportedRows;
  readonly count: number;
}

/** `name` tells the kind by its ending, and is named in errors. @param notes of what became of the bytes before. */
export function createRowImporter(
  name: string,
  options: ImportOptions = {},
  notes: readonly string[] = [],
): RowImporter {
  let head = ""; // until there is enough of it to tell the kind
  let collector: RowCollector | undefined;
  let reader: RecordReader | undefined;
  const open = (): { reader: RecordReader; collector: RowCollector } => {
    const start = head.slice(0, HEAD_LENGTH).replace(/^\uFEFF+/, "");
    const kind = options.kind ?? kindOf(name, start);
    const into = createRowCollector(name, kind, options);
    for (const note of notes) into.note(note);
    collector = into;
    reader = createRecordReader(kind, into, { head: start, part: options.part });
    reader.push(head.replace(/^\uFEFF+/, ""));
    return { reader, collector: into };
  };
  return {
    push(text) {
      if (reader) return reader.push(text);
      head += text;
      if (head.length > HEAD_LENGTH) open();
    },
    end() {
      const opened = reader && collector ? { reader, collector } : open();
      try {
        opened.reader.end();
      } catch (error) {
        opened.collector.peek(); // so that another kind can be chosen
        if (!(error instanceof DataError)) throw error;
        throw new DataError(`${name}: ${error.message}`);
      }
      return opened.collector.finish();
    },
    get count() {
      return collector?.count ?? 0;
    },
  };
}

export function importText(text: string, name: string, options: ImportOptions = {}): ImportedRows {
  const importer = createRowImporter(name, options);
  importer.push(text);
  return importer.end();
}

export interface FileOptions extends ImportOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes read and bytes there are; of a packed file, of what it unpacks to, and 0 for unknown. */
  readonly onProgress?: ((loaded: number, total: number, rows: number) => void) | undefined;
  /** Bytes that a packed file may unpack to. */
  readonly mostUnpacked?: number | undefined;
}

const SLICE_MS = 12;

/** The same for a file of any size. Aborts reject with the signal's reason. */
export async function importFile(file: Blob, name: string, options: FileOptions = {}): Promise<ImportedRows> {
  const rest = restBetween(options.signal);
  await rest();
  if (isParquet(await headOf(file))) return importParquet(file, name, options, rest);
  const notes: string[] = [];
  const importer = createRowImporter(name, options, notes);
  let [told, packed] = [0, false];
  const { mostUnpacked } = options;
  const note = (text: string): void => {
    notes.push(text);
    packed ||= text.includes("gzip");
  };
  for await (const { text, loaded } of textOf(file, name, { note, mostUnpacked })) {
    importer.push(text);
    await rest();
    if (loaded - told < TELL_BYTES) continue;
    told = loaded;
    options.onProgress?.(loaded, packed ? 0 : file.size, importer.count);
  }
  options.onProgress?.(file.size, file.size, importer.count);
  return importer.end();
}

const TELL_BYTES = 64 * 1024;

async function importParquet(
  file: Blob,
  name: string,
  options: FileOptions,
  rest: () => Promise<void>,
): Promise<ImportedRows> {
  const collector = createRowCollector(name, "parquet", options);
  await readParquet(file, name, collector, async (share) => {
    options.onProgress?.(share * file.size, file.size, collector.count);
    await rest();
  });
  return collector.finish();
}

/** Lets other work go on when a slice's time is over. */
function restBetween(signal: AbortSignal | undefined): () => Promise<void> {
  let since = performance.now();
  return async () => {
    signal?.throwIfAborted();
    if (performance.now() - since < SLICE_MS) return;
    await new Promise((resolve) => setTimeout(resolve));
    since = performance.now();
  };
}
