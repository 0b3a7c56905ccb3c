// What a model is good for, told from its configuration and the sizes of its files, before any of the large ones is
// read: teacher (a decoder with an ONNX file), student (a family we train, with full-precision weights), or why not.

import { asObject, parseModelConfig } from "./config";
import { ModelError, reason } from "./errors";
import { type ModelFiles, parseJson } from "./files";
import { isDecoder, SUPPORTED_DECODERS } from "./generate";
import {
  keyOf,
  type Listing,
  listRemote,
  readRemoteText,
  type RemoteFile,
  type RemoteSource,
  type RequestOptions,
} from "./hub-client";
import type { ModelStore } from "./model-store";
import { ONNX_FILES, type OnnxDtype } from "./session";
import { WEIGHTS_FILE, WEIGHTS_INDEX } from "./student-files";
import { expectedTensors } from "./student-weights";

export interface FileFact extends RemoteFile {
  /** Bytes that are on this device already. */
  readonly stored: number;
}

/** One way to load a model in a role. */
export interface Choice {
  /** Of a teacher: how its weights are stored. */
  readonly dtype?: OnnxDtype;
  readonly files: readonly FileFact[];
  /** All of them together, and what of that is still to come; a file of unknown size counts 0. */
  readonly bytes: number;
  readonly missingBytes: number;
  /** About how much memory the role takes: for a student in training, weights, gradients and two moments. */
  readonly memoryBytes: number;
}

export type Role =
  | { readonly can: true; readonly choices: readonly Choice[] }
  | { readonly can: false; readonly why: string };

export interface Inspection {
  readonly key: string;
  readonly commit?: string;
  /** Where to download from: pinned to the commit, so that the name says which weights these are. */
  readonly source?: RemoteSource;
  readonly modelType: string;
  readonly files: readonly FileFact[];
  readonly teacher: Role;
  readonly student: Role;
}

const BASE_FILES = ["config.json", "tokenizer.json", "tokenizer_config.json"];
const EXTRA_FILES = ["generation_config.json", "special_tokens_map.json", "chat_template.jinja"];
/** What an address without a listing is asked for. */
const CANDIDATES = [
  ...BASE_FILES,
  ...EXTRA_FILES,
  WEIGHTS_FILE,
  WEIGHTS_INDEX,
  ...Object.values(ONNX_FILES).flatMap((path) => [path, `${path}_data`]),
];

/** Two small requests to the host: the list of files, and config.json. */
export async function inspectRemote(
  source: RemoteSource,
  store: ModelStore,
  options: RequestOptions = {},
): Promise<Inspection> {
  const listing = await listRemote(source, CANDIDATES, options);
  if (!listing.files.some(({ path }) => path === "config.json"))
    throw new ModelError(
      "missing-file",
      `${keyOf(source)} has no config.json: it is not a model of Transformers.`,
    );
  const pinned = atCommit(source, listing.commit);
  const key = keyOf(pinned);
  const config = await readRemoteText(pinned, "config.json", options);
  const facts: FileFact[] = [];
  for (const file of listing.files)
    facts.push({ ...file, stored: (await store.file(key, file.path))?.bytes ?? 0 });
  return { ...judge({ ...listing, key }, facts, config), source: pinned };
}

const atCommit = (source: RemoteSource, commit: string | undefined): RemoteSource =>
  source.kind === "hub" && commit !== undefined ? { ...source, revision: commit } : source;

/** A folder that is here already: stored, dropped or on a disk. `files` are its paths and sizes. */
export async function inspectLocal(folder: ModelFiles, files: readonly RemoteFile[]): Promise<Inspection> {
  const config = new TextDecoder().decode(await folder.read("config.json"));
  const facts = files.map((file) => ({ ...file, stored: file.bytes ?? 0 }));
  return judge({ key: folder.id, files }, facts, config);
}

function judge({ key, commit }: Listing, files: readonly FileFact[], configText: string): Inspection {
  const json = asObject(parseJson(new TextEncoder().encode(configText)));
  return {
    key,
    ...(commit !== undefined && { commit }),
    modelType: typeof json["model_type"] === "string" ? json["model_type"] : "unknown",
    files,
    teacher: asRole(() => teacherChoices(json, files)),
    student: asRole(() => studentChoices(json, files)),
  };
}

function asRole(choices: () => Choice[]): Role {
  try {
    return { can: true, choices: choices() };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return { can: false, why: reason(error) };
  }
}

function teacherChoices(config: Record<string, unknown>, files: readonly FileFact[]): Choice[] {
  const type = config["model_type"];
  if (!isDecoder(type))
    throw refusal(`model_type is ${JSON.stringify(type)}; teachers are decoders: ${SUPPORTED_DECODERS}`);
  const base = baseFiles(files);
  const choices = Object.entries(ONNX_FILES).flatMap(([dtype, path]): Choice[] => {
    const graph = files.filter((file) => file.path === path || file.path.startsWith(`${path}_data`));
    if (!graph.some((file) => file.path === path) || !isDtype(dtype)) return [];
    const bytes = sum(graph);
    // The file and the session's own copy of its weights.
    return [{ dtype, ...needed([...base, ...graph]), memoryBytes: 2 * bytes }];
  });
  if (choices.length > 0) return choices;
  const merged = files.some(({ path }) => path.includes("decoder_model_merged"));
  throw refusal(
    merged
      ? "its ONNX file is a merged decoder of an older exporter; export it anew as one graph (onnx/model.onnx)"
      : "it has no ONNX file (onnx/model.onnx and its q4, q8 and fp16 forms); a teacher runs in ONNX Runtime",
  );
}

const isDtype = (text: string): text is OnnxDtype => Object.hasOwn(ONNX_FILES, text);

function studentChoices(json: Record<string, unknown>, files: readonly FileFact[]): Choice[] {
  const config = parseModelConfig(json);
  const parameters = [...expectedTensors(config).values()].reduce(
    (all, shape) => all + shape.reduce((n, dim) => n * dim, 1),
    0,
  );
  const weights = weightFiles(files);
  const inFull = 4 * parameters;
  return [{ ...needed([...baseFiles(files), ...weights]), memoryBytes: 4 * inFull }];
}

function weightFiles(files: readonly FileFact[]): FileFact[] {
  const named = (path: string): FileFact[] => files.filter((file) => file.path === path);
  if (named(WEIGHTS_FILE).length > 0) return named(WEIGHTS_FILE);
  const shards = files.filter(({ path }) => /^model-\d+-of-\d+\.safetensors$/.test(path));
  if (named(WEIGHTS_INDEX).length > 0 && shards.length > 0) return [...named(WEIGHTS_INDEX), ...shards];
  const graph = files.filter(({ path }) => path === ONNX_FILES.fp32);
  if (graph.length > 0) return graph;
  const quantized = files.some(({ path }) => /\.(gguf|bin|pt)$|_q4|quantized/.test(path));
  throw refusal(
    `it has no ${WEIGHTS_FILE} (nor shards, nor a full-precision ONNX file)` +
      (quantized ? "; what it has is quantized or in another format" : ""),
  );
}

function baseFiles(files: readonly FileFact[]): FileFact[] {
  const here = (path: string): FileFact | undefined => files.find((file) => file.path === path);
  const missing = BASE_FILES.filter((path) => !here(path));
  if (missing.length > 0) throw refusal(`it lacks ${missing.join(" and ")}`);
  return [...BASE_FILES, ...EXTRA_FILES].flatMap((path) => here(path) ?? []);
}

const sum = (files: readonly FileFact[]): number => files.reduce((all, { bytes = 0 }) => all + bytes, 0);

function needed(files: readonly FileFact[]): Pick<Choice, "files" | "bytes" | "missingBytes"> {
  const bytes = sum(files);
  const stored = files.reduce((all, file) => all + Math.min(file.stored, file.bytes ?? file.stored), 0);
  return { files, bytes, missingBytes: Math.max(0, bytes - stored) };
}

export interface Room {
  /** Bytes that the browser would still store (navigator.storage.estimate). */
  readonly storageBytes?: number;
  /** Bytes that models may take in memory. */
  readonly memoryBytes?: number;
}

/** Whether a choice fits; if not, what is short and by how much. */
export function fits(choice: Choice, room: Room): { fits: true } | { fits: false; why: string } {
  const { storageBytes = Infinity, memoryBytes = Infinity } = room;
  if (choice.missingBytes > storageBytes)
    return {
      fits: false,
      why: `${mega(choice.missingBytes)} are to come, and the browser stores ${mega(storageBytes)} more`,
    };
  if (choice.memoryBytes > memoryBytes)
    return {
      fits: false,
      why: `it takes about ${mega(choice.memoryBytes)} of memory, and there are ${mega(memoryBytes)}`,
    };
  return { fits: true };
}

const mega = (bytes: number): string => `${Math.round(bytes / 1e6).toLocaleString("en")} MB`;

const refusal = (why: string): ModelError => new ModelError("unsupported", why);
