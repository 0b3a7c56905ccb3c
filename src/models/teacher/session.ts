// One decoder graph in ONNX Runtime: batches in, named outputs out, as plain f32 arrays.

import { ModelError, whileReading, withFile } from "../errors";
import { messageOf } from "../../base/errors";
import { appended, type ModelFiles, type ReadProgress } from "../files/files";
import {
  createSession,
  type Device,
  exclusively,
  type OrtSession,
  type OrtTensor,
  transformers,
} from "../hub";
import { halvesToFloats } from "../files/half";
import { inlineExternal } from "../onnx/external";
import { FLOAT, FLOAT16, type OnnxGraph, type OnnxValue, readOnnx } from "../onnx/wire";
import { graphPatch, nodeProto, type Parts } from "../onnx/write";

export const ONNX_FILE = "onnx/model.onnx";

/** How the weights of an ONNX file are stored; the names are those of transformers.js. */
export type OnnxDtype = "fp32" | "fp16" | "q8" | "q4" | "q4f16";

export const ONNX_FILES: Readonly<Record<OnnxDtype, string>> = {
  fp32: ONNX_FILE,
  fp16: "onnx/model_fp16.onnx",
  q8: "onnx/model_quantized.onnx",
  q4: "onnx/model_q4.onnx",
  q4f16: "onnx/model_q4f16.onnx",
};

/** "name#q4" names a model and which of its ONNX files; without a mark it is fp32. */
export function parseModelChoice(text: string): { name: string; dtype: OnnxDtype } {
  const at = text.lastIndexOf("#");
  const mark = text.slice(at + 1);
  const dtype = Object.keys(ONNX_FILES).find((known): known is OnnxDtype => at > 0 && known === mark);
  return dtype === undefined ? { name: text, dtype: "fp32" } : { name: text.slice(0, at), dtype };
}

interface FloatOutput {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export interface DecoderSession {
  readonly raw: OrtSession;
  /** The graph takes and returns keys and values of earlier tokens. */
  readonly hasCache: boolean;
  /** `ids` and `mask` are [B,T], padded on the right; only the outputs named are computed into memory. */
  run(
    ids: Int32Array,
    mask: Uint8Array,
    B: number,
    T: number,
    outputs: readonly string[],
  ): Promise<FloatOutput[]>;
  /**
   * The same, left on the GPU: `use` gets the buffers, and submits what it does with them before it returns.
   * Undefined where outputs are not on the GPU.
   */
  readonly runOnGpu?: (
    ids: Int32Array,
    mask: Uint8Array,
    B: number,
    T: number,
    outputs: readonly string[],
    use: (buffers: readonly GPUBuffer[]) => void,
  ) => Promise<void>;
  /** May be called again. */
  release(): Promise<void>;
  readonly released: boolean;
}

/** ONNX Runtime would run whatever session has taken the place of a released one. */
export const closed = (): Error => new Error("this model is closed; open it again to run it");

export interface OnnxSource {
  /** Its path in the model folder. */
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly graph: OnnxGraph;
}

export async function readOnnxFile(
  files: ModelFiles,
  onProgress?: ReadProgress,
  file = ONNX_FILE,
): Promise<OnnxSource> {
  const bytes = await files.read(file, onProgress);
  const graph = withFile(file, () => checkDecoder(readOnnx(bytes)));
  const whole = await whileReading(file, () => inlineExternal(files, file, bytes, graph, onProgress));
  return whole === bytes ? { file, bytes, graph } : { file, bytes: whole, graph: readOnnx(whole) };
}

export interface Where {
  readonly device: Device;
  /** With "webgpu": the device that sessions share with our own kernels, on which taps stay. */
  readonly gpu?: GPUDevice | undefined;
}

/** `taps` are tensors of the graph that it does not return by itself, or that `nodes` compute from its own. */
export async function openSession(
  { file, bytes, graph }: OnnxSource,
  { device, gpu }: Where,
  taps: readonly string[] = [],
  nodes: readonly Parts[] = [],
): Promise<DecoderSession> {
  const returned = new Set(graph.outputs.map(({ name }) => name));
  const added = [...new Set(taps)].filter((name) => !returned.has(name));
  const shared = device === "webgpu" && gpu !== undefined;
  const floats = shared ? [...new Set(taps)].map(asFloat32) : [];
  const outputs = [...added, ...floats.map(({ name }) => name)];
  const patch = (): Uint8Array => graphPatch(outputs, [...nodes, ...floats.map(({ node }) => node)]);
  const model = outputs.length > 0 ? appended(bytes, patch()) : bytes;
  const cacheOutputs = [...returned].filter((name) => name.startsWith("present"));
  const gpuOutputs = [...cacheOutputs, ...floats.map(({ name }) => name)];
  const raw = await createSession(model, { device, gpu, gpuOutputs }).catch((error: unknown) => {
    const message = `${file}: ONNX Runtime refused it on ${device}: ${messageOf(error)}`;
    throw new ModelError("invalid", message, { file, cause: error });
  });
  // The session outlives this call; the graph, whose tensors are views of the whole file, must not.
  const hasCache = graph.inputs.some(isCache) && cacheOutputs.length > 0;
  const feedsOf = await createFeeds(graph.inputs);
  let released: Promise<void> | undefined;
  return {
    raw,
    hasCache,
    async run(ids, mask, B, T, outputs) {
      if (released) throw closed();
      checkBatch(ids, mask, B, T);
      const results = await exclusively(() => raw.run(feedsOf(ids, mask, B, T), outputs));
      return outputs.map((name) => takeFloats(name, results[name]));
    },
    ...(shared && {
      async runOnGpu(ids, mask, B, T, outputs, use) {
        if (released) throw closed();
        checkBatch(ids, mask, B, T);
        await exclusively(async () => {
          const results = await raw.run(feedsOf(ids, mask, B, T), outputs.map(onGpu));
          const tensors = outputs.map((name) => results[onGpu(name)]);
          try {
            use(tensors.map((tensor, i) => bufferOf(outputs[i] ?? "", tensor)));
          } finally {
            for (const tensor of tensors) tensor?.dispose();
          }
        });
      },
    }),
    release: () => (released ??= exclusively(() => raw.release())),
    get released() {
      return released !== undefined;
    },
  };
}

/** The name of a tap as f32 on the GPU: kernels read no other type, and half-precision graphs tap halves. */
const onGpu = (tap: string): string => `${tap}/f32`;

const asFloat32 = (tap: string): { name: string; node: Parts } => ({
  name: onGpu(tap),
  node: nodeProto({
    op: "Cast",
    name: `couplet/${tap}/Cast`,
    inputs: [tap],
    outputs: [onGpu(tap)],
    attributes: { to: FLOAT },
  }),
});

function bufferOf(name: string, tensor: OrtTensor | undefined): GPUBuffer {
  if (tensor?.gpuBuffer) return tensor.gpuBuffer;
  const message = `${name} came back in the memory of the ${tensor?.location ?? "?"}, expected on the GPU`;
  throw new ModelError("unsupported", message);
}

type Feeds = (ids: Int32Array, mask: Uint8Array, B: number, T: number) => Record<string, OrtTensor>;

/** One tensor for each input of the graph: the batch, positions from 0, and a cache that is empty. */
async function createFeeds(inputs: readonly OnnxValue[]): Promise<Feeds> {
  const { Tensor } = await transformers();
  const int64 = (values: Iterable<number>, dims: number[]): OrtTensor =>
    new Tensor("int64", BigInt64Array.from(values, BigInt), dims).ort_tensor;
  return (ids, mask, B, T) => {
    const feed = ({ name, shape, elemType }: OnnxValue): OrtTensor => {
      if (name === "input_ids") return int64(ids, [B, T]);
      if (name === "attention_mask") return int64(mask, [B, T]);
      if (name === "position_ids")
        return int64(
          Array.from({ length: B * T }, (_, i) => i % T),
          [B, T],
        );
      if (name === KEEP_LOGITS) return int64([0], shape.length === 0 ? [] : [1]); // all of them
      // The batch size is the first symbol of a cache's shape; the other is the past length, which is 0 here.
      const dims = shape.map((dim, axis) => (typeof dim === "number" ? dim : axis === 0 ? B : 0));
      if (elemType === FLOAT16) return new Tensor("float16", new Uint16Array(0), dims).ort_tensor;
      return new Tensor("float32", new Float32Array(0), dims).ort_tensor;
    };
    return Object.fromEntries(inputs.map((input) => [input.name, feed(input)]));
  };
}

const isCache = ({ name }: OnnxValue): boolean => name.startsWith("past_key_values.");
/** How many logits to compute, from the last; 0 is all. */
const KEEP_LOGITS = "num_logits_to_keep";
const PLAIN_INPUTS = new Set(["input_ids", "attention_mask", "position_ids", KEEP_LOGITS]);

/** Refuses graphs that `run` could not feed, before ONNX Runtime spends time on them. */
export function checkDecoder(graph: OnnxGraph): OnnxGraph {
  const names = graph.inputs.map(({ name }) => name);
  const foreign = graph.inputs.some((value) => !isCache(value) && !PLAIN_INPUTS.has(value.name));
  if (foreign || !names.includes("input_ids")) {
    const wants = "input_ids, attention_mask, position_ids and past_key_values.*";
    throw new ModelError(
      "unsupported",
      `a decoder with the inputs ${wants} is needed; this graph takes ${names.join(", ")}`,
    );
  }
  if (!graph.outputs.some(({ name }) => name === "logits")) {
    throw new ModelError(
      "unsupported",
      `an output "logits" is needed; this graph returns ${graph.outputs[0]?.name ?? "nothing"}`,
    );
  }
  const odd = graph.inputs.find((value) => isCache(value) && ![FLOAT, FLOAT16].includes(value.elemType));
  if (odd)
    throw new ModelError(
      "unsupported",
      `${odd.name} is neither f32 nor f16: use another export of the model`,
    );
  return graph;
}

function checkBatch(ids: Int32Array, mask: Uint8Array, B: number, T: number): void {
  if (!(B > 0 && T > 0) || ids.length !== B * T || mask.length !== B * T) {
    throw new RangeError(
      `a batch of ${B}×${T} needs ${B * T} ids and mask values, got ${ids.length} and ${mask.length}`,
    );
  }
}

function takeFloats(name: string, tensor: OrtTensor | undefined): FloatOutput {
  const { data, dims = [] } = tensor ?? {};
  if (data instanceof Float32Array) return { dims, data };
  if (tensor?.type === "float16") {
    if (data instanceof Uint16Array) return { dims, data: halvesToFloats(data) };
    // Where there is a Float16Array, its numbers are read as they are.
    if (isNumbers(data)) return { dims, data: Float32Array.from(data) };
  }
  throw new ModelError(
    "unsupported",
    `the graph returns ${name} as ${tensor?.type ?? "nothing"}, expected float32 or float16`,
  );
}

const isNumbers = (data: unknown): data is Iterable<number> =>
  ArrayBuffer.isView(data) && Symbol.iterator in data;
