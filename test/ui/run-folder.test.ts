// A run's folder from elsewhere — plan
//   record      config, steps, evaluations and plans are those of the files; a last line that is being written is left out
//   refused     in one line: files that are missing, a line that is not JSON, a number that is none, a step that is left out,
//               a plan whose matrix does not fit its tokens
//   kept        listed under its folder's name without weights; read again; never offered to be gone on with
import { expect, test } from "vitest";
import { DEFAULT_RUN } from "../../src/config/presets";
import { createKeptRuns, recordOfFolder } from "../../src/store";
import { keepFolder } from "../../src/store/run-folder";
import { memoryKept } from "../support/kept-files";
import { planRecord, stepRecord } from "./events";

const lines = (...all: unknown[]) => all.map((one) => `${JSON.stringify(one)}\n`).join("");
const plan = planRecord(1);
const folder = (change: Record<string, string> = {}) =>
  new Map(
    Object.entries({
      "config.json": JSON.stringify(DEFAULT_RUN),
      "metrics.jsonl": lines(stepRecord(1), stepRecord(2)),
      "evaluations.jsonl": lines({ step: 2, correct: 1, total: 4, rougeL: 0.5 }),
      "plans.jsonl": lines({ ...plan, plan: [...plan.plan], cost: [...plan.cost] }),
      ...change,
    }),
  );

test("what the files say", () => {
  const record = recordOfFolder(folder());
  expect(record).toMatchObject({ step: 2, config: DEFAULT_RUN });
  expect(record.steps).toEqual([stepRecord(1), stepRecord(2)]);
  expect(record.evaluations).toEqual([{ step: 2, correct: 1, total: 4, rougeL: 0.5 }]);
  expect(record.plans).toEqual([plan]);
  const growing = recordOfFolder(folder({ "metrics.jsonl": `${lines(stepRecord(1))}{"step": 2, "lo` }));
  expect(growing.steps).toHaveLength(1);
  expect(growing.evaluations).toEqual([]); // of a step that is not there yet
});

test.each<[Record<string, string>, RegExp]>([
  [{ "metrics.jsonl": "" }, /^metrics\.jsonl holds no step/],
  [{ "metrics.jsonl": "{\n" }, /^metrics\.jsonl, line 1: not JSON\.$/],
  [{ "metrics.jsonl": lines([1]) }, /^metrics\.jsonl, line 1: not a JSON object\.$/],
  [
    { "metrics.jsonl": lines(stepRecord(1), stepRecord(3)) },
    /^metrics\.jsonl, line 2: step 2 was expected, not 3\.$/,
  ],
  [
    { "metrics.jsonl": lines({ ...stepRecord(1), loss: null }) },
    /line 1: "loss" must be a number, got null\.$/,
  ],
  [
    { "metrics.jsonl": lines({ ...stepRecord(1), terms: { ce: "x" } }) },
    /line 1: "ce" must be a number, got "x"\.$/,
  ],
  [{ "config.json": "{}" }, /^config\.json: /],
  [
    { "plans.jsonl": lines({ ...plan, plan: [1], cost: [] }) },
    /^plans\.jsonl, line 1: "plan" must hold 6 numbers/,
  ],
])("%o is refused", (change, why) => {
  expect(() => recordOfFolder(folder(change))).toThrow(why);
});

test("a folder without its files", () => {
  expect(() => recordOfFolder(new Map())).toThrow(/config\.json and metrics\.jsonl are missing/);
});

test("is kept without weights", async () => {
  const runs = createKeptRuns(memoryKept());
  const id = await keepFolder(runs, "out", folder());
  expect((await runs.list()).runs).toMatchObject([{ id, name: "out", step: 2, weights: false }]);
  expect((await runs.read(id)).found?.record).toEqual(recordOfFolder(folder()));
});
