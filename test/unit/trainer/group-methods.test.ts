// Methods over groups train on the bundled pair, on the rows' own answers — plan
//   each method     two seeded steps: terms by name, numbers all, the weights move; tokens that take part are counted
//   fixed advantage no teacher is opened
//   x_token         divides by the chunks of the whole step: two micro-batches of two rows and a batch of four are one step, but for
//                   the ids that each takes, which are all here; scaled dynamically, the term is as large as the cross entropy
import { beforeAll, describe, expect, test } from "vitest";
import { PRESETS } from "../../../src/config/presets";
import type { RunConfig } from "../../../src/config/run";
import type { Gpu } from "../../../src/gpu/device";
import { openRun } from "../../../src/trainer";
import { bundledSources, SMALL_RUN, takeSteps } from "../../support/bundled";
import { testGpu } from "../../support/gpu";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

const METHODS = [
  ...(["opd", "fixed-advantage", "gkd", "reverse-kl-top-k", "simct", "simple-ctkd", "x-token"] as const),
];
/** Methods that leave no response token out. */
const WHOLE = new Set(["fixed_advantage", "gkd", "reverse_kl_top_k"]);

describe.each(METHODS)("%s", (preset) => {
  test("takes steps", async () => {
    const { method: preferred, teacher } = PRESETS[preset].config;
    // Beside the cross entropy: the presets of on-policy runs leave it out, and these few rows may hold no unlikely token.
    const method = { ...preferred, kdRate: 0.5 };
    const config = { ...SMALL_RUN, method, teacher, data: { ...SMALL_RUN.data, rows: 12 } } as RunConfig;
    const run = await openRun(gpu, config, bundledSources(config));
    const records = await takeSteps(run, 2);
    await run.destroy();
    for (const { terms, loss, gradNorm, coverage } of records) {
      expect(Object.keys(terms)).toEqual(["ce", method.id]);
      expect([loss, gradNorm, ...Object.values(terms)].every(Number.isFinite)).toBe(true);
      expect(gradNorm).toBeGreaterThan(0);
      if (!WHOLE.has(method.id))
        expect(coverage?.student).toBeGreaterThan(method.id === "simple_ctkd" ? 0 : 0.5);
    }
    expect(records[0]!.loss).not.toBe(records[1]!.loss);
  });
});

describe("x_token", () => {
  const step = async (changes: Partial<RunConfig>, method: object = {}) => {
    const xToken = { ...PRESETS["x-token"].config.method, ...method } as RunConfig["method"];
    const data = { ...SMALL_RUN.data, rows: 12 };
    const config: RunConfig = { ...SMALL_RUN, method: xToken, data, ...changes };
    const run = await openRun(gpu, config, bundledSources(config));
    const [record] = await takeSteps(run, 1);
    await run.destroy();
    return record!;
  };

  test("accumulated", async () => {
    const whole = await step({ batchSize: 4 });
    const halves = await step({ batchSize: 2, accumulation: 2 });
    expect(Math.abs(halves.terms["x_token"]! / whole.terms["x_token"]! - 1)).toBeLessThan(1e-4);
    expect(Math.abs(halves.gradNorm / whole.gradNorm - 1)).toBeLessThan(1e-3);
  });

  test("dynamic", async () => {
    const { terms } = await step({}, { combine: "dynamic" });
    expect(Math.abs(terms["x_token"]! / terms["ce"]! - 1)).toBeLessThan(1e-5);
  });
});
