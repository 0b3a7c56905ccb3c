// A student from its folder to the GPU, with as little of it in the host's memory as possible: the weights are dropped once
// they are uploaded, and read again for a reset; its ONNX session lives for one comparison.
import type { RunConfig } from "../config/run";
import type { TokenTables } from "../data";
import type { Gpu } from "../gpu/device";
import {
  type Device,
  expectedTensors,
  loadStudentWeights,
  type ModelFiles,
  openReferenceSession,
  type ReadProgress,
  type ReferenceSession,
  type StudentConfig,
  type StudentWeights,
  type Teacher,
  withOnnxGraph,
} from "../models";
import type { Dims, Objective } from "../objectives";
import {
  createModel,
  createParamStore,
  type NewParameter,
  type StudentModel,
  studentLogits,
} from "../student";
import { fingerprint } from "./checkpoint";
import { RunError } from "./failure";
import { type RunParameters, runParameters, startAtHeads } from "./parameters";

export interface StudentParts {
  readonly run: RunConfig;
  readonly objective: Objective;
  readonly dims: Dims;
  readonly config: StudentConfig;
  readonly files: ModelFiles;
  readonly teacher: Pick<Teacher, "head">;
  readonly tokens: TokenTables;
}

export interface StudentAround {
  readonly device: Device;
  readonly onProgress: ReadProgress;
  readonly stage: (name: string) => void;
  /** Gives back what nobody holds any more, where the host can be asked to. */
  readonly tidy: () => void;
  /** Allocates, and has it destroyed when loading fails later. */
  allocate<T extends { destroy(): void }>(what: string, make: () => T): Promise<T>;
}

export interface OpenedStudent {
  readonly model: StudentModel;
  /** Of its first weights. */
  readonly fingerprint: string;
  readonly notes: readonly string[];
  /** Largest |our logits − the ONNX session's| on the probe. */
  readonly logitsGap: number;
}

const LOGITS_TOLERANCE = 1e-3;

/** @throws RunError when our logits differ from those of the student's own graph. */
export async function openStudent(
  gpu: Gpu,
  parts: StudentParts,
  around: StudentAround,
): Promise<OpenedStudent> {
  const { graph, ...opened } = await upload(gpu, parts, around);
  around.tidy();
  around.stage("checking the student's logits");
  const reference = await openReferenceSession(graph, { device: around.device });
  try {
    return { ...opened, logitsGap: await compareLogits(gpu, opened.model, reference) };
  } finally {
    await reference.dispose();
    around.tidy();
  }
}

/** The weights end their life here: nothing that is returned holds them. */
async function upload(
  gpu: Gpu,
  parts: StudentParts,
  { onProgress, allocate }: StudentAround,
): Promise<Omit<OpenedStudent, "logitsGap"> & { graph: ModelFiles }> {
  const { config, files } = parts;
  const weights = await loadStudentWeights(files, onProgress);
  const { all, lora } = firstParameters(parts, weights);
  const mark = fingerprint(weights.tensors);
  const initial = again(parts, mark);
  const shapes = all.map((parameter) => {
    const { data: _, ...shape } = parameter;
    return shape;
  });
  const store = await allocate("The student's weights", () => createParamStore(gpu, shapes, { initial }));
  await store.fill(all);
  const model = await allocate("The student's tables", () => createModel(gpu, config, store, { lora }));
  const graph = await withOnnxGraph(files, config, weights.tensors);
  return { model, graph, fingerprint: mark, notes: weights.notes };
}

function firstParameters(parts: StudentParts, { config, tensors }: StudentWeights): RunParameters {
  const { run, objective, dims, teacher, tokens } = parts;
  const drawn = runParameters(run, objective, dims, config, tensors);
  return objective.preservesLogits?.(run.method)
    ? startAtHeads(drawn, { config, tensors }, teacher, tokens)
    : drawn;
}

/** The same parameters another time. Adapters begin without the weights that they sit on, which never change. */
function again(parts: StudentParts, mark: string): () => Promise<readonly NewParameter[]> {
  const { run, objective, dims, config, files } = parts;
  return async () => {
    if (run.training.kind === "lora" && !objective.preservesLogits?.(run.method)) {
      const shapes = new Map([...expectedTensors(config)].map(([name, shape]) => [name, { shape }]));
      return runParameters(run, objective, dims, config, shapes).all;
    }
    const weights = await loadStudentWeights(files);
    if (fingerprint(weights.tensors) !== mark)
      throw new RunError(
        "model-absent",
        "The student's first weights cannot be read again.",
        "The files of its folder have changed since the run began.",
        "Put the old files back, or load the run anew.",
      );
    return firstParameters(parts, weights).all;
  };
}

/** Both engines on the same few tokens. Training on weights that we read wrongly would only waste time. */
async function compareLogits(gpu: Gpu, model: StudentModel, original: ReferenceSession): Promise<number> {
  const { config } = model;
  const T = Math.min(24, config.maxPositions);
  const ids = Int32Array.from({ length: T }, (_, i) => (i * 37 + 11) % config.vocabSize);
  const want = await original.logits(ids, new Uint8Array(T).fill(1), 1, T);
  const got = await studentLogits(gpu, model, ids, 1, T);
  let gap = want.length === got.length ? 0 : Infinity;
  want.forEach((value, i) => {
    const difference = Math.abs(value - (got[i] ?? NaN));
    if (!(difference <= gap)) gap = Number.isNaN(difference) ? Infinity : difference;
  });
  if (gap <= LOGITS_TOLERANCE) return gap;
  throw new RunError(
    "logits-differ",
    "The student was not loaded: our logits differ from its own ONNX session's.",
    `The largest difference on a probe of ${T} tokens is ${gap.toPrecision(3)}; at most ${LOGITS_TOLERANCE} is allowed.`,
    "model.safetensors and onnx/model.onnx may be of different models: export both from one checkpoint.",
  );
}
