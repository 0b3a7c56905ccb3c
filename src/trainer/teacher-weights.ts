// The teacher's head and embedding table on the GPU: only what the objective asks for.
import { ELEMENT_BYTES, fixed, type Tensor } from "../gpu/program";
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

function weightsNeeded(needs: readonly TeacherNeed[]): Weight[] {
  const head = needs.includes("teacher.head") || needs.includes("teacher.logits");
  return [
    ...(head ? ["head" as const] : []),
    ...(needs.includes("teacher.tokenEmbedding") ? ["tokenEmbedding" as const] : []),
  ];
}

/** @throws RunError when the teacher's graph keeps a weight in a form that we do not read, or it is too large. */
export function uploadTeacherWeights(
  gpu: Gpu,
  teacher: Pick<Teacher, "config" | "head" | "tokenEmbedding">,
  needs: readonly TeacherNeed[],
): TeacherWeights {
  const { hiddenSize, vocabSize } = teacher.config;
  const weights = weightsNeeded(needs).map((kind): [Weight, NamedTensor] => {
    const weight = teacher[kind];
    if (!weight) throw unreadable(kind);
    return [kind, weight];
  });
  const placed = placeTeacherWeights(gpu, [vocabSize, hiddenSize], needs);
  for (const [kind, { data }] of weights) placed.write(kind, data);
  return placed;
}

/** Their memory without their values. @throws RunError when one is too large. */
export function placeTeacherWeights(
  gpu: Gpu,
  shape: readonly [number, number],
  needs: readonly TeacherNeed[],
): TeacherWeights & { write(kind: Weight, data: Float32Array): void } {
  const length = shape[0] * shape[1];
  const bytes = length * ELEMENT_BYTES;
  const most = gpu.device.limits.maxStorageBufferBindingSize;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const buffers = new Map(
    weightsNeeded(needs).map((kind) => {
      if (bytes > most) throw tooLarge(kind, bytes, most);
      return [kind, gpu.device.createBuffer({ label: `teacher ${kind}`, size: bytes, usage })];
    }),
  );
  const bufferOf = (kind: Weight): GPUBuffer => {
    const buffer = buffers.get(kind);
    if (!buffer) throw new Error(`The objective uses teacher.${kind} without naming it in its needs`);
    return buffer;
  };
  const tensors = new Map(
    [...buffers].map(([kind, buffer]) => [kind, fixed(`teacher ${kind}`, buffer, 0, length)]),
  );
  const get = (kind: Weight) => (): Tensor => tensors.get(kind) ?? fixed(kind, bufferOf(kind), 0, length);
  return {
    head: get("head"),
    tokenEmbedding: get("tokenEmbedding"),
    shape,
    bytes: buffers.size * bytes,
    write: (kind, data) =>
      gpu.device.queue.writeBuffer(bufferOf(kind), 0, data as GPUAllowSharedBufferSource), // never shared
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
