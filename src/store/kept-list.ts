// The list of kept runs: what there is, what it is called, what goes; and a run looked at without the engine.
import type { StoreApi } from "zustand/vanilla";
import { messageOf } from "../base/errors";
import { parseRunConfig, type RunConfig } from "../config/run";
import type { EvaluationRecord, StepRecord } from "../telemetry";
import type { RunHistory } from "./history";
import type { Keeping } from "./keeping";
import { KeepError, type KeptFolders } from "./kept-files";
import { beyondLimits } from "./kept-limits";
import { createLook } from "./kept-look";
import { type Generation, type KeptRuns, newRunId } from "./kept-runs";
import type { RunLocks } from "./run-locks";
import type { RunRecord } from "./run-record";
import type { AppState } from "./state";

export interface KeptList {
  find(): Promise<void>;
  refresh(): Promise<void>;
  /** What is beyond the limits goes, and is told of. */
  trim(): Promise<void>;
  rename(id: string, name: string): Promise<void>;
  remove(id: string): Promise<void>;
  /** Show its numbers, plans and answers in the place of the recorded run. No engine is needed. */
  look(id: string): Promise<boolean>;
  /** The recorded run is shown again. */
  lookAway(): void;
  /** Put the present word about kept runs away. */
  dismiss(): void;
  /** Folders in which nothing whole is left. */
  removeLost(): Promise<void>;
  /** @throws Error when no whole generation is there. */
  recordOf(id: string): Promise<RunRecord>;
  /** @throws Error as above. */
  checkpointOf(id: string): Promise<Uint8Array>;
  /** Reading went wrong: what is kept cannot be seen. */
  tell(error: unknown): void;
}

interface ListParts {
  readonly store: StoreApi<AppState>;
  readonly runs: KeptRuns | undefined;
  readonly files: KeptFolders | undefined;
  readonly locks: RunLocks;
  /** The numbers of the recorded run, or of what is looked at in its place. */
  readonly recorded: RunHistory;
  /** The run of this tab. */
  readonly here: () => string | undefined;
  readonly report: (error: unknown) => void;
}

/** After a reload the page before it may hold its lock for a moment. */
const UNLOADING_MS = 1500;

export const createKeptList = (parts: ListParts): KeptList => new List(parts);

/** Lives as long as the page. The list itself is in the store, under `keeping`. */
class List implements KeptList {
  readonly #parts: ListParts;
  readonly look: KeptList["look"];
  readonly lookAway: KeptList["lookAway"];

  constructor(parts: ListParts) {
    this.#parts = parts;
    const { store, recorded, locks } = parts;
    const know = (change: Partial<Keeping>) => this.#know(change);
    const { look, lookAway } = createLook({ store, recorded, know, whole: (id) => this.#whole(id) });
    this.look = look;
    this.lookAway = lookAway;
    locks.onChange(() => void this.refresh());
  }

  tell = (error: unknown): void => {
    if (error instanceof KeepError && error.reason === "denied") this.#parts.report(error);
    else this.#know({ trouble: messageOf(error) });
  };

  refresh = async (): Promise<void> => {
    const { runs, locks, here } = this.#parts;
    if (!runs) return this.#know({ runs: [] });
    try {
      const [{ runs: found, lost }, elsewhere] = await Promise.all([runs.list(), locks.elsewhere()]);
      const where = (id: string) =>
        id === here() ? "here" : elsewhere.has(id) ? ("elsewhere" as const) : ("nowhere" as const);
      this.#know({
        runs: found.map((run) => ({ ...run, where: where(run.id) })),
        // A first write that another tab is in the middle of looks like one that was cut off.
        lost: lost.filter(({ id }) => id !== here() && !elsewhere.has(id)),
      });
    } catch (error) {
      this.#know({ runs: [] });
      this.tell(error);
    }
  };

  find = async (): Promise<void> => {
    const { files, runs, store } = this.#parts;
    try {
      if (files && runs) await adopt(files, runs);
    } catch (error) {
      this.tell(error);
    }
    const open = await this.#unfinished();
    if (!open || open.where === "here") return;
    const { id, step, steps, method, seed, savedAt } = open;
    store.setState({ lastSession: { id, step, steps, method, seed, savedAt } });
  };

  /** The newest run that is not at its end; one that no other tab has, where there is one. */
  async #unfinished() {
    const unfinished = async () => {
      await this.refresh();
      const runs = this.#parts.store.getState().keeping.runs ?? [];
      return runs.filter(({ step, steps, weights }) => weights && step < steps);
    };
    let found = await unfinished();
    if (found[0]?.where === "elsewhere") {
      await new Promise((resolve) => setTimeout(resolve, UNLOADING_MS));
      found = await unfinished();
    }
    return found[0]?.where === "elsewhere" ? found.find(({ where }) => where === "nowhere") : found[0];
  }

  trim = async (): Promise<void> => {
    const { store, locks } = this.#parts;
    await this.refresh();
    const all = store.getState().keeping.runs ?? [];
    const safe = new Set(all.filter(({ where }) => where !== "nowhere").map(({ id }) => id));
    const gone = beyondLimits(all, safe, Date.now());
    if (gone.length === 0) return;
    const went = [];
    for (const one of gone) if (await this.#removeFree(one.run.id).catch(() => false)) went.push(one);
    if (went.length === 0) return;
    this.#know({ letGo: [...store.getState().keeping.letGo, ...went] });
    locks.changed();
    await this.refresh();
  };

  rename = async (id: string, name: string): Promise<void> => {
    const { runs, locks } = this.#parts;
    await runs?.rename(id, name).catch(this.tell);
    locks.changed();
    await this.refresh();
  };

  remove = async (id: string): Promise<void> => {
    const { store, locks } = this.#parts;
    const gone = await this.#removeFree(id).catch(this.tell);
    if (gone) {
      if (store.getState().keeping.looking === id) this.lookAway();
      store.setState(({ lastSession }) => (lastSession?.id === id ? { lastSession: undefined } : {}));
      locks.changed();
    } else if (gone === false) this.#know({ busy: id });
    await this.refresh();
  };

  removeLost = async (): Promise<void> => {
    for (const { id } of this.#parts.store.getState().keeping.lost)
      await this.#removeFree(id).catch(this.tell);
    await this.refresh();
  };

  dismiss = (): void => this.#know({ damage: undefined, busy: undefined, trouble: undefined, letGo: [] });

  recordOf = async (id: string): Promise<RunRecord> => (await this.#whole(id)).record;
  checkpointOf = async (id: string): Promise<Uint8Array> => (await this.#whole(id)).checkpoint;

  #know(change: Partial<Keeping>): void {
    this.#parts.store.setState(({ keeping }) => ({ keeping: { ...keeping, ...change } }));
  }

  async #whole(id: string): Promise<Generation> {
    const found = (await this.#parts.runs?.read(id))?.found;
    if (!found) throw new Error("None of its checkpoints is whole any more.");
    return found;
  }

  /** False where another tab has it. */
  async #removeFree(id: string): Promise<boolean> {
    const { runs, locks, here } = this.#parts;
    const mine = id === here();
    if (!mine && !(await locks.take(id, () => undefined))) return false;
    try {
      await runs?.remove(id);
    } finally {
      if (!mine) locks.release(id);
    }
    return true;
  }
}

/** A run that an earlier version of the page kept, in its one slot of two files. */
const OLD = { checkpoint: "last-run.safetensors", numbers: "last-run.json" };

/**
 * Takes the old slot into the list. Nothing said there that its two files belong together: the checkpoint says its own
 * step, and numbers beyond it are left out.
 */
async function adopt(files: KeptFolders, runs: KeptRuns): Promise<void> {
  const [checkpoint, numbers] = [await files.read(OLD.checkpoint), await files.read(OLD.numbers)];
  if (!checkpoint) return files.remove(OLD.numbers);
  const facts = oldFacts(checkpoint);
  if (facts) {
    const kept = numbers && oldNumbers(numbers);
    const steps = (kept?.steps ?? []).filter(({ step }) => step <= facts.step);
    const evaluations = (kept?.evaluations ?? []).filter(({ step }) => step <= facts.step);
    const record: RunRecord = { ...facts, steps, evaluations, plans: [], answers: undefined };
    await runs.write(newRunId(), kept?.savedAt ?? Date.now(), checkpoint, record);
  }
  await files.remove(OLD.numbers);
  await files.remove(OLD.checkpoint);
  if (!facts) throw new Error("The run of an earlier visit is gone: its checkpoint's header is damaged.");
}

/** Step and config of a checkpoint's header; undefined when it cannot be read. */
function oldFacts(bytes: Uint8Array): { step: number; config: RunConfig } | undefined {
  try {
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as {
      readonly __metadata__: { readonly step: string; readonly config: string };
    };
    const { step, config } = header.__metadata__;
    return { step: Number(step), config: parseRunConfig(JSON.parse(config)) };
  } catch {
    return undefined;
  }
}

interface OldNumbers {
  readonly savedAt: number;
  readonly steps: readonly StepRecord[];
  readonly evaluations: readonly EvaluationRecord[];
}

function oldNumbers(bytes: Uint8Array): OldNumbers | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as OldNumbers;
  } catch {
    return undefined;
  }
}
