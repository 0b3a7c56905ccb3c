// Methods on hidden states train on the bundled pair — plan
//   each method     a short seeded run: the mean loss of the last steps is below that of the first,
//                   the terms are those of the method, gauges where there is transport
//   both views      rows without a chain of thought train on their plain view, without a pair
//   plans           of every site, with the tokens of the views that it pairs
//   gauge           ‖∇OT‖/‖∇CE‖ on the probe row, at its cadence, small as published; measuring changes no loss
//   dskd            needs one tokenizer: the student teaches itself (the pair is refused)
import { beforeAll, describe, expect, test } from "vitest";
import { STABLE_TRANSPORT } from "../../../src/config/run";
import { ConfigError, type MethodConfig, parseRunConfig, type RunConfig } from "../../../src/config/run";
import type { Gpu } from "../../../src/gpu/device";
import { openRun, type RunSources } from "../../../src/trainer";
import { uploadTeacherWeights } from "../../../src/trainer/teacher-weights";
import { bundledSources, SMALL_RUN } from "../../support/bundled";
import { testGpu } from "../../support/gpu";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

const divergence = {
  divergence: "forward_kl",
  temperature: 2,
  skew: 0.1,
  adaptiveAlpha: 0.5,
  projectorInit: "random",
} as const;
const align = (more: object): MethodConfig => {
  const method = { id: "cot2align", kdRate: 0.5, transport: STABLE_TRANSPORT, ...more };
  return parseRunConfig({ ...SMALL_RUN, method }).method;
};
const KERNEL = {
  ...STABLE_TRANSPORT,
  ...{
    cost: "attention",
    scheme: "multiplicative",
    epsilon: 10,
    relative: false,
    tolerance: 1e-9,
    maxIterations: 20,
  },
};
const DUAL = ["ce_t2s", "kd_t2s", "kd_s2t"];
const CROSSED = ["", "_plain_cot", "_cot_plain"];

const METHODS: { name: string; method: MethodConfig; terms: string[]; teacher?: string }[] = [
  {
    name: "cma",
    method: { id: "cma", kdRate: 0.5, ...divergence, teacherTemperature: 1 },
    terms: DUAL,
  },
  {
    name: "cma from the heads' pseudo-inverse",
    method: { id: "cma", kdRate: 0.5, ...divergence, teacherTemperature: 1, projectorInit: "pseudo_inverse" },
    terms: DUAL,
  },
  {
    name: "dskd, the student as its own teacher",
    method: { id: "dskd", kdRate: 0.5, ...divergence },
    terms: DUAL,
    teacher: "couplet-student",
  },
  {
    name: "both views, on uld",
    method: align({ crossCot: true, base: { id: "uld" } }),
    terms: ["uld", ...CROSSED.flatMap((c) => [`ot_embedding${c}`, `ot_hidden${c}`])],
  },
  {
    name: "as published",
    method: align({ crossCot: true, masks: "as_published", transport: KERNEL }),
    terms: CROSSED.slice(0, 2).flatMap((c) => [`ot_embedding${c}`, `ot_hidden${c}`]),
  },
  {
    name: "inner layers with learned weights, attention marginals",
    method: align({
      transport: {
        ...STABLE_TRANSPORT,
        ...{ embedding: 0, layers: [{ student: 1, teacher: 2, weight: 1 }] },
        ...{ layerWeights: "learned", marginals: "attention" },
      },
    }),
    terms: ["ot_hidden", "ot_layer_1_2"],
  },
];

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

async function train(config: RunConfig, sources: RunSources, steps = 8) {
  const run = await openRun(gpu, config, sources);
  const records = [];
  for (let i = 0; i < steps; i++) records.push(await run.step());
  const plans = await run.plans(0);
  await run.destroy();
  return { records, plans };
}

describe.each(METHODS)("$name", ({ method, terms, teacher = SMALL_RUN.teacher }) => {
  test("learns", async () => {
    const config: RunConfig = { ...SMALL_RUN, method, teacher };
    const { records, plans } = await train(config, bundledSources(config));
    for (const record of records) {
      expect(Object.keys(record.terms).sort()).toEqual(["ce", ...terms].sort());
      const transported = terms.filter((name) => name.startsWith("ot_"));
      expect(Object.keys(record.gauges ?? {}).sort()).toEqual(transported.sort());
      for (const gauge of Object.values(record.gauges ?? {})) {
        expect(gauge.entropy).toBeLessThan(gauge.productEntropy + 1e-3);
        expect(gauge.maxDeviation).toBeGreaterThan(0);
      }
    }
    const losses = records.map(({ loss }) => loss);
    expect(mean(losses.slice(-4))).toBeLessThan(mean(losses.slice(0, 4)));
    expect(plans.every(({ plan }) => plan.every(Number.isFinite))).toBe(true);
  });
});

test("plans of every site: inner layers and crossed views, each with the tokens of its own views", async () => {
  const transport = { ...STABLE_TRANSPORT, layers: [{ student: 1, teacher: 2, weight: 0.5 }] };
  const config: RunConfig = { ...SMALL_RUN, method: align({ crossCot: true, transport }) };
  const { plans, records } = await train(config, bundledSources(config), 1);
  const terms = Object.keys(records[0]!.terms).filter((name) => name.startsWith("ot_"));
  expect(plans.map(({ layer }) => `ot_${layer}`)).toEqual(terms);
  expect(terms).toHaveLength(9);
  const at = Object.fromEntries(plans.map((plan) => [plan.layer, plan]));
  for (const { plan, studentTokens, teacherTokens } of plans)
    expect(plan).toHaveLength(studentTokens.length * teacherTokens.length);
  expect(at["hidden_plain_cot"]!.teacherTokens).toEqual(at["hidden"]!.teacherTokens);
  expect(at["hidden_cot_plain"]!.studentTokens).toEqual(at["hidden"]!.studentTokens);
  expect(at["hidden_plain_cot"]!.studentTokens.length).toBeLessThan(at["hidden"]!.studentTokens.length);
  expect(at["layer_1_2"]!.plan).not.toEqual(at["hidden"]!.plan);
});

test("rows without a chain of thought take part with their plain view alone", async () => {
  const config: RunConfig = { ...SMALL_RUN, method: align({ crossCot: true }) };
  const sources = bundledSources(config);
  const without = ({ id, prompt, output }: RunSources["train"][number]) => ({ id, prompt, output });
  const train32 = sources.train.slice(0, 32).map((row, i) => (i % 2 === 0 ? without(row) : row));
  const mixed = await train(config, { ...sources, train: train32 }, 2);
  for (const { terms } of mixed.records) expect(terms["ot_hidden_plain_cot"]).toBeGreaterThan(0);
  const none = await train(config, { ...sources, train: train32.map(without) }, 1);
  for (const { terms, gauges } of none.records) {
    expect(terms["ot_hidden_plain_cot"]).toBe(0);
    expect(terms["ot_hidden"]).toBeGreaterThan(0);
    expect(gauges).not.toHaveProperty("ot_hidden_plain_cot");
  }
});

test("the gauge of gradients: the published transport barely moves the student; measuring changes nothing", async () => {
  const at = (method: MethodConfig, gradientRatio: boolean): RunConfig => ({
    ...{ ...SMALL_RUN, method, probe: { row: 0, everySteps: 2, gradientRatio } },
  });
  const measured = async (config: RunConfig) => (await train(config, bundledSources(config), 3)).records;
  const stable = await measured(at(align({}), true));
  expect(stable[0]!.gauges!["ot_hidden"]).not.toHaveProperty("gradientRatio");
  const ratio = stable[1]!.gauges!["ot_hidden"]!.gradientRatio!;
  expect(ratio).toBeGreaterThan(1e-3);
  const published = await measured(at(align({ transport: KERNEL }), true));
  expect(published[1]!.gauges!["ot_hidden"]!.gradientRatio!).toBeLessThan(0.05 * ratio);
  expect(published[1]!.gauges!["ot_hidden"]!.gradientRatio!).toBeGreaterThan(0);
  const unmeasured = await measured(at(align({}), false));
  expect(unmeasured.map(({ loss }) => loss)).toEqual(stable.map(({ loss }) => loss));
});

test("a teacher whose head or embedding table cannot be read is refused for the methods that need it", () => {
  const config = { modelType: "llama", hiddenSize: 4, vocabSize: 4, maxPositions: 8, layers: 1 };
  const teacher = { config, head: undefined, tokenEmbedding: undefined };
  for (const [need, words] of [
    ["teacher.logits", /output head.*quantized/],
    ["teacher.tokenEmbedding", /embedding table.*quantized/],
  ] as const)
    expect(() => uploadTeacherWeights(gpu, teacher, [need])).toThrow(words);
  expect(uploadTeacherWeights(gpu, teacher, ["teacher.hidden"]).bytes).toBe(0);
});

test("refusals: another tokenizer for dskd, crossed pairs on the plain view, no layer at all", async () => {
  const dskd: RunConfig = { ...SMALL_RUN, method: METHODS[2]!.method };
  await expect(openRun(gpu, dskd, bundledSources(dskd))).rejects.toThrow(/tokenizer/);
  const plain = { ...SMALL_RUN, data: { ...SMALL_RUN.data, view: "plain" } };
  const method = { ...SMALL_RUN.method, crossCot: true };
  expect(() => parseRunConfig({ ...plain, method })).toThrow(ConfigError);
  expect(() => parseRunConfig({ ...plain, method })).toThrow(/method\.crossCot: .*data\.view/);
  const cold = { ...METHODS[0]!.method, temperature: 0 };
  expect(() => parseRunConfig({ ...SMALL_RUN, method: cold })).toThrow(
    /method\.temperature: .*greater than 0/,
  );
  expect(() => align({ transport: { ...STABLE_TRANSPORT, embedding: 0, hidden: 0 } })).toThrow(
    /method\.transport: at least one layer/,
  );
});
