// The reader in its worker: a pair of models through transformers.js on the CPU, bundled ones from this site, others from
// the library on this device.
import { messageOf } from "../base/errors";
import { BUNDLED_STUDENTS, BUNDLED_TEACHERS } from "../config/bundled";
import type { ModelPair } from "../config/transport-view";
import { parseRows } from "../data";
import {
  loadStudentWeights,
  loadTokenizer,
  type ModelFiles,
  openTeacher,
  opfsStore,
  parseModelChoice,
  urlFiles,
  withOnnxGraph,
} from "../models";
import { createTextReader, type TextReader, type ReaderSources } from "./text-reader";
import type { ReaderCommand, ReaderEvent } from "./reader-protocol";
import { isLibraryKey, libraryFolder } from "./own-sources";

const post = (event: ReaderEvent): void => self.postMessage(event);
const FIRST: ModelPair = { student: BUNDLED_STUDENTS[0], teacher: BUNDLED_TEACHERS[0] };
let home = "";
let open: { pair: ModelPair; reader: TextReader } | undefined;

self.addEventListener("message", (message: MessageEvent<ReaderCommand>) => {
  const command = message.data;
  switch (command.type) {
    case "open":
      home = command.baseUrl;
      void sendRows(readerFor(FIRST));
      return;
    case "read":
      void readerFor(command.models).read(command);
      return;
  }
  command satisfies never;
});

/** One pair at a time: another one takes its place, and its memory. */
function readerFor(pair: ModelPair): TextReader {
  if (open && open.pair.student === pair.student && open.pair.teacher === pair.teacher) return open.reader;
  void open?.reader.close().catch(() => undefined); // what did not load holds nothing
  open = { pair, reader: createTextReader(sourcesFor(pair), post) };
  return open.reader;
}

async function sendRows(opened: TextReader): Promise<void> {
  try {
    post({ type: "rows", rows: await opened.rows() });
  } catch (error) {
    post({ type: "failed", id: 0, detail: messageOf(error) });
  }
}

async function folder(name: string): Promise<ModelFiles> {
  if (isLibraryKey(name)) return libraryFolder(opfsStore(), name);
  return urlFiles(name, new URL(`models/${name}/`, home).href);
}

function sourcesFor(pair: ModelPair): ReaderSources {
  const rows = async (part: string) => {
    const url = new URL(`data/reasoning-${part}.jsonl`, home).href;
    const response = await fetch(url);
    if (!response.ok) throw new Error(`The data file ${url} answered ${response.status}.`);
    return parseRows(await response.text(), url);
  };
  return {
    tokenizers: async () => ({
      student: await loadTokenizer(await folder(parseModelChoice(pair.student).name)),
      teacher: await loadTokenizer(await folder(parseModelChoice(pair.teacher).name)),
    }),
    models: async () => ({ student: await openModel(pair.student), teacher: await openModel(pair.teacher) }),
    heldOut: () => rows("heldout"),
    train: () => rows("train"),
  };
}

/** A folder that has weights alone gets its graph from them. */
async function openModel(choice: string) {
  const { name, dtype } = parseModelChoice(choice);
  const files = await folder(name);
  if (dtype !== "fp32" || (await files.has("onnx/model.onnx")))
    return openTeacher(files, { device: "wasm", dtype });
  const { config, tensors } = await loadStudentWeights(files);
  return openTeacher(await withOnnxGraph(files, config, tensors), { device: "wasm" });
}
