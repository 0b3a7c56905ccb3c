// Run config — plan
//   round trip      every preset survives JSON and parses to itself
//   each refusal    names the field by its path, says what is wrong and what came
//   schedule        warm-up rises, decay ends near zero, constant stays; the factor is within [0, 1]
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_RUN, PRESETS } from "../../../src/config/presets";
import { PLAIN_TRAINING } from "../../../src/config/training";
import { createRng, deriveSeed } from "../../../src/config/rng";
import { ConfigError, parseRunConfig, parseRunConfigText } from "../../../src/config/run";
import { scheduleFactor } from "../../../src/config/schedule";

/** A copy of the default config with one field, given by its path, replaced; undefined removes it. */
function withField(path: string, value: unknown): unknown {
  const copy = structuredClone(DEFAULT_RUN) as unknown as Record<string, unknown>;
  const keys = path.split(".");
  const last = keys.pop()!;
  let at = copy;
  for (const key of keys) at = at[key] as Record<string, unknown>;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

const refusal = (json: unknown): string => {
  try {
    parseRunConfig(json);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  throw new Error("the config was accepted");
};

describe("run config", () => {
  test.each(Object.entries(PRESETS))("preset %s survives JSON", (_, { config }) => {
    expect(parseRunConfigText(JSON.stringify(config))).toEqual(config);
  });

  test.each([
    ["method.transport.epsilon", 0, /method\.transport\.epsilon: .*greater than 0.*0/],
    ["method.transport.epsilon", -1, /method\.transport\.epsilon: .*greater than 0/],
    ["method.transport.cost", "manhattan", /method\.transport\.cost: .*cosine.*manhattan/],
    ["method.kdRate", 1.5, /method\.kdRate: .*between 0 and 1/],
    ["method.id", "magic", /method\.id: .*magic/],
    ["optimizer.learningRate", Number.NaN, /optimizer\.learningRate: must be a number/],
    ["optimizer.learningRate", Number.POSITIVE_INFINITY, /optimizer\.learningRate: .*Infinity/],
    ["batchSize", 2.5, /batchSize: .*whole number/],
    ["batchSize", 0, /batchSize: .*at least 1/],
    ["steps", "300", /steps: .*number.*"300"/],
    ["teacher", "", /teacher: must name a model/],
    ["seed", undefined, /seed: /],
    ["surprise", 1, /surprise/],
    ["data.maxPrompt", 400, /data\.maxPrompt: must be below data\.maxLength \(192\)/],
  ])("refuses %s = %s and names it", (path, value, message) => {
    expect(refusal(withField(path, value))).toMatch(message);
  });

  test("a config from before the training options means full training, one batch a step", () => {
    const old: Record<string, unknown> = { ...DEFAULT_RUN };
    for (const field of Object.keys(PLAIN_TRAINING)) delete old[field];
    expect(parseRunConfig(old)).toEqual({ ...DEFAULT_RUN, ...PLAIN_TRAINING });
  });

  test.each([
    [{ kind: "lora", rank: 0, alpha: 8, targets: ["q_proj"] }, /training\.rank: .*at least 1/],
    [{ kind: "lora", rank: 8, alpha: 0, targets: ["q_proj"] }, /training\.alpha: .*greater than 0/],
    [{ kind: "lora", rank: 8, alpha: 8, targets: [] }, /training\.targets: must name at least one matrix/],
    [{ kind: "half" }, /training\.kind: /],
  ])("refuses training %o", (training, message) => {
    expect(refusal(withField("training", training))).toMatch(message);
  });

  test("broken JSON is a config error too", () => {
    expect(() => parseRunConfigText("{ nope")).toThrow(ConfigError);
    expect(() => parseRunConfigText("{ nope")).toThrow(/not valid JSON/);
    expect(refusal(null)).toMatch(/top level/);
  });

  test("several wrong fields are all named at once", () => {
    const json = { ...DEFAULT_RUN, steps: 0, batchSize: -1 };
    expect(refusal(json)).toMatch(/steps[\s\S]*batchSize|batchSize[\s\S]*steps/);
  });
});

describe("schedule", () => {
  const schedules = ["constant", "linear", "cosine"] as const;
  test("stays within [0, 1], rises during warm-up, never rises after it", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...schedules),
        fc.nat(20),
        fc.integer({ min: 30, max: 200 }),
        (schedule, warmupSteps, steps) => {
          const factors = Array.from({ length: steps }, (_, i) =>
            scheduleFactor({ schedule, warmupSteps }, i + 1, steps),
          );
          factors.forEach((factor, i) => {
            expect(factor).toBeGreaterThanOrEqual(0);
            expect(factor).toBeLessThanOrEqual(1);
            if (i === 0) return;
            const before = factors[i - 1]!;
            if (i < warmupSteps) expect(factor).toBeGreaterThan(before);
            if (i > warmupSteps) expect(factor).toBeLessThanOrEqual(before + 1e-12);
          });
        },
      ),
    );
  });

  test("without warm-up the first step has the whole rate, and decay ends near zero", () => {
    for (const schedule of schedules) expect(scheduleFactor({ schedule, warmupSteps: 0 }, 1, 100)).toBe(1);
    expect(scheduleFactor({ schedule: "cosine", warmupSteps: 0 }, 100, 100)).toBeLessThan(1e-3);
    expect(scheduleFactor({ schedule: "linear", warmupSteps: 0 }, 100, 100)).toBeCloseTo(0.01);
    expect(scheduleFactor({ schedule: "constant", warmupSteps: 0 }, 100, 100)).toBe(1);
  });
});

describe("seeded numbers", () => {
  test("the same seed gives the same stream; a restored state continues it", () => {
    const [a, b] = [createRng(7), createRng(7)];
    const first = Array.from({ length: 5 }, a.next);
    expect(Array.from({ length: 5 }, b.next)).toEqual(first);
    const state = a.state();
    const next = a.next();
    b.restore(state);
    expect(b.next()).toBe(next);
    expect(createRng(8).next()).not.toBe(first[0]);
  });

  test("streams of one seed differ, and moments are as they should be", () => {
    expect(deriveSeed(7, "data")).not.toBe(deriveSeed(7, "projectors"));
    expect(deriveSeed(7, "data")).toBe(deriveSeed(7, "data"));
    const rng = createRng(deriveSeed(1, "moments"));
    const normals = Array.from({ length: 20_000 }, rng.normal);
    const mean = normals.reduce((s, x) => s + x, 0) / normals.length;
    const variance = normals.reduce((s, x) => s + x * x, 0) / normals.length - mean ** 2;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
  });
});
