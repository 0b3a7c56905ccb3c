// The run of this tab, as it is saved: its id, the checkpoints that are asked for, and how a saved run comes back.
import type { StoreApi } from "zustand/vanilla";
import { messageOf } from "../base/errors";
import type { EngineClient, EngineEvent } from "../client";
import type { RunConfig } from "../config/run";
import type { PlanRecord } from "../telemetry";
import type { RunHistory } from "./history";
import { KEEP_MS, type Keeping } from "./keeping";
import { KeepError, type KeptFolders } from "./kept-files";
import { createKeptList, type KeptList } from "./kept-list";
import { createKeptRuns, type Generation, type KeptRuns, newRunId } from "./kept-runs";
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

/** `older`: the generation before, where the last is damaged; `takeOver`: from another tab. */
export interface Resuming {
  readonly older?: boolean;
  readonly takeOver?: boolean;
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

/**
 * The run of this tab. Lives as long as the page; `current` is the run that is kept, from the first time that it is kept
 * to a reset, another load, or another tab that takes it.
 */
export class LiveRun {
  readonly list: KeptList;
  readonly #store: SessionParts["store"];
  readonly #engine: EngineClient;
  readonly #live: RunHistory;
  readonly #runs: KeptRuns | undefined;
  readonly #locks: RunLocks;
  readonly #resumeOnce = onceById((id: string, how: Resuming) => this.#resume(id, how));
  #current: Identity | undefined;
  /** A checkpoint that was asked for and has not come. */
  #asked: { readonly id: string } | undefined;
  #askedAgain = false;
  #askedStep = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #leastMs = LEAST_MS;
  /** Of kept runs: one write after the other. */
  #writing: Promise<void> = Promise.resolve();
  #writes = 0;
  /** The present run is kept no more: another tab took it. */
  #nobodys = false;
  #sameRun = false;
  #restoring: { readonly id: string; readonly record: RunRecord } | undefined;
  #comingBack = false;
  #waiting: (() => void)[] = [];
  #wanted = false;
  #givingUp: string | undefined;
  #held: { readonly id: string; readonly generation: Generation } | undefined;

  constructor({ store, engine, live, files, recorded, locks = noLocks() }: SessionParts) {
    this.#store = store;
    this.#engine = engine;
    this.#live = live;
    this.#runs = files && createKeptRuns(files);
    this.#locks = locks;
    this.list = createKeptList({
      ...{ store, runs: this.#runs, files, locks, recorded },
      report: (error) => this.#report(error),
      here: () => this.#current?.id,
    });
    locks.onAsked((id) => this.#asks(id));
  }

  leaving(): boolean {
    const losing = this.#unkept() > 0;
    if (losing) this.#ask();
    return losing;
  }

  expectSame(): void {
    this.#sameRun = this.#current !== undefined;
  }

  keepAsOwn(): void {
    this.#current = undefined;
    this.#nobodys = false;
    this.#askedStep = 0;
    this.#know({ taken: undefined });
    if (this.#unkept() > 0) this.#ask();
  }

  afterwards(work: () => void): void {
    if (this.#comingBack) this.#waiting.push(work);
    else work();
  }

  saveCheckpoint(): void {
    this.#wanted = true;
    this.#engine.send({ type: "checkpoint" });
  }

  openCheckpoint(checkpoint: Uint8Array): void {
    this.leave();
    this.#store.setState({ source: "live", problem: undefined });
    this.#engine.send({ type: "restore", checkpoint });
  }

  onEvent(event: EngineEvent): void {
    if (event.type === "status") this.#onStatus(event);
    else if (event.type === "steps") {
      const last = event.records.at(-1);
      if (last) this.#onSteps(last.step, last.ms);
    } else if (event.type === "checkpoint") this.#onCheckpoint(event);
    else if (event.type === "restored") this.#onRestored(event.step);
    else if (event.type === "failure" || event.type === "crash") this.#failed();
  }

  /** A run begins, or nothing is here: whoever was, is free. */
  #begin(next?: Identity): void {
    const before = this.#current;
    this.#current = next;
    this.#nobodys = false;
    this.#askedStep = next?.keptStep ?? 0;
    this.#askedAt = performance.now();
    if (before && before.id !== next?.id)
      this.#writing = this.#writing.then(() => {
        if (this.#current?.id !== before.id) this.#locks.release(before.id);
      });
    this.#publish();
    void this.list.refresh();
  }

  #stolen(id: string): void {
    if (this.#current?.id !== id) return;
    const step = this.#standsAt();
    this.#current = undefined;
    this.#nobodys = true;
    this.#engine.send({ type: "pause" });
    this.#know({ taken: { id, step }, current: undefined });
    void this.list.refresh();
  }

  /** Another tab asks for a run. */
  #asks(id: string): void {
    if (this.#current?.id !== id) return this.#locks.release(id);
    this.#givingUp = id;
    this.#engine.send({ type: "pause" });
    if (this.#unkept() > 0) this.#ask();
    else this.#giveUp();
  }

  /** What another tab asked for is kept: it may have it. */
  #giveUp(): void {
    const id = this.#givingUp;
    this.#givingUp = undefined;
    if (id === undefined) return;
    this.#stolen(id);
    this.#locks.release(id);
  }

  /** The state follows a quarter of a second behind. */
  #standsAt(): number {
    return this.#live.last?.step ?? this.#store.getState().run.step;
  }

  /** Steps that would be lost with the tab. */
  #unkept(): number {
    const { run } = this.#store.getState();
    if (run.facts === undefined || run.status === "loading") return 0;
    return Math.max(0, this.#standsAt() - (this.#current?.keptStep ?? 0));
  }

  #ask(): void {
    if (!this.#runs || this.#nobodys) return;
    if (this.#asked) {
      this.#askedAgain = true;
      return;
    }
    this.#current ??= { id: newRunId(), createdAt: Date.now(), keptStep: 0 };
    this.#asked = { id: this.#current.id };
    this.#askedAgain = false;
    this.#askedAt = performance.now();
    this.#askedStep = this.#standsAt();
    this.#engine.send({ type: "checkpoint", tag: this.#current.id });
  }

  async #keep(id: string, createdAt: number, bytes: Uint8Array, record: RunRecord): Promise<void> {
    if (!this.#runs) return;
    const started = performance.now();
    try {
      if (!(await this.#locks.take(id, () => this.#stolen(id))))
        throw new KeepError("other", "Another tab has this run open.");
      await this.#runs.write(id, createdAt, bytes, record);
      this.#held = undefined;
      if (this.#current?.id === id) this.#current.keptStep = Math.max(this.#current.keptStep, record.step);
      const affordable = (performance.now() - started) / MOST_SHARE;
      this.#leastMs = Math.max(LEAST_MS, affordable);
      const everyMs = Math.max(KEEP_MS, affordable);
      this.#store.setState(({ keeping }) => ({ keepIssue: undefined, keeping: { ...keeping, everyMs } }));
      this.#publish();
      this.#locks.changed();
      await this.list.trim();
    } catch (error) {
      const generation = { step: record.step, savedAt: Date.now(), checkpoint: bytes, record };
      if (bytes.length <= MOST_HELD) this.#held = { id, generation };
      this.#report(error);
    }
    if (this.#givingUp === id) this.#giveUp();
  }

  #onCheckpoint(event: Extract<EngineEvent, { type: "checkpoint" }>): void {
    const id = event.tag ?? (this.#wanted ? undefined : this.#asked?.id);
    if (id === undefined) {
      if (this.#wanted) this.#store.setState({ exported: { name: event.name, zip: event.checkpoint } });
      this.#wanted = false;
      return;
    }
    if (this.#asked?.id === id) this.#asked = undefined;
    const { run } = this.#store.getState();
    const config: RunConfig | undefined = event.config ?? run.config;
    if (!config) return;
    const record = recordOf(run, this.#live, event.step, config);
    const createdAt = this.#current?.id === id ? this.#current.createdAt : Date.now();
    this.#writes++;
    this.#writing = this.#writing
      .then(() => this.#keep(id, createdAt, event.checkpoint, record))
      .finally(() => this.#writes--);
    if (this.#askedAgain && this.#standsAt() > event.step) this.#ask();
  }

  #onSteps(step: number, ms: number): void {
    const { run, keeping } = this.#store.getState();
    const every = run.config?.checkpoints.everySteps ?? 0;
    const since = performance.now() - this.#askedAt;
    const first = this.#askedStep === 0;
    const bySteps = every > 0 && step >= this.#askedStep + every && (first || since >= this.#leastMs);
    if (!this.#asked && this.#writes === 0 && (bySteps || since + ms >= keeping.everyMs)) this.#ask();
  }

  #onStatus({ status, step }: Extract<EngineEvent, { type: "status" }>): void {
    if (status === "loading") {
      if (!this.#sameRun && !this.#restoring) this.#begin();
      return;
    }
    if (this.#restoring) return; // until it stands where it should
    const stands = status === "ready" || status === "paused" || status === "finished";
    if (stands && this.#sameRun) {
      this.#sameRun = false;
      if (this.#current && this.#current.keptStep > step) void this.bringBack();
      return;
    }
    // Reset: another run from here. The one before is kept, or on its way there.
    const begun = this.#current && (this.#current.keptStep > 0 || this.#asked || this.#writes > 0);
    if (status === "ready" && step === 0 && begun) return this.#begin();
    if (status === "running" && this.#askedStep === 0) this.#askedAt = performance.now();
    const bad = status === "failed" && failureOf(this.#store.getState()) === "not-finite";
    const stopped = status === "paused" || status === "finished" || bad;
    if (stopped && step > 0 && step !== this.#current?.keptStep && step !== this.#askedStep) this.#ask();
  }

  /** The numbers come back with the weights. */
  #onRestored(step: number): void {
    const from = this.#restoring;
    this.#restoring = undefined;
    this.#sameRun = false;
    if (!from) return this.#begin(); // a file's: a run of its own
    const { record, id } = from;
    this.#live.push(record.steps);
    for (const evaluation of record.evaluations) this.#live.pushEvaluation(evaluation);
    const pastPlans: Record<string, PlanRecord[]> = {};
    for (const plan of record.plans) (pastPlans[plan.layer] ??= []).push(plan);
    this.#store.setState(({ run }) => ({
      run: {
        ...run,
        ...{
          step,
          last: this.#live.last,
          evaluation: this.#live.evaluations.at(-1),
          answers: record.answers,
        },
        pastPlans,
      },
    }));
    this.#begin({ id, createdAt: Date.now(), keptStep: record.step });
    this.#comingBack = false;
    for (const work of this.#waiting.splice(0)) setTimeout(work); // after the status that follows
  }

  #failed(): void {
    this.#asked = undefined;
    this.#sameRun = false;
    if (this.#restoring && this.#restoring.id !== this.#current?.id) this.#locks.release(this.#restoring.id);
    this.#restoring = undefined;
    this.#comingBack = false;
    this.#waiting = [];
    if (this.#givingUp !== undefined) this.#giveUp();
  }

  #restore(id: string, { checkpoint, record }: Generation): void {
    this.#restoring = { id, record };
    this.#comingBack = true;
    this.#store.setState({ lastSession: undefined, source: "live", problem: undefined, planStep: undefined });
    // Its own copy: the page may need it again.
    this.#engine.send({ type: "restore", checkpoint });
  }

  async bringBack(): Promise<boolean> {
    const id = this.#current?.id;
    if (id === undefined) return false;
    this.#comingBack = true;
    const found =
      this.#held?.id === id
        ? this.#held.generation
        : (await this.#runs?.read(id).catch(() => undefined))?.found;
    if (found && this.#current?.id === id) this.#restore(id, found);
    else this.#comingBack = false;
    return this.#comingBack;
  }

  async #resume(id: string, { older = false, takeOver = false }: Resuming): Promise<boolean> {
    if (!this.#runs) return false;
    this.#know({ busy: undefined, damage: undefined, taken: undefined });
    try {
      if (takeOver) await this.#locks.takeOver(id, () => this.#stolen(id));
      else if (!(await this.#locks.take(id, () => this.#stolen(id)))) {
        this.#know({ busy: id });
        await this.list.refresh();
        return false;
      }
      this.leave();
      await this.#writing;
      const { found, damaged } = await this.#runs.read(id);
      if (!found || (damaged.length > 0 && !older)) {
        this.#know({ damage: { id, damaged, step: found?.step } });
        if (this.#current?.id !== id) this.#locks.release(id);
        return false;
      }
      this.#restore(id, found);
      return true;
    } catch (error) {
      if (this.#current?.id !== id) this.#locks.release(id);
      this.list.tell(error);
      return false;
    }
  }

  async resume(wish?: string, how: Resuming = {}): Promise<boolean> {
    const id = wish ?? this.#store.getState().lastSession?.id;
    if (id === undefined || this.#restoring?.id === id) return id !== undefined;
    return this.#resumeOnce(id, how);
  }

  leave(): void {
    if (this.#unkept() > 0) this.#ask();
  }

  #know(change: Partial<Keeping>): void {
    this.#store.setState(({ keeping }) => ({ keeping: { ...keeping, ...change } }));
  }

  #publish(): void {
    const current = this.#current;
    this.#know({ current: current && { id: current.id, keptStep: current.keptStep } });
  }

  #report(error: unknown): void {
    const reason = error instanceof KeepError ? error.reason : "other";
    this.#store.setState({ keepIssue: { reason, detail: messageOf(error) } });
  }
}

const failureOf = ({ problem }: AppState) => (problem?.kind === "failure" ? problem.failure.code : undefined);
