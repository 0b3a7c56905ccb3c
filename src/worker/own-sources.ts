// What a config may name beside the bundled things: a model of the library, and rows that were kept on the Data page.
// Both are on this device or they are not; a link from another one may name what is not.
import { checkEnough, parseRows, type Row, splitRows } from "../data";
import {
  missingFiles,
  type ModelFiles,
  type ModelStore,
  readRecord,
  shortDigest,
  storedFiles,
} from "../models";
import { RunError } from "../trainer/failure";

export const DATA_FOLDER = "couplet-data";
export const ROWS_FILE = "rows.jsonl";

export const isLibraryKey = (name: string): boolean => /^(hub|local|https?):/.test(name);
export const isOwnData = (name: string): boolean => name.startsWith("own:");

/** @throws RunError when the model is not here, or not completely. */
export async function libraryFolder(store: ModelStore, key: string): Promise<ModelFiles> {
  const model = (await store.list()).find((stored) => stored.key === key);
  if (!model) throw absentModel(key);
  const missing = missingFiles(model, await readRecord(store, key));
  if (missing.length > 0)
    throw new RunError(
      "model-absent",
      `The model ${key} is only partly in this browser.`,
      `${missing.map(({ path }) => path).join(", ")} did not come, or not completely.`,
      "Go on with its download on the Models page, or choose another model.",
    );
  return storedFiles(store, key);
}

const absentModel = (key: string): RunError =>
  new RunError(
    "model-absent",
    `This run uses the model ${key}, which is not in this browser.`,
    "Models that were added by hand stay where they were added; a link or a config only names them.",
    "Add it on the Models page, under the same name and revision, or choose another model.",
  );

/** Rows that were kept under `own:NAME@HASH`, split by a seed. */
export async function ownRows(
  store: ModelStore,
  source: string,
  seed: number,
): Promise<{ train: Row[]; heldOut: Row[] }> {
  const blob = await store.open(source, ROWS_FILE);
  if (!blob)
    throw new RunError(
      "data-absent",
      `This run uses the data ${source}, which is not in this browser.`,
      "Rows that were added by hand stay where they were added; a link or a config only names them.",
      "Open the same file on the Data page and use it, or choose another data set.",
    );
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const mark = source.slice(source.lastIndexOf("@") + 1);
  if ((await shortDigest(bytes)) !== mark)
    throw new RunError(
      "data-absent",
      `The rows kept as ${source} are not those of that name.`,
      "Their hash differs: the file was not written to its end.",
      "Delete them on the Data page, and open the file again.",
    );
  const rows = parseRows(new TextDecoder().decode(bytes), source);
  checkEnough(rows, source);
  return splitRows(rows, seed);
}
