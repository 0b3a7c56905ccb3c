// Where a student's weights lie in its folder: one safetensors file, several with an index, or an ONNX graph. What is
// loaded and what a folder is said to hold are decided by the same functions.

import { ModelError, whileReading, withFile } from "../errors";
import { listSome, type ModelFiles, pathInside, readJson, type ReadProgress, streamOf } from "../files/files";
import { checkOnnxParameters, streamOnnxParameters } from "../onnx/parameters";
import { type NamedTensor, streamSafetensors, streamShapes, type Wanted } from "../files/safetensors";
import { ONNX_FILE } from "../teacher/session";

export const WEIGHTS_FILE = "model.safetensors";
export const WEIGHTS_INDEX = "model.safetensors.index.json";

/** What was read, and from where: named in errors. */
export interface StoredTensors {
  readonly file: string;
  readonly tensors: Map<string, NamedTensor>;
}

export interface WeightFiles {
  readonly form: "safetensors" | "shards" | "onnx";
  /** The file that the others follow from. */
  readonly file: string;
  /** All of them, but for what an ONNX graph keeps in files beside it. */
  readonly paths: readonly string[];
  /** Tensors that the index lists, of shards. */
  readonly count?: number;
}

/** Which files a student's weights are read from. @throws ModelError when there are none. */
export async function weightFiles(files: ModelFiles): Promise<WeightFiles> {
  if (await files.has(WEIGHTS_FILE))
    return { form: "safetensors", file: WEIGHTS_FILE, paths: [WEIGHTS_FILE] };
  if (await files.has(WEIGHTS_INDEX)) {
    const json = await readJson(files, WEIGHTS_INDEX);
    const { shards, count } = withFile(WEIGHTS_INDEX, () => parseWeightIndex(json));
    return { form: "shards", file: WEIGHTS_INDEX, paths: [WEIGHTS_INDEX, ...shards], count };
  }
  if (await files.has(ONNX_FILE)) return { form: "onnx", file: ONNX_FILE, paths: [ONNX_FILE] };
  throw new ModelError(
    "missing-file",
    `Model "${files.id}" has no weights to train from: it needs ${WEIGHTS_FILE}, or ${WEIGHTS_INDEX} and its shards, ` +
      `or a full-precision ${ONNX_FILE}. Add one of them to the model folder.`,
    { file: WEIGHTS_FILE },
  );
}

interface ReadOptions {
  /** What the family's norms add to their weight, which ONNX graphs may have folded in. */
  readonly normOffset?: number;
  /** Which tensors of a safetensors file to keep, by their names; all unless said. */
  readonly wanted?: Wanted;
  readonly onProgress?: ReadProgress | undefined;
}

/**
 * All tensors of a folder in f32. They are converted as they arrive, so the memory taken is that of the f32 tensors and
 * one chunk.
 *
 * @param expected names and shapes, for ONNX graphs, which do not keep names
 */
export async function readStudentTensors(
  files: ModelFiles,
  expected: ReadonlyMap<string, readonly number[]>,
  { normOffset, wanted = () => true, onProgress }: ReadOptions = {},
): Promise<StoredTensors> {
  const where = await weightFiles(files);
  const { file } = where;
  if (where.form === "onnx") {
    const tensors = await streamOnnxParameters(files, file, expected, { normOffset, onProgress });
    return { file, tensors };
  }
  const read = (chunks: AsyncIterable<Uint8Array>, size: number | undefined, keep: Wanted) =>
    streamSafetensors(chunks, size, keep);
  return { file, tensors: await readSafetensorsFiles(files, where, read, wanted, onProgress) };
}

/** Names and shapes of the same tensors, refused for what reading them would be refused for, but without their values. */
export async function readStudentShapes(
  files: ModelFiles,
  expected: ReadonlyMap<string, readonly number[]>,
  { normOffset, wanted = () => true }: ReadOptions = {},
): Promise<{ file: string; shapes: ReadonlyMap<string, readonly number[]>; paths: readonly string[] }> {
  const where = await weightFiles(files);
  const { file, paths } = where;
  if (where.form === "onnx") {
    const beside = await checkOnnxParameters(files, file, expected, normOffset);
    return { file, shapes: expected, paths: [...paths, ...beside] };
  }
  return { file, shapes: await readSafetensorsFiles(files, where, streamShapes, wanted), paths };
}

type ReadFile<T> = (
  chunks: AsyncIterable<Uint8Array>,
  size: number | undefined,
  wanted: Wanted,
) => Promise<Map<string, T>>;

/** One file or shards. */
async function readSafetensorsFiles<T>(
  files: ModelFiles,
  { form, paths, count = 0 }: WeightFiles,
  read: ReadFile<T>,
  wanted: Wanted,
  onProgress?: ReadProgress,
): Promise<Map<string, T>> {
  const all = new Map<string, T>();
  const seen = new Set<string>();
  let before = 0;
  for (const shard of form === "shards" ? paths.slice(1) : paths) {
    let size = 0;
    const once: Wanted = (name, dtype) => {
      if (seen.has(name))
        throw new ModelError("invalid", `${shard}: ${name} is in another shard too`, { file: shard });
      seen.add(name);
      return wanted(name, dtype);
    };
    const report: ReadProgress = (loaded, total) => {
      size = total;
      onProgress?.(before + loaded, before + total);
    };
    const found = await whileReading(shard, async () => {
      const stream = await streamOf(files, shard, report);
      return read(stream.chunks, stream.size, once);
    });
    before += size;
    for (const [name, tensor] of found) all.set(name, tensor);
  }
  if (seen.size < count) {
    const message = `${WEIGHTS_INDEX} lists ${count} tensors, its shards hold ${seen.size}. Download them again.`;
    throw new ModelError("mismatch", message, { file: WEIGHTS_INDEX });
  }
  return all;
}

/** The files that a weight index names, and how many tensors they hold together. */
function parseWeightIndex(json: unknown): { shards: string[]; count: number } {
  const map: unknown =
    typeof json === "object" && json !== null && "weight_map" in json ? json.weight_map : undefined;
  if (typeof map !== "object" || map === null) {
    throw new ModelError(
      "invalid",
      `expected {"weight_map": {tensor: file}}, got ${JSON.stringify(json).slice(0, 60)}`,
    );
  }
  const names: unknown[] = Object.values(map);
  const paths = names.map((name) =>
    typeof name === "string" && name.endsWith(".safetensors") ? pathInside(name) : undefined,
  );
  const odd = paths.indexOf(undefined);
  if (odd >= 0 || names.length === 0) {
    throw new ModelError(
      "invalid",
      `weight_map must name .safetensors files beside it, got ${listSome([String(names[odd])])}`,
    );
  }
  return { shards: [...new Set(paths.map(String))].toSorted(), count: names.length };
}
