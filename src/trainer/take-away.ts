// The student as it leaves a run: its folder, with the run's own record in it, held against the engine before it goes.
import type { RunConfig } from "../config/run";
import type { Gpu } from "../gpu/device";
import {
  type Device,
  exportStudentFolder,
  type NamedTensor,
  type RunManifest,
  writeSafetensors,
} from "../models";
import { mergeLora, peftAdapter, type StudentModel } from "../student";
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

/** @param specialTokens around a text of the student's. */
export function createRunLog(config: RunConfig, specialTokens: string): RunLog {
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
    manifest: (steps) => ({
      ...{ version: 1, steps, config, evaluations, specialTokens },
      ...(loss !== undefined && { loss }),
    }),
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
  const { lora } = model;
  const tensors = await model.store.read("student");
  const plain = lora ? mergeLora(tensors, lora, model.network.layout) : tensors;
  const folder = await exportStudentFolder(model.config, plain, studentFiles, { manifest });
  const prompts = heldOut.slice(0, 1).map(({ row }) => row.prompt);
  await verifyExport(gpu, model, folder, device, prompts).catch((error: unknown) => {
    // A run that blew up still hands over its last good step.
    if (!(error instanceof RunError && error.code === "not-finite")) throw error;
  });
  addAdapter(folder, tensors, model, manifest.config.student);
  return folder;
}

/** The adapters on their own, if there are any, as PEFT reads them. */
function addAdapter(
  folder: Map<string, Uint8Array>,
  tensors: ReadonlyMap<string, NamedTensor>,
  { lora, network }: StudentModel,
  student: string,
): void {
  if (!lora) return;
  const adapter = peftAdapter(tensors, lora, student, network.layout);
  const json = `${JSON.stringify(adapter.config, null, 2)}\n`;
  folder.set("adapter/adapter_config.json", new TextEncoder().encode(json));
  folder.set("adapter/adapter_model.safetensors", writeSafetensors(adapter.tensors));
}
