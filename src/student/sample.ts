// Which token comes next: from a row of logits and a uniform number. In float64 on the CPU.
//
//   p = softmax(logits / temperature), cut to the k likeliest, then to the fewest that hold mass ≥ topP, renormalized

export interface SamplingSettings {
  /** 0 or absent: greedy. */
  readonly temperature?: number | undefined;
  /** Draw among the k likeliest tokens; 0 or absent: all. */
  readonly topK?: number | undefined;
  /** Draw among the likeliest tokens that together hold this mass, in (0, 1]; absent: all. */
  readonly topP?: number | undefined;
}

/** @throws RangeError naming the setting. */
export function checkSampling({ temperature = 0, topK = 0, topP = 1 }: SamplingSettings): void {
  if (!(temperature >= 0 && Number.isFinite(temperature)))
    throw new RangeError(`temperature must be a number from 0, got ${temperature}`);
  if (!(Number.isInteger(topK) && topK >= 0))
    throw new RangeError(`topK must be a whole number from 0, got ${topK}`);
  if (!(topP > 0 && topP <= 1)) throw new RangeError(`topP must be above 0 and at most 1, got ${topP}`);
}

/**
 * @param u uniform in [0, 1); greedy does not use it.
 * @throws NotFiniteLogits when a logit is NaN, or all are −∞: the model has gone wrong, and any token would hide it.
 */
export function pickToken(scores: Float32Array, settings: SamplingSettings, u: number): number {
  const best = argMax(scores);
  const { temperature = 0, topK = 0, topP = 1 } = settings;
  if (temperature === 0) return best;
  const top = scores[best] ?? 0;
  const weights = Float64Array.from(scores, (score) => Math.exp((score - top) / temperature));
  if (topK === 0 && topP === 1) return draw(weights, undefined, u) ?? best;
  return draw(weights, likeliest(weights, topK, topP), u) ?? best;
}

/** Token ids, likeliest first (of equals the lower id): the nucleus of the k likeliest. */
function likeliest(weights: Float64Array, topK: number, topP: number): number[] {
  const order = Array.from(weights.keys()).sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || a - b);
  const kept = topK > 0 ? order.slice(0, topK) : order;
  if (topP === 1) return kept;
  const total = kept.reduce((sum, i) => sum + (weights[i] ?? 0), 0);
  let mass = 0;
  const end = kept.findIndex((i) => (mass += weights[i] ?? 0) >= topP * total);
  return end < 0 ? kept : kept.slice(0, end + 1);
}

/** Inverts the distribution function at `u`, over all tokens or those named. */
function draw(weights: Float64Array, among: readonly number[] | undefined, u: number): number | undefined {
  const ids = among ?? Array.from(weights.keys());
  let left = u * ids.reduce((sum, i) => sum + (weights[i] ?? 0), 0);
  return ids.find((i) => (left -= weights[i] ?? 0) < 0);
}

/** The first largest. */
function argMax(scores: Float32Array): number {
  let best = 0;
  for (let i = 0; i < scores.length; i++) {
    if (Number.isNaN(scores[i])) throw notFinite(i);
    if ((scores[i] ?? 0) > (scores[best] ?? 0)) best = i;
  }
  if (scores[best] === -Infinity) throw notFinite(best);
  return best;
}

/** The model has gone wrong: its weights are not finite, or so large that its logits are not. */
export class NotFiniteLogits extends Error {
  override name = "NotFiniteLogits";
}

const notFinite = (token: number) =>
  new NotFiniteLogits(`The student's logits are not finite (token ${token}): its weights have gone wrong.`);
