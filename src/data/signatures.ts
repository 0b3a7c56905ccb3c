// Files that are no text, told by their first bytes, and what to do with each.

interface Signature {
  readonly bytes: readonly number[] | string;
  readonly at?: number;
  readonly is: string;
  readonly remedy: string;
}

const ROWS = "save its rows as JSON lines, CSV or Parquet";
const UNPACK = "unpack it first, or pack it with gzip";

const SIGNATURES: readonly Signature[] = [
  { bytes: "PARE", is: "an encrypted Parquet file", remedy: ROWS },
  { bytes: "ARROW1", is: "an Arrow (Feather) file", remedy: ROWS },
  { bytes: "FEA1", is: "an old Feather file", remedy: ROWS },
  { bytes: [0xff, 0xff, 0xff, 0xff], is: "an Arrow stream", remedy: ROWS },
  { bytes: "ORC", is: "an ORC file", remedy: ROWS },
  { bytes: "Obj\u0001", is: "an Avro file", remedy: ROWS },
  { bytes: "SQLite format 3\0", is: "an SQLite database", remedy: ROWS },
  { bytes: [0x89, 0x48, 0x44, 0x46], is: "an HDF5 file", remedy: ROWS },
  { bytes: [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59], is: "a NumPy array", remedy: ROWS },
  { bytes: [0x80, 2], is: "a Python pickle", remedy: ROWS },
  { bytes: [0x80, 3], is: "a Python pickle", remedy: ROWS },
  { bytes: [0x80, 4, 0x95], is: "a Python pickle", remedy: ROWS },
  { bytes: [0x80, 5, 0x95], is: "a Python pickle", remedy: ROWS },
  {
    bytes: [0xd0, 0xcf, 0x11, 0xe0],
    is: "an Excel (.xls) or other old Office file",
    remedy: "save it as CSV UTF-8",
  },
  { bytes: "%PDF", is: "a PDF", remedy: ROWS },
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], is: "packed with Zstandard", remedy: UNPACK },
  { bytes: "BZh", is: "packed with bzip2", remedy: UNPACK },
  { bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a], is: "packed with xz", remedy: UNPACK },
  { bytes: [0x37, 0x7a, 0xbc, 0xaf], is: "a 7z archive", remedy: UNPACK },
  { bytes: [0x04, 0x22, 0x4d, 0x18], is: "packed with LZ4", remedy: UNPACK },
  { bytes: "Rar!", is: "a RAR archive", remedy: UNPACK },
  { bytes: "ustar", at: 257, is: "a tar archive", remedy: "unpack it first" },
  { bytes: "GGUF", is: "a GGUF model", remedy: "models are added on the Models page" },
  { bytes: [0x89, 0x50, 0x4e, 0x47], is: "a PNG image", remedy: ROWS },
  { bytes: [0xff, 0xd8, 0xff], is: "a JPEG image", remedy: ROWS },
  { bytes: [0, 0, 0xfe, 0xff], is: "text in UTF-32", remedy: "save it as UTF-8" },
  { bytes: [0xff, 0xfe, 0, 0], is: "text in UTF-32", remedy: "save it as UTF-8" },
  {
    bytes: "version https://git-lfs",
    is: "a Git LFS pointer, not the file itself",
    remedy: "fetch it with git lfs pull",
  },
];

const starts = (head: Uint8Array, bytes: readonly number[] | string, at = 0): boolean => {
  const wanted = typeof bytes === "string" ? Array.from(bytes, (c) => c.charCodeAt(0)) : bytes;
  return head.length >= at + wanted.length && wanted.every((byte, i) => head[at + i] === byte);
};

export const isGzip = (head: Uint8Array): boolean => starts(head, [0x1f, 0x8b]);
export const isParquet = (head: Uint8Array): boolean => starts(head, "PAR1");

/** What the file is and what to do, as the end of a sentence "NAME is …"; undefined for what may be text. */
export function foreignFile(head: Uint8Array): string | undefined {
  if (starts(head, "PK\u0003\u0004")) return zipText(head);
  const found = SIGNATURES.find(({ bytes, at }) => starts(head, bytes, at));
  return found && `${found.is}, which is not read; ${found.remedy}`;
}

/** Office files are ZIP archives, and so is what NumPy keeps several arrays in. */
function zipText(head: Uint8Array): string {
  const names = new TextDecoder("latin1").decode(head);
  if (names.includes("xl/")) return "an Excel file, which is not read; save it as CSV UTF-8";
  if (/\[Content_Types\]|mimetype/.test(names))
    return "an Office file, which is not read; save its table as CSV UTF-8";
  return "a ZIP archive, which is not read; unpack it first";
}
