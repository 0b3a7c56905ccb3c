// The bundled models and rows as a run's sources, in Node.
import { bundledSources as sourcesOf } from "../../src/cli/sources";
import { DEFAULT_RUN } from "../../src/config/presets";
import type { RunConfig } from "../../src/config/run";
import type { StepRecord } from "../../src/telemetry";
import type { Run, RunSources } from "../../src/trainer";

/** A small run of the bundled pair: short rows, few of them, no evaluation. */
export const SMALL_RUN: RunConfig = {
  ...DEFAULT_RUN,
  batchSize: 4,
  steps: 12,
  data: { ...DEFAULT_RUN.data, rows: 32 },
  optimizer: { ...DEFAULT_RUN.optimizer, learningRate: 1e-3, projectorLearningRate: 1e-3 },
  evaluation: { everySteps: 0, rows: 0 },
};

export const bundledSources = (config: RunConfig = SMALL_RUN): RunSources => sourcesOf(config);

/** Records of the next steps, without what is no part of a run's identity. */
export async function takeSteps(run: Run, count: number): Promise<Omit<StepRecord, "ms">[]> {
  const records = [];
  for (let i = 0; i < count; i++) {
    const { ms: _, ...record } = await run.step();
    records.push(record);
  }
  return records;
}
