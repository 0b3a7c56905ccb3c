// A run survives the tab: it has an id, and its weights and numbers are kept together whenever it stops, every half a
// minute while it goes, and before another one takes its place. The next visit lists it and goes on with it.
import type { StoreApi } from "zustand/vanilla";
import type { EngineClient, EngineEvent } from "../client";
import type { RunConfig } from "../config/run";
import type { PlanRecord } from "../telemetry";
import type { RunHistory } from "./history";
import { KEEP_MS, type Keeping } from "./keeping";
import { KeepError, type KeptFolders } from "./kept-files";
import { createKeptList, type KeptList } from "./kept-list";
import { createKeptRuns, type Generation, newRunId } from "./kept-runs";
import { onceById } from "./once-by-id";
import { noLocks, type RunLocks } from "./run-locks";
import { recordOf, type RunRecord } from "./run-record";
import type { AppState } from "./state";

/** Writing takes at most this share of a run's time: larger ones are kept less often. */
const MOST_SHARE = 1 / 8;
/** Fast runs reach `checkpoints.everySteps` many times a second. */
const LEAST_MS = 2000;
/** What writing failed for is held in memory up to this size, against a worker that dies. */
const MOST_HELD = 512 * 2 ** 20;

/** What can be done with one kept run. */
export type KeptActions = Pick<
  KeptList,
  | "rename"
  | "remove"
  | "removeLost"
  | "look"
  | "lookAway"
  | "dismiss"
  | "refresh"
  | "recordOf"
  | "checkpointOf"
>;

/** `older`: the generation before, where the last is damaged; `takeOver`: from another tab. */
interface Resuming {
  readonly older?: boolean;
  readonly takeOver?: boolean;
}

export interface Session extends KeptActions {
  /** Look for runs of earlier visits. */
  find(): Promise<void>;
  /**
   * Go on with a kept run, the one that is offered unless said. One that another tab has open is not taken, and one
   * whose newest checkpoint is damaged is not begun: `keeping.busy` and `keeping.damage` then say so.
   */
  resume(id?: string, how?: Resuming): Promise<boolean>;
  /** After the engine was started anew: the live run as it was last kept. False when it was never kept. */
  bringBack(): Promise<boolean>;
  /** The next load is of the run that is here, not of a new one. */
  expectSame(): void;
  /** Before another run takes its place: what is not kept yet, is. */
  leave(): void;
  /** Keep it now, as the page may be going; true when something would be lost. */
  leaving(): boolean;
  /** A run that another tab took goes on here as one of its own. */
  keepAsOwn(): void;
  /** Done once the run stands where it is being brought back to, at once when it is not. */
  afterwards(work: () => void): void;
  /** Hand the next checkpoint to the downloads. */
  saveCheckpoint(): void;
  openCheckpoint(bytes: Uint8Array): void;
  hear(event: EngineEvent): void;
}

export interface SessionParts {
  readonly store: StoreApi<AppState>;
  readonly engine: EngineClient;
  readonly live: RunHistory;
  readonly recorded: RunHistory;
  readonly files: KeptFolders | undefined;
  readonly locks?: RunLocks | undefined;
}

interface Identity {
  readonly id: string;
  readonly createdAt: number;
  keptStep: number;
}

export function createSession(parts: SessionParts): Session {
  const { store, engine, live, files, locks = noLocks() } = parts;
  const runs = files && createKeptRuns(files);
  let current: Identity | undefined;
  /** A checkpoint that was asked for and has not come. */
  let asked: { readonly id: string } | undefined;
  let askedAgain = false;
  let askedStep = 0;
  let askedAt = Number.NEGATIVE_INFINITY;
  let leastMs = LEAST_MS;
  /** Of kept runs: one write after the other. */
  let writing: Promise<void> = Promise.resolve();
  let writes = 0;
  /** The present run is kept no more: another tab took it. */
  let nobodys = false;
  let sameRun = false;
  let restoring: { readonly id: string; readonly record: RunRecord } | undefined;
  let comingBack = false;
  let waiting: (() => void)[] = [];
  let wanted = false;
  let givingUp: string | undefined;
  let held: { readonly id: string; readonly generation: Generation } | undefined;

  const know = (change: Partial<Keeping>) =>
    store.setState(({ keeping }) => ({ keeping: { ...keeping, ...change } }));
  const publish = () => know({ current: current && { id: current.id, keptStep: current.keptStep } });
  const report = (error: unknown) =>
    store.setState({
      keepIssue: {
        reason: error instanceof KeepError ? error.reason : "other",
        detail: error instanceof Error ? error.message : String(error),
      },
    });
  const list = createKeptList({
    ...{ store, runs, files, locks, recorded: parts.recorded, report },
    here: () => current?.id,
  });
  const tell = list.tell;

  /** A run begins, or nothing is here: whoever was, is free. */
  function begin(next?: Identity): void {
    const before = current;
    current = next;
    nobodys = false;
    askedStep = next?.keptStep ?? 0;
    askedAt = performance.now();
    if (before && before.id !== next?.id)
      writing = writing.then(() => {
        if (current?.id !== before.id) locks.release(before.id);
      });
    publish();
    void list.refresh();
  }

  function stolen(id: string): void {
    if (current?.id !== id) return;
    const step = standsAt();
    current = undefined;
    nobodys = true;
    engine.send({ type: "pause" });
    know({ taken: { id, step }, current: undefined });
    void list.refresh();
  }

  locks.onAsked((id) => {
    if (current?.id !== id) return locks.release(id);
    givingUp = id;
    engine.send({ type: "pause" });
    if (unkept() > 0) ask();
    else giveUp();
  });

  /** What another tab asked for is kept: it may have it. */
  function giveUp(): void {
    const id = givingUp;
    givingUp = undefined;
    if (id === undefined) return;
    stolen(id);
    locks.release(id);
  }

  /** The state follows a quarter of a second behind. */
  const standsAt = () => live.last?.step ?? store.getState().run.step;

  /** Steps that would be lost with the tab. */
  function unkept(): number {
    const { run } = store.getState();
    if (run.facts === undefined || run.status === "loading") return 0;
    return Math.max(0, standsAt() - (current?.keptStep ?? 0));
  }

  function ask(): void {
    if (!runs || nobodys) return;
    if (asked) {
      askedAgain = true;
      return;
    }
    current ??= { id: newRunId(), createdAt: Date.now(), keptStep: 0 };
    asked = { id: current.id };
    askedAgain = false;
    askedAt = performance.now();
    askedStep = standsAt();
    engine.send({ type: "checkpoint", tag: current.id });
  }

  async function keep(id: string, createdAt: number, bytes: Uint8Array, record: RunRecord): Promise<void> {
    if (!runs) return;
    const started = performance.now();
    try {
      if (!(await locks.take(id, () => stolen(id))))
        throw new KeepError("other", "Another tab has this run open.");
      await runs.write(id, createdAt, bytes, record);
      held = undefined;
      if (current?.id === id) current.keptStep = Math.max(current.keptStep, record.step);
      const affordable = (performance.now() - started) / MOST_SHARE;
      leastMs = Math.max(LEAST_MS, affordable);
      const everyMs = Math.max(KEEP_MS, affordable);
      store.setState(({ keeping }) => ({ keepIssue: undefined, keeping: { ...keeping, everyMs } }));
      publish();
      locks.changed();
      await list.trim();
    } catch (error) {
      const generation = { step: record.step, savedAt: Date.now(), checkpoint: bytes, record };
      if (bytes.length <= MOST_HELD) held = { id, generation };
      report(error);
    }
    if (givingUp === id) giveUp();
  }

  function onCheckpoint(event: Extract<EngineEvent, { type: "checkpoint" }>): void {
    const id = event.tag ?? (wanted ? undefined : asked?.id);
    if (id === undefined) {
      if (wanted) store.setState({ exported: { name: event.name, zip: event.checkpoint } });
      wanted = false;
      return;
    }
    if (asked?.id === id) asked = undefined;
    const { run } = store.getState();
    const config: RunConfig | undefined = event.config ?? run.config;
    if (!config) return;
    const record = recordOf(run, live, event.step, config);
    const createdAt = current?.id === id ? current.createdAt : Date.now();
    writes++;
    writing = writing.then(() => keep(id, createdAt, event.checkpoint, record)).finally(() => writes--);
    if (askedAgain && standsAt() > event.step) ask();
  }

  function onSteps(step: number, ms: number): void {
    const { run, keeping } = store.getState();
    const every = run.config?.checkpoints.everySteps ?? 0;
    const since = performance.now() - askedAt;
    const first = askedStep === 0;
    const bySteps = every > 0 && step >= askedStep + every && (first || since >= leastMs);
    if (!asked && writes === 0 && (bySteps || since + ms >= keeping.everyMs)) ask();
  }

  function onStatus({ status, step }: Extract<EngineEvent, { type: "status" }>): void {
    if (status === "loading") {
      if (!sameRun && !restoring) begin();
      return;
    }
    if (restoring) return; // until it stands where it should
    const stands = status === "ready" || status === "paused" || status === "finished";
    if (stands && sameRun) {
      sameRun = false;
      if (current && current.keptStep > step) void bringBack();
      return;
    }
    // Reset: another run from here. The one before is kept, or on its way there.
    const begun = current && (current.keptStep > 0 || asked || writes > 0);
    if (status === "ready" && step === 0 && begun) return begin();
    if (status === "running" && askedStep === 0) askedAt = performance.now();
    const bad = status === "failed" && failureOf(store.getState()) === "not-finite";
    const stopped = status === "paused" || status === "finished" || bad;
    if (stopped && step > 0 && step !== current?.keptStep && step !== askedStep) ask();
  }

  /** The numbers come back with the weights. */
  function onRestored(step: number): void {
    const from = restoring;
    restoring = undefined;
    sameRun = false;
    if (!from) return begin(); // a file's: a run of its own
    const { record, id } = from;
    live.push(record.steps);
    for (const evaluation of record.evaluations) live.pushEvaluation(evaluation);
    const pastPlans: Record<string, PlanRecord[]> = {};
    for (const plan of record.plans) (pastPlans[plan.layer] ??= []).push(plan);
    store.setState(({ run }) => ({
      run: {
        ...run,
        ...{ step, last: live.last, evaluation: live.evaluations.at(-1), answers: record.answers },
        pastPlans,
      },
    }));
    begin({ id, createdAt: Date.now(), keptStep: record.step });
    comingBack = false;
    for (const work of waiting.splice(0)) setTimeout(work); // after the status that follows
  }

  function failed(): void {
    asked = undefined;
    sameRun = false;
    if (restoring && restoring.id !== current?.id) locks.release(restoring.id);
    restoring = undefined;
    comingBack = false;
    waiting = [];
    if (givingUp !== undefined) giveUp();
  }

  function restore(id: string, { checkpoint, record }: Generation): void {
    restoring = { id, record };
    comingBack = true;
    store.setState({ lastSession: undefined, source: "live", problem: undefined, planStep: undefined });
    // Its own copy: the page may need it again.
    engine.send({ type: "restore", checkpoint });
  }

  async function bringBack(): Promise<boolean> {
    const id = current?.id;
    if (id === undefined) return false;
    comingBack = true;
    const found = held?.id === id ? held.generation : (await runs?.read(id).catch(() => undefined))?.found;
    if (found && current?.id === id) restore(id, found);
    else comingBack = false;
    return comingBack;
  }

  const resumeOnce = onceById(async (id: string, { older = false, takeOver = false }: Resuming) => {
    if (!runs) return false;
    know({ busy: undefined, damage: undefined, taken: undefined });
    try {
      if (takeOver) await locks.takeOver(id, () => stolen(id));
      else if (!(await locks.take(id, () => stolen(id)))) {
        know({ busy: id });
        await list.refresh();
        return false;
      }
      leave();
      await writing;
      const { found, damaged } = await runs.read(id);
      if (!found || (damaged.length > 0 && !older)) {
        know({ damage: { id, damaged, step: found?.step } });
        if (current?.id !== id) locks.release(id);
        return false;
      }
      restore(id, found);
      return true;
    } catch (error) {
      if (current?.id !== id) locks.release(id);
      tell(error);
      return false;
    }
  });

  async function resume(wish?: string, how: Resuming = {}): Promise<boolean> {
    const id = wish ?? store.getState().lastSession?.id;
    if (id === undefined || restoring?.id === id) return id !== undefined;
    return resumeOnce(id, how);
  }

  function leave(): void {
    if (unkept() > 0) ask();
  }

  return {
    ...list,
    find: () => list.find(),
    resume,
    bringBack,
    expectSame: () => void (sameRun = current !== undefined),
    leave,
    leaving() {
      const losing = unkept() > 0;
      if (losing) ask();
      return losing;
    },
    keepAsOwn() {
      current = undefined;
      nobodys = false;
      askedStep = 0;
      know({ taken: undefined });
      if (unkept() > 0) ask();
    },
    afterwards(work) {
      if (comingBack) waiting.push(work);
      else work();
    },
    saveCheckpoint() {
      wanted = true;
      engine.send({ type: "checkpoint" });
    },
    openCheckpoint(checkpoint) {
      leave();
      store.setState({ source: "live", problem: undefined });
      engine.send({ type: "restore", checkpoint });
    },
    hear(event) {
      if (event.type === "status") onStatus(event);
      else if (event.type === "steps") {
        const last = event.records.at(-1);
        if (last) onSteps(last.step, last.ms);
      } else if (event.type === "checkpoint") onCheckpoint(event);
      else if (event.type === "restored") onRestored(event.step);
      else if (event.type === "failure" || event.type === "crash") failed();
    },
  };
}

const failureOf = ({ problem }: AppState) => (problem?.kind === "failure" ? problem.failure.code : undefined);
