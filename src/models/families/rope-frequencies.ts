// The frequencies of rotary positions, plain or stretched beyond the length a model was first trained on. In the f32
// arithmetic of Hugging Face, since an angle at position 8000 keeps few digits of a frequency.
import type { RopeScaling } from "./config-rope";

export interface RopeSettings {
  readonly ropeTheta: number;
  readonly ropeScaling?: RopeScaling;
}

export interface RopeFrequencies {
  /** (r/2): radians a position. */
  readonly frequencies: Float32Array;
  /** Multiplies cos and sin. */
  readonly scale: number;
}

/** @param rotary r: how many values of a head are rotated. */
export function ropeFrequencies(rotary: number, { ropeTheta, ropeScaling }: RopeSettings): RopeFrequencies {
  const plain = Float32Array.from({ length: rotary / 2 }, (_, i) =>
    Math.fround(1 / Math.fround(ropeTheta ** ((2 * i) / rotary))),
  );
  switch (ropeScaling?.type) {
    case undefined:
    case "dynamic": // plain within max_position_embeddings, and we go no further
      return { frequencies: plain, scale: 1 };
    case "linear":
      return { frequencies: plain.map((f) => f / ropeScaling.factor), scale: 1 };
    case "llama3":
      return { frequencies: plain.map((f) => llama3(f, ropeScaling)), scale: 1 };
    case "yarn":
      return { frequencies: yarn(plain, rotary, ropeTheta, ropeScaling), scale: ropeScaling.attentionFactor };
  }
}

type Llama3 = Extract<RopeScaling, { type: "llama3" }>;
type Yarn = Extract<RopeScaling, { type: "yarn" }>;

/** Short waves stay, long waves are stretched by the factor, those between are blended (Llama 3.1). */
function llama3(f: number, s: Llama3): number {
  const turns = (s.originalPositions * f) / (2 * Math.PI); // over the original length
  if (turns > s.highFrequencyFactor) return f;
  if (turns < s.lowFrequencyFactor) return f / s.factor;
  const keep = (turns - s.lowFrequencyFactor) / (s.highFrequencyFactor - s.lowFrequencyFactor);
  return ((1 - keep) * f) / s.factor + keep * f;
}

/** Peng 2023, "NTK by parts": a ramp over the dimensions between those that turn betaFast and betaSlow times. */
function yarn(plain: Float32Array, rotary: number, theta: number, s: Yarn): Float32Array {
  const dimensionOf = (turns: number) =>
    (rotary * Math.log(s.originalPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [low, high] = [dimensionOf(s.betaFast), dimensionOf(s.betaSlow)];
  const first = Math.max(s.truncate ? Math.floor(low) : low, 0);
  const last = Math.min(s.truncate ? Math.ceil(high) : high, rotary - 1);
  const width = first === last ? 0.001 : last - first;
  return plain.map((f, i) => {
    const stretched = Math.min(1, Math.max(0, (i - first) / width));
    return stretched * (f / s.factor) + (1 - stretched) * f;
  });
}
