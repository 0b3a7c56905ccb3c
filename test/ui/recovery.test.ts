// a lost device — plan
//   lost while playing: the same config is loaded again, then it plays on; the curve goes on from the checkpoint
//   lost while paused: loaded again, and it stays paused
//   three times in two minutes: stopped, with what to do; two hours apart: never stopped (control)
//   another failure is not recovered from
import { expect, test } from "vitest";
import { createStore } from "zustand/vanilla";
import type { EngineEvent } from "../../src/client";
import { DEFAULT_RUN } from "../../src/config/presets";
import { createRecovery, initialState, type AppState } from "../../src/store";

function rig(gapMs = 1000) {
  const store = createStore<AppState>(() => ({
    ...initialState,
    run: { ...initialState.run, config: DEFAULT_RUN },
  }));
  const sent: string[] = [];
  let time = 0;
  const engine = { send: ({ type }: { type: string }) => sent.push(type) } as never;
  const hear = createRecovery({ store, engine, play: () => sent.push("play"), now: () => (time += gapMs) });
  const status = (name: "running" | "failed" | "loading" | "paused" | "ready", step = 0) =>
    hear({ type: "status", status: name, step });
  const lose = (code = "device-lost") => {
    const event: EngineEvent = { type: "failure", failure: { code, what: "", why: "", remedy: "" } };
    hear(event);
    status("failed", 60);
  };
  const back = () => {
    status("loading");
    status("paused", 50);
  };
  return { store, sent, status, lose, back };
}

test("lost while playing: loaded again, and it plays on", () => {
  const { sent, status, lose, back } = rig();
  status("running", 0);
  lose();
  expect(sent).toEqual(["load"]);
  back();
  expect(sent).toEqual(["load", "play"]);
});

test("lost while paused: loaded again, and it stays paused", () => {
  const { sent, status, lose, back } = rig();
  status("running", 0);
  status("paused", 60);
  lose();
  back();
  expect(sent).toEqual(["load"]);
});

test("three times in two minutes: stopped and explained", () => {
  const { store, sent, status, lose, back } = rig();
  for (let i = 0; i < 3; i++) {
    status("running", 50);
    lose();
    if (i < 2) back();
  }
  expect(sent).toEqual(["load", "play", "load", "play"]);
  const { problem } = store.getState();
  expect(problem?.kind === "failure" && problem.failure.code).toBe("device-lost-again");
});

test("control: hours apart, it always goes on", () => {
  const { sent, status, lose, back } = rig(7_200_000);
  for (let i = 0; i < 5; i++) {
    status("running", 50);
    lose();
    back();
  }
  expect(sent.filter((type) => type === "load")).toHaveLength(5);
});

test("another failure is left to the reader", () => {
  const { sent, status, lose } = rig();
  status("running", 0);
  lose("not-finite");
  expect(sent).toEqual([]);
});
