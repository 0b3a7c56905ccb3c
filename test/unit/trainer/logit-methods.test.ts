// Methods on logits train on the bundled pair — plan
//   each method     a short seeded run: the mean loss of the last steps is below that of the first,
//                   and every term is there; that they are what is differentiated: test/gradients/loss-gradient
//   kd              needs one tokenizer: the student teaches itself at a higher temperature (the pair is refused)
import { beforeAll, describe, expect, test } from "vitest";
import type { MethodConfig, RunConfig } from "../../../src/config/run";
import type { Gpu } from "../../../src/gpu/device";
import { tokenTables } from "../../../src/data";
import { loadTokenizer } from "../../../src/models";
import { createSilenceLog, openRun } from "../../../src/trainer";
import { bundledSources, SMALL_RUN } from "../../support/bundled";
import { testGpu } from "../../support/gpu";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

const METHODS: [MethodConfig, teacher?: string][] = [
  [{ id: "uld", kdRate: 0.5 }],
  [{ id: "mined", kdRate: 0.5, temperature: 2, tokenMatch: "bytes" }],
  [
    {
      ...{ id: "gold", kdRate: 0.5, mode: "hybrid", merge: "bayesian", beta: 0.5 },
      ...{ matchedWeight: null, unmatchedWeight: null, tokenMatch: "bytes" },
    },
  ],
  [{ id: "alm", kdRate: 0.5, temperature: 100, debias: true }],
  [{ id: "multilevel", kdRate: 0.5, temperature: 1 }],
  [
    {
      ...{ id: "shared_vocabulary", kdRate: 0.5, divergence: "reverse_kl" },
      ...{ temperature: 2, skew: 0.1, adaptiveAlpha: 0.5, tokenMatch: "spelling" },
    },
  ],
  [
    { id: "kd", kdRate: 0.5, divergence: "adaptive_kl", temperature: 2, skew: 0.1, adaptiveAlpha: 0.5 },
    "couplet-student",
  ],
];

/** Terms that are logged under other names than the method's. */
const PARTS: Partial<Record<MethodConfig["id"], string[]>> = {
  gold: ["gold_matched", "gold_sorted"],
  multilevel: ["multilevel_token", "multilevel_sequence"],
};

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

describe.each(METHODS)("%j", (method, teacher = SMALL_RUN.teacher) => {
  test("learns", async () => {
    const config: RunConfig = { ...SMALL_RUN, method, teacher };
    const run = await openRun(gpu, config, bundledSources(config));
    const losses: number[] = [];
    for (let i = 0; i < SMALL_RUN.steps; i++) {
      const { loss, terms } = await run.step();
      expect(Object.keys(terms)).toEqual(["ce", ...(PARTS[method.id] ?? [method.id])]);
      if (i > 0) expect(terms[Object.keys(terms)[1]!]).toBeGreaterThan(0); // a model starts equal to itself
      losses.push(loss);
    }
    await run.destroy();
    expect(mean(losses.slice(-4))).toBeLessThan(mean(losses.slice(0, 4)));
  });
});

test("kd is refused where the tokenizers differ", async () => {
  const method = METHODS.at(-1)![0];
  const config: RunConfig = { ...SMALL_RUN, method };
  await expect(openRun(gpu, config, bundledSources(config))).rejects.toThrow(/tokenizer/);
});

test("ALM's word ends: chunks before punctuation and inside words drop out, and the step says how many", async () => {
  const method = { id: "alm" as const, kdRate: 0.5, temperature: 100, debias: true };
  const config: RunConfig = { ...SMALL_RUN, method, batchSize: 4, data: { ...SMALL_RUN.data, rows: 4 } };
  const sources = bundledSources(config);
  const run = await openRun(gpu, config, sources);
  const record = await run.step();
  await run.destroy();
  const off = await openRun(gpu, { ...config, method: { ...method, debias: false } }, sources);
  expect((await off.step()).chunks).toBeUndefined(); // all of them count
  await off.destroy();
  // Counted here on the text: places where both tokenizers cut, and those with white space or the end behind them.
  const tokenizers = [await loadTokenizer(sources.teacher), await loadTokenizer(sources.student)] as const;
  const { student, teacher } = tokenTables(tokenizers[1], tokenizers[0]);
  const endsOf = (table: typeof student, ids: readonly number[]) => {
    let at = 0;
    return new Set(ids.map((id) => (at += table.bytes(id).length)));
  };
  let [found, open] = [0, 0];
  for (const { outputCot = "" } of sources.train.slice(0, 4)) {
    const theirs = endsOf(teacher, [...tokenizers[0].encode(outputCot)]);
    const both = [...endsOf(student, [...tokenizers[1].encode(outputCot)])].filter((at) => theirs.has(at));
    found += both.length;
    open += both.filter((at) => at === outputCot.length || /\s/.test(outputCot[at]!)).length;
  }
  expect(record.chunks?.found).toBe(found);
  expect(record.chunks!.counted).toBeGreaterThanOrEqual(open); // the teacher may think of an end where there is none
  expect(record.chunks!.counted).toBeLessThanOrEqual(open + 3);
  expect(record.chunks!.counted).toBeLessThan(0.75 * found);
  const say = createSilenceLog();
  expect(say(record)).toMatch(`${found - record.chunks!.counted} of ${found} chunks left out`);
  expect(say(record)).toBeUndefined(); // told once
});
