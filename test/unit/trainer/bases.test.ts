// Distillation terms under CoT2Align's transport — plan
//   each base   that works between two tokenizers: steps are finite, the base's terms of its card and transport's are there, and
//               the base's terms are those of the method alone on the same rows at the first step (the share is the same)
import { beforeAll, expect, test } from "vitest";
import { DISTILLATION_CARDS, methodDefaults, parseRunConfig, termDefaults } from "../../../src/config/run";
import type { Gpu } from "../../../src/gpu/device";
import { openRun } from "../../../src/trainer";
import { bundledSources, SMALL_RUN } from "../../support/bundled";
import { testGpu } from "../../support/gpu";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

const steps = async (method: unknown, count: number) => {
  const config = parseRunConfig({ ...SMALL_RUN, method });
  const run = await openRun(gpu, config, bundledSources(config));
  const records = [];
  for (let i = 0; i < count; i++) records.push(await run.step());
  await run.destroy();
  return records;
};

const bases = DISTILLATION_CARDS.filter(({ canBeBase, tokenizers }) => canBeBase && tokenizers === "any");

test.each(bases.map((card) => [card.id, card] as const))("%s", async (id, card) => {
  const base = termDefaults(card);
  const under = await steps({ ...methodDefaults("cot2align"), base }, 2);
  const [alone] = await steps(methodDefaults(id), 1);
  for (const { loss, terms } of under) {
    expect(Number.isFinite(loss)).toBe(true);
    expect(Object.keys(terms)).toEqual(["ce", ...Object.keys(card.terms), "ot_embedding", "ot_hidden"]);
  }
  for (const name of Object.keys(card.terms)) {
    const [got, want] = [under[0]!.terms[name]!, alone!.terms[name]!];
    expect(Math.abs(got - want)).toBeLessThanOrEqual(1e-5 * Math.abs(want));
  }
});
