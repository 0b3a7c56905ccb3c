// Files and folders as the browser hands them over: dropped, or picked.

export interface Gathered {
  /** Of the folder, or of the first file. */
  readonly name: string;
  /** By path, the folder's own name in front. */
  readonly files: ReadonlyMap<string, File>;
}

/** What was dropped. Entries must be taken before the first wait: the browser forgets them with the event. */
export async function gatherDropped(transfer: DataTransfer): Promise<Gathered> {
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  if (entries.length === 0) return gatherPicked([...transfer.files]);
  const files = new Map<string, File>();
  for (const entry of entries) await walk(entry, "", files);
  return { name: entries[0]?.name ?? "", files };
}

export function gatherPicked(list: readonly File[]): Gathered {
  const files = new Map(list.map((file) => [file.webkitRelativePath || file.name, file]));
  const [first = ""] = files.keys();
  return { name: first.split("/")[0] ?? "", files };
}

async function walk(entry: FileSystemEntry, path: string, files: Map<string, File>): Promise<void> {
  const at = path + entry.name;
  if (isFile(entry)) {
    files.set(at, await new Promise<File>((resolve, reject) => entry.file(resolve, reject)));
    return;
  }
  if (!isFolder(entry)) return;
  const reader = entry.createReader();
  const next = () => new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
  // A reader gives a hundred at a time, and nothing at the end.
  for (let some = await next(); some.length > 0; some = await next())
    for (const inner of some) if (!inner.name.startsWith(".")) await walk(inner, `${at}/`, files);
}

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;
