// comparison — plan
//   every method with every seed, seed by seed, on one budget; each run's numbers are its own
//   a run that fails is one row, and the next goes on; stop ends after the run at hand
//   a budget of seconds; the cross entropy without its weight; plans and answers of each run
//   on other models and rows: every method on them, one split for all seeds; who teaches itself still does
//   the table as Markdown and as LaTeX, with what each reserves escaped
//   bands; settings that differ
//   mean and sample deviation by hand; one run has no deviation (control: two have)
import { expect, test } from "vitest";
import type { EngineEvent } from "../../src/client";
import type { RunConfig } from "../../src/config/run";
import {
  bandOf,
  configOf,
  createApp,
  createComparison,
  differences,
  planAt,
  spread,
  summarize,
} from "../../src/store";
import type { PlanRecord } from "../../src/telemetry";
import { latexTable, markdownTable } from "../../src/views/compare/table-text";
import type { Command } from "../../src/worker/protocol";

const ANSWERS = { prompt: "?", reference: "!", teacher: "!", before: "-" };
const plan = (step: number): PlanRecord => ({
  ...{ step, layer: "hidden", studentTokens: ["a"], teacherTokens: ["b"] },
  ...{ plan: Float32Array.of(1), cost: Float32Array.of(0), transportCost: 0, entropy: 0, epsilon: 1 },
  ...{ iterations: 1, marginalError: 0, converged: true },
});

/** An engine that trains in no time, a quarter of a second a step by its own word; seed 13 fails. */
function rig(stopsAt = Infinity) {
  let at = 0;
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
      if (command.type === "pause") later({ type: "status", status: "paused", step: at });
      if (command.type === "evaluate" && config)
        later(
          { type: "answers", answers: { ...ANSWERS, step: at, now: `${config.seed}` } },
          { type: "evaluation", evaluation: { step: at, correct: config.seed, total: 10 } },
        );
      if (command.type !== "play" || !config) return;
      const { steps, seed } = config;
      const weight = config.method.id === "sft" ? 1 : 0.5;
      const record = (step: number) => ({
        ...{
          step,
          loss: seed + step,
          terms: { ce: weight * seed },
          gradNorm: 1,
          learningRate: 1,
          tokenAccuracy: 0,
        },
        ...{ tokens: 1, marginalError: 0, unconverged: 0, ms: 250 },
      });
      at = Math.min(steps, stopsAt);
      const failure = { code: "x", what: "It broke.", why: "Thirteen.", remedy: "" };
      if (seed === 13)
        return later({ type: "failure", failure }, { type: "status", status: "failed", step: 0 });
      later(
        { type: "status", status: "running", step: 0 },
        { type: "steps", records: Array.from({ length: at }, (_, i) => record(i + 1)) },
        { type: "plan", plans: [plan(at)] },
      );
      if (at === steps) later({ type: "status", status: "finished", step: steps });
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
  // Without the method's weight on it: the same for both, though ULD's term is half of SFT's.
  expect(summarize(runs).map(({ crossEntropy }) => crossEntropy.mean)).toEqual([3, 3]);
  expect(runs[1]?.answers).toMatchObject({ step: 6, now: "2" });
  expect(planAt(runs[1]!, "hidden", 6)?.step).toBe(6);
  expect(planAt(runs[1]!, "hidden", 5)).toBeUndefined();
});

test("a budget of seconds stops each run after them, and scores it there", async () => {
  const { comparison } = rig(9);
  comparison.change({ presets: ["sft"], seeds: [4], limit: "seconds", seconds: 2, steps: 50 });
  await comparison.start();
  const [run] = comparison.store.getState().runs;
  expect(run).toMatchObject({ status: "done", seconds: 2.25, accuracy: 0.4, answers: { step: 9 } });
  expect(run?.loss).toHaveLength(9);
});

test("bands: mean ± deviation of the runs that got there", () => {
  const { mean, low, high } = bandOf([[1, 4], [3]]);
  expect(mean).toEqual([2, 4]);
  expect([low[0], high[0]]).toEqual([2 - Math.SQRT2, 2 + Math.SQRT2]);
  expect(high[1]).toBeNaN();
  expect(bandOf([])).toEqual({ mean: [], low: [], high: [] });
});

test("settings that differ, and no others", () => {
  const { budget } = rig().comparison.store.getState();
  const rows = differences([configOf("sft", 1, budget), configOf("uld", 1, budget)]);
  expect(rows).toContainEqual({ path: "method.id", texts: ["sft", "uld"] });
  expect(rows).toContainEqual({ path: "method.kdRate", texts: [undefined, "0.5"] });
  expect(rows.some(({ path }) => ["seed", "steps", "batchSize"].includes(path))).toBe(false);
  expect(differences([configOf("sft", 1, budget), configOf("sft", 1, budget)])).toEqual([]);
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

test("tables as text", () => {
  const rows = [
    ["method", "right"],
    ["a|b_c", "30 % ± 1"],
    ["α", "–"],
  ];
  expect(markdownTable(rows)).toBe("| method | right |\n| --- | --- |\n| a\\|b_c | 30 % ± 1 |\n| α | – |\n");
  expect(latexTable(rows).split("\n")).toEqual([
    "\\begin{tabular}{lr}",
    "  \\hline",
    "  method & right \\\\",
    "  \\hline",
    "  a|b\\_c & 30 \\% $\\pm$ 1 \\\\",
    "  $\\alpha$ & -- \\\\",
    "  \\hline",
    "\\end{tabular}",
    "",
  ]);
});

test("spread", () => {
  expect(spread([1, 3])).toEqual({ mean: 2, deviation: Math.SQRT2 });
  expect(spread([5]).deviation).toBeNaN();
});

test("on other models and rows: one split for all seeds, and who teaches itself still does", () => {
  const { budget } = rig().comparison.store.getState();
  const data = { ...configOf("sft", 1, budget).data, source: "own:mine@12", maxLength: 64 };
  const on = { ...budget, seeds: [5, 6], setting: { teacher: "local:t@1", student: "local:s@2", data } };
  for (const seed of on.seeds) {
    const sft = configOf("sft", seed, on);
    expect(sft).toMatchObject({ teacher: "local:t@1", student: "local:s@2", seed });
    expect(sft.data).toEqual({ ...data, splitSeed: 5 });
  }
  expect(configOf("seqkd", 5, on).data.outputs).toBe("teacher"); // that is the method
  expect(configOf("kd", 5, on).teacher).toBe("local:s@2");
  const bundled = { ...on, setting: { ...on.setting, data: { ...data, source: "reasoning" } } };
  expect(configOf("sft", 5, bundled).data).not.toHaveProperty("splitSeed"); // it has halves of its own
});
