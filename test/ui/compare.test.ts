// comparison — plan
//   every method with every seed, seed by seed, on one budget; each run's numbers are its own
//   a run that fails is one row, and the next goes on; stop ends after the run at hand
//   mean and sample deviation by hand; one run has no deviation (control: two have)
import { expect, test } from "vitest";
import type { EngineEvent } from "../../src/client";
import type { RunConfig } from "../../src/config/run";
import { createApp, createComparison, spread, summarize } from "../../src/store";
import type { Command } from "../../src/worker/protocol";

/** An engine that trains in no time; seed 13 fails. */
function rig() {
  let emit: (event: EngineEvent) => void = () => {};
  let config: RunConfig | undefined;
  const loaded: RunConfig[] = [];
  const later = (...events: EngineEvent[]) => queueMicrotask(() => events.forEach((event) => emit(event)));
  const engine = {
    send(command: Command) {
      if (command.type === "load") {
        config = command.config;
        loaded.push(config);
        later({ type: "status", status: "loading", step: 0 }, { type: "status", status: "ready", step: 0 });
      }
      if (command.type !== "play" || !config) return;
      const { steps, seed } = config;
      const record = (step: number) => ({
        ...{ step, loss: seed + step, terms: { ce: seed }, gradNorm: 1, learningRate: 1, tokenAccuracy: 0 },
        ...{ tokens: 1, marginalError: 0, unconverged: 0, ms: 1 },
      });
      const failure = { code: "x", what: "It broke.", why: "Thirteen.", remedy: "" };
      if (seed === 13)
        return later({ type: "failure", failure }, { type: "status", status: "failed", step: 0 });
      later(
        { type: "status", status: "running", step: 0 },
        { type: "steps", records: Array.from({ length: steps }, (_, i) => record(i + 1)) },
        { type: "evaluation", evaluation: { step: steps, correct: seed, total: 10 } },
        { type: "status", status: "finished", step: steps },
      );
    },
    subscribe: (listener: typeof emit) => ((emit = listener), () => {}),
    restart: () => {},
    close: () => {},
  };
  const app = createApp({
    engine: engine as never,
    transport: { solve: () => {}, close: () => {} },
    baseUrl: "http://localhost/",
    fetchJson: async () => ({}),
  });
  return { comparison: createComparison(app), loaded };
}

test("every method with every seed, on one budget", async () => {
  const { comparison, loaded } = rig();
  comparison.change({ presets: ["sft", "uld"], seeds: [2, 4], steps: 6, batchSize: 3, rows: 10 });
  await comparison.start();
  expect(loaded.map(({ seed, method }) => `${seed} ${method.id}`)).toEqual([
    "2 sft",
    "2 uld",
    "4 sft",
    "4 uld",
  ]);
  expect(loaded.every((c) => c.steps === 6 && c.batchSize === 3 && c.evaluation.everySteps === 6)).toBe(true);
  const { runs, running } = comparison.store.getState();
  expect(running).toBe(false);
  expect(runs.map(({ status, accuracy }) => [status, accuracy])).toEqual([
    ["done", 0.2],
    ["done", 0.2],
    ["done", 0.4],
    ["done", 0.4],
  ]);
  const [sft] = summarize(runs);
  expect(sft?.runs).toBe(2);
  expect(sft?.accuracy.mean).toBeCloseTo(0.3);
  expect(sft?.accuracy.deviation).toBeCloseTo(Math.SQRT2 / 10);
  expect(sft?.crossEntropy.mean).toBeCloseTo(3);
});

test("a run that fails is one row, and the next goes on", async () => {
  const { comparison } = rig();
  comparison.change({ presets: ["sft"], seeds: [13, 1], steps: 2 });
  await comparison.start();
  const { runs } = comparison.store.getState();
  expect(runs.map(({ status }) => status)).toEqual(["failed", "done"]);
  expect(runs[0]?.failure).toBe("It broke. Thirteen.");
  expect(summarize(runs)[0]?.runs).toBe(1);
});

test("stop leaves the rest waiting", async () => {
  const { comparison } = rig();
  comparison.change({ presets: ["sft"], seeds: [1, 2, 3], steps: 2 });
  const done = comparison.start();
  const unsubscribe = comparison.store.subscribe(
    ({ runs, running }) => running && runs[0]?.status === "done" && comparison.stop(),
  );
  await done;
  unsubscribe();
  expect(comparison.store.getState().runs.map(({ status }) => status)).toEqual([
    "done",
    "waiting",
    "waiting",
  ]);
});

test("spread", () => {
  expect(spread([1, 3])).toEqual({ mean: 2, deviation: Math.SQRT2 });
  expect(spread([5]).deviation).toBeNaN();
});
