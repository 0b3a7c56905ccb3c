// A distillation term as a method of its own: loss = ((1 − r)·CE + r·KD) / denominator (METHODS §2), and the host's
// side that such terms share.
import { cardOf } from "../config/run";
import type { PairBatch } from "../data";
import type { InputData, Tensor } from "../gpu/program";
import { recordCrossEntropyTerm } from "./cross-entropy-term";
import {
  type Distillation,
  joinTerms,
  type Objective,
  type RecordedTerm,
  type Recording,
  responseTokens,
  type StepTerms,
  termsOnly,
} from "./types";

/** Whether the method of that id pairs position with position: its card says so. */
export const needsOneTokenizer = (id: string): boolean => cardOf(id)?.tokenizers === "one";

/** The method beside cross entropy. */
export function withCrossEntropy<Settings extends { readonly id: string }>(
  term: Distillation<Settings>,
): Objective<Settings & { readonly kdRate: number }> {
  return {
    id: term.id,
    sharesTokenizer: () => needsOneTokenizer(term.id),
    needs: (config) => term.needs(config),
    parameters: (config, dims, seed) => term.parameters(config, dims, seed),
    preservesLogits: (config) => term.preservesLogits?.(config) ?? false,
    prepare: async (config, tokens, options) => term.prepare?.(config, tokens, options),
    alignment: (config) => term.alignment?.(config),
    ...(term.chunks && { chunks: term.chunks }),
    unweighted: (config, tokens) => [
      ...(config.kdRate === 1 ? ["ce"] : []),
      ...(term.unweighted?.(config, tokens) ?? []),
    ],
    record: (config, recording) =>
      joinTerms([
        recordCrossEntropyTerm(recording, 1 - config.kdRate),
        term.recordTerm(config, recording, config.kdRate),
      ]),
  };
}

/** What a term says beside its numbers, and what it reads back for that. */
export interface TermDetail {
  readonly outputs: Readonly<Record<string, Tensor>>;
  read(
    outputs: Readonly<Record<string, Float32Array>>,
    batch: PairBatch,
  ): Pick<StepTerms, "samples" | "credit">;
}

interface SumOptions {
  /** Response tokens, unless it says otherwise. */
  readonly denominator?: (batch: PairBatch) => number;
}

/** The parts of a term, each the first element of a tensor, and what it says beside them. */
export interface RecordedParts {
  readonly parts: Readonly<Record<string, Tensor>>;
  readonly detail?: TermDetail;
}

/**
 * The host's side of a term that is a sum over response tokens, samples or chunks: `record` is given the factor of the
 * sum, a uniform input.
 */
export function recordSumTerm(
  recording: Pick<Recording, "tape">,
  name: string,
  weight: number,
  record: (scale: Tensor) => RecordedParts,
  inputs: (batch: PairBatch) => Record<string, InputData>,
  { denominator = responseTokens }: SumOptions = {},
): RecordedTerm {
  const { b } = recording.tape;
  const scale = b.input(`${name}_scale`, 4, "uniform");
  const { parts, detail } = record(scale);
  for (const [part, totals] of Object.entries({ ...parts, ...detail?.outputs })) b.output(part, totals);
  const names = Object.keys(parts);
  const scaleOf = (batch: PairBatch) => {
    const count = denominator(batch);
    return count === 0 ? 0 : weight / count;
  };
  return {
    outputs: [...names, ...Object.keys(detail?.outputs ?? {})],
    inputs: (batch) => ({ ...inputs(batch), [`${name}_scale`]: Float32Array.of(scaleOf(batch), 0, 0, 0) }),
    terms: (outputs, batch) => ({
      ...termsOnly(
        Object.fromEntries(names.map((part) => [part, (outputs[part]?.[0] ?? NaN) * scaleOf(batch)])),
      ),
      ...detail?.read(outputs, batch),
    }),
  };
}

/** A term of one part that is a sum over response tokens. */
export const recordTokenTerm = (
  recording: Recording,
  name: string,
  weight: number,
  record: (scale: Tensor) => Tensor,
  inputs: (batch: PairBatch) => Record<string, InputData>,
): RecordedTerm =>
  recordSumTerm(recording, name, weight, (scale) => ({ parts: { [name]: record(scale) } }), inputs);

/** (count) f32: 1 for the batch's rows, 0 for padding. */
export const rowMask = (rows: number, count: number): Float32Array =>
  new Float32Array(count).fill(1, 0, rows);
