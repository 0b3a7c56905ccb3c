// The student as it leaves a run: its folder, with the run's own record in it, held against the engine before it goes.
import type { RunConfig } from "../config/run";
import type { Gpu } from "../gpu/device";
import {
  type Device,
  expectedTensors,
  gatherSafetensors,
  hubId,
  type NamedTensor,
  ONNX_FILES,
  publicName,
  type RunManifest,
  studentFolderFiles,
  writeSafetensors,
  writeStudentOnnx,
} from "../models";
import { isAdapter, loraA, loraB, mergeLora, peftAdapter, type StudentModel } from "../student";
import type { EvaluationRecord, StepRecord } from "../telemetry";
import { RunError } from "./failure";
import type { Loaded } from "./loaded";
import { verifyExport } from "./verify-export";

/** What a run remembers of itself for the model card. */
export interface RunLog {
  /** Gives the record back. */
  stepped(record: StepRecord): StepRecord;
  evaluated(record: EvaluationRecord): void;
  clear(): void;
  /** The first steps' records, from step 1 on without a gap. */
  first(): readonly StepRecord[];
  manifest(steps: number): RunManifest;
}

/** Steps that a copy of the run elsewhere is held against. */
const FIRST_STEPS = 10;

/** @param specialTokens around a text of the student's. */
export function createRunLog(config: RunConfig, specialTokens: string): RunLog {
  let last: Pick<StepRecord, "loss" | "terms"> | undefined;
  let evaluations: EvaluationRecord[] = [];
  let first: StepRecord[] = [];
  return {
    stepped(record) {
      const { loss, terms } = record;
      last = { loss, terms };
      if (first.length < FIRST_STEPS && record.step === first.length + 1) first.push(record);
      return record;
    },
    evaluated(record) {
      evaluations.push(record);
    },
    clear() {
      last = undefined;
      evaluations = [];
      first = [];
    },
    first: () => first,
    manifest: (steps) => ({ version: 1, steps, config, evaluations, specialTokens, ...last }),
  };
}

/**
 * The folder file by file. The graph comes first, checked before it is handed over; then the weights, read anew: of what
 * was yielded nothing is held here.
 *
 * @throws RunError `export-differs` when the graph, loaded back, is not the student.
 */
export async function* exportedFiles(
  gpu: Gpu,
  loaded: Loaded,
  { device, tidy = () => undefined }: { readonly device: Device; readonly tidy?: (() => void) | undefined },
  manifest: RunManifest,
): AsyncGenerator<readonly [path: string, bytes: Uint8Array]> {
  const { model, studentFiles } = loaded;
  const small = await studentFolderFiles(model.config, studentFiles, { manifest });
  yield [ONNX_FILES.fp32, await checkedGraph(gpu, loaded, small, { device, tidy })];
  tidy();
  yield ["model.safetensors", await gatherSafetensors(expectedTensors(model.config), plainOf(model))];
  tidy();
  yield* small;
  yield* await adapterFiles(model, manifest.config.student);
}

async function checkedGraph(
  gpu: Gpu,
  { model, heldOut }: Loaded,
  small: ReadonlyMap<string, Uint8Array>,
  { device, tidy }: { readonly device: Device; readonly tidy: () => void },
): Promise<Uint8Array> {
  const graph = await writeStudentOnnx(model.config, plainOf(model));
  tidy();
  const prompts = heldOut.slice(0, 1).map(({ row }) => row.prompt);
  const folder = new Map([...small, [ONNX_FILES.fp32, graph] as const]);
  await verifyExport(gpu, model, folder, device, prompts).catch((error: unknown) => {
    // A run that blew up still hands over its last good step.
    if (!(error instanceof RunError && error.code === "not-finite")) throw error;
  });
  return graph;
}

/** The student's weights as they are now, one at a time, with its adapter merged. */
function plainOf({ store, lora, network }: StudentModel): (name: string) => Promise<NamedTensor> {
  return async (name) => {
    const tensor = await store.readOne(name);
    const module = name.replace(/\.weight$/, "");
    if (!lora || !store.entries.has(loraA(module))) return tensor;
    const [a, b] = [await store.readOne(loraA(module)), await store.readOne(loraB(module))];
    const apart = new Map([
      [name, tensor],
      [loraA(module), a],
      [loraB(module), b],
    ]);
    return mergeLora(apart, lora, network.layout).get(name) ?? tensor;
  };
}

/** The adapters on their own, if there are any, as PEFT reads them. */
async function adapterFiles(
  { store, lora, network }: StudentModel,
  student: string,
): Promise<[string, Uint8Array][]> {
  if (!lora) return [];
  const name = hubId(student) ?? publicName(student);
  const adapters = new Map<string, NamedTensor>();
  for (const known of store.entries.keys())
    if (isAdapter(known)) adapters.set(known, await store.readOne(known));
  const adapter = peftAdapter(adapters, lora, name, network.layout);
  const json = `${JSON.stringify(adapter.config, null, 2)}\n`;
  return [
    ["adapter/adapter_config.json", new TextEncoder().encode(json)],
    ["adapter/adapter_model.safetensors", writeSafetensors(adapter.tensors)],
  ];
}
