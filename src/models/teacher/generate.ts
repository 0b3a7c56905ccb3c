// Greedy text from a decoder session: by transformers.js with a KV cache, or, for graphs exported without one, by
// running the whole text again for each token.

import { type Device, exclusively, type OrtSession, provider, type Transformers, transformers } from "../hub";
import { decoderOf } from "./decoders";
import { closed, type DecoderSession } from "./session";
import type { Tokenizer } from "../tokenizer/tokenizer";

export interface GenerateOptions {
  readonly maxNewTokens: number;
  readonly signal?: AbortSignal;
}

/** What a model went on with. */
interface Continuation {
  /** The new tokens only, without what ends them. */
  readonly ids: number[];
  /** It ended by itself; otherwise the limit or the context ended it, and the text may stop anywhere. */
  readonly ended: boolean;
}

/** Rejects with the signal's reason when aborted. */
export type Generate = (ids: readonly number[], options: GenerateOptions) => Promise<Continuation>;

/** Continues `ids` by up to `room` tokens, ending before eos or the end of the turn. */
type Continue = (ids: readonly number[], room: number, signal?: AbortSignal) => Promise<Continuation>;

export async function createGenerate(
  rawConfig: Record<string, unknown>,
  maxPositions: number,
  session: DecoderSession,
  tokenizer: Tokenizer,
  device: Device,
): Promise<Generate> {
  const proceed = session.hasCache
    ? withCache(await transformers(), rawConfig, session, tokenizer, device)
    : withoutCache(session, tokenizer.stopIds);
  return async (ids, { maxNewTokens, signal }) => {
    if (session.released) throw closed();
    signal?.throwIfAborted();
    const room = Math.min(maxNewTokens, maxPositions - ids.length);
    if (ids.length === 0) throw new RangeError("generate needs a prompt of at least one token, got none");
    if (room < 1) {
      const wanted = `${ids.length} tokens and ${maxNewTokens} to come`;
      throw new RangeError(`the prompt has ${wanted}; the teacher's context is ${maxPositions}`);
    }
    const fresh = await proceed(ids, room, signal);
    signal?.throwIfAborted();
    return fresh;
  };
}

function withCache(
  library: Transformers,
  rawConfig: Record<string, unknown>,
  session: DecoderSession,
  tokenizer: Tokenizer,
  device: Device,
): Continue {
  const model = asGenerator(library, rawConfig, session, device);
  return async (ids, room, signal) => {
    const stop = new library.InterruptableStoppingCriteria();
    const interrupt = (): void => stop.interrupt();
    signal?.addEventListener("abort", interrupt, { once: true });
    const dims = [1, ids.length];
    const settings = {
      input_ids: new library.Tensor("int64", BigInt64Array.from(ids, BigInt), dims),
      attention_mask: new library.Tensor("int64", new BigInt64Array(ids.length).fill(1n), dims),
      max_new_tokens: room,
      do_sample: false,
      eos_token_id: [...tokenizer.stopIds],
      pad_token_id: tokenizer.padId,
      stopping_criteria: stop,
    };
    try {
      const output: unknown = await exclusively(() => model.generate(settings));
      return newTokens(output, ids.length, tokenizer.stopIds);
    } finally {
      signal?.removeEventListener("abort", interrupt);
    }
  };
}

function withoutCache(session: DecoderSession, stopIds: readonly number[]): Continue {
  return async (ids, room, signal) => {
    const all = [...ids];
    while (all.length < ids.length + room && !signal?.aborted) {
      const T = all.length;
      const [logits] = await session.run(Int32Array.from(all), new Uint8Array(T).fill(1), 1, T, ["logits"]);
      const scores = logits?.data ?? new Float32Array(0);
      const last = scores.subarray(scores.length - scores.length / T);
      const best = last.reduce((top, value, id) => (value > (last[top] ?? 0) ? id : top), 0);
      if (stopIds.includes(best)) return { ids: all.slice(ids.length), ended: true };
      all.push(best);
    }
    return { ids: all.slice(ids.length), ended: false };
  };
}

interface Generator {
  generate(settings: Record<string, unknown>): Promise<unknown>;
}

/**
 * A transformers.js model around a session we opened ourselves. Its runs never reject: in the browser the library
 * chains all runs of all models, and one rejection would fail every later one. The error is kept and thrown later.
 */
function asGenerator(
  library: Transformers,
  rawConfig: Record<string, unknown>,
  session: DecoderSession,
  device: Device,
): Generator {
  const type = rawConfig["model_type"];
  const decoder = decoderOf(type);
  if (!decoder) throw new RangeError(`not a decoder: ${String(type)}`);
  const failures: unknown[] = [];
  const run: OrtSession["run"] = (feeds) =>
    session.raw.run(feeds).catch((error: unknown) => {
      failures.push(error);
      return {};
    });
  const guarded: unknown = Object.create(session.raw, {
    run: { value: run },
    config: { value: { dtype: "fp32", device: provider(device) } },
  });
  const config = new library.PretrainedConfig(rawConfig);
  const generation_config = new library.GenerationConfig(config);
  const model = new library[decoder.decoder](config, { model: guarded }, { generation_config });
  return {
    async generate(settings) {
      failures.length = 0;
      try {
        return await model.generate(settings);
      } catch (error) {
        throw failures[0] ?? error;
      }
    },
  };
}

/** What follows the prompt, without eos or the end of the turn, which not every tokenizer marks as special. */
function newTokens(output: unknown, promptLength: number, stopIds: readonly number[]): Continuation {
  if (typeof output !== "object" || output === null || !("data" in output)) {
    throw new Error(
      "transformers.js returned no token tensor from generate; adapt src/models/teacher/generate.ts",
    );
  }
  const { data } = output;
  const fresh = data instanceof BigInt64Array ? Array.from(data.subarray(promptLength), Number) : [];
  const end = fresh.findIndex((id) => stopIds.includes(id));
  return end < 0 ? { ids: fresh, ended: false } : { ids: fresh.slice(0, end), ended: true };
}
