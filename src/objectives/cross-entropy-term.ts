// Cross entropy on the response tokens, METHODS §1: CE = Σ_{p in R} −log softmax(s_p)[label_p], divided by the
// number of response tokens in the batch, times its weight in the objective.
import type { PairBatch } from "../data";
import { type RecordedTerm, type Recording, responseTokens, termsOnly } from "./types";

/** Adds the input `ce_scale` and the output `cross_entropy` (sum of losses, hits). */
export function recordCrossEntropyTerm(recording: Recording, weight: number): RecordedTerm {
  const { tape, student } = recording;
  const scale = tape.b.input("ce_scale", 4, "uniform");
  const { totals } = student.crossEntropy(scale);
  tape.b.output("cross_entropy", totals);

  const scaleOf = (batch: PairBatch) => weight / responseTokens(batch);
  return {
    outputs: ["cross_entropy"],
    inputs: (batch) => ({ ce_scale: Float32Array.of(scaleOf(batch), 0, 0, 0) }),
    terms({ cross_entropy }, batch) {
      const [sum = NaN, hits = 0] = cross_entropy ?? [];
      return { ...termsOnly({ ce: sum * scaleOf(batch) }), correctTokens: hits };
    },
  };
}
