// The library of models on this device, behind its protocol. It knows no worker: tests run it in Node over a store in
// memory and a host on localhost.
import {
  addWanted,
  checkTaps,
  checkTokenizer,
  download,
  type DownloadProgress,
  droppedFiles,
  fits,
  folderMark,
  type Inspection,
  inspectLocal,
  inspectRemote,
  keyOf,
  missingFiles,
  ModelError,
  type ModelFiles,
  modelFiles,
  type ModelRecord,
  type ModelStore,
  readRecord,
  type RemoteFile,
  type RemoteSource,
  type RequestOptions,
  STATE_LIMITS,
  type StateSets,
  type Role,
  type Room,
  type StoredModel,
  storedFiles,
  writeRecord,
} from "../models";
import { toFailure } from "./failures";
import type { LibraryCommand, LibraryEvent, LibraryModel, FitProblems } from "./library-protocol";

export interface LibraryDependencies {
  readonly store: ModelStore;
  /** What teachers computed. */
  readonly states: StateSets;
  /** The browser's estimate, where it gives one. */
  estimate(): Promise<{ usage?: number; quota?: number }>;
  /** Bytes that models may take in memory, where that is known. */
  readonly memoryBytes?: number;
  readonly request?: RequestOptions;
}

export interface Library {
  handle(command: LibraryCommand): Promise<void>;
}

export const createLibrary = (
  post: (event: LibraryEvent) => void,
  dependencies: LibraryDependencies,
): Library => new ModelLibrary(post, dependencies);

/** Lives as long as its worker; at most one transfer is running. */
class ModelLibrary implements Library {
  readonly #post: (event: LibraryEvent) => void;
  readonly #deps: LibraryDependencies;
  #running: AbortController | undefined;
  readonly #tokenizers: TokenizerChecks = new Map();

  constructor(post: (event: LibraryEvent) => void, dependencies: LibraryDependencies) {
    this.#post = post;
    this.#deps = dependencies;
  }

  async handle(command: LibraryCommand): Promise<void> {
    try {
      await this.#run(command);
    } catch (error) {
      this.#post({ type: "failed", command: command.type, failure: toFailure(error) });
    }
  }

  async #run(command: LibraryCommand): Promise<void> {
    const { store, states } = this.#deps;
    switch (command.type) {
      case "look-up":
        return this.#lookUp(command.source);
      case "download":
        return this.#download(command.source, command.files);
      case "stop":
        return this.#running?.abort();
      case "import":
        return this.#import(command.name, command.files);
      case "list":
        return this.#list();
      case "delete":
        this.#running?.abort();
        await store.delete(command.key);
        return this.#list();
      case "delete-states":
        await states.delete(command.key);
        return this.#listStates();
      case "list-states":
        return this.#listStates();
    }
    command satisfies never;
  }

  async #list(): Promise<void> {
    const { store, estimate } = this.#deps;
    const { usage, quota } = await estimate();
    const models = [];
    for (const model of await store.list()) models.push(await describe(store, model, this.#tokenizers));
    this.#post({
      type: "stored",
      models,
      ...(usage !== undefined && { usedBytes: usage }),
      ...(usage !== undefined && quota !== undefined && { freeBytes: quota - usage }),
    });
  }

  async #listStates(): Promise<void> {
    const sets = await this.#deps.states.list();
    this.#post({ type: "states", sets, maxBytes: STATE_LIMITS.maxBytes });
  }

  async #lookUp(source: RemoteSource): Promise<void> {
    const { store, request, estimate, memoryBytes } = this.#deps;
    const inspection = await inspectRemote(source, store, request ?? {});
    const room = roomOf(await estimate(), memoryBytes);
    this.#post({ type: "looked-up", inspection, fitProblems: fitProblemsOf(inspection, room) });
  }

  /** One transfer at a time: another one stops it. */
  async #transfer(key: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#running?.abort();
    const mine = new AbortController();
    this.#running = mine;
    let how: "downloaded" | "stopped" = "downloaded";
    try {
      await work(mine.signal);
    } catch (error) {
      if (!mine.signal.aborted) throw error;
      how = "stopped";
    } finally {
      if (this.#running === mine) this.#running = undefined;
      await this.#list(); // first: whoever reads that it is over, reads what is here
    }
    this.#post({ type: how, key });
  }

  #download(source: RemoteSource, files: readonly RemoteFile[]): Promise<void> {
    const { store, request } = this.#deps;
    const key = keyOf(source);
    return this.#transfer(key, async (signal) => {
      const before = await readRecord(store, key);
      const wanted = addWanted(before, files);
      const record: ModelRecord = { version: 1, source, wanted, taps: before?.taps ?? {} };
      await writeRecord(store, key, record);
      const onProgress = (progress: DownloadProgress) => this.#post({ type: "progress", key, progress });
      await download(source, files, store, onProgress, { ...request, signal });
      const taps = await checkTaps(store, key, record.taps);
      await writeRecord(store, key, { ...record, taps, mark: await storedMark(store, key) });
    });
  }

  /** Copies a dropped folder. */
  async #import(name: string, dropped: ReadonlyMap<string, Blob>): Promise<void> {
    const { store } = this.#deps;
    const { paths } = droppedFiles(name, dropped);
    if (!paths.has("config.json")) throw noModel(name, dropped);
    const key = `local:${name}@${await folderMark(paths)}`;
    const wanted = [...paths].map(([path, { size }]) => ({ path, bytes: size }));
    await this.#transfer(key, async (signal) => {
      await store.delete(key); // what an earlier drop left
      await writeRecord(store, key, { version: 1, wanted, taps: {} });
      await this.#copyAll(key, paths, signal);
      await writeRecord(store, key, { version: 1, wanted, taps: await checkTaps(store, key, {}) });
    });
  }

  async #copyAll(key: string, paths: ReadonlyMap<string, Blob>, signal: AbortSignal): Promise<void> {
    const total = [...paths.values()].reduce((sum, { size }) => sum + size, 0);
    let loaded = 0;
    for (const [path, blob] of paths) {
      const writer = await this.#deps.store.append(key, path, 0);
      let whole = false;
      try {
        const reader = blob.stream().getReader();
        for (let next = await reader.read(); !next.done; next = await reader.read()) {
          signal.throwIfAborted();
          await writer.write(next.value);
          loaded += next.value.length;
          this.#post({ type: "progress", key, progress: { path, loaded, total } });
        }
        whole = true;
      } finally {
        await writer.close(whole);
      }
    }
  }
}

const roomOf = ({ usage, quota }: { usage?: number; quota?: number }, memoryBytes?: number): Room => ({
  ...(usage !== undefined && quota !== undefined && { storageBytes: quota - usage }),
  ...(memoryBytes !== undefined && { memoryBytes }),
});

/** Of the files that are here. */
async function storedMark(store: ModelStore, key: string): Promise<string> {
  const model = (await store.list()).find((stored) => stored.key === key);
  const blobs = new Map<string, Blob>();
  for (const { path, whole } of model ? modelFiles(model) : []) {
    const blob = whole ? await store.open(key, path) : undefined;
    if (blob) blobs.set(path, blob);
  }
  return folderMark(blobs);
}

/** What building a tokenizer came to: a list is asked for often, and a large one takes seconds. */
type TokenizerChecks = Map<string, Promise<void>>;

async function describe(
  store: ModelStore,
  stored: StoredModel,
  checks: TokenizerChecks,
): Promise<LibraryModel> {
  const { key } = stored;
  const record = await readRecord(store, key);
  const files = modelFiles(stored);
  const missing = missingFiles(stored, record);
  const here = files.filter(({ whole }) => whole);
  const savedAt = Math.max(...files.map(({ modified = 0 }) => modified));
  const whole = missing.length === 0 && files.length > 0;
  const tokenizer = (folder: ModelFiles): Promise<void> => {
    const small = here.filter(({ path }) => path.endsWith(".json"));
    const stamp = JSON.stringify([key, small]);
    const check = checks.get(stamp) ?? checkTokenizer(folder);
    checks.set(stamp, check);
    return check;
  };
  const seen = whole
    ? await inspectLocal(storedFiles(store, key), here, tokenizer).catch(toFailure)
    : undefined;
  return {
    key,
    files,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    whole,
    missing,
    ...(savedAt > 0 && { savedAt }),
    ...(record?.source && { source: record.source }),
    ...(record?.mark !== undefined && { mark: record.mark }),
    ...(seen && "key" in seen && { inspection: withTaps(seen, record?.taps) }),
    ...(seen && "why" in seen && { broken: seen.why }),
  };
}

/** A graph without taps is no teacher, whatever its name says. */
function withTaps(seen: Inspection, taps: ModelRecord["taps"] = {}): Inspection {
  if (!seen.teacher.can) return seen;
  const refusal = (dtype: keyof typeof taps | undefined) => (dtype && taps[dtype]) || "";
  const choices = seen.teacher.choices.filter(({ dtype }) => refusal(dtype) === "");
  const [why] = seen.teacher.choices.map(({ dtype }) => refusal(dtype)).filter(Boolean);
  return { ...seen, teacher: choices.length > 0 ? { can: true, choices } : { can: false, why: why ?? "" } };
}

function fitProblemsOf({ teacher, student }: Inspection, room: Room): FitProblems {
  const of = (role: Role) =>
    role.can
      ? role.choices.map((choice) => {
          const fit = fits(choice, room);
          return fit.fits ? "" : fit.why;
        })
      : [];
  return { teacher: of(teacher), student: of(student) };
}

const noModel = (name: string, dropped: ReadonlyMap<string, Blob>): ModelError =>
  new ModelError(
    "missing-file",
    `${name} is not a model folder: there is no config.json among its ${dropped.size} files. Drop the whole folder of a Transformers model: config.json, tokenizer.json, tokenizer_config.json, and model.safetensors or onnx/model.onnx.`,
  );
