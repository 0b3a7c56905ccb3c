// Rows in their worker: large files are read, tokenized and kept here, and the page stays quick.
import { opfsStore, urlFiles } from "../models";
import { createDatasetImport } from "./dataset-import";
import type { DataCommand, DataEvent } from "./data-protocol";
import { DATA_FOLDER, isLibraryKey, libraryFolder } from "./own-sources";

const dataset = createDatasetImport((event: DataEvent) => self.postMessage(event), {
  store: opfsStore(DATA_FOLDER),
  folder: async (name, baseUrl) =>
    isLibraryKey(name)
      ? libraryFolder(opfsStore(), name)
      : urlFiles(name, new URL(`models/${name}/`, baseUrl).href),
  now: () => performance.now(),
});

self.addEventListener("message", ({ data }: MessageEvent<DataCommand>) => void dataset.handle(data));
