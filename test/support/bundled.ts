// The bundled models and rows as a run's sources, in Node.
import { nodeSources } from "../../src/cli/sources";
import { FIRST_LIGHT } from "../../src/config/presets";
import type { RunConfig } from "../../src/config/run";
import type { RunSources } from "../../src/trainer";

/** A small run of the bundled pair: short rows, few of them, no evaluation. */
export const SMALL_RUN: RunConfig = {
  ...FIRST_LIGHT,
  batchSize: 4,
  steps: 12,
  data: { ...FIRST_LIGHT.data, rows: 32 },
  evaluation: { everySteps: 0, rows: 0 },
};

export const bundledSources = (config: RunConfig = SMALL_RUN): RunSources => nodeSources(config);
