// On-policy runs of the bundled pair on Dawn — plan
//   student      ten steps twice give the same records; another seed others; every row is the student's; the figures are in range
//   resume       a checkpoint after four steps gives the same six further ones, in a run opened anew
//   prompts      rows without any answer do: the run opened anew is on such
//   mix          λ 0 learns from the data alone, λ 1 from the student alone, between them from both; per slice all or none
//   samples      several answers to each prompt, all different
//   KL to start  0 before the first step, above 0 afterwards; with adapters without a copy of the weights
//   limits       answers cut off are counted, and left out by option; steps without any go by and leave the weights alone, until
//                the run stops and says so
//   noise        a student that starts from random weights writes 50 steps long, without NaN
//   off-policy   the rollout section changes nothing
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseRunConfig, type Rollout, type RunConfig } from "../../../src/config/run";
import { createRng } from "../../../src/config/rng";
import type { Gpu } from "../../../src/gpu/device";
import { exportStudentFolder, loadStudentWeights, memoryFiles } from "../../../src/models";
import { openRun, type Run, RunError, type RunSources } from "../../../src/trainer";
import { bundledSources, SMALL_RUN, takeSteps } from "../../support/bundled";
import { testGpu } from "../../support/gpu";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

const GOLD = {
  id: "gold",
  kdRate: 1,
  mode: "uld",
  beta: 0.5,
  matchedWeight: null,
  unmatchedWeight: null,
} as const;

function onPolicy(rollout: Partial<Rollout> = {}, more: Partial<RunConfig> = {}): RunConfig {
  const { method: _, ...rest } = SMALL_RUN;
  return parseRunConfig({
    ...rest,
    method: GOLD,
    data: { ...SMALL_RUN.data, view: "plain", outputs: "student" },
    ...more,
    rollout: { ...SMALL_RUN.rollout, maxNewTokens: 20, ...rollout },
  });
}

async function records(config: RunConfig, steps: number, sources: RunSources = bundledSources(config)) {
  const run = await openRun(gpu, config, sources);
  try {
    return await takeSteps(run, steps);
  } finally {
    await run.destroy();
  }
}

describe("the student writes every answer", () => {
  let run: Run;
  beforeAll(async () => {
    run = await openRun(gpu, onPolicy(), bundledSources());
  });
  afterAll(() => run.destroy());

  test("the same seed gives the same ten steps, and a checkpoint goes on with them", async () => {
    const first = await takeSteps(run, 4);
    const saved = await run.checkpoint();
    const rest = await takeSteps(run, 6);
    const all = [...first, ...rest];
    for (const [i, { rollout, loss, tokens }] of all.entries()) {
      expect(rollout).toMatchObject({ rows: 4, written: 4, leftOut: 0 });
      expect(rollout!.length * 4).toBeCloseTo(tokens, 6);
      expect(rollout!.signal).toBeGreaterThan(0.2);
      expect(rollout!.signal).toBeLessThanOrEqual(1);
      expect(rollout!.entropy).toBeGreaterThan(0);
      expect(rollout!.entropy).toBeLessThan(Math.log(192));
      if (i === 0) expect(Math.abs(rollout!.klToStart!)).toBeLessThan(1e-6);
      else expect(rollout!.klToStart).toBeGreaterThan(1e-6);
      expect(Number.isFinite(loss)).toBe(true);
    }
    await run.reset();
    await run.profile(); // leaves no trace
    expect(await takeSteps(run, 10)).toEqual(all);
    // Opened anew on prompts alone: answers that are not read make no difference.
    const sources = bundledSources();
    const train = sources.train.map(({ id, prompt }) => ({ id, prompt, output: "" }));
    const again = await openRun(gpu, onPolicy(), { ...sources, train });
    await again.restore(saved);
    expect(await takeSteps(again, 6)).toEqual(rest);
    await again.destroy();
    expect((await records(onPolicy({ seed: 99 }), 1))[0]).not.toEqual(first[0]);
  });
});

describe("mixed with the data's answers", () => {
  const mix = (rollout: Partial<Rollout>) =>
    onPolicy(rollout, { data: { ...SMALL_RUN.data, view: "plain", outputs: "mix" } });

  test("λ says how many rows are the student's", async () => {
    expect((await records(mix({ lambda: 0 }), 1))[0]!.rollout).toMatchObject({ rows: 4, written: 0 });
    const written = (await records(mix({ lambda: 0.5 }), 3)).map(({ rollout }) => rollout!.written);
    expect(new Set(written).size).toBeGreaterThan(1);
    const slices = (await records(mix({ lambda: 0.5, lambdaPer: "slice" }), 4)).map(
      (r) => r.rollout!.written,
    );
    expect([...new Set(slices)].toSorted()).toEqual([0, 4]);
  });
});

test("several samples of a prompt, in micro-batches", async () => {
  const [record] = await records(onPolicy({ samples: 4 }, { batchSize: 2, accumulation: 4 }), 1);
  expect(record!.rollout).toMatchObject({ rows: 8, written: 8 });
  expect(() => onPolicy({ samples: 3 })).toThrow(
    /rollout\.samples: must divide the rows of a step.*= 4\), got 3/,
  );
});

test("with adapters the start is the frozen weights: no copy, the same measure", async () => {
  const training = { kind: "lora" as const, rank: 4, alpha: 8, targets: ["q_proj", "v_proj"] };
  const [first, second, third] = await records(onPolicy({ startEverySteps: 2 }, { training }), 3);
  expect(Math.abs(first!.rollout!.klToStart!)).toBeLessThan(1e-6);
  expect(second!.rollout).not.toHaveProperty("klToStart");
  expect(third!.rollout!.klToStart).toBeGreaterThan(0);
});

describe("answers that are cut off", () => {
  test("are counted and left out", async () => {
    const some = (await records(onPolicy({ maxNewTokens: 2, truncated: "leave_out" }), 3)).map(
      (r) => r.rollout!,
    );
    expect(some.some(({ rows }) => rows > 0 && rows < 4)).toBe(true);
    for (const { rows, leftOut, truncated } of some) {
      expect(rows + leftOut).toBe(4);
      expect(leftOut).toBe(truncated * 4);
    }
  });

  test("all of them: steps go by, and then the run says why it stops", async () => {
    const config = onPolicy({ maxNewTokens: 1, truncated: "leave_out" }, { steps: 60 });
    const run = await openRun(gpu, config, bundledSources());
    const before = await run.checkpoint();
    const empty = await takeSteps(run, 24);
    for (const { rollout, tokens, loss } of empty)
      expect([rollout!.rows, rollout!.leftOut, tokens, loss]).toEqual([0, 4, 0, 0]);
    const stopped: unknown = await run.step().catch((error: unknown) => error);
    expect(stopped).toBeInstanceOf(RunError);
    expect((stopped as RunError).message).toMatch(
      /for 25 steps.*cut off at 1 tokens.*Raise rollout\.maxNewTokens/s,
    );
    const after = await run.checkpoint();
    expect(after.length).toBeGreaterThan(0);
    await run.restore(before);
    expect(run.at).toBe(0);
    await run.destroy();
  });
});

test("a student that starts from noise writes for 50 steps", async () => {
  const sources = bundledSources();
  const { config, tensors } = await loadStudentWeights(sources.student);
  const rng = createRng(5);
  const noise = new Map(
    [...tensors].map(([name, { shape, data }]) => [
      name,
      { shape, data: data.map((value) => (shape.length > 1 ? 0.3 * rng.normal() : value)) },
    ]),
  );
  const folder = memoryFiles("noise", await exportStudentFolder(config, noise, sources.student));
  const all = await records(
    onPolicy({ maxNewTokens: 8, startEverySteps: 25 }, { steps: 50, batchSize: 2 }),
    50,
    {
      ...sources,
      student: folder,
    },
  );
  expect(all).toHaveLength(50);
  expect(all.every(({ loss, gradNorm }) => Number.isFinite(loss) && Number.isFinite(gradNorm))).toBe(true);
});

test("what cannot be learned on-policy is refused by name", () => {
  const refused =
    (more: Partial<RunConfig>, rollout: Partial<Rollout> = {}) =>
    () =>
      onPolicy(rollout, more);
  expect(refused({ method: { id: "sft" } })).toThrow(/data\.outputs: "student" leaves SFT nothing to learn/);
  expect(refused({}, { maxNewTokens: 192 })).toThrow(
    /rollout\.maxNewTokens: must be below data\.maxLength \(192\)/,
  );
  expect(refused({}, { topP: 0 })).toThrow(/rollout\.topP/);
  expect(refused({}, { temperature: -1 })).toThrow(/rollout\.temperature: must be at least 0/);
});
