// Generation from the live weights. One program feeds one token of every row and attends over a cache of keys and
// values; rows whose prompt is not used up yet read it, the others write. Ragged prompts need no padding that way.
import cacheWrite_ from "../../shaders/nn/cache_write.wgsl?raw";
import type { Gpu } from "../gpu/device";
import { createRng, deriveSeed } from "../config/rng";
import type { ScratchPool } from "../gpu/arena";
import { allocating } from "../gpu/failures";
import { defineKernel } from "../gpu/kernel";
import { packParams, u32 } from "../gpu/params";
import { ELEMENT_BYTES, fixed, type Program, ProgramBuilder, type Tensor } from "../gpu/program";
import { recordBlocks, recordHead, type StudentModel, usablePositions } from "./model";
import { recordAttention } from "./ops/attention";
import { checkSampling, pickToken, type SamplingSettings } from "./sample";
import { Tape } from "./tape";

export const cacheWriteKernel = defineKernel({
  entry: "cache_write",
  code: [cacheWrite_],
  bindings: { params: "uniform", start: "read", x: "read", cache: "write" },
});

interface GenerateSettings extends SamplingSettings {
  readonly maxNewTokens: number;
  readonly stopIds: readonly number[];
  /** Of the draws; each prompt has a stream of its own, so that a batch equals its prompts alone in turn. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
  /** Called as each new token is known: which prompt, which token. Stop tokens are not reported. */
  readonly onToken?: (prompt: number, token: number) => void;
}

export interface Generator {
  /** New tokens for one prompt, without the stop token. */
  generate(prompt: readonly number[], settings: GenerateSettings): Promise<number[]>;
  /** The same for any number of prompts, a batch at a time. */
  generateBatch(prompts: readonly (readonly number[])[], settings: GenerateSettings): Promise<number[][]>;
  destroy(): void;
}

/** @param options `length`: positions of the cache; `batch`: rows at once. */
export function createGenerator(
  gpu: Gpu,
  model: StudentModel,
  { length, batch, pool }: { length: number; batch: number; pool?: ScratchPool | undefined },
): Generator {
  const maxPositions = usablePositions(model.config);
  if (length > maxPositions)
    throw new RangeError(`The student has ${maxPositions} positions, the cache asks for ${length}`);
  const decoders = new Map<number, Promise<Decoder>>();
  const decoderFor = (rows: number): Promise<Decoder> => {
    let decoder = decoders.get(rows);
    if (!decoder) {
      decoder = buildDecoder(gpu, model, rows, length, pool);
      decoders.set(rows, decoder);
      decoder.catch(() => decoders.delete(rows)); // it may fit another time
    }
    return decoder;
  };
  async function generateBatch(prompts: readonly (readonly number[])[], settings: GenerateSettings) {
    checkSampling(settings);
    const out: number[][] = [];
    for (let i = 0; i < prompts.length; i += batch) {
      const chunk = prompts.slice(i, i + batch);
      const decoder = await decoderFor(chunk.length === 1 ? 1 : batch);
      out.push(...(await decode(decoder, chunk, i, length, settings)));
    }
    return out;
  }
  return {
    generateBatch,
    generate: async (prompt, settings) => (await generateBatch([prompt], settings))[0] ?? [],
    destroy: () =>
      decoders.forEach((d) => void d.then((decoder) => decoder.destroy()).catch(() => undefined)),
  };
}

interface Decoder {
  readonly program: Program;
  readonly rows: number;
  readonly vocabSize: number;
  destroy(): void;
}

/** Record the decoder of so many rows; its caches are made at once. */
export function recordDecoder(
  gpu: Gpu,
  model: StudentModel,
  rows: number,
  capacity: number,
): { b: ProgramBuilder; caches: readonly GPUBuffer[] } {
  const { config } = model;
  const width = config.kvHeads * config.headDim;
  const b = new ProgramBuilder(`decode ${rows}`);
  const tape = new Tape(b, { training: false });
  const [ids, start] = [b.input("ids", rows), b.input("start", rows)];
  const owned: GPUBuffer[] = [];
  const newCache = (label: string): Tensor => {
    const elements = rows * capacity * width;
    const usage = GPUBufferUsage.STORAGE;
    const buffer = gpu.device.createBuffer({ label, size: elements * ELEMENT_BYTES, usage });
    owned.push(buffer);
    return fixed(label, buffer, 0, elements);
  };
  const write = (x: Tensor, cache: Tensor) => {
    const params = packParams(u32(1), u32(capacity), u32(width));
    b.dispatch(cacheWriteKernel, { params, start, x, cache }, [rows]);
  };
  const { hidden } = recordBlocks(tape, model, { length: 1, ids, start }, () => (layer, q, k, v, kind) => {
    const [keys, values] = [newCache(`keys ${layer}`), newCache(`values ${layer}`)];
    write(k.value, keys);
    write(v.value, values);
    const out = tape.result("attention", q.shape, []);
    const lse = b.scratch("attention lse", rows * config.heads);
    const shape = { batch: rows, length: 1, ...config, ...kind };
    recordAttention(b, shape, capacity, { start, q: q.value, k: keys, v: values, out: out.value, lse });
    return out;
  });
  b.output("logits", recordHead(tape, model, hidden).value);
  return { b, caches: owned };
}

async function buildDecoder(
  gpu: Gpu,
  model: StudentModel,
  rows: number,
  length: number,
  pool: ScratchPool | undefined,
): Promise<Decoder> {
  const make = () => {
    const recorded = recordDecoder(gpu, model, rows, length);
    return { ...recorded, destroy: () => recorded.caches.forEach((buffer) => buffer.destroy()) };
  };
  const { b, caches } = await allocating(gpu.device, "The cache of keys and values", make);
  const program = await b.build(gpu, undefined, pool).catch((error: unknown) => {
    caches.forEach((buffer) => buffer.destroy());
    throw error;
  });
  return {
    program,
    rows,
    vocabSize: model.config.vocabSize,
    destroy() {
      program.destroy();
      caches.forEach((buffer) => buffer.destroy());
    },
  };
}

/** @param first the index of the first prompt among all. */
async function decode(
  { program, rows, vocabSize }: Decoder,
  prompts: readonly (readonly number[])[],
  first: number,
  length: number,
  settings: GenerateSettings,
): Promise<number[][]> {
  const { maxNewTokens, stopIds, seed = 0, signal, onToken } = settings;
  const lines = prompts.map((prompt, i) => ({
    index: first + i,
    rng: createRng(deriveSeed(seed, `prompt ${first + i}`)),
    tokens: [...prompt],
    prompt: prompt.length,
    limit: Math.min(length, prompt.length + maxNewTokens),
    done: prompt.length === 0 || prompt.length >= length || maxNewTokens < 1,
  }));
  for (let at = 0; lines.some((line) => !line.done); at++) {
    signal?.throwIfAborted();
    const ids = Uint32Array.from({ length: rows }, (_, r) => lines[r]?.tokens[at] ?? 0);
    const data = { ids, start: new Uint32Array(rows).fill(at) };
    const writing = lines.filter((line) => !line.done && line.tokens.length === at + 1);
    if (writing.length === 0) {
      await program.run(data);
      continue;
    }
    const { logits } = await program.run(data, { read: ["logits"] });
    for (const line of writing) {
      const row = lines.indexOf(line);
      const scores = logits.subarray(row * vocabSize, (row + 1) * vocabSize);
      const next = pickToken(scores, settings, line.rng.next());
      if (stopIds.includes(next)) line.done = true;
      else {
        line.tokens.push(next);
        onToken?.(line.index, next);
      }
      line.done ||= line.tokens.length >= line.limit;
    }
  }
  return lines.map((line) => line.tokens.slice(line.prompt));
}
