// Where a student's weights lie in its folder: one safetensors file, several with an index, or an ONNX graph.

import { ModelError, whileReading, withFile } from "./errors";
import { listSome, type ModelFiles, readJson, type ReadProgress, streamOf } from "./files";
import { streamOnnxParameters } from "./onnx-parameters";
import { type NamedTensor, streamSafetensors } from "./safetensors";
import { ONNX_FILE } from "./session";

export const WEIGHTS_FILE = "model.safetensors";
export const WEIGHTS_INDEX = "model.safetensors.index.json";

/** What was read, and from where: named in errors. */
export interface StoredTensors {
  readonly file: string;
  readonly tensors: Map<string, NamedTensor>;
}

/**
 * All tensors of a folder in f32. They are converted as they arrive, so the memory taken is that of the f32 tensors and
 * one chunk.
 *
 * @param expected names and shapes, for ONNX graphs, which do not keep names
 * @param options `normOffset`: what the family's norms add to their weight, which ONNX graphs may have folded in
 */
export async function readStudentTensors(
  files: ModelFiles,
  expected: ReadonlyMap<string, readonly number[]>,
  { normOffset, onProgress }: { normOffset?: number; onProgress?: ReadProgress | undefined } = {},
): Promise<StoredTensors> {
  if (await files.has(WEIGHTS_FILE)) {
    return { file: WEIGHTS_FILE, tensors: await readOne(files, WEIGHTS_FILE, onProgress) };
  }
  if (await files.has(WEIGHTS_INDEX)) {
    return { file: WEIGHTS_INDEX, tensors: await readShards(files, onProgress) };
  }
  if (await files.has(ONNX_FILE)) {
    return {
      file: ONNX_FILE,
      tensors: await streamOnnxParameters(files, ONNX_FILE, expected, { normOffset, onProgress }),
    };
  }
  throw new ModelError(
    "missing-file",
    `Model "${files.id}" has no weights to train from: it needs ${WEIGHTS_FILE}, or ${WEIGHTS_INDEX} and its shards, ` +
      `or a full-precision ${ONNX_FILE}. Add one of them to the model folder.`,
    { file: WEIGHTS_FILE },
  );
}

function readOne(
  files: ModelFiles,
  path: string,
  onProgress?: ReadProgress,
): Promise<Map<string, NamedTensor>> {
  return whileReading(path, async () => {
    const { size, chunks } = await streamOf(files, path, onProgress);
    return streamSafetensors(chunks, size);
  });
}

async function readShards(files: ModelFiles, onProgress?: ReadProgress): Promise<Map<string, NamedTensor>> {
  const json = await readJson(files, WEIGHTS_INDEX);
  const { shards, count } = withFile(WEIGHTS_INDEX, () => parseWeightIndex(json));
  const all = new Map<string, NamedTensor>();
  let before = 0;
  for (const shard of shards) {
    let size = 0;
    const tensors = await readOne(files, shard, (loaded, total) => {
      size = total;
      onProgress?.(before + loaded, before + total);
    });
    before += size;
    for (const [name, tensor] of tensors) {
      if (all.has(name))
        throw new ModelError("invalid", `${shard}: ${name} is in another shard too`, { file: shard });
      all.set(name, tensor);
    }
  }
  if (all.size < count) {
    const message = `${WEIGHTS_INDEX} lists ${count} tensors, its shards hold ${all.size}. Download them again.`;
    throw new ModelError("mismatch", message, { file: WEIGHTS_INDEX });
  }
  return all;
}

/** The files that a weight index names, and how many tensors they hold together. */
export function parseWeightIndex(json: unknown): { shards: string[]; count: number } {
  const map: unknown =
    typeof json === "object" && json !== null && "weight_map" in json ? json.weight_map : undefined;
  if (typeof map !== "object" || map === null) {
    throw new ModelError(
      "invalid",
      `expected {"weight_map": {tensor: file}}, got ${JSON.stringify(json).slice(0, 60)}`,
    );
  }
  const names = Object.values(map);
  const odd = names.find((name) => typeof name !== "string" || !/^[\w][\w.-]*\.safetensors$/.test(name));
  if (odd !== undefined || names.length === 0) {
    throw new ModelError(
      "invalid",
      `weight_map must name .safetensors files beside it, got ${listSome([String(odd)])}`,
    );
  }
  return { shards: [...new Set(names.map(String))].toSorted(), count: names.length };
}
