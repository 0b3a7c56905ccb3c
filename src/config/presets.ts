// Named starting points. A preset is a whole config, so that a run never depends on a hidden default.
import type { RunConfig, TransportConfig } from "./run";
import { PLAIN_TRAINING } from "./training";

/** Our default transport: log-domain, a plan that is neither blurred to a·bᵀ nor a hard assignment. */
export const STABLE_TRANSPORT: TransportConfig = {
  cost: "cosine",
  epsilon: 0.1,
  relative: true,
  maxIterations: 50,
  tolerance: 1e-4,
  gradient: "unrolled",
  scheme: "log",
  embedding: 1,
  hidden: 1,
};

/** The page opens with this one: CoT2Align's standard pair on the chain-of-thought view of the bundled rows. */
export const FIRST_LIGHT: RunConfig = {
  version: 1,
  seed: 7,
  teacher: "couplet-teacher",
  student: "couplet-student",
  data: { source: "reasoning", view: "cot", rows: 0, maxLength: 192, maxPrompt: 128 },
  method: {
    id: "cot2align",
    kdRate: 0.5,
    base: { id: "none" },
    crossCot: false,
    masks: "intended",
    transport: STABLE_TRANSPORT,
  },
  optimizer: {
    learningRate: 1e-3,
    projectorLearningRate: 1e-3,
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    weightDecay: 0.01,
    clipNorm: 1,
    schedule: "cosine",
    warmupSteps: 0,
  },
  batchSize: 8,
  ...PLAIN_TRAINING,
  steps: 300,
  evaluation: { everySteps: 100, rows: 60 },
  probe: { row: 0, everySteps: 5 },
};

export const PRESETS = {
  "first-light": { title: "CoT2Align, standard pair", config: FIRST_LIGHT },
  sft: { title: "SFT: cross entropy alone", config: { ...FIRST_LIGHT, method: { id: "sft" } } },
} as const satisfies Record<string, { title: string; config: RunConfig }>;
