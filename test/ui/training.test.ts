// what the buttons that train do — plan
//   form as loaded: play, step, run to a step, as asked
//   form differs, nothing trained: the form is loaded, then what was asked is done, once
//   form differs, a run under way: said to be a restart; the loaded run still plays by its own action
//   a form with a mistake, no device, a load that fails: nothing is sent, nothing plays later
//   settings from another screen: loaded at once, but never over a run that is under way
//   the recorded run is not shown for settings that are not its own
//   the words on the button
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { EngineEvent } from "../../src/client";
import { createApp, nextTraining, pendingChanges } from "../../src/store";
import type { Command } from "../../src/worker/protocol";
import { changesText, partsOf } from "../../src/views/run/training-text";

const recorded = JSON.parse(readFileSync("public/recorded/first-light.json", "utf8")) as unknown;

async function rig({ device = true } = {}) {
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
    fetchJson: async () => recorded,
  });
  app.start();
  await Promise.resolve();
  const status = (name: "loading" | "ready" | "running" | "paused" | "failed", step = 0) =>
    emit({ type: "status", status: name, step });
  if (device) emit({ type: "device", adapter: { name: "x", software: false, features: [], limits: {} } });
  const loaded = () => (status("loading"), status("ready"));
  if (device) loaded();
  sent.length = 0;
  return { app, sent, status, loaded, emit: (event: EngineEvent) => emit(event) };
}
const types = (sent: readonly Command[]) => sent.map((command) => command.type);
const at = ({ app }: Awaited<ReturnType<typeof rig>>) => nextTraining(app.store.getState());
const words = ({ app }: Awaited<ReturnType<typeof rig>>) => changesText(pendingChanges(app.store.getState()));

test("a form as loaded: what is asked is sent", async () => {
  const r = await rig();
  expect(at(r)).toEqual({ trains: "loaded", restarts: false, usable: true });
  r.app.actions.train({ type: "play", until: 9 });
  expect(r.sent).toEqual([{ type: "play", until: 9 }]);
  r.app.actions.train({ type: "step" });
  expect(r.sent).toHaveLength(1); // the first is not answered yet
});

test.each(["play", "step"] as const)("another form and nothing trained: %s loads it first", async (type) => {
  const r = await rig();
  r.app.actions.edit("student", "local:my-gpt2@0123456789ab");
  expect(at(r)).toEqual({ trains: "form", restarts: false, usable: true });
  r.app.actions.train({ type });
  expect(r.sent).toMatchObject([{ type: "load", config: { student: "local:my-gpt2@0123456789ab" } }]);
  expect(at(r).usable).toBe(false);
  r.emit({ type: "log", text: "still loading" });
  r.loaded();
  expect(types(r.sent)).toEqual(["load", type]);
  r.status("running");
  r.status("paused", 3);
  expect(types(r.sent)).toEqual(["load", type]); // once
});

test("a run under way is a restart; it still goes on by itself when asked to", async () => {
  const r = await rig();
  r.status("paused", 12);
  r.app.actions.edit("seed", "11");
  expect(at(r)).toEqual({ trains: "form", restarts: true, usable: true });
  r.app.actions.play();
  expect(types(r.sent)).toEqual(["play"]);
  r.status("running", 12);
  r.app.actions.train({ type: "play" });
  r.loaded();
  expect(types(r.sent)).toEqual(["play", "load", "play"]);
});

test("a mistake in the form, no device, a load that fails: nothing plays", async () => {
  const r = await rig();
  r.app.actions.edit("steps", "-5");
  expect(at(r).usable).toBe(false);
  r.app.actions.train({ type: "play" });
  expect(r.sent).toEqual([]);
  const none = await rig({ device: false });
  none.app.actions.train({ type: "play" });
  expect(none.sent).toEqual([]);
  const failing = await rig();
  failing.app.actions.edit("seed", "11");
  failing.app.actions.train({ type: "play" });
  failing.status("loading");
  failing.status("failed");
  failing.loaded(); // by another load
  expect(types(failing.sent)).toEqual(["load"]);
});

test("settings from another screen are loaded at once, but never over a run under way", async () => {
  const r = await rig();
  r.app.actions.use([["student", "local:mine@0123456789ab"]]);
  expect(r.sent).toMatchObject([{ type: "load", config: { student: "local:mine@0123456789ab" } }]);
  r.loaded();
  r.status("paused", 2);
  r.app.actions.use([["student", "couplet-student"]]);
  expect(types(r.sent)).toEqual(["load"]);
  expect(at(r)).toEqual({ trains: "form", restarts: true, usable: true });
});

test("the recorded run stands for its own settings alone", async () => {
  const r = await rig();
  expect(r.app.store.getState().source).toBe("recorded");
  r.app.actions.load();
  expect(r.app.store.getState().source).toBe("recorded");
  r.app.actions.use([["data.source", "own:mine.jsonl@0123456789ab"]]);
  expect(r.app.store.getState().source).toBe("live");
});

test("the button says what it will train", async () => {
  const r = await rig();
  r.app.actions.edit("data.source", "own:myrows.jsonl@0123456789ab");
  r.app.actions.edit("student", "local:my-gpt2@0123456789ab");
  expect(words(r)).toBe("my-gpt2 · myrows.jsonl");
  r.app.actions.discardEdits();
  r.app.actions.edit("seed", "11");
  r.app.actions.edit("steps", "77");
  expect(words(r)).toMatch(/^(Seed 11 · Steps 77|Steps 77 · Seed 11)$/);
  for (const path of ["batchSize", "optimizer.clipNorm"]) r.app.actions.edit(path, "2");
  expect(words(r)).toMatch(/· 2 other settings$/);
  r.app.actions.choosePreset("uld");
  expect(words(r)).toBe("ULD"); // what the method brings along is not listed
  const { run } = r.app.store.getState();
  const parts = partsOf({ ...run.config!, student: "hub:o/n@0123456789ab" }, run.config, undefined);
  expect(parts.map(({ before, text }) => before + text).join("")).toBe(
    "Couplet teacher → o/n · rows Couplet reasoning · CoT2Align",
  );
  expect(parts.filter(({ changed }) => changed).map(({ key }) => key)).toEqual(["student"]);
});
