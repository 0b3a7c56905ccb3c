// The two models of a run as the cluster package finds them: by hub id, or as a folder in the export.
import { hubId, type ModelFiles, publicName } from "../models";

/** What is not an ONNX graph of a model's folder; some files are in some folders alone. */
const FILES = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
];
const [WEIGHTS, INDEX] = ["model.safetensors", "model.safetensors.index.json"];
/** Of the folders of this site, which are not asked for what they lack. */
const OWN_FILES = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"];

type ModelSource =
  | { readonly hub: string; readonly revision: string | null }
  | { readonly folder: string; readonly name: string };

export interface CarriedModel {
  readonly source: ModelSource;
  /** By their paths in the export. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What a person has to do before the run can start; none where everything is there. */
  readonly missing?: string;
}

/** @param name as the config has it, without its precision. @param mostBytes of weights that are carried along. */
export async function carryModel(
  role: "student" | "teacher",
  name: string,
  files: ModelFiles,
  mostBytes: number,
): Promise<CarriedModel> {
  const hub = hubId(name);
  if (hub !== undefined) {
    const revision = /@(.+)$/.exec(name)?.[1] ?? null;
    return { source: { hub, revision }, files: new Map() };
  }
  const folder = `models/${role}`;
  const source = { folder, name: publicName(name) };
  const carried = new Map<string, Uint8Array>();
  const carry = async (path: string) => carried.set(`${folder}/${path}`, await files.read(path));
  const present = files.asking ? OWN_FILES : await thoseOf(files, FILES);
  for (const path of present) await carry(path);
  const weights = await weightFiles(files);
  if (weights.length === 0)
    return { source, files: carried, missing: `put the safetensors of ${source.name} into ${folder}` };
  const bytes = await sizeOf(files, weights);
  if (bytes > mostBytes) {
    const size = `${(bytes / 2 ** 20).toFixed(0)} MiB`;
    return {
      source,
      files: carried,
      missing: `copy ${weights.join(", ")} (${size}) of ${source.name} into ${folder}`,
    };
  }
  for (const path of weights) await carry(path);
  return { source, files: carried };
}

async function weightFiles(files: ModelFiles): Promise<string[]> {
  if (files.asking || (await files.has(WEIGHTS))) return [WEIGHTS];
  if (!(await files.has(INDEX))) return [];
  const { weight_map: map = {} } = JSON.parse(new TextDecoder().decode(await files.read(INDEX))) as {
    weight_map?: Record<string, string>;
  };
  return [INDEX, ...new Set(Object.values(map))];
}

async function sizeOf(files: ModelFiles, paths: readonly string[]): Promise<number> {
  let bytes = 0;
  if (files.slices) for (const path of paths) bytes += (await files.slices(path)).size;
  return bytes;
}

async function thoseOf(files: ModelFiles, paths: readonly string[]): Promise<string[]> {
  const there = await Promise.all(paths.map((path) => files.has(path)));
  return paths.filter((_, i) => there[i]);
}
