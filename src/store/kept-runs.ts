// Runs that outlive a visit: a folder each, named by the run's id. What was kept at one moment is a *generation* of three
// files: the checkpoint, the record (settings, numbers, plans), and last a small mark with the digests of both and of
// itself. A generation without its mark, or whose digests differ, does not exist: so weights of one step never stand
// beside numbers of another, whenever the tab was closed. The one before it stays, for when a bit flips on the disk.
import { messageOf } from "../base/errors";
import { KeepError, type KeptFolders } from "./kept-files";
import { pieceSha256, sha256 } from "../base/digest";
import { canonical } from "./draft";
import { decodeRecord, encodeRecord, type RunRecord } from "./run-record";

const TOP = "couplet-runs";
const NAME = "name.txt";
const MARK = ".mark.json";
/** Whole generations that stay of each run. */
const GENERATIONS = 2;

/** What a mark says of its run, so that a list needs to read nothing else. */
interface RunSummary {
  readonly step: number;
  readonly steps: number;
  readonly method: string;
  readonly seed: number;
  readonly teacher: string;
  readonly student: string;
  readonly rows: string;
  readonly loss: number | undefined;
  /** Time spent in its steps, in milliseconds. */
  readonly trainedMs: number;
}

export interface KeptRun extends RunSummary {
  readonly id: string;
  /** As a person called it. */
  readonly name: string | undefined;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly savedAt: number;
  /** On the disk, all its files together. */
  readonly bytes: number;
  /** Whether its weights are there: a run that was computed elsewhere is numbers and plans alone. */
  readonly weights: boolean;
}

/** A folder in which no generation is to be found. */
export interface LostRun {
  readonly id: string;
  readonly bytes: number;
}

interface FileFact {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

interface Mark extends RunSummary {
  readonly version: 1;
  readonly generation: number;
  readonly createdAt: number;
  readonly savedAt: number;
  readonly checkpoint: FileFact;
  readonly record: FileFact;
}

export interface Generation {
  readonly step: number;
  readonly savedAt: number;
  readonly checkpoint: Uint8Array;
  readonly record: RunRecord;
}

/** A generation that is there and cannot be used. */
export interface Damage {
  /** Undefined when it is the mark itself that cannot be read. */
  readonly step: number | undefined;
  readonly why: string;
}

export interface KeptRuns {
  list(): Promise<{ readonly runs: readonly KeptRun[]; readonly lost: readonly LostRun[] }>;
  /** @throws KeepError when it could not be written; what was kept before is whole. */
  write(id: string, createdAt: number, checkpoint: Uint8Array, record: RunRecord): Promise<KeptRun>;
  /** The newest whole generation, and those newer ones that are damaged. */
  read(id: string): Promise<{ readonly found: Generation | undefined; readonly damaged: readonly Damage[] }>;
  rename(id: string, name: string): Promise<void>;
  remove(id: string): Promise<void>;
}

export const newRunId = (): string =>
  `${Date.now().toString(36)}-${Math.floor(Math.random() * 36 ** 6)
    .toString(36)
    .padStart(6, "0")}`;

export const createKeptRuns = (files: KeptFolders): KeptRuns => new RunFolders(files);

/** Holds nothing but the way to the files: what is on the disk is read anew each time. */
class RunFolders implements KeptRuns {
  readonly #files: KeptFolders;

  constructor(files: KeptFolders) {
    this.#files = files;
  }

  async list(): ReturnType<KeptRuns["list"]> {
    const runs: KeptRun[] = [];
    const lost: LostRun[] = [];
    for (const { name: id, folder } of await this.#files.list(TOP)) {
      if (!folder) continue;
      const run = await this.#describe(id);
      if (run) runs.push(run);
      else lost.push({ id, bytes: (await this.#marksOf(id)).bytes });
    }
    return { runs: runs.sort((a, b) => b.savedAt - a.savedAt), lost };
  }

  async read(id: string): ReturnType<KeptRuns["read"]> {
    const damaged: Damage[] = [];
    const { marks, names } = await this.#marksOf(id);
    const known = new Set(marks.map(baseOf));
    const unreadable = names
      .filter((name) => name.endsWith(MARK) && !known.has(stemOf(name)))
      .map((name) => Number.parseInt(name, 10));
    const newest = Math.max(...marks.map(({ generation }) => generation), 0);
    if (unreadable.some((generation) => generation > newest))
      damaged.push({ step: undefined, why: "Its mark has changed since it was written." });
    for (const mark of marks) {
      try {
        return { found: await this.#load(id, mark), damaged };
      } catch (error) {
        damaged.push({ step: mark.step, why: messageOf(error) });
      }
    }
    return { found: undefined, damaged };
  }

  async rename(id: string, name: string): Promise<void> {
    const path = `${TOP}/${id}/${NAME}`;
    if (name.trim() === "") await this.#files.remove(path);
    else await this.#files.write(path, name.trim());
  }

  remove(id: string): Promise<void> {
    return this.#files.remove(`${TOP}/${id}`);
  }

  /** Marks that are what they say, newest first. */
  async #marksOf(id: string): Promise<{ marks: Mark[]; bytes: number; names: string[] }> {
    const entries = await this.#files.list(`${TOP}/${id}`);
    const marks: Mark[] = [];
    for (const { name } of entries) {
      if (!name.endsWith(MARK)) continue;
      const bytes = await this.#files.read(`${TOP}/${id}/${name}`);
      const mark = bytes && (await readMark(bytes));
      if (mark) marks.push(mark);
    }
    marks.sort((a, b) => b.generation - a.generation || b.savedAt - a.savedAt);
    return {
      marks,
      bytes: entries.reduce((sum, entry) => sum + entry.bytes, 0),
      names: entries.map(({ name }) => name),
    };
  }

  async #describe(id: string): Promise<KeptRun | undefined> {
    const { marks, bytes } = await this.#marksOf(id);
    const [newest] = marks;
    return newest && { ...summaryOf(newest), id, name: await nameOf(this.#files, id), bytes };
  }

  async #sweep(id: string, keep: readonly Mark[]): Promise<void> {
    for (const name of superseded(await this.#files.list(`${TOP}/${id}`), keep))
      await this.#files.remove(`${TOP}/${id}/${name}`);
  }

  async #put(id: string, base: string, checkpoint: Uint8Array, mark: Omit<Mark, "checkpoint">) {
    const path = `${base}.safetensors`;
    await this.#files.write(`${TOP}/${id}/${path}`, checkpoint);
    const fact = { path, bytes: checkpoint.length, sha256: await pieceSha256(checkpoint) };
    return { ...mark, checkpoint: fact } satisfies Mark;
  }

  async write(id: string, createdAt: number, checkpoint: Uint8Array, record: RunRecord): Promise<KeptRun> {
    const { marks, names } = await this.#marksOf(id);
    // After every one that is there, also those whose marks cannot be read.
    const generation = Math.max(0, ...names.map((name) => Number.parseInt(name, 10) || 0)) + 1;
    // Two tabs that write the same generation, should that ever be, do not write into one file.
    const base = `${generation}-${newRunId().split("-")[1]}`;
    const text = new TextEncoder().encode(encodeRecord(record));
    const recordFact = { path: `${base}.record.json`, bytes: text.length, sha256: await pieceSha256(text) };
    const savedAt = Date.now();
    const attempt = async () => {
      const started: Omit<Mark, "checkpoint"> = {
        ...{ version: 1, generation, createdAt: marks[0]?.createdAt ?? createdAt, savedAt },
        ...summarize(record),
        record: recordFact,
      };
      const mark = await this.#put(id, base, checkpoint, started);
      await this.#files.write(`${TOP}/${id}/${recordFact.path}`, text);
      await this.#files.write(`${TOP}/${id}/${base}${MARK}`, await sealedMark(mark));
      return mark;
    };
    let mark: Mark;
    try {
      mark = await attempt().catch(async (error: unknown) => {
        if (!(error instanceof KeepError) || error.reason !== "full") throw error;
        await this.#sweep(id, marks.slice(0, 1)); // room for one more, without touching the newest
        return attempt();
      });
    } catch (error) {
      await this.#sweep(id, marks.slice(0, GENERATIONS)).catch(() => undefined);
      throw error;
    }
    await this.#sweep(id, [mark, ...marks.slice(0, GENERATIONS - 1)]).catch(() => undefined); // by the next write, then
    const kept = await this.#describe(id);
    if (!kept) throw new KeepError("other", "What was written is not there: the storage was cleared.");
    return kept;
  }

  async #load(id: string, mark: Mark): Promise<Generation> {
    const part = async ({ path, bytes: size, sha256: digest }: FileFact, what: string) => {
      const bytes = await this.#files.read(`${TOP}/${id}/${path}`);
      if (!bytes) throw new Error(`Its ${what} is gone.`);
      if (bytes.length !== size) throw new Error(`Its ${what} has ${bytes.length} bytes of ${size}.`);
      if ((await pieceSha256(bytes)) !== digest)
        throw new Error(`Its ${what} has changed since it was written: the SHA-256 differs.`);
      return bytes;
    };
    const checkpoint = await part(mark.checkpoint, "checkpoint");
    const record = decodeRecord(new TextDecoder().decode(await part(mark.record, "record of numbers")));
    return { step: mark.step, savedAt: mark.savedAt, checkpoint, record };
  }
}

async function nameOf(files: KeptFolders, id: string): Promise<string | undefined> {
  const bytes = await files.read(`${TOP}/${id}/${NAME}`);
  return bytes && new TextDecoder().decode(bytes);
}

/**
 * What is older than all of these generations, and what a write that was cut off has left. One that is as new as these
 * stays even when its mark could not be read just now: it may be whole, and the next write but one takes it away.
 */
function superseded(
  entries: readonly { readonly name: string; readonly bytes: number }[],
  keep: readonly Mark[],
): string[] {
  const kept = new Set(keep.map(baseOf));
  const oldest = Math.min(...keep.map(({ generation }) => generation));
  const marks = entries.filter(({ name, bytes }) => name.endsWith(MARK) && bytes > 0);
  const recent = (stem: string) => keep.length === 0 || Number.parseInt(stem, 10) >= oldest;
  const stays = new Set([...kept, ...marks.map(({ name }) => stemOf(name)).filter(recent)]);
  return entries.map(({ name }) => name).filter((name) => name !== NAME && !stays.has(stemOf(name)));
}

/** "3-x1y2z3" of "3-x1y2z3.mark.json". */
const stemOf = (name: string): string => name.split(".")[0] ?? "";
const baseOf = ({ record }: Mark): string => stemOf(record.path);

function summarize({ step, steps: records, config }: RunRecord): RunSummary {
  return {
    ...{ step, steps: config.steps, method: config.method.id, seed: config.seed },
    ...{ teacher: config.teacher, student: config.student, rows: config.data.source },
    loss: records.at(-1)?.loss,
    trainedMs: records.reduce((sum, { ms }) => sum + ms, 0),
  };
}

function summaryOf(mark: Mark): RunSummary & Pick<KeptRun, "createdAt" | "savedAt" | "weights"> {
  const { step, steps, method, seed, teacher, student, rows, loss, trainedMs, createdAt, savedAt } = mark;
  const weights = mark.checkpoint.bytes > 0;
  return { step, steps, method, seed, teacher, student, rows, loss, trainedMs, createdAt, savedAt, weights };
}

async function sealedMark(mark: Mark): Promise<string> {
  const plain = JSON.parse(JSON.stringify(mark)) as Mark; // as it will be read: what is undefined is not there
  return JSON.stringify({ ...plain, sha256: await sha256(canonical(plain)) });
}

/** Undefined when it is cut off or a bit of it has changed. */
async function readMark(bytes: Uint8Array): Promise<Mark | undefined> {
  try {
    const { sha256: said, ...mark } = JSON.parse(new TextDecoder().decode(bytes)) as Mark & {
      readonly sha256: string;
    };
    return said === (await sha256(canonical(mark))) ? mark : undefined;
  } catch {
    return undefined;
  }
}
