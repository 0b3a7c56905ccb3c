// Methods on logits — plan
//   against PyTorch float64   every case of the fixture: value to 1e-5 relative, gradient to 1e-4 of its largest entry; ragged
//                             samples in a padded bucket whose padding rows are loud (fixture:
//                             reference/objectives/make_logit_goldens.py)
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { DISTILLATIONS, distillationOf } from "../../src/objectives/distillations";
import type { Gpu } from "../../src/gpu/device";
import { testGpu } from "../support/gpu";
import { type LogitFixture, runLogitCase } from "../support/logit-case";

const path = new URL("../fixtures/objectives/logits.json", import.meta.url);
const golden = JSON.parse(readFileSync(path, "utf8")) as LogitFixture;

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

describe("against PyTorch float64", () => {
  test.each(golden.cases.map((c) => [JSON.stringify(c.settings), c] as const))(
    "%s",
    async (_name, { settings, sum, gradient }) => {
      const got = await runLogitCase(gpu, golden, settings, distillationOf(settings));
      expect(Math.abs(got.sum - sum) / Math.abs(sum)).toBeLessThan(1e-5);
      const largest = Math.max(...gradient.map(Math.abs));
      const worst = Math.max(...gradient.map((want, i) => Math.abs(want - got.gradient[i]!)));
      expect(worst / largest).toBeLessThan(1e-4);
      expect(largest).toBeGreaterThan(1e-3);
    },
  );
});

test("the fixture covers every term on logits", () => {
  const covered = new Set(golden.cases.map(({ settings }) => settings.id));
  const onLogits = DISTILLATIONS.filter((d) => !["dskd", "cma"].includes(d.id)).map((d) => d.id);
  expect([...covered].sort()).toEqual(onLogits.sort());
});
