// comparison — plan
//   every method with every seed, seed by seed, on one budget; each run's numbers are its own
//   a run that fails is one row, and the next goes on; stop ends after the run at hand
//   a budget of seconds; the cross entropy without its weight; plans and answers of each run
//   on other models and rows: every method on them, one split for all seeds; who teaches itself still does
//   what is finished stays: another method or seed only adds waiting runs, going back and forth loses nothing, a reload
//   brings all back (plans bit for bit); storage that fails is said; its engine is opened for runs and let go after
//   the table as Markdown and as LaTeX, with what each reserves escaped
//   bands; settings that differ
//   mean and sample deviation by hand; one run has no deviation (control: two have)
import { expect, test } from "vitest";
import type { EngineEvent } from "../../src/client";
import { parseRunConfig, type RunConfig } from "../../src/config/run";
import {
  bandOf,
  configOf,
  createApp,
  createComparison,
  KeepError,
  type KeptFolders,
  differences,
  planAt,
  spread,
  summarize,
} from "../../src/store";
import type { PlanRecord } from "../../src/telemetry";
import { latexTable, markdownTable } from "../../src/views/compare/table-text";
import type { Command } from "../../src/worker/protocol";
import { memoryKept } from "../support/kept-files";

const ANSWERS = { prompt: "?", reference: "!", teacher: "!", before: "-" };
const plan = (step: number): PlanRecord => ({
  ...{ step, layer: "hidden", studentTokens: ["a"], teacherTokens: ["b"] },
  ...{ plan: Float32Array.of(1), cost: Float32Array.of(0), transportCost: 0, entropy: 0, epsilon: 1 },
  ...{ iterations: 1, marginalError: 0, converged: true },
});

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

/** An engine that trains in no time, a quarter of a second a step by its own word; seed 13 fails. */
function rig({ stopsAt = Infinity, files }: { stopsAt?: number; files?: KeptFolders } = {}) {
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
      const weight = "kdRate" in config.method ? 1 - config.method.kdRate : 1;
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
  const doors: string[] = [];
  const comparison = createComparison({
    app,
    openEngine: () => doors.push("open"),
    closeEngine: () => doors.push("close"),
    ...(files && { files }),
  });
  return { comparison, loaded, doors };
}

const statuses = ({ comparison }: ReturnType<typeof rig>) =>
  comparison.store.getState().runs.map(({ preset, seed, status }) => `${preset} ${seed} ${status}`);

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
  const { comparison } = rig({ stopsAt: 9 });
  comparison.change({ presets: ["sft"], seeds: [4], limit: "seconds", seconds: 2, steps: 50 });
  await comparison.start();
  const [run] = comparison.store.getState().runs;
  expect(run).toMatchObject({ status: "done", seconds: 2.25, accuracy: 0.4, answers: { step: 9 } });
  expect(run?.loss).toHaveLength(9);
});

test("another method or seed adds waiting runs and keeps what is done; only what waits is run", async () => {
  const r = rig();
  const { comparison, loaded, doors } = r;
  comparison.change({ presets: ["sft"], seeds: [2], steps: 3 });
  expect(statuses(r)).toEqual([]);
  await comparison.start();
  const [first] = comparison.store.getState().runs;
  comparison.change({ presets: ["sft", "uld"], seeds: [2, 4] });
  expect(statuses(r)).toEqual(["sft 2 done", "uld 2 waiting", "sft 4 waiting", "uld 4 waiting"]);
  expect(comparison.store.getState().runs[0]).toBe(first);
  expect(loaded).toHaveLength(1);
  await comparison.start();
  expect(statuses(r)).toEqual(["sft 2 done", "uld 2 done", "sft 4 done", "uld 4 done"]);
  expect(loaded.map(({ seed, method }) => `${seed} ${method.id}`)).toEqual([
    "2 sft",
    "2 uld",
    "4 sft",
    "4 uld",
  ]);
  comparison.change({ presets: ["uld"] });
  comparison.change({ presets: ["sft", "uld"] });
  expect(statuses(r)).toEqual(["sft 2 done", "uld 2 done", "sft 4 done", "uld 4 done"]);
  expect(doors).toEqual(["open", "close", "open", "close"]);
  await comparison.start(true);
  expect(loaded).toHaveLength(8); // asked for again, all of them
});

test("another number of steps shows none of the old runs, and the way back shows all", async () => {
  const r = rig();
  const { comparison } = r;
  comparison.change({ presets: ["sft", "uld"], seeds: [2], steps: 3 });
  await comparison.start();
  comparison.change({ steps: 30 });
  expect(statuses(r)).toEqual([]);
  expect(comparison.store.getState().finished).toHaveLength(2);
  comparison.showFinished();
  expect(comparison.store.getState().budget.steps).toBe(3);
  expect(statuses(r)).toEqual(["sft 2 done", "uld 2 done"]);
});

test("a reload brings the results back, plans bit for bit; deleted is deleted", async () => {
  const files = memoryKept();
  const first = rig({ files });
  first.comparison.change({ presets: ["sft", "uld"], seeds: [2], steps: 3, rows: 10 });
  await first.comparison.start();
  await settled();
  const second = rig({ files });
  await second.comparison.open();
  expect(second.comparison.store.getState().budget).toEqual(first.comparison.store.getState().budget);
  expect(second.comparison.store.getState().runs).toEqual(first.comparison.store.getState().runs);
  expect(second.comparison.store.getState().runs[0]?.plans["hidden"]?.[0]?.plan).toEqual(Float32Array.of(1));
  expect(second.comparison.store.getState().runs[0]).toMatchObject({ accuracy: 0.2, scored: 10 });
  second.comparison.clear();
  await settled();
  expect([...files.content.keys()]).toEqual(["couplet-comparison/budget.json"]);
  const third = rig({ files });
  await third.comparison.open();
  expect(third.comparison.store.getState().finished).toEqual([]);
});

test("storage that is full is said, and the comparison goes on; a broken file is left out", async () => {
  const full = rig({
    files: { ...memoryKept(), write: async () => Promise.reject(new KeepError("full", "storage is full")) },
  });
  full.comparison.change({ presets: ["sft"], seeds: [2, 4], steps: 3 });
  await full.comparison.start();
  await settled();
  expect(statuses(full)).toEqual(["sft 2 done", "sft 4 done"]);
  expect(full.comparison.store.getState().keepIssue).toBe("storage is full");

  const files = memoryKept();
  const good = rig({ files });
  good.comparison.change({ presets: ["sft"], seeds: [2, 4], steps: 3 });
  await good.comparison.start();
  await settled();
  const [name = ""] = [...files.content.keys()].filter((key) => !key.endsWith("budget.json"));
  files.content.set(name, new TextEncoder().encode("{"));
  const later = rig({ files });
  await later.comparison.open();
  expect(statuses(later)).toEqual(["sft 2 waiting", "sft 4 done"]);
  expect(later.comparison.store.getState().unreadable).toBe(1);
});

test("a result is done once it is written: whoever sees the word may close the tab", async () => {
  const files = memoryKept();
  const r = rig({ files });
  const seen: string[] = [];
  r.comparison.store.subscribe(({ runs }) => {
    const done = runs.filter(({ status }) => status === "done").length;
    const kept = [...files.content.keys()].filter((name) => !name.endsWith("budget.json")).length;
    seen.push(`${done} of ${kept}`);
    expect(done).toBeLessThanOrEqual(kept);
  });
  r.comparison.change({ presets: ["sft"], seeds: [2, 4], steps: 3 });
  await r.comparison.start();
  expect(seen.at(-1)).toBe("2 of 2");
});

test("two tabs: neither loses what the other finishes, and a look brings it over", async () => {
  const files = memoryKept();
  const [first, second] = [rig({ files }), rig({ files })];
  first.comparison.change({ presets: ["sft"], seeds: [2], steps: 3 });
  second.comparison.change({ presets: ["uld"], seeds: [2], steps: 3 });
  await Promise.all([first.comparison.start(), second.comparison.start()]);
  const third = rig({ files });
  await third.comparison.open();
  expect(
    third.comparison.store
      .getState()
      .finished.map(({ preset }) => preset)
      .toSorted(),
  ).toEqual(["sft", "uld"]);
  await first.comparison.open();
  first.comparison.change({ presets: ["sft", "uld"] });
  expect(statuses(first)).toEqual(["sft 2 done", "uld 2 done"]);
});

test("what an earlier version kept under an index is moved over", async () => {
  const files = memoryKept();
  const r = rig({ files });
  r.comparison.change({ presets: ["sft"], seeds: [2], steps: 3 });
  await r.comparison.start();
  const [name = ""] = [...files.content.keys()].filter((key) => !key.endsWith("budget.json"));
  const { finishedAt: _, ...old } = JSON.parse(
    new TextDecoder().decode(files.content.get(name)),
  ) as object & {
    finishedAt: number;
  };
  files.content.clear();
  await files.write("comparison-1.json", JSON.stringify(old));
  const { budget } = r.comparison.store.getState();
  await files.write("comparison.json", JSON.stringify({ version: 1, budget, files: ["comparison-1.json"] }));
  const later = rig({ files });
  await later.comparison.open();
  expect(statuses(later)).toEqual(["sft 2 done"]);
  expect([...files.content.keys()].toSorted()).toEqual(["couplet-comparison/budget.json", name].toSorted());
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
  expect(rows).toContainEqual({ path: "method.kdRate", texts: [undefined, "0.9"] });
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

test("opens where a teacher matters: labels that err, one share for every method that has one", () => {
  const { budget } = rig().comparison.store.getState();
  expect(budget.presets).toEqual(["sft", "alm", "shared-vocabulary", "cot2align-alm"]);
  for (const preset of budget.presets) {
    const { data, method, student } = configOf(preset, 1, budget);
    expect(data.labels).toEqual({ noisy: 0.5 });
    expect(student).toBe("couplet-student");
    if ("kdRate" in method) expect(method.kdRate).toBe(0.9);
    expect(parseRunConfig(configOf(preset, 1, budget))).toEqual(configOf(preset, 1, budget));
  }
  expect(configOf("cot2align-alm", 1, budget).method).toMatchObject({ base: { id: "alm", debias: false } });
  // A teacher that writes every answer leaves no label to err; few labels are for own rows too.
  expect(configOf("seqkd", 1, budget).data).toMatchObject({ outputs: "teacher", labels: "all" });
  const few = { few: 240, rest: "none" } as const;
  const data = { ...configOf("sft", 1, budget).data, source: "own:mine@12" };
  const own = { ...budget, labels: few, setting: { teacher: "t", student: "s", data, seed: 7 } };
  expect(configOf("sft", 1, own).data.labels).toEqual(few);
});

test("on other models and rows: one split for all seeds, and who teaches itself still does", () => {
  const { budget } = rig().comparison.store.getState();
  const data = { ...configOf("sft", 1, budget).data, source: "own:mine@12", maxLength: 64 };
  const on = {
    ...budget,
    seeds: [5, 6],
    setting: { teacher: "local:t@1", student: "local:s@2", data, seed: 7 },
  };
  for (const seed of on.seeds) {
    const sft = configOf("sft", seed, on);
    expect(sft).toMatchObject({ teacher: "local:t@1", student: "local:s@2", seed });
    expect(sft.data).toEqual({ ...data, labels: "all", splitSeed: 7 }); // as Data says, and as a run of Distill takes it
  }
  expect(configOf("seqkd", 5, on).data.outputs).toBe("teacher"); // that is the method
  expect(configOf("kd", 5, on).teacher).toBe("local:s@2");
  const bundled = { ...on, setting: { ...on.setting, data: { ...data, source: "reasoning" } } };
  expect(configOf("sft", 5, bundled).data).not.toHaveProperty("splitSeed"); // it has halves of its own
});
