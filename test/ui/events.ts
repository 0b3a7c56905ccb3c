// Records for the store's tests.
import type { EngineEvent } from "../../src/client";
import type { AnswerRecord, PlanRecord, RunFacts, StepRecord } from "../../src/telemetry";

export const stepRecord = (step: number, change: Partial<StepRecord> = {}): StepRecord => ({
  step,
  loss: 3 / step,
  terms: { ce: 1 / step, ot_embedding: 1 / step, ot_hidden: 1 / step },
  gradNorm: 1,
  learningRate: 1e-3,
  tokenAccuracy: 0.5,
  tokens: 100,
  marginalError: 1e-5,
  unconverged: 0,
  ms: 500,
  ...change,
});

export const planRecord = (step: number, change: Partial<PlanRecord> = {}): PlanRecord => ({
  step,
  layer: "embedding",
  studentTokens: ["a", "b"],
  teacherTokens: ["x", "y", "z"],
  plan: Float32Array.of(0.3, 0.2, 0, 0.05, 0.1, 0.35),
  cost: Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
  transportCost: 0.4,
  entropy: 1.2,
  epsilon: 0.035,
  iterations: 20,
  marginalError: 1e-5,
  converged: true,
  ...change,
});

export const answerRecord = (step: number): AnswerRecord => ({
  step,
  prompt: "2 + 2?",
  reference: "4",
  teacher: "4",
  before: "5",
  now: "4",
});

export const facts: RunFacts = {
  teacher: { hiddenSize: 8, vocabSize: 50 },
  student: { parameters: 1000, hiddenSize: 4, layers: 1, vocabSize: 30 },
  rows: 10,
  heldOut: 2,
  dropped: [],
  probes: ["2 + 2?", "3 + 3?"],
  memory: {},
  logitsGap: 1e-6,
};

export const status = (
  name: Extract<EngineEvent, { type: "status" }>["status"],
  step: number,
): EngineEvent => ({ type: "status", status: name, step });

export const steps = (...numbers: number[]): EngineEvent => ({
  type: "steps",
  records: numbers.map((n) => stepRecord(n)),
});
