// runs that survive a reload — plan
//   a stop is kept once, with its numbers; a long run every so many steps; a run at step 0 never
//   the next visit finds it, resumes it, and has its curve and evaluations again
//   let go: nothing is found; a full or denied storage is said and breaks nothing; a broken file is not offered
//   a loss curve goes on over a load that resumes (a lost device), and not into another run
import { expect, test } from "vitest";
import type { EngineEvent } from "../../src/client";
import { FIRST_LIGHT } from "../../src/config/presets";
import { createApp, KeepError, type KeptFiles } from "../../src/store";
import type { Command } from "../../src/worker/protocol";
import type { StepRecord } from "../../src/telemetry";

function memory(): KeptFiles & { readonly content: Map<string, Uint8Array> } {
  const content = new Map<string, Uint8Array>();
  return {
    content,
    read: async (name) => content.get(name),
    write: async (name, data) =>
      void content.set(name, typeof data === "string" ? new TextEncoder().encode(data) : data),
    remove: async (name) => void content.delete(name),
  };
}

function visit(files: KeptFiles) {
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
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

function play(v: ReturnType<typeof visit>, to: number) {
  v.emit({ type: "device", adapter: { name: "x", software: false, features: [], limits: {} } });
  v.emit({ type: "status", status: "ready", step: 0 });
  v.emit({ type: "status", status: "running", step: 0 });
  v.emit(steps(1, to));
  v.emit({ type: "evaluation", evaluation: { step: to, correct: 3, total: 4 } });
  v.emit({ type: "status", status: "paused", step: to });
}

test("a stop is kept with its numbers, found, and resumed with its curve", async () => {
  const files = memory();
  const first = visit(files);
  play(first, 7);
  expect(asked(first.sent)).toBe(1);
  first.emit({ type: "status", status: "paused", step: 7 });
  expect(asked(first.sent)).toBe(1);
  first.emit({ type: "checkpoint", name: "c", step: 7, checkpoint: Uint8Array.of(1, 2, 3) });
  await settled();

  const second = visit(files);
  await settled();
  expect(second.app.store.getState().lastSession).toMatchObject({ step: 7, method: "cot2align", seed: 7 });
  second.app.actions.resume();
  await settled();
  expect(second.sent.at(-1)).toEqual({ type: "restore", checkpoint: Uint8Array.of(1, 2, 3) });
  second.emit({ type: "status", status: "paused", step: 7 });
  expect(second.app.live.records.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(second.app.live.evaluations).toEqual([{ step: 7, correct: 3, total: 4 }]);
  expect(asked(second.sent)).toBe(0); // it is kept already
});

test("a long run is kept every so many steps, and not before", () => {
  const v = visit(memory());
  v.emit({ type: "device", adapter: { name: "x", software: false, features: [], limits: {} } });
  v.emit({ type: "status", status: "running", step: 0 });
  v.emit(steps(1, FIRST_LIGHT.checkpoints.everySteps - 1));
  expect(asked(v.sent)).toBe(0);
  v.emit(steps(FIRST_LIGHT.checkpoints.everySteps, FIRST_LIGHT.checkpoints.everySteps));
  expect(asked(v.sent)).toBe(1);
});

test("let go is gone; full storage is said; a broken file is not offered", async () => {
  const files = memory();
  files.content.set("last-run.json", new TextEncoder().encode("{"));
  const broken = visit(files);
  await settled();
  expect(broken.app.store.getState().lastSession).toBeUndefined();
  expect(broken.app.store.getState().keepIssue).toBeTruthy();
  broken.app.actions.forgetSession();
  await settled();
  expect(files.content.size).toBe(0);

  const full = visit({
    ...memory(),
    write: async () => Promise.reject(new KeepError("full", "storage is full")),
  });
  play(full, 3);
  full.emit({ type: "checkpoint", name: "c", step: 3, checkpoint: new Uint8Array(1) });
  await settled();
  expect(full.app.store.getState().keepIssue).toEqual({ reason: "full", detail: "storage is full" });
  full.app.actions.dismissKeepIssue();
  expect(full.app.store.getState().keepIssue).toBeUndefined();
});

test("a load that resumes keeps the curve; a load of another run does not", () => {
  const v = visit(memory());
  play(v, 60);
  v.emit({ type: "status", status: "loading", step: 60 });
  v.emit({ type: "status", status: "paused", step: 50 });
  expect(v.app.live.length).toBe(50);
  v.emit({ type: "status", status: "loading", step: 50 });
  v.emit({ type: "facts", facts: {} as never, config: { ...FIRST_LIGHT, seed: 99 } });
  v.emit({ type: "status", status: "paused", step: 20 });
  expect(v.app.live.length).toBe(0);
  expect(v.app.store.getState().draft.base.seed).toBe(99);
});
