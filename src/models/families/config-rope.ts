// Rotary positions in a config.json: theta, how far it is stretched beyond the training length, and by which rule.
// Newer files keep all of it in rope_parameters; older ones have rope_theta beside rope_scaling.

import { isRecord } from "../../base/json";
import { flag, invalid, type Json, only, positive, show, size, unsupported } from "./config-fields";

/** Rules that change the frequencies; none is plain θ^(−2i/r). */
export type RopeScaling =
  | { readonly type: "linear"; readonly factor: number }
  /** Plain up to max_position_embeddings, where we end: the rule changes longer sequences alone. */
  | { readonly type: "dynamic"; readonly factor: number }
  | {
      readonly type: "llama3";
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalPositions: number;
    }
  | {
      readonly type: "yarn";
      readonly factor: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly truncate: boolean;
      /** Multiplies cos and sin. */
      readonly attentionFactor: number;
      readonly originalPositions: number;
    };

export interface Rope {
  readonly theta: number;
  readonly scaling?: RopeScaling;
  /** The share of each head that is rotated. */
  readonly share: number;
}

/** @param theta the family's default. @param share likewise; 1 is the whole head. */
export function parseRope(config: Json, theta: number, share = 1): Rope {
  const field = isRecord(config["rope_parameters"]) ? "rope_parameters" : "rope_scaling";
  const given = config[field] ?? null;
  if (given !== null && !isRecord(given)) throw invalid(`${field} must be an object, got ${show(given)}`);
  const rope: Json = { ...given };
  const merged: Json = {
    rope_theta: config["rope_theta"],
    partial_rotary_factor: config["partial_rotary_factor"],
  };
  for (const [name, value] of Object.entries(rope)) merged[name] = value ?? merged[name];
  const scaling = parseScaling(field, rope, config);
  const rotated = positive(merged, "partial_rotary_factor", share);
  if (rotated > 1) throw invalid(`partial_rotary_factor must be at most 1, got ${rotated}`);
  return { theta: positive(merged, "rope_theta", theta), share: rotated, ...(scaling && { scaling }) };
}

function parseScaling(field: string, rope: Json, config: Json): RopeScaling | undefined {
  const type: unknown = rope["rope_type"] ?? rope["type"] ?? "default";
  const factor = () => positive(rope, "factor");
  const originalPositions = () =>
    size({ ...config, ...rope }, "original_max_position_embeddings", size(config, "max_position_embeddings"));
  switch (type) {
    case "default":
      return undefined;
    case "linear":
      return { type: "linear", factor: factor() };
    case "dynamic":
      return { type: "dynamic", factor: factor() };
    case "llama3":
      return {
        type: "llama3",
        factor: factor(),
        lowFrequencyFactor: positive(rope, "low_freq_factor"),
        highFrequencyFactor: positive(rope, "high_freq_factor"),
        originalPositions: originalPositions(),
      };
    case "yarn":
      return {
        type: "yarn",
        factor: factor(),
        betaFast: positive(rope, "beta_fast", 32),
        betaSlow: positive(rope, "beta_slow", 1),
        truncate: flag(rope, "truncate", true),
        attentionFactor: positive(rope, "attention_factor", yarnAttentionFactor(rope)),
        originalPositions: originalPositions(),
      };
    default:
      throw unsupported(field, rope, "a rope type of default, linear, dynamic, llama3 or yarn");
  }
}

/** 0.1·ln(factor) + 1, or the ratio of two such with their own weights (Peng 2023; DeepSeek's mscale). */
function yarnAttentionFactor(rope: Json): number {
  const factor = positive(rope, "factor");
  const scaled = (weight: number) => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  const [mscale, all] = [rope["mscale"], rope["mscale_all_dim"]];
  return typeof mscale === "number" && typeof all === "number" && mscale && all
    ? scaled(mscale) / scaled(all)
    : scaled(1);
}

/** The same, as rope_parameters. */
export function ropeJson({ theta, scaling, share }: Rope): Json {
  const json: Json = { rope_theta: theta, rope_type: scaling?.type ?? "default" };
  if (share !== 1) json["partial_rotary_factor"] = share;
  if (!scaling) return json;
  json["factor"] = scaling.factor;
  if (scaling.type === "llama3") {
    json["low_freq_factor"] = scaling.lowFrequencyFactor;
    json["high_freq_factor"] = scaling.highFrequencyFactor;
  }
  if (scaling.type === "yarn") {
    json["beta_fast"] = scaling.betaFast;
    json["beta_slow"] = scaling.betaSlow;
    json["truncate"] = scaling.truncate;
    json["attention_factor"] = scaling.attentionFactor;
  }
  if ("originalPositions" in scaling) json["original_max_position_embeddings"] = scaling.originalPositions;
  return json;
}

/** For families that rotate whole heads. */
export function refusePartial(config: Json, { share }: Rope): void {
  if (share !== 1) throw unsupported("partial_rotary_factor", share, "1: whole heads are rotated");
  only(config, "rope_interleaved", [false], "false: the halves of a head form the pairs");
}
