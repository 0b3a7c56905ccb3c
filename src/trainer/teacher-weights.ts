// The teacher's head and embedding table on the GPU: only what the objective asks for.
import type { Gpu } from "../gpu/device";
import { ELEMENT_BYTES, fixed, type Tensor } from "../gpu/program";
import { inRanges } from "../gpu/tensor";
import type { NamedTensor, Teacher } from "../models";
import type { TeacherNeed } from "../objectives";
import { elementRanges, segmentBytesOf, type StudentModel } from "../student";
import { RunError } from "./failure";

export interface TeacherWeights {
  /** [Vt, Dt], both. @throws Error when the objective did not say that it needs it. */
  head(): Tensor;
  tokenEmbedding(): Tensor;
  readonly shape: readonly [number, number];
  /** The whole teacher, where the step itself runs it. */
  readonly live?: StudentModel;
  readonly bytes: number;
  /** The ranges that they lie in. */
  readonly ranges: readonly { readonly label: string; readonly length: number }[];
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

/** @throws RunError when the teacher's graph keeps a weight in a form that we do not read. */
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

/**
 * Their memory without their values: like the student's, in ranges of rows where the adapter binds less.
 *
 * @throws RangeError when it does not bind a row.
 */
export function placeTeacherWeights(
  gpu: Gpu,
  shape: readonly [number, number],
  needs: readonly TeacherNeed[],
): TeacherWeights & { write(kind: Weight, data: Float32Array): void } {
  const { device } = gpu;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const place = (kind: Weight): Placed => {
    const label = `teacher ${kind}`;
    const most = Math.floor(segmentBytesOf(device.limits) / ELEMENT_BYTES);
    const parts = elementRanges(label, shape, most).map(({ start, count }) => ({
      ...{ start, count },
      buffer: device.createBuffer({ label, size: count * ELEMENT_BYTES, usage }),
    }));
    const tensors = parts.map(({ buffer, count }) => fixed(label, buffer, 0, count));
    return { parts, tensor: inRanges(label, tensors) };
  };
  const placed = new Map(weightsNeeded(needs).map((kind) => [kind, place(kind)]));
  const get = (kind: Weight): Placed => {
    const found = placed.get(kind);
    if (!found) throw new Error(`The objective uses teacher.${kind} without naming it in its needs`);
    return found;
  };
  return {
    head: () => get("head").tensor,
    tokenEmbedding: () => get("tokenEmbedding").tensor,
    shape,
    bytes: placed.size * shape[0] * shape[1] * ELEMENT_BYTES,
    ranges: [...placed.values()].flatMap(({ parts, tensor: { label } }) =>
      parts.map(({ count }) => ({ label, length: count })),
    ),
    write(kind, data) {
      for (const { start, count, buffer } of get(kind).parts) {
        const values = data.subarray(start, start + count) as GPUAllowSharedBufferSource; // never shared
        device.queue.writeBuffer(buffer, 0, values);
      }
    },
    destroy: () => placed.forEach(({ parts }) => parts.forEach(({ buffer }) => buffer.destroy())),
  };
}

interface Placed {
  readonly parts: readonly { readonly start: number; readonly count: number; readonly buffer: GPUBuffer }[];
  readonly tensor: Tensor;
}

const words: Record<Weight, string> = { head: "output head", tokenEmbedding: "embedding table" };

const unreadable = (kind: Weight): RunError =>
  new RunError(
    "teacher-weights",
    `This method needs the teacher's ${words[kind]}, and its ONNX file has none that can be read.`,
    "It is quantized or computed inside the graph.",
    "Take the fp32 or fp16 file of the model, or a method that needs hidden states only, such as CoT2Align.",
  );
