// Rows in their worker: large files are read, tokenized and kept here, and the page stays quick.
import { opfsStore, urlFiles } from "../models";
import { createDataDesk } from "./data-desk";
import type { DataCommand, DataEvent } from "./data-protocol";
import { DATA_FOLDER, isLibraryKey, libraryFolder } from "./own-sources";

const desk = createDataDesk((event: DataEvent) => self.postMessage(event), {
  store: opfsStore(DATA_FOLDER),
  folder: async (name, baseUrl) =>
    isLibraryKey(name)
      ? libraryFolder(opfsStore(), name)
      : urlFiles(name, new URL(`models/${name}/`, baseUrl).href),
  now: () => performance.now(),
});

self.addEventListener("message", ({ data }: MessageEvent<DataCommand>) => void desk.handle(data));
