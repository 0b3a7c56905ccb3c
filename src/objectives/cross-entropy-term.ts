// Cross entropy on the response tokens, METHODS §1: CE = Σ_{p in R} −log softmax(s_p)[label_p], divided by the
// number of response tokens in the batch, times its weight in the objective.
import type { PairBatch } from "../data";
import { crossEntropy, NO_ROW } from "../student";
import { type RecordedTerm, type Recording, responseTokens } from "./types";

/** Adds the inputs `labels` and `ce_scale`, and the output `cross_entropy` (sum of losses, hits). */
export function recordCrossEntropyTerm(recording: Recording, weight: number): RecordedTerm {
  const { tape, shape } = recording;
  const labels = tape.b.input("labels", shape.studentRows);
  const scale = tape.b.input("ce_scale", 4, "uniform");
  const { totals } = crossEntropy(tape, recording.student.logits(), labels, scale);
  tape.b.output("cross_entropy", totals);

  const scaleOf = (batch: PairBatch) => weight / responseTokens(batch);
  return {
    outputs: ["cross_entropy"],
    inputs(batch) {
      const padded = new Uint32Array(shape.studentRows).fill(NO_ROW);
      padded.set(batch.student.labels);
      return { labels: padded, ce_scale: Float32Array.of(scaleOf(batch), 0, 0, 0) };
    },
    terms({ cross_entropy }, batch) {
      const [sum = NaN, hits = 0] = cross_entropy ?? [];
      return { terms: { ce: sum * scaleOf(batch) }, correctTokens: hits, marginalError: 0, unconverged: 0 };
    },
  };
}
