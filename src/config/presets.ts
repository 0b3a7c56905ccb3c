// Named starting points. A preset is a whole config, so that a run never depends on a hidden default.
import { parse } from "valibot";
import { alm } from "./methods/alm";
import { cma } from "./methods/cma";
import { base, cot2alignSchema } from "./methods/cot2align";
import type { DistillationCard } from "./methods/card";
import { sft } from "./methods/sft";
import { uld } from "./methods/uld";
import {
  DISTILLATION_CARDS,
  method,
  methodDefaults,
  type MethodOf,
  PUBLISHED_TRANSPORT,
  type RunConfig,
  STABLE_TRANSPORT,
  termDefaults,
} from "./run";
import { PLAIN_TRAINING } from "./training";

/**
 * The page opens with this one: CoT2Align's standard pair on the chain-of-thought view of the bundled rows. Batch, rate
 * and steps are of the search in docs/RESULTS.md: about a minute on a GPU, and the student answers 60 % instead of 47 %.
 */
export const DEFAULT_RUN: RunConfig = {
  version: 1,
  seed: 7,
  teacher: "couplet-teacher",
  student: "couplet-student",
  data: {
    source: "reasoning",
    view: "cot",
    outputs: "gold",
    labels: "all",
    records: "one",
    specialTokens: "tokenizer",
    rows: 0,
    maxLength: 192,
    maxPrompt: 128,
  },
  method: {
    id: "cot2align",
    kdRate: 0.5,
    base: { id: "none" },
    crossCot: false,
    masks: "intended",
    transport: STABLE_TRANSPORT,
  },
  optimizer: {
    learningRate: 3e-3,
    projectorLearningRate: 3e-3,
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    weightDecay: 0.01,
    clipNorm: 1,
    schedule: "cosine",
    warmupSteps: 0,
  },
  batchSize: 16,
  ...PLAIN_TRAINING,
  steps: 1500,
  evaluation: { everySteps: 300, rows: 60 },
  probe: { row: 0, everySteps: 5, gradientRatio: false },
};

const withMethod = (id: string, more: Partial<RunConfig> = {}): RunConfig => ({
  ...DEFAULT_RUN,
  method: parse(method, methodDefaults(id)),
  ...more,
});

/**
 * The student writes, and the teacher, in our own engine, marks what it wrote: no cross entropy, which would teach the student
 * what it already says. A smaller rate, since a policy gradient of few samples is noisy.
 */
const onPolicy = (id: string): RunConfig => ({
  ...DEFAULT_RUN,
  method: parse(method, methodDefaults(id)),
  data: { ...DEFAULT_RUN.data, outputs: "student" },
  optimizer: { ...DEFAULT_RUN.optimizer, learningRate: 5e-4, projectorLearningRate: 5e-4 },
  teacherDevice: "engine",
  steps: 300,
});

/** With the gauge of gradients on, rarely: it takes a backward pass of one row for every term. */
const cot2align = (more: Partial<MethodOf<"cot2align">>): RunConfig => ({
  ...DEFAULT_RUN,
  method: { ...parse(cot2alignSchema, methodDefaults("cot2align")), ...more },
  probe: { row: 0, everySteps: 20, gradientRatio: true },
});

const CMA = parse(base, termDefaults(cma));
const ULD = parse(base, termDefaults(uld));
const ALM = parse(base, termDefaults(alm));

export interface Preset {
  readonly title: string;
  readonly config: RunConfig;
}

type CardPreset = (typeof DISTILLATION_CARDS)[number]["preset"]["id"];

/** One preset a distillation method, at its card's defaults. */
const OF_CARDS = Object.fromEntries(
  DISTILLATION_CARDS.map(({ id, title, preset }: DistillationCard): [string, Preset] => [
    preset.id,
    {
      title: preset.title ?? title,
      config: preset.onPolicy
        ? onPolicy(id)
        : withMethod(id, preset.teacher === undefined ? {} : { teacher: preset.teacher }),
    },
  ]),
) as Record<CardPreset, Preset>; // the ids of the same list

export const PRESETS = {
  "first-light": { title: "CoT2Align, standard pair", config: DEFAULT_RUN },
  sft: { title: sft.title, config: withMethod("sft") },
  seqkd: {
    title: "SeqKD: the teacher's own answers",
    config: withMethod("sft", { data: { ...DEFAULT_RUN.data, outputs: "teacher" } }),
  },
  ...OF_CARDS,
  cot2align: {
    title: "CoT2Align as intended: DSKD-CMA, both views, all six transport terms",
    config: cot2align({ base: CMA, crossCot: true }),
  },
  "cot2align-published": {
    title: "CoT2Align as published: attention cost, alpha 0.1, four of the six terms",
    config: {
      ...cot2align({ base: CMA, crossCot: true, masks: "as_published", transport: PUBLISHED_TRANSPORT }),
      data: { ...DEFAULT_RUN.data, records: "published", specialTokens: "none" },
    },
  },
  "cot2align-alm": {
    title: "CoT2Align on ALM, standard pair",
    config: { ...cot2align({ base: ALM }), probe: DEFAULT_RUN.probe },
  },
  "cot2align-uld": {
    title: "CoT2Align on ULD, both views",
    config: cot2align({ base: ULD, crossCot: true }),
  },
  "layer-wise": {
    title: "Layer-wise transport with learned weights",
    config: cot2align({
      transport: {
        ...STABLE_TRANSPORT,
        layers: [
          { student: 1, teacher: 1, weight: 1 },
          { student: 2, teacher: 3, weight: 1 },
        ],
        layerWeights: "learned",
      },
    }),
  },
} as const satisfies Record<string, Preset>;
