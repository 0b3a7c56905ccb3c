// What a model is good for, told from its small files and the sizes of the large ones, before any of these is read:
// teacher (a decoder with an ONNX file, or with weights to make one from), student (a family we train, with
// full-precision weights), or why not. A folder that is here is looked at by the very functions that open it.

import { loadModelConfig } from "../families/config";
import { asObject } from "../families/config-fields";
import { ModelError, withFile } from "../errors";
import { messageOf } from "../../base/errors";
import { memoryFiles, type ModelFiles, parseJson, readJson } from "../files/files";
import { decoderOf, SUPPORTED_DECODERS } from "../teacher/decoders";
import {
  keyOf,
  listRemote,
  readRemote,
  type RemoteFile,
  type RemoteSource,
  type RequestOptions,
  sizeAt,
} from "./hub-client";
import type { ModelStore } from "./model-store";
import { ONNX_FILES, type OnnxDtype } from "../teacher/session";
import { WEIGHTS_FILE, WEIGHTS_INDEX, weightFiles } from "../student/student-files";
import { checkStudentFiles, expectedTensors } from "../student/student-weights";
import { dataFiles, readOutline } from "../onnx/parameters";
import { checkTeacherFiles, type TeacherFiles } from "../teacher/teacher-files";
import { checkTokenizer } from "../tokenizer/tokenizer";

export interface FileFact extends RemoteFile {
  /** Bytes that are on this device already. */
  readonly stored: number;
}

/** One way to load a model in a role. */
export interface Choice {
  /** Of a teacher: how its weights are stored. */
  readonly dtype?: OnnxDtype;
  /** Of a teacher: the folder has no graph, and one is made from its weights when it is opened. */
  readonly made?: boolean;
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
  ...Object.values(ONNX_FILES).flatMap((path) => [path, `${path}_data`, `${path}.data`]),
];
/** A graph up to this size is looked through on its host: it may name weights in files of any name. */
const SMALL_GRAPH = 8e6;
/** No file that is needed is so small, but what stands for one may be: a pointer of Git LFS. */
const SUSPICIOUS_BYTES = 1000;

/** A folder to be judged: which files a role reads, or a ModelError that says why it cannot be played. */
interface Looked {
  readonly files: ModelFiles;
  /** Grows as files are asked for, where there is no listing. */
  readonly facts: readonly FileFact[];
  teacher(dtype: OnnxDtype): Promise<TeacherFiles>;
  student(): Promise<readonly string[]>;
  /** Whether texts can be read for it; absent where tokenizer.json is still to come. */
  readonly tokenizer?: () => Promise<void>;
}

/** Two small requests to the host: the list of files, and config.json; and where weights have names of their own, the graph. */
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
  const looked = await lookRemotely(pinned, listing.files, store, options);
  const { commit } = listing;
  return { ...(await judge(key, looked)), ...(commit !== undefined && { commit }), source: pinned };
}

const atCommit = (source: RemoteSource, commit: string | undefined): RemoteSource =>
  source.kind === "hub" && commit !== undefined ? { ...source, revision: commit } : source;

/**
 * A folder that is here already: stored, dropped or on a disk.
 *
 * @param listed its paths and sizes
 * @param tokenizer builds its tokenizer, where somebody has a better way: it takes a second for each 10 MB
 */
export async function inspectLocal(
  folder: ModelFiles,
  listed: readonly RemoteFile[],
  tokenizer: (files: ModelFiles) => Promise<void> = checkTokenizer,
): Promise<Inspection> {
  const facts = listed.map((file) => ({ ...file, stored: file.bytes ?? 0 }));
  const paths = new Set(listed.map(({ path }) => path));
  const files = { ...folder, has: async (path: string) => paths.has(path) };
  let built: Promise<void> | undefined; // once for both roles
  return judge(folder.id, {
    files,
    facts,
    tokenizer: () => (built ??= tokenizer(files)),
    teacher: (dtype) => checkTeacherFiles(files, dtype),
    student: async () => checkStudentFiles(files, await loadModelConfig(files)),
  });
}

async function lookRemotely(
  source: RemoteSource,
  listed: readonly RemoteFile[],
  store: ModelStore,
  options: RequestOptions,
): Promise<Looked> {
  const key = keyOf(source);
  const facts: FileFact[] = [];
  const add = async (file: RemoteFile): Promise<void> =>
    void facts.push({ ...file, stored: (await store.file(key, file.path))?.bytes ?? 0 });
  for (const file of listed) await add(file);
  const read = new Map<string, Promise<Uint8Array>>();
  const known = (path: string): FileFact | undefined => facts.find((file) => file.path === path);
  const files: ModelFiles = {
    id: key,
    async read(path) {
      const bytes = read.get(path) ?? readRemote(source, path, options);
      read.set(path, bytes);
      return bytes;
    },
    async has(path) {
      if (known(path) || source.kind === "hub" || CANDIDATES.includes(path)) return known(path) !== undefined;
      const found = await sizeAt(source, path, options);
      if (found) await add(found);
      return found !== undefined;
    },
  };
  const listing = source.kind === "hub";
  const weights = async (): Promise<readonly string[]> => {
    const { paths } = await weightFiles(files);
    for (const path of paths) await files.has(path); // asks an address for it
    return withData(files, facts, paths, listing);
  };
  return {
    files,
    facts,
    student: weights,
    async teacher(dtype) {
      const graph = ONNX_FILES[dtype];
      if (known(graph)) return { made: false, paths: await withData(files, facts, [graph], listing) };
      return { made: true, paths: await weights() };
    },
  };
}

/**
 * The files with those that a graph among them keeps weights in.
 *
 * @param listing whether `facts` are all that there is
 */
async function withData(
  files: ModelFiles,
  facts: readonly FileFact[],
  paths: readonly string[],
  listing: boolean,
): Promise<readonly string[]> {
  const [graph = ""] = paths;
  if (!graph.endsWith(".onnx")) return paths;
  const folder = graph.slice(0, graph.lastIndexOf("/") + 1);
  const others = facts.filter(({ path }) => path.startsWith(folder) && !/\.(onnx|json|txt|md)$/.test(path));
  const dataOf = (of: string) =>
    others.filter(({ path }) => path.startsWith(`${of}_data`) || path.startsWith(`${of}.data`));
  const named = dataOf(graph);
  const taken = new Set(Object.values(ONNX_FILES).flatMap(dataOf));
  const unnamed = others.filter((file) => !taken.has(file));
  const bytes = facts.find(({ path }) => path === graph)?.bytes ?? Infinity;
  if (named.length > 0 && unnamed.length === 0) return [graph, ...named.map(({ path }) => path)];
  if (listing && unnamed.length === 0) return [graph];
  if (bytes > SMALL_GRAPH) return [graph, ...[...named, ...unnamed].map(({ path }) => path)];
  const whole = memoryFiles(files.id, new Map([[graph, await files.read(graph)]]));
  return [graph, ...(await dataFiles(files, graph, await readOutline(whole, graph)))];
}

async function judge(key: string, looked: Looked): Promise<Inspection> {
  const { files, facts } = looked;
  const config = await files.read("config.json");
  const json = withFile("config.json", () => asObject(parseJson(config)));
  return {
    key,
    modelType: typeof json["model_type"] === "string" ? json["model_type"] : "unknown",
    teacher: await asRole(() => teacherChoices(json, looked)),
    student: await asRole(() => studentChoices(looked)),
    files: facts,
  };
}

async function asRole(choices: () => Promise<Choice[]>): Promise<Role> {
  try {
    return { can: true, choices: await choices() };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return { can: false, why: messageOf(error) };
  }
}

async function teacherChoices(config: Record<string, unknown>, looked: Looked): Promise<Choice[]> {
  const type = config["model_type"];
  if (!decoderOf(type))
    throw refusal(`model_type is ${JSON.stringify(type)}; teachers are decoders: ${SUPPORTED_DECODERS}`);
  const base = await baseFiles(looked);
  await looked.tokenizer?.();
  const choices: Choice[] = [];
  let why: ModelError | undefined;
  for (const dtype of Object.keys(ONNX_FILES).filter(isDtype)) {
    if (dtype !== "fp32" && !looked.facts.some(({ path }) => path === ONNX_FILES[dtype])) continue;
    try {
      const { made, paths } = await looked.teacher(dtype);
      const graph = factsOf(looked, paths);
      // The file and the session's own copy of its weights.
      const memoryBytes = made ? 2 * (await f32Bytes(looked)) : 2 * sum(graph);
      choices.push({ dtype, ...(made && { made }), ...needed([...base, ...graph]), memoryBytes });
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      why ??= error;
    }
  }
  if (choices.length > 0) return choices;
  throw withoutGraph(looked) ?? why ?? refusal("it has no ONNX file");
}

/** What is more to the point than that a file is not there. */
function withoutGraph({ facts }: Looked): ModelError | undefined {
  if (facts.some(({ path }) => Object.values(ONNX_FILES).includes(path))) return undefined;
  if (facts.some(({ path }) => path === WEIGHTS_FILE || path === WEIGHTS_INDEX)) return undefined;
  if (facts.some(({ path }) => path.includes("decoder_model_merged")))
    return refusal(
      "its ONNX file is a merged decoder of an older exporter; export it anew as one graph (onnx/model.onnx)",
    );
  return refusal(
    "it has no ONNX file (onnx/model.onnx and its q4, q8 and fp16 forms), and no weights to make one from; a teacher runs in ONNX Runtime",
  );
}

const isDtype = (text: string): text is OnnxDtype => Object.hasOwn(ONNX_FILES, text);

async function studentChoices(looked: Looked): Promise<Choice[]> {
  const inFull = await f32Bytes(looked);
  const base = await baseFiles(looked);
  await looked.tokenizer?.();
  try {
    const weights = factsOf(looked, await looked.student());
    return [{ ...needed([...base, ...weights]), memoryBytes: 4 * inFull }];
  } catch (error) {
    const none = error instanceof ModelError && error.file === WEIGHTS_FILE && error.code === "missing-file";
    if (!none) throw error;
    const quantized = looked.facts.some(({ path }) => /\.(gguf|bin|pt)$|_q4|quantized/.test(path));
    throw refusal(
      `it has no ${WEIGHTS_FILE} (nor shards, nor a full-precision ONNX file)` +
        (quantized ? "; what it has is quantized or in another format" : ""),
    );
  }
}

/** Of a student's weights, in f32. */
async function f32Bytes({ files }: Looked): Promise<number> {
  const shapes = expectedTensors(await loadModelConfig(files)).values();
  return [...shapes].reduce((all, shape) => all + 4 * shape.reduce((n, dim) => n * dim, 1), 0);
}

async function baseFiles({ files, facts }: Looked): Promise<FileFact[]> {
  const here = (path: string): FileFact | undefined => facts.find((file) => file.path === path);
  const missing = BASE_FILES.filter((path) => !here(path));
  if (missing.length > 0) throw refusal(`it lacks ${missing.map(withUse).join(" and ")}`);
  for (const path of BASE_FILES)
    if ((here(path)?.stored ?? 0) > 0 && (here(path)?.bytes ?? Infinity) < SUSPICIOUS_BYTES)
      await readJson(files, path);
  return [...BASE_FILES, ...EXTRA_FILES].flatMap((path) => here(path) ?? []);
}

const withUse = (path: string): string =>
  path === "tokenizer_config.json"
    ? `${path} (it names the token that ends a text; \`tokenizer.save_pretrained\` writes it)`
    : path;

const factsOf = ({ facts }: Looked, paths: readonly string[]): FileFact[] =>
  paths.map((path) => {
    const fact = facts.find((file) => file.path === path);
    if (!fact) throw refusal(`it lacks ${path}`);
    return fact;
  });

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
