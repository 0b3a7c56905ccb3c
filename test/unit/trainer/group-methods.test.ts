// Methods over groups train on the bundled pair, on the rows' own answers — plan
//   each method     two seeded steps: terms by name, numbers all, the weights move; tokens that take part are counted
//   fixed advantage no teacher is opened
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

const METHODS = ["opd", "fixed-advantage", "gkd", "reverse-kl-top-k"] as const;
/** Methods that leave no response token out. */
const WHOLE = new Set(["fixed_advantage", "gkd", "reverse_kl_top_k"]);

describe.each(METHODS)("%s", (preset) => {
  test("takes steps", async () => {
    const { method, teacher } = PRESETS[preset].config;
    const config = { ...SMALL_RUN, method, teacher, data: { ...SMALL_RUN.data, rows: 12 } } as RunConfig;
    const run = await openRun(gpu, config, bundledSources(config));
    const records = await takeSteps(run, 2);
    await run.destroy();
    for (const { terms, loss, gradNorm, coverage } of records) {
      expect(Object.keys(terms)).toEqual(["ce", method.id]);
      expect([loss, gradNorm, ...Object.values(terms)].every(Number.isFinite)).toBe(true);
      expect(gradNorm).toBeGreaterThan(0);
      if (!WHOLE.has(method.id)) expect(coverage?.student).toBeGreaterThan(0.5);
    }
    expect(records[0]!.loss).not.toBe(records[1]!.loss);
  });
});
