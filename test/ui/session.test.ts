// runs that survive a reload — plan
//   a stop is kept once, with its numbers; a long run every so many steps, a slow one every so many seconds; leaving the
//   page keeps it; a run at step 0 never
//   the next visit finds it, resumes it, and has its curve and evaluations again
//   one run never replaces another: a new visit, another run's loading, a reset each begin one of their own
//   two tabs: told, taken over, kept by one alone
//   damaged: named, not resumed, the one before is offered; deleted; full or denied storage is said and breaks nothing
//   the slot of two files of earlier versions
//   a loss curve goes on over a load that resumes (a lost device), and not into another run
import { expect, test, vi } from "vitest";
import type { EngineEvent } from "../../src/client";
import { DEFAULT_RUN } from "../../src/config/presets";
import { createApp, KeepError, type KeptFolders, type RunLocks } from "../../src/store";
import type { Command } from "../../src/worker/protocol";
import type { StepRecord } from "../../src/telemetry";
import { memoryKept as memory } from "../support/kept-files";
import { facts } from "./events";

function visit(files: KeptFolders, locks?: RunLocks) {
  const sent: Command[] = [];
  let emit: (event: EngineEvent) => void = () => {};
  const engine = {
    send: (command: Command) => sent.push(command),
    subscribe: (listener: typeof emit) => ((emit = listener), () => {}),
    restart: () => {},
    close: () => {},
  };
  const app = createApp({
    engine: engine as never,
    transport: { solve: () => {}, close: () => {} },
    baseUrl: "http://localhost/",
    fetchJson: async () => ({}),
    files,
    ...(locks && { locks }),
  });
  app.start();
  return { app, sent, emit: (event: EngineEvent) => emit(event) };
}

const record = (step: number): StepRecord => ({
  ...{ step, loss: 1 / step, terms: { ce: 1 / step }, gradNorm: 1, learningRate: 1, tokenAccuracy: 0 },
  ...{ tokens: 1, marginalError: 0, unconverged: 0, ms: 1 },
});
const steps = (from: number, to: number): EngineEvent => ({
  type: "steps",
  records: Array.from({ length: to - from + 1 }, (_, i) => record(from + i)),
});
const asked = (sent: readonly Command[]) => sent.filter(({ type }) => type === "checkpoint").length;
const settled = () => new Promise((resolve) => setTimeout(resolve, 10));
/** Digests take their time on a busy machine. */
const keptAt = (v: ReturnType<typeof visit>, step: number) =>
  vi.waitFor(
    () => {
      const { current, runs } = v.app.store.getState().keeping;
      expect(current?.keptStep).toBe(step);
      expect(runs?.some(({ id, step: at }) => id === current?.id && at === step)).toBe(true);
    },
    { timeout: 5000 },
  );
async function listed(v: ReturnType<typeof visit>): Promise<void> {
  await vi.waitFor(() => expect(v.app.store.getState().keeping.runs).toBeDefined(), { timeout: 5000 });
  await settled();
}

function play(v: ReturnType<typeof visit>, to: number) {
  v.emit({ type: "device", adapter: { name: "x", software: false, features: [], limits: {} } });
  v.emit({ type: "facts", facts });
  v.emit({ type: "status", status: "ready", step: 0 });
  v.emit({ type: "status", status: "running", step: 0 });
  v.emit(steps(1, to));
  v.emit({ type: "evaluation", evaluation: { step: to, correct: 3, total: 4 } });
  v.emit({ type: "status", status: "paused", step: to });
}

/** Answers the checkpoint that was asked for last. */
function answer(v: ReturnType<typeof visit>, step: number, bytes = Uint8Array.of(1, 2, 3)) {
  const command = v.sent.findLast(({ type }) => type === "checkpoint");
  const tag = command?.type === "checkpoint" ? command.tag : undefined;
  v.emit({ type: "checkpoint", name: "c", step, checkpoint: bytes, ...(tag !== undefined && { tag }) });
}

test("a stop is kept with its numbers, found, and resumed with its curve", async () => {
  const files = memory();
  const first = visit(files);
  play(first, 7);
  expect(asked(first.sent)).toBe(1);
  first.emit({ type: "status", status: "paused", step: 7 });
  expect(asked(first.sent)).toBe(1);
  answer(first, 7);
  await keptAt(first, 7);
  expect(first.app.store.getState().keeping.current?.keptStep).toBe(7);

  const second = visit(files);
  await listed(second);
  expect(second.app.store.getState().lastSession).toMatchObject({ step: 7, method: "cot2align", seed: 7 });
  await second.app.actions.resume();
  expect(second.sent.at(-1)).toEqual({ type: "restore", checkpoint: Uint8Array.of(1, 2, 3) });
  second.emit({ type: "status", status: "loading", step: 7 }); // the step of the run before
  expect(second.app.live.length).toBe(0);
  second.emit({ type: "restored", step: 7 });
  second.emit({ type: "status", status: "paused", step: 7 });
  expect(second.app.live.records.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(second.app.live.evaluations).toEqual([{ step: 7, correct: 3, total: 4 }]);
  expect(asked(second.sent)).toBe(0); // it is kept already
});

test("one click in a new visit replaces nothing: two runs are kept, each under its own id", async () => {
  const files = memory();
  const first = visit(files);
  play(first, 7);
  answer(first, 7);
  await keptAt(first, 7);
  const second = visit(files);
  play(second, 1);
  answer(second, 1, Uint8Array.of(9));
  await keptAt(second, 1);
  const { runs } = second.app.store.getState().keeping;
  expect(runs?.map(({ step, where }) => [step, where])).toEqual([
    [1, "here"],
    [7, "nowhere"],
  ]);
});

test("a run that another takes the place of is kept first, with its own settings and numbers", async () => {
  const files = memory();
  const v = visit(files);
  play(v, 7);
  answer(v, 7);
  await keptAt(v, 7);
  v.emit({ type: "status", status: "running", step: 7 });
  v.emit(steps(8, 9));
  v.app.actions.edit("seed", "55");
  v.app.actions.load();
  expect(v.sent.slice(-2).map(({ type }) => type)).toEqual(["checkpoint", "load"]);
  const [, first] = v.sent.filter(({ type }) => type === "checkpoint");
  const tag = first?.type === "checkpoint" ? first.tag! : "";
  v.emit({ type: "checkpoint", name: "c", step: 9, checkpoint: Uint8Array.of(9), config: DEFAULT_RUN, tag });
  v.emit({ type: "status", status: "loading", step: 9 });
  v.emit({ type: "facts", facts });
  v.emit({ type: "status", status: "ready", step: 0 });
  await settled();
  v.emit({ type: "status", status: "running", step: 0 });
  v.emit(steps(1, 2));
  v.emit({ type: "status", status: "paused", step: 2 });
  answer(v, 2);
  await keptAt(v, 2);
  const { runs } = v.app.store.getState().keeping;
  expect(runs?.map(({ step, seed }) => [step, seed])).toEqual([
    [2, 55],
    [9, 7],
  ]);
  const record = await v.app.actions.kept.recordOf(runs![1]!.id);
  expect(record.steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("after a reset it is another run", async () => {
  const v = visit(memory());
  play(v, 7);
  answer(v, 7);
  await keptAt(v, 7);
  v.emit({ type: "status", status: "ready", step: 0 });
  v.emit({ type: "status", status: "running", step: 0 });
  v.emit(steps(1, 1));
  v.emit({ type: "status", status: "paused", step: 1 });
  answer(v, 1);
  await keptAt(v, 1);
  expect(v.app.store.getState().keeping.runs?.map(({ step }) => step)).toEqual([1, 7]);
});

test("a reset while the run is still being kept: the run that follows is another one", async () => {
  const v = visit(memory());
  play(v, 7); // a checkpoint is asked for, and has not come
  v.emit({ type: "status", status: "ready", step: 0 });
  answer(v, 7);
  v.emit({ type: "status", status: "running", step: 0 });
  v.emit(steps(1, 2));
  v.emit({ type: "status", status: "paused", step: 2 });
  answer(v, 2);
  await keptAt(v, 2);
  const kept = v.app.store.getState().keeping.runs?.map(({ step }) => step);
  expect(kept?.toSorted((a, b) => a - b)).toEqual([2, 7]);
});

test("two clicks on Resume resume once", async () => {
  const files = memory();
  const first = visit(files);
  play(first, 7);
  answer(first, 7);
  await keptAt(first, 7);
  const { id } = first.app.store.getState().keeping.current!;
  const v = visit(files);
  await listed(v);
  const clicks = [v.app.actions.resume(id), v.app.actions.resume(id)];
  expect(await Promise.all(clicks)).toEqual([true, true]);
  expect(await v.app.actions.resume(id)).toBe(true); // the engine is at it
  expect(v.sent.filter(({ type }) => type === "restore")).toHaveLength(1);
  v.emit({ type: "restored", step: 7 });
  expect(v.app.store.getState().keeping.current?.id).toBe(id);
});

test("a long run is kept every so many steps, and not before", () => {
  const v = visit(memory());
  v.emit({ type: "device", adapter: { name: "x", software: false, features: [], limits: {} } });
  v.emit({ type: "status", status: "running", step: 0 });
  v.emit(steps(1, DEFAULT_RUN.checkpoints.everySteps - 1));
  expect(asked(v.sent)).toBe(0);
  v.emit(steps(DEFAULT_RUN.checkpoints.everySteps, DEFAULT_RUN.checkpoints.everySteps));
  expect(asked(v.sent)).toBe(1);
});

test("a slow run is kept before half a minute is at stake, however few steps that is", () => {
  vi.useFakeTimers();
  const v = visit(memory());
  v.emit({ type: "device", adapter: { name: "x", software: false, features: [], limits: {} } });
  v.emit({ type: "facts", facts });
  v.emit({ type: "status", status: "running", step: 0 });
  for (let step = 1; step <= 3; step++) {
    vi.advanceTimersByTime(7000);
    v.emit({ type: "steps", records: [{ ...record(step), ms: 7000 }] });
    expect(asked(v.sent), `step ${step}`).toBe(step < 3 ? 0 : 1); // 21 s, and the next step would make it 28
  }
  vi.useRealTimers();
});

test("leaving the page keeps the run, and asks only when steps would be lost", async () => {
  const v = visit(memory());
  expect(v.app.leaving()).toBe(false);
  play(v, 7);
  answer(v, 7);
  await keptAt(v, 7);
  expect(v.app.leaving()).toBe(false);
  v.emit({ type: "status", status: "running", step: 7 });
  v.emit(steps(8, 8));
  expect(v.app.leaving()).toBe(true);
  expect(asked(v.sent)).toBe(2);
});

test("a damaged checkpoint is named and not resumed; the one before is offered", async () => {
  const files = memory();
  const first = visit(files);
  play(first, 3);
  answer(first, 3, Uint8Array.of(3));
  await keptAt(first, 3);
  first.emit({ type: "status", status: "running", step: 3 });
  first.emit(steps(4, 7));
  first.emit({ type: "status", status: "paused", step: 7 });
  answer(first, 7, Uint8Array.of(7));
  await keptAt(first, 7);
  const newest = [...files.content.keys()].find((path) => /2-\w+\.safetensors/.test(path))!;
  files.content.get(newest)![0]! ^= 16;

  const second = visit(files);
  await listed(second);
  const { id } = second.app.store.getState().lastSession!;
  expect(await second.app.actions.resume()).toBe(false);
  expect(second.sent.some(({ type }) => type === "restore")).toBe(false);
  expect(second.app.store.getState().keeping.damage).toMatchObject({ id, step: 3, damaged: [{ step: 7 }] });
  expect(await second.app.actions.resume(id, { older: true })).toBe(true);
  expect(second.sent.at(-1)).toEqual({ type: "restore", checkpoint: Uint8Array.of(3) });
  second.emit({ type: "restored", step: 3 });
  expect(second.app.live.length).toBe(3);
});

test("two tabs: the second is told, takes over, and the first one stops and keeps nothing more", async () => {
  const files = memory();
  const [one, two] = tabs();
  const first = visit(files, one);
  play(first, 3);
  answer(first, 3);
  await keptAt(first, 3);
  const { id } = first.app.store.getState().keeping.current!;
  first.emit({ type: "status", status: "running", step: 3 });
  first.emit(steps(4, 5));

  const second = visit(files, two);
  await listed(second);
  expect(second.app.store.getState().lastSession).toBeUndefined(); // it is not free
  expect(await second.app.actions.resume(id)).toBe(false);
  expect(second.app.store.getState().keeping).toMatchObject({ busy: id, runs: [{ id, where: "elsewhere" }] });

  const taking = second.app.actions.resume(id, { takeOver: true });
  await vi.waitFor(() => expect(first.sent.at(-1)?.type).toBe("checkpoint"));
  expect(first.sent.slice(-2).map(({ type }) => type)).toEqual(["pause", "checkpoint"]);
  answer(first, 5, Uint8Array.of(5)); // what it had is kept before it lets go
  expect(await taking).toBe(true);
  expect(second.sent.at(-1)).toEqual({ type: "restore", checkpoint: Uint8Array.of(5) });
  expect(first.app.store.getState().keeping).toMatchObject({ taken: { id, step: 5 }, current: undefined });
  const before = asked(first.sent);
  first.emit({ type: "status", status: "paused", step: 5 });
  first.emit(steps(6, 60));
  expect(asked(first.sent)).toBe(before);

  first.app.actions.kept.keepAsOwn();
  answer(first, 60);
  await keptAt(first, 60);
  expect(first.app.store.getState().keeping.current?.id).not.toBe(id);
  expect(first.app.store.getState().keeping.runs).toHaveLength(2);
});

/** Two tabs of one browser. */
function tabs(): [RunLocks, RunLocks] {
  const held = new Map<string, { tab: number; lost: () => void }>();
  const asked: ((id: string) => void)[] = [];
  const changes: (() => void)[] = [];
  const tab = (me: number): RunLocks => ({
    async take(id, lost) {
      if (held.has(id)) return held.get(id)!.tab === me;
      held.set(id, { tab: me, lost });
      return true;
    },
    release: (id) => void (held.get(id)?.tab === me && held.delete(id)),
    async takeOver(id, lost) {
      asked[1 - me]!(id);
      while (held.has(id)) await new Promise((resolve) => setTimeout(resolve, 1));
      held.set(id, { tab: me, lost });
    },
    elsewhere: async () => new Set([...held].filter(([, { tab: t }]) => t !== me).map(([id]) => id)),
    onAsked: (listener) => void (asked[me] = listener),
    onChange: (listener) => void (changes[me] = listener),
    changed: () => changes[1 - me]?.(),
  });
  return [tab(0), tab(1)];
}

test("deleted is gone; full storage is said; a broken slot of before is not offered", async () => {
  const files = memory();
  files.content.set("last-run.json", new TextEncoder().encode("{"));
  files.content.set("last-run.safetensors", new Uint8Array(20));
  const broken = visit(files);
  await listed(broken);
  expect(broken.app.store.getState().lastSession).toBeUndefined();
  expect(broken.app.store.getState().keepIssue).toBeUndefined(); // nothing is wrong with keeping
  expect(broken.app.store.getState().keeping.trouble).toMatch(/header is damaged/);
  play(broken, 3);
  answer(broken, 3);
  await keptAt(broken, 3);
  await broken.app.actions.kept.remove(broken.app.store.getState().keeping.current!.id);
  expect(files.content.size).toBe(0);

  const full = visit({
    ...memory(),
    write: async () => Promise.reject(new KeepError("full", "storage is full")),
  });
  play(full, 3);
  answer(full, 3);
  await vi.waitFor(() => expect(full.app.store.getState().keepIssue).toBeDefined());
  expect(full.app.store.getState().keepIssue).toEqual({ reason: "full", detail: "storage is full" });
  full.app.actions.dismissKeepIssue();
  expect(full.app.store.getState().keepIssue).toBeUndefined();
});

test("the slot of an earlier version comes into the list, without numbers beyond its weights", async () => {
  const files = memory();
  const metadata = { step: "4", config: JSON.stringify(DEFAULT_RUN) };
  const header = new TextEncoder().encode(JSON.stringify({ __metadata__: metadata }));
  const checkpoint = new Uint8Array(8 + header.length);
  new DataView(checkpoint.buffer).setBigUint64(0, BigInt(header.length), true);
  checkpoint.set(header, 8);
  files.content.set("last-run.safetensors", checkpoint);
  const numbers = { savedAt: 5, steps: [1, 2, 3, 4, 5, 6].map(record), evaluations: [] };
  files.content.set("last-run.json", new TextEncoder().encode(JSON.stringify(numbers)));
  const v = visit(files);
  await listed(v);
  const { lastSession } = v.app.store.getState();
  expect(lastSession).toMatchObject({ step: 4, seed: 7 });
  expect((await v.app.actions.kept.recordOf(lastSession!.id)).steps).toHaveLength(4);
  expect([...files.content.keys()].some((path) => path.startsWith("last-run"))).toBe(false);
});

test("a load that resumes keeps the curve; a load of another run does not", () => {
  const v = visit(memory());
  play(v, 60);
  v.emit({ type: "status", status: "loading", step: 60 });
  v.emit({ type: "status", status: "paused", step: 50 });
  expect(v.app.live.length).toBe(50);
  v.emit({ type: "status", status: "loading", step: 50 });
  v.emit({ type: "facts", facts: {} as never, config: { ...DEFAULT_RUN, seed: 99 } });
  v.emit({ type: "status", status: "paused", step: 20 });
  expect(v.app.live.length).toBe(0);
  expect(v.app.store.getState().draft.base.seed).toBe(99);
});

test("a play that no step follows, a profile that does not come: the page offers to end it", () => {
  vi.useFakeTimers();
  try {
    const v = visit(memory());
    play(v, 7);
    const overdue = () => v.app.store.getState().overdue;
    for (const ask of [v.app.actions.play, v.app.actions.step, v.app.actions.reset, v.app.actions.profile]) {
      ask();
      vi.advanceTimersByTime(3900);
      expect(overdue()).toBe(false);
      vi.advanceTimersByTime(200);
      expect(overdue()).toBe(true);
      v.app.actions.stop(true); // what "End it now" does
      expect(v.app.store.getState()).toMatchObject({ overdue: false, device: { kind: "opening" } });
      play(v, 7);
      expect(overdue()).toBe(false);
    }
    v.app.actions.play(); // control: one that is answered is never overdue
    v.emit({ type: "status", status: "running", step: 7 });
    vi.advanceTimersByTime(30_000);
    expect(overdue()).toBe(false);
  } finally {
    vi.useRealTimers();
  }
});

test("silence before the first step is a hang as much as silence after it", () => {
  const v = visit(memory());
  play(v, 7);
  v.emit({ type: "silence", seconds: 90 }); // control: with nothing to do, nothing is ended
  expect(v.app.store.getState().device.kind).toBe("open");
  v.emit({ type: "silence", seconds: 0 });
  v.app.actions.play();
  v.emit({ type: "silence", seconds: 500 });
  expect(v.app.store.getState()).toMatchObject({ device: { kind: "opening" }, run: { status: "failed" } });
});

test("a deleted run is looked at no more; one that another tab has stays, also when there are too many", async () => {
  const files = memory();
  const first = visit(files);
  play(first, 7);
  answer(first, 7);
  await keptAt(first, 7);
  const id = first.app.store.getState().keeping.current!.id;
  const taken = new Set<string>();
  const locks: RunLocks = {
    ...{
      release: () => {},
      takeOver: async () => {},
      onAsked: () => {},
      onChange: () => {},
      changed: () => {},
    },
    take: async (wanted) => !taken.has(wanted),
    elsewhere: async () => new Set(), // the other tab took it a moment after it was asked
  };
  const second = visit(files, locks);
  await listed(second);
  const shown = second.app.store.getState().recorded;
  await second.app.actions.kept.look(id);
  expect(second.app.store.getState().recorded).not.toBe(shown);
  taken.add(id);
  await second.app.actions.kept.remove(id);
  expect(second.app.store.getState().keeping).toMatchObject({ busy: id, looking: id, runs: [{ id }] });
  taken.clear();
  await second.app.actions.kept.remove(id);
  expect(second.app.store.getState()).toMatchObject({ keeping: { looking: undefined, runs: [] } });
  expect(second.app.store.getState().recorded).toBe(shown);
});
