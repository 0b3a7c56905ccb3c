// The teacher's head and embedding table on the GPU: only what the objective asks for.
import { fixed, type Tensor } from "../gpu/program";
import type { Gpu } from "../gpu/device";
import type { NamedTensor, Teacher } from "../models";
import type { TeacherNeed } from "../objectives";
import { RunError } from "./failure";

export interface TeacherWeights {
  /** [Vt, Dt], both. @throws Error when the objective did not say that it needs it. */
  head(): Tensor;
  tokenEmbedding(): Tensor;
  readonly shape: readonly [number, number];
  readonly bytes: number;
  destroy(): void;
}

type Weight = "head" | "tokenEmbedding";

/** @throws RunError when the teacher's graph keeps a weight in a form that we do not read, or it is too large. */
export function uploadTeacherWeights(
  gpu: Gpu,
  teacher: Teacher,
  needs: readonly TeacherNeed[],
): TeacherWeights {
  const { hiddenSize, vocabSize } = teacher.config;
  const buffers = new Map<Weight, GPUBuffer>();
  const tensors = new Map<Weight, Tensor>();
  const upload = (kind: Weight, { data }: NamedTensor) => {
    const most = gpu.device.limits.maxStorageBufferBindingSize;
    if (data.byteLength > most) throw tooLarge(kind, data.byteLength, most);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
    const buffer = gpu.device.createBuffer({ label: `teacher ${kind}`, size: data.byteLength, usage });
    gpu.device.queue.writeBuffer(buffer, 0, data as GPUAllowSharedBufferSource);
    buffers.set(kind, buffer);
    tensors.set(kind, fixed(`teacher ${kind}`, buffer, 0, data.length));
  };
  const wanted: Record<Weight, boolean> = {
    head: needs.includes("teacher.head") || needs.includes("teacher.logits"),
    tokenEmbedding: needs.includes("teacher.tokenEmbedding"),
  };
  for (const kind of ["head", "tokenEmbedding"] as const) {
    if (!wanted[kind]) continue;
    const weight = teacher[kind];
    if (!weight) throw unreadable(kind);
    upload(kind, weight);
  }
  const get = (kind: Weight) => (): Tensor => {
    const tensor = tensors.get(kind);
    if (!tensor) throw new Error(`The objective uses teacher.${kind} without naming it in its needs`);
    return tensor;
  };
  return {
    head: get("head"),
    tokenEmbedding: get("tokenEmbedding"),
    shape: [vocabSize, hiddenSize],
    bytes: [...buffers.values()].reduce((sum, { size }) => sum + size, 0),
    destroy: () => buffers.forEach((buffer) => buffer.destroy()),
  };
}

const words: Record<Weight, string> = { head: "output head", tokenEmbedding: "embedding table" };

const unreadable = (kind: Weight): RunError =>
  new RunError(
    "teacher-weights",
    `This method needs the teacher's ${words[kind]}, and its ONNX file has none that can be read.`,
    "It is quantized or computed inside the graph.",
    "Take the fp32 or fp16 file of the model, or a method that needs hidden states only, such as CoT2Align.",
  );

const tooLarge = (kind: Weight, bytes: number, most: number): RunError =>
  new RunError(
    "teacher-weights",
    `The teacher's ${words[kind]} does not fit: it takes ${bytes} bytes, this adapter binds at most ${most} at once.`,
    "The method computes with the teacher's whole vocabulary.",
    "Choose a teacher with a smaller vocabulary, or a method that needs hidden states only, such as CoT2Align.",
  );
