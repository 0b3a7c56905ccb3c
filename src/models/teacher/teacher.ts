// The frozen teacher: an ONNX decoder run by transformers.js' ONNX Runtime, tapped so that it also returns
// hidden_states[0] and hidden_states[-1]; and the same without taps, as a reference for our own engine.

import { asObject } from "../families/config-fields";
import { pieceSha256 } from "../../base/digest";
import { whileReading, withFile } from "../errors";
import { type ModelFiles, readJson } from "../files/files";
import { createGenerate, type GenerateOptions } from "./generate";
import { type Device, provider, transformers } from "../hub";
import { findLayers, type LayerTap } from "../onnx/layers";
import { findTaps, headWeight, lookupTable, type Taps } from "../onnx/taps";
import type { OnnxGraph } from "../onnx/wire";
import type { NamedTensor } from "../files/safetensors";
import { ONNX_FILES, type OnnxDtype, type OnnxSource, openSession, readOnnxFile } from "./session";
import { probe } from "./teacher-probe";
import { type TeacherConfig, teacherConfig } from "./teacher-config";
import { withGraph } from "./teacher-files";
import { loadTokenizer, type Tokenizer } from "../tokenizer/tokenizer";

/** Row-major f32; rows of padding hold values without meaning. */
export interface TeacherBatchOutput {
  /** hidden_states[0], [B,T,D] */
  readonly embedding: Float32Array;
  /** hidden_states[-1], after the final norm, [B,T,D] */
  readonly hidden: Float32Array;
  /** [B,T,V], only when asked for */
  readonly logits?: Float32Array;
  /** Rows of the token table, [B,T,D], only when asked for: on GPT-2 `embedding` has the positions in it, this has not. */
  readonly token?: Float32Array;
  /** The outputs of the blocks named when the teacher was opened, in that order, [B,T,D] each; only when asked for. */
  readonly layers?: readonly Float32Array[];
  readonly B: number;
  readonly T: number;
  readonly D: number;
  readonly V: number;
}

/** What `forward` returns beside the embedding and the last hidden state. */
export interface ForwardOptions {
  readonly logits?: boolean;
  readonly token?: boolean;
  readonly layers?: boolean;
}

export interface Teacher {
  readonly config: TeacherConfig;
  readonly tokenizer: Tokenizer;
  /** lm_head as [V,D], so that hidden · headᵀ = logits; undefined when the graph quantizes or computes it. */
  readonly head: NamedTensor | undefined;
  /** The token embeddings, [V,D]; undefined when the graph quantizes or computes them. */
  readonly tokenEmbedding: NamedTensor | undefined;
  /** `ids` [B,T] padded on the right; `mask` 1 where real. */
  forward(
    ids: Int32Array,
    mask: Uint8Array,
    B: number,
    T: number,
    options?: ForwardOptions,
  ): Promise<TeacherBatchOutput>;
  /**
   * The same states copied straight into buffers of the device that `openTeacher` was given: nothing passes through
   * the CPU. Undefined for teachers that run elsewhere.
   */
  readonly forwardOnGpu?: (
    ids: Int32Array,
    mask: Uint8Array,
    B: number,
    T: number,
    copies: readonly StateCopy[],
  ) => Promise<void>;
  /**
   * Greedy, with a KV cache; returns the new text only. In front of the prompt stands what the tokenizer's post-processor
   * puts there. Rejects with the signal's reason when aborted.
   */
  generate(prompt: string, options: GenerateOptions): Promise<string>;
  /** The same in tokens, as they are: the new ones only, without eos. */
  continue(ids: readonly number[], options: GenerateOptions): Promise<number[]>;
  /** The same, and whether it stopped by itself or was cut off at its limit. */
  answer(ids: readonly number[], options: GenerateOptions): Promise<TeacherAnswer>;
  /**
   * Digest of the graph with its weights, what runs it and the version of that: with the same tokens, two teachers of
   * one identity return the same bits. Undefined unless it was asked for.
   */
  readonly identity?: string;
  dispose(): Promise<void>;
}

export interface TeacherAnswer {
  readonly text: string;
  /** False where the limit or the context ended it: the text may stop anywhere. */
  readonly ended: boolean;
}

/** Where some of a state's rows go; a state is [B·T, D] in f32. */
interface StateCopy {
  /** `layer`: an index into the blocks named when the teacher was opened. */
  readonly state: "embedding" | "hidden" | "token" | { readonly layer: number };
  readonly firstRow: number;
  readonly rows: number;
  readonly target: GPUBuffer;
  /** In bytes. */
  readonly offset: number;
}

export interface OpenOptions {
  readonly device: Device;
  /** With "webgpu": the device to share. */
  readonly gpu?: GPUDevice | undefined;
  readonly onProgress?: (progress: { file: string; loaded: number; total: number }) => void;
  /** Which of the folder's ONNX files; fp32 unless said. */
  readonly dtype?: OnnxDtype;
}

export interface TeacherOptions extends OpenOptions {
  /**
   * Blocks whose outputs `forward` can return: k is the residual stream after k blocks, from 0 (the embeddings) to
   * the number of blocks (before the final norm, unlike `hidden`).
   */
  readonly layers?: readonly number[];
  /** Name the model by its contents, which takes a second for each 500 MB or so. */
  readonly identify?: boolean;
  /** The folder's, where it has been read already. */
  readonly tokenizer?: Tokenizer;
  /** False: head and token table are looked at once and let go. */
  readonly keepWeights?: boolean;
  /** False: whether hidden · head = logits is not looked at, for which the head is copied out of the graph. */
  readonly checkHead?: boolean;
}

export async function openTeacher(
  files: ModelFiles,
  {
    device,
    gpu,
    onProgress,
    dtype = "fp32",
    layers = [],
    identify = false,
    keepWeights = true,
    checkHead = true,
    ...given
  }: TeacherOptions,
): Promise<Teacher> {
  const rawConfig = await readJson(files, "config.json");
  const config = withFile("config.json", () => teacherConfig(rawConfig));
  const tokenizer = given.tokenizer ?? (await loadTokenizer(files));
  const file = ONNX_FILES[dtype];
  const report = (loaded: number, total: number): void => onProgress?.({ file, loaded, total });
  const source = await readOnnxFile(await withGraph(files, dtype, report), report, file);
  const identity = identify ? await identityOf(source, device, gpu) : undefined;
  const taps = withFile(file, () => findTaps(source.graph));
  const blocks = withFile(file, () => layerTaps(source.graph, taps, layers, config.layers));
  const blockNames = blocks.map(({ name }) => name);
  const tapped = [taps.embedding, taps.hidden, taps.token, ...blockNames];
  const session = await openSession(
    source,
    { device, gpu },
    tapped,
    blocks.flatMap(({ nodes }) => nodes),
  );
  const { runOnGpu } = session;
  // Behind the session, whose making takes the most memory.
  const ready = async () => {
    const head = checkHead || keepWeights ? headWeight(source.graph, taps) : undefined;
    await whileReading(file, () => probe(session, source.graph, taps, config, head));
    const kept = keepWeights ? { head, tokenEmbedding: lookupTable(source.graph, taps) } : undefined;
    return {
      weights: { head: kept?.head, tokenEmbedding: kept?.tokenEmbedding },
      proceed: await createGenerate(asObject(rawConfig), config.maxPositions, session, tokenizer, device),
    };
  };
  const { weights, proceed } = await ready().catch(async (error: unknown) => {
    await session.release();
    throw error;
  });
  const { hiddenSize: D, vocabSize: V } = config;
  return {
    config,
    tokenizer,
    ...weights,
    async forward(ids, mask, B, T, wanted = {}) {
      const extra = [...(wanted.logits ? ["logits"] : []), ...(wanted.token ? [taps.token] : [])];
      const names = new Set([taps.embedding, taps.hidden, ...extra, ...(wanted.layers ? blockNames : [])]);
      const outputs = await session.run(ids, mask, B, T, [...names]);
      const found = new Map([...names].map((name, i) => [name, outputs[i]?.data]));
      const of = (name: string): Float32Array => {
        const data = found.get(name);
        if (!data) throw new RangeError("a session returns every output it is asked for");
        return data;
      };
      return {
        ...{ embedding: of(taps.embedding), hidden: of(taps.hidden), B, T, D, V },
        ...(wanted.logits && { logits: of("logits") }),
        ...(wanted.token && { token: of(taps.token) }),
        ...(wanted.layers && { layers: blockNames.map(of) }),
      };
    },
    ...(runOnGpu &&
      gpu && {
        async forwardOnGpu(ids, mask, B, T, copies) {
          const nameOf = ({ state }: StateCopy): string =>
            typeof state === "string" ? taps[state] : (blockNames[state.layer] ?? "");
          const names = [...new Set(copies.map(nameOf))];
          await runOnGpu(ids, mask, B, T, names, (buffers) => {
            const encoder = gpu.createCommandEncoder({ label: "teacher states" });
            for (const copy of copies) {
              const buffer = buffers[names.indexOf(nameOf(copy))];
              const [from, bytes] = [copy.firstRow * D * 4, copy.rows * D * 4];
              if (buffer) encoder.copyBufferToBuffer(buffer, from, copy.target, copy.offset, bytes);
            }
            gpu.queue.submit([encoder.finish()]);
          });
        },
      }),
    async generate(prompt, options) {
      const ids = tokenizer.encode(prompt);
      const { start = [] } = tokenizer.around ?? {};
      const begun = start.length > 0 && start.every((id, i) => ids[i] === id); // the text brings it itself
      return tokenizer.decode((await proceed(begun ? ids : [...start, ...ids], options)).ids);
    },
    continue: async (ids, options) => (await proceed(ids, options)).ids,
    async answer(ids, options) {
      const { ids: fresh, ended } = await proceed(ids, options);
      return { text: tokenizer.decode(fresh), ended };
    },
    ...(identity !== undefined && { identity }),
    dispose: () => session.release(),
  };
}

async function identityOf({ bytes }: OnnxSource, device: Device, gpu?: GPUDevice): Promise<string> {
  const { env } = await transformers();
  const info = device === "webgpu" ? gpu?.adapterInfo : undefined;
  const adapter = info ? [info.vendor, info.architecture, info.device, info.description] : [];
  return [await pieceSha256(bytes), provider(device), env.version, ...adapter].join(" ");
}

function layerTaps(
  graph: OnnxGraph,
  { embedding }: Taps,
  wanted: readonly number[],
  blocks: number,
): LayerTap[] {
  const odd = wanted.find((k) => !(Number.isInteger(k) && k >= 0 && k <= blocks));
  if (odd !== undefined) throw new RangeError(`this teacher has blocks 0 to ${blocks}, asked for ${odd}`);
  if (wanted.length === 0) return [];
  const all = [{ name: embedding, nodes: [] }, ...findLayers(graph, embedding, blocks)];
  return wanted.flatMap((k) => all[k] ?? []);
}

export interface ReferenceSession {
  /** [B,T,V] of the model's own ONNX graph: what our engine must reproduce. */
  logits(ids: Int32Array, mask: Uint8Array, B: number, T: number): Promise<Float32Array>;
  dispose(): Promise<void>;
}

export async function openReferenceSession(
  files: ModelFiles,
  { device, gpu, onProgress, dtype = "fp32" }: OpenOptions,
): Promise<ReferenceSession> {
  const file = ONNX_FILES[dtype];
  const source = await readOnnxFile(files, (loaded, total) => onProgress?.({ file, loaded, total }), file);
  const session = await openSession(source, { device, gpu });
  return {
    async logits(ids, mask, B, T) {
      const [logits] = await session.run(ids, mask, B, T, ["logits"]);
      return logits?.data ?? new Float32Array(0);
    },
    dispose: () => session.release(),
  };
}
