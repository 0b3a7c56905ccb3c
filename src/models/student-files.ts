// Where a student's weights lie in its folder: one safetensors file, several with an index, or an ONNX graph.

import { ModelError, whileReading, withFile } from "./errors";
import { listSome, type ModelFiles, pathInside, readJson, type ReadProgress, streamOf } from "./files";
import { streamOnnxParameters } from "./onnx-parameters";
import { type NamedTensor, streamSafetensors, type Wanted } from "./safetensors";
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
 * @param options `normOffset`: what the family's norms add to their weight, which ONNX graphs may have folded in;
 *   `wanted`: which tensors of a safetensors file to keep, by their names
 */
export async function readStudentTensors(
  files: ModelFiles,
  expected: ReadonlyMap<string, readonly number[]>,
  {
    normOffset,
    wanted = () => true,
    onProgress,
  }: { normOffset?: number; wanted?: Wanted; onProgress?: ReadProgress | undefined } = {},
): Promise<StoredTensors> {
  if (await files.has(WEIGHTS_FILE)) {
    return { file: WEIGHTS_FILE, tensors: await readOne(files, WEIGHTS_FILE, wanted, onProgress) };
  }
  if (await files.has(WEIGHTS_INDEX)) {
    return { file: WEIGHTS_INDEX, tensors: await readShards(files, wanted, onProgress) };
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
  wanted: Wanted,
  onProgress?: ReadProgress,
): Promise<Map<string, NamedTensor>> {
  return whileReading(path, async () => {
    const { size, chunks } = await streamOf(files, path, onProgress);
    return streamSafetensors(chunks, size, wanted);
  });
}

async function readShards(
  files: ModelFiles,
  wanted: Wanted,
  onProgress?: ReadProgress,
): Promise<Map<string, NamedTensor>> {
  const json = await readJson(files, WEIGHTS_INDEX);
  const { shards, count } = withFile(WEIGHTS_INDEX, () => parseWeightIndex(json));
  const all = new Map<string, NamedTensor>();
  const seen = new Set<string>();
  let before = 0;
  for (const shard of shards) {
    let size = 0;
    const once: Wanted = (name, dtype) => {
      if (seen.has(name))
        throw new ModelError("invalid", `${shard}: ${name} is in another shard too`, { file: shard });
      seen.add(name);
      return wanted(name, dtype);
    };
    const tensors = await readOne(files, shard, once, (loaded, total) => {
      size = total;
      onProgress?.(before + loaded, before + total);
    });
    before += size;
    for (const [name, tensor] of tensors) all.set(name, tensor);
  }
  if (seen.size < count) {
    const message = `${WEIGHTS_INDEX} lists ${count} tensors, its shards hold ${seen.size}. Download them again.`;
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
