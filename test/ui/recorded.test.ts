// recorded run — plan
//   the committed file is valid, within its budget, and a run's: its plans have the marginals of plans
//   what the record script makes of a run folder is accepted, with the numbers that went in
//   refused by name: another version, a plan of the wrong size, a short column, no plan, a broken config
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { DEFAULT_RUN } from "../../src/config/presets";
import { parseRecordedRun } from "../../src/store";
import { answerRecord, planRecord, stepRecord } from "./events";

const top = resolve(import.meta.dirname, "../..");
const committed = join(top, "public/recorded/first-light.json");

test("the committed recording is usable and at most 150 KB", () => {
  expect(statSync(committed).size).toBeLessThanOrEqual(150_000);
  const run = parseRecordedRun(JSON.parse(readFileSync(committed, "utf8")));
  for (const { plan, studentTokens, marginalError } of run.plans) {
    const cols = plan.length / studentTokens.length;
    const rows = studentTokens.map((_, i) => plan.subarray(i * cols, (i + 1) * cols).reduce((a, b) => a + b));
    const error = rows.reduce((sum, mass) => sum + Math.abs(mass - 1 / studentTokens.length), 0);
    expect(error).toBeLessThan(marginalError + 1e-2); // two digits of each share were kept
  }
});

let recorded: Record<string, unknown>;
beforeAll(() => {
  const dir = mkdtempSync(join(tmpdir(), "couplet-recorded-"));
  const list = (plan: ReturnType<typeof planRecord>) => ({
    ...plan,
    plan: [...plan.plan],
    cost: [...plan.cost],
  });
  writeFileSync(join(dir, "config.json"), JSON.stringify(DEFAULT_RUN));
  writeFileSync(join(dir, "metrics.jsonl"), [1, 2, 3].map((n) => JSON.stringify(stepRecord(n))).join("\n"));
  writeFileSync(join(dir, "plan.json"), JSON.stringify([list(planRecord(3))]));
  writeFileSync(join(dir, "answers.json"), JSON.stringify([answerRecord(3)]));
  execFileSync(process.execPath, [join(top, "scripts/record-first-light.mjs"), dir, "--out", dir]);
  recorded = JSON.parse(readFileSync(join(dir, "first-light.json"), "utf8"));
});

test("the record script's output holds the run's numbers", () => {
  const run = parseRecordedRun(recorded);
  expect(run.title).toBe("CoT2Align, standard pair, 3 steps, seed 7");
  expect(run.steps.map((s) => s.loss)).toEqual([3, 1.5, 1]);
  expect(run.steps[1]?.terms).toEqual({ ce: 0.5, ot_embedding: 0.5, ot_hidden: 0.5 });
  expect([...run.plans[0]!.plan]).toEqual([...planRecord(3).plan]);
  expect(run.answers).toEqual([answerRecord(3)]);
});

test.each([
  ["another version", { version: 2 }, /version/],
  ["a plan of the wrong size", { plans: [{ ...jsonPlan(), plan: [1] }] }, /one number per pair/],
  ["no plan", { plans: [] }, /at least one plan/],
  ["a broken config", { config: { ...DEFAULT_RUN, steps: 0 } }, /steps/],
  ["an unknown field", { extra: 1 }, /extra/],
])("refused by name: %s", (_, change, message) => {
  expect(() => parseRecordedRun({ ...recorded, ...change })).toThrow(message);
});

test("refused by name: a short column", () => {
  const steps = { ...(recorded["steps"] as object), loss: [1] };
  expect(() => parseRecordedRun({ ...recorded, steps })).toThrow(/as long as/);
});

function jsonPlan() {
  const { plan, cost, ...facts } = planRecord(3);
  return { ...facts, plan: [...plan], cost: [...cost] };
}
