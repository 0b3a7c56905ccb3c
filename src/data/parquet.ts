// Parquet files as records, a row group at a time. The reader is a part of the page that is loaded when a file needs it.
import { gunzipSync } from "fflate";
import type { FileMetaData } from "hyparquet";
import { DataError } from "./errors";
import type { DataRecord, RecordSink } from "./record";

const READ_CODECS: ReadonlySet<string> = new Set(["UNCOMPRESSED", "SNAPPY", "GZIP"]);
/** Bytes that one group of rows may unpack to: it is held at once. */
const MOST_GROUP = 2 ** 30;
const SLICE_ROWS = 2000;

/**
 * @param step called between slices of rows, with the share of rows that are done; it may wait or throw.
 * @throws DataError for a file that is damaged or packed in a way that is not read.
 */
export async function readParquet(
  file: Blob,
  name: string,
  sink: RecordSink,
  step: (share: number) => Promise<void>,
): Promise<void> {
  const { parquetMetadataAsync, parquetReadObjects } = await import("hyparquet");
  const source = {
    byteLength: file.size,
    slice: (start: number, end?: number) => file.slice(start, end).arrayBuffer(),
  };
  const metadata = await reading(name, () => parquetMetadataAsync(source));
  checkGroups(name, metadata);
  const total = Number(metadata.num_rows);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const options = { file: source, metadata, rowStart, rowEnd, utf8: false, compressors: COMPRESSORS };
    const rows = await reading(name, () => parquetReadObjects(options));
    for (const [i, row] of rows.entries()) {
      sink.record(plainRecord(row), rowStart + i + 1);
      if (i % SLICE_ROWS === 0) await step((rowStart + i) / Math.max(1, total));
    }
    rowStart = rowEnd;
  }
}

const COMPRESSORS = {
  GZIP: (input: Uint8Array, length: number) => gunzipSync(input, { out: new Uint8Array(length) }),
};

/** What a damaged file makes the reader throw, in words. */
async function reading<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const why = error instanceof Error ? error.message : "?";
    throw new DataError(`${name} begins as a Parquet file, but cannot be read: ${why}`);
  }
}

function checkGroups(name: string, { row_groups: groups }: FileMetaData): void {
  const codecs = new Set<string>();
  for (const { columns, total_byte_size: bytes } of groups) {
    for (const { meta_data: about } of columns) if (about) codecs.add(about.codec);
    if (Number(bytes) > MOST_GROUP)
      throw new DataError(
        `${name} holds a row group of ${Math.round(Number(bytes) / 1e6)} MB, which is read at once; write it with smaller ones (row_group_size=10000)`,
      );
  }
  const unread = [...codecs].filter((codec) => !READ_CODECS.has(codec));
  if (unread.length > 0)
    throw new DataError(
      `${name} is Parquet packed with ${unread.join(" and ")}, which is not read; write it with compression="snappy", "gzip" or none`,
    );
}

const plainRecord = (row: Record<string, unknown>): DataRecord =>
  Object.fromEntries(Object.entries(row).map(([column, value]) => [column, plain(value)]));

/** As JSON would have it: whole numbers beyond 2^53 and dates as text, bytes that are UTF-8 as text, others left out. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (value instanceof Date) return Number.isNaN(value.valueOf()) ? undefined : value.toISOString();
  if (value instanceof Uint8Array) return utf8(value);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, plain); // typed arrays alone come
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  return value;
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
