// The student as it leaves a run: its folder, with the run's own record in it, held against the engine before it goes.
import type { RunConfig } from "../config/run";
import type { Gpu } from "../gpu/device";
import { type Device, exportStudentFolder, type RunManifest } from "../models";
import type { EvaluationRecord, StepRecord } from "../telemetry";
import { RunError } from "./failure";
import type { Loaded } from "./load";
import { verifyExport } from "./verify-export";

/** What a run remembers of itself for the model card. */
export interface RunLog {
  stepped(record: StepRecord): void;
  evaluated(record: EvaluationRecord): void;
  clear(): void;
  manifest(steps: number): RunManifest;
}

export function createRunLog(config: RunConfig): RunLog {
  let loss: number | undefined;
  let evaluations: EvaluationRecord[] = [];
  return {
    stepped(record) {
      loss = record.loss;
    },
    evaluated(record) {
      evaluations.push(record);
    },
    clear() {
      loss = undefined;
      evaluations = [];
    },
    manifest: (steps) => ({ version: 1, steps, config, evaluations, ...(loss !== undefined && { loss }) }),
  };
}

/** @throws RunError `export-differs` when the folder, loaded back, is not the student. */
export async function takeAway(
  gpu: Gpu,
  loaded: Loaded,
  device: Device,
  manifest: RunManifest,
): Promise<Map<string, Uint8Array>> {
  const { model, studentFiles, heldOut } = loaded;
  const folder = await exportStudentFolder(model.config, await model.store.read("student"), studentFiles, {
    manifest,
  });
  const prompts = heldOut.slice(0, 1).map(({ row }) => row.prompt);
  await verifyExport(gpu, model, folder, device, prompts).catch((error: unknown) => {
    // A run that blew up still hands over its last good step.
    if (!(error instanceof RunError && error.code === "not-finite")) throw error;
  });
  return folder;
}
