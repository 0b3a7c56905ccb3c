// Rollouts: the student writes, from its live weights. The prompt goes through in one pass that fills a cache of keys and values;
// then tokens are drawn on the GPU, several to a submit: what is read back is a token and two figures a row, never logits.
import floatKey from "../../shaders/lib/float_key.wgsl?raw";
import isFinite_ from "../../shaders/lib/is_finite.wgsl?raw";
import sampleToken_ from "../../shaders/nn/sample_token.wgsl?raw";
import { createRng, deriveSeed } from "../config/rng";
import type { ScratchPool } from "../gpu/arena";
import type { Gpu } from "../gpu/device";
import { allocating } from "../gpu/failures";
import { defineKernel } from "../gpu/kernel";
import { f32, packParams, u32 } from "../gpu/params";
import { ELEMENT_BYTES, fixed, type Program, ProgramBuilder, type Tensor } from "../gpu/program";
import { cacheWriteKernel } from "./generate";
import { recordBlocks, recordHead, type StudentModel } from "./model";
import { recordAttention } from "./ops/attention";
import { gatherRows } from "./ops/rows";
import { checkSampling, NotFiniteLogits, type SamplingSettings } from "./sample";
import { Tape, type Var } from "./tape";

export const sampleTokenKernel = defineKernel({
  entry: "sample_token",
  code: [floatKey, isFinite_, sampleToken_],
  bindings: {
    params: "uniform",
    logits: "read",
    u: "read",
    start: "read",
    taken: "read",
    figures: "write",
    next: "write",
    next_start: "write",
  },
});

/** Of each drawn token: the token, its log-probability and the entropy, both at temperature 1. */
const FIGURES = 3;
/** Tokens that one submit draws: fewer round trips, and at most so many drawn in vain behind the last end. */
const STRIDE = 8;
const PROMPT_STEP = 32;

/** How a token is drawn from its distribution: see SamplingSettings. */
export interface Cut extends SamplingSettings {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
}

interface RolloutSettings {
  readonly maxNewTokens: number;
  /** A row ends with the first of these. */
  readonly stopIds: readonly number[];
  /** Each prompt has a stream of its own: a batch equals its prompts alone in turn. */
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Sampled {
  /** What was written, the end included. */
  readonly tokens: readonly number[];
  /** Whether the last token is one of the ends; else the answer was cut off. */
  readonly ended: boolean;
  /** log p of each token under the student, at temperature 1, in nats. */
  readonly logProbs: readonly number[];
  /** Entropy of what each token was drawn from, likewise. */
  readonly entropies: readonly number[];
}

export interface RolloutSampler {
  /** @throws NotFiniteLogits when the weights have gone wrong; RangeError for a prompt without tokens or beyond the cache. */
  sample(prompts: readonly (readonly number[])[], settings: RolloutSettings): Promise<Sampled[]>;
  destroy(): void;
}

export interface RolloutShape {
  /** Rows that are written at once. */
  readonly rows: number;
  /** Positions of the cache: prompt and answer. */
  readonly capacity: number;
}

interface Caches {
  readonly buffers: readonly GPUBuffer[];
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
}

export function makeCaches(gpu: Gpu, { config }: StudentModel, { rows, capacity }: RolloutShape): Caches {
  const elements = rows * capacity * config.kvHeads * config.headDim;
  const buffers: GPUBuffer[] = [];
  const make = (label: string): Tensor[] =>
    Array.from({ length: config.layers }, (_, layer) => {
      const [name, usage] = [`rollout ${label} ${layer}`, GPUBufferUsage.STORAGE];
      const buffer = gpu.device.createBuffer({ label: name, size: elements * ELEMENT_BYTES, usage });
      buffers.push(buffer);
      return fixed(name, buffer, 0, elements);
    });
  return { buffers, keys: make("keys"), values: make("values") };
}

/** Keys and values go into the cache, and queries see what is there. */
function attendCached(
  tape: Tape,
  { config }: StudentModel,
  { rows, capacity }: RolloutShape,
  caches: Caches,
  { length, start }: { readonly length: number; readonly start: Tensor },
) {
  const { b } = tape;
  const width = config.kvHeads * config.headDim;
  return () =>
    (layer: number, q: Var, k: Var, v: Var, kind: object = {}) => {
      const [keys, values] = [caches.keys[layer]!, caches.values[layer]!]; // one of each a layer
      const params = packParams(u32(length), u32(capacity), u32(width));
      b.dispatch(cacheWriteKernel, { params, start, x: k.value, cache: keys }, [rows * length]);
      b.dispatch(cacheWriteKernel, { params, start, x: v.value, cache: values }, [rows * length]);
      const out = tape.result("attention", q.shape, []);
      const lse = b.scratch("attention lse", rows * length * config.heads);
      const shape = { batch: rows, length, ...config, ...kind };
      recordAttention(b, shape, capacity, { start, q: q.value, k: keys, v: values, out: out.value, lse });
      return out;
    };
}

function recordDraw(
  b: ProgramBuilder,
  vocab: number,
  rows: number,
  slot: number,
  { temperature, topK, topP }: Cut,
  t: Record<"logits" | "u" | "start" | "taken" | "figures" | "next" | "next_start", Tensor>,
): void {
  const params = packParams(u32(vocab), u32(rows), u32(slot), u32(topK), f32(topP), f32(temperature));
  b.dispatch(sampleTokenKernel, { params, ...t }, [rows]);
}

/** Prompts of up to `length` tokens into the cache, and the first token of each answer. */
export function recordPrompt(
  model: StudentModel,
  shape: RolloutShape,
  caches: Caches,
  length: number,
  cut: Cut,
): ProgramBuilder {
  const { rows } = shape;
  const b = new ProgramBuilder(`prompt ${rows}×${length}`, model.rangeBytes);
  const tape = new Tape(b, { training: false });
  const [ids, start] = [b.input("ids", rows * length), b.input("start", rows)];
  const attend = attendCached(tape, model, shape, caches, { length, start });
  const { hidden } = recordBlocks(tape, model, { length, ids, start }, attend);
  const last = gatherRows(tape, hidden, b.input("last", rows));
  const logits = recordHead(tape, model, last).value;
  const figures = b.scratch("drawn", FIGURES * rows);
  recordDraw(b, model.config.vocabSize, rows, 0, cut, {
    ...{ logits, u: b.input("u", rows), start, taken: b.input("taken", rows), figures },
    ...{ next: b.scratch("next", rows), next_start: b.scratch("next start", rows) },
  });
  b.output("figures", figures);
  return b;
}

/** STRIDE tokens of each answer, one after the other. */
export function recordWriting(
  model: StudentModel,
  shape: RolloutShape,
  caches: Caches,
  cut: Cut,
): ProgramBuilder {
  const { rows } = shape;
  const b = new ProgramBuilder(`write ${rows}`, model.rangeBytes);
  let [ids, start] = [b.input("ids", rows), b.input("start", rows)];
  const taken = b.input("taken", rows);
  const figures = b.scratch("drawn", STRIDE * FIGURES * rows);
  for (let slot = 0; slot < STRIDE; slot++) {
    const tape = new Tape(b, { training: false });
    const attend = attendCached(tape, model, shape, caches, { length: 1, start });
    const { hidden } = recordBlocks(tape, model, { length: 1, ids, start }, attend);
    const logits = recordHead(tape, model, hidden).value;
    const [next, next_start] = [b.scratch("next", rows), b.scratch("next start", rows)];
    const u = b.input(`u${slot}`, rows);
    recordDraw(b, model.config.vocabSize, rows, slot, cut, {
      ...{ logits, u, start, taken, figures, next, next_start },
    });
    [ids, start] = [next, next_start];
  }
  b.output("figures", figures);
  return b;
}

/** @throws RangeError naming a setting that is wrong. */
export async function createRolloutSampler(
  gpu: Gpu,
  model: StudentModel,
  shape: RolloutShape,
  cut: Cut,
  pool?: ScratchPool,
): Promise<RolloutSampler> {
  checkSampling(cut);
  const caches = await allocating(gpu.device, "The rollouts' cache of keys and values", () => {
    const made = makeCaches(gpu, model, shape);
    return { ...made, destroy: () => made.buffers.forEach((buffer) => buffer.destroy()) };
  });
  const programs = new Map<number, Promise<Program>>();
  const built = (length: number): Promise<Program> => {
    let program = programs.get(length);
    if (!program) {
      const b =
        length === 0
          ? recordWriting(model, shape, caches, cut)
          : recordPrompt(model, shape, caches, length, cut);
      programs.set(length, (program = b.build(gpu, undefined, pool)));
      program.catch(() => programs.delete(length)); // it may fit another time
    }
    return program;
  };
  return {
    async sample(prompts, settings) {
      for (const prompt of prompts)
        if (prompt.length === 0 || prompt.length >= shape.capacity)
          throw new RangeError(
            `a prompt needs 1 to ${shape.capacity - 1} tokens beside an answer, got ${prompt.length}`,
          );
      const lines = prompts.map((prompt, i) => newLine(prompt, i, shape, settings));
      for (let i = 0; i < lines.length; i += shape.rows)
        await writeTogether(built, lines.slice(i, i + shape.rows), shape.rows, settings);
      return lines.map(({ tokens, ended, logProbs, entropies }) => ({ tokens, ended, logProbs, entropies }));
    },
    destroy() {
      caches.destroy();
      for (const program of programs.values()) void program.then((p) => p.destroy()).catch(() => undefined);
    },
  };
}

interface Line {
  readonly prompt: readonly number[];
  readonly next: () => number;
  readonly limit: number;
  readonly tokens: number[];
  readonly logProbs: number[];
  readonly entropies: number[];
  ended: boolean;
  done: boolean;
}

const newLine = (
  prompt: readonly number[],
  index: number,
  { capacity }: RolloutShape,
  { seed, maxNewTokens }: RolloutSettings,
): Line => ({
  prompt,
  next: createRng(deriveSeed(seed, `prompt ${index}`)).next,
  limit: Math.min(maxNewTokens, capacity - prompt.length),
  ...{ tokens: [], logProbs: [], entropies: [], ended: false, done: false },
});

async function writeTogether(
  built: (length: number) => Promise<Program>,
  lines: readonly Line[],
  rows: number,
  { stopIds, signal }: RolloutSettings,
): Promise<void> {
  const perRow = (of: (line: Line | undefined) => number) =>
    Uint32Array.from({ length: rows }, (_, r) => of(lines[r]));
  const uniform = () => Float32Array.from({ length: rows }, (_, r) => lines[r]?.next() ?? 0);
  const longest = Math.max(...lines.map(({ prompt }) => prompt.length));
  const length = Math.ceil(longest / PROMPT_STEP) * PROMPT_STEP;
  const ids = new Uint32Array(rows * length);
  lines.forEach(({ prompt }, r) => ids.set(prompt, r * length));
  const lengthOf = (line: Line | undefined) => line?.prompt.length ?? 1;
  signal?.throwIfAborted();
  const first = await (
    await built(length)
  ).run(
    {
      ...{ ids, u: uniform(), start: new Uint32Array(rows), taken: perRow(lengthOf) },
      last: Uint32Array.from({ length: rows }, (_, r) => r * length + lengthOf(lines[r]) - 1),
    },
    { read: ["figures"] },
  );
  take(lines, rows, first.figures, 1, stopIds);
  while (lines.some(({ done }) => !done)) {
    signal?.throwIfAborted();
    const program = await built(0);
    const draws = Object.fromEntries(Array.from({ length: STRIDE }, (_, k) => [`u${k}`, uniform()]));
    const { figures } = await program.run(
      {
        ids: perRow((line) => line?.tokens.at(-1) ?? 0),
        start: perRow((line) => lengthOf(line) + (line?.tokens.length ?? 1) - 1),
        taken: new Uint32Array(rows).fill(1),
        ...draws,
      },
      { read: ["figures"] },
    );
    take(lines, rows, figures, STRIDE, stopIds);
  }
}

/** What was drawn, up to each answer's end. @throws NotFiniteLogits */
function take(
  lines: readonly Line[],
  rows: number,
  figures: Float32Array,
  steps: number,
  stopIds: readonly number[],
): void {
  for (let k = 0; k < steps; k++)
    for (const [r, line] of lines.entries()) {
      if (line.done) continue;
      const [token = -1, logProb = NaN, entropy = NaN] = figures.subarray(FIGURES * (k * rows + r));
      if (token < 0)
        throw new NotFiniteLogits("The student's logits are not finite: its weights have gone wrong.");
      line.tokens.push(token);
      line.logProbs.push(logProb);
      line.entropies.push(entropy);
      line.ended = stopIds.includes(token);
      line.done = line.ended || line.tokens.length >= line.limit;
    }
}
