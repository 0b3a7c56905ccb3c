// Gemma 3, the text model: RMSNorm before and after each part (weights stored around 0), scaled embeddings, normalized
// queries and keys, GEGLU, and layers with a sliding window and a theta of their own.
// Names and semantics are Hugging Face's Gemma3ForCausalLM.
import type { Gemma3Config } from "../../models";
import { dense } from "../dense";
import { add } from "../ops/residual";
import { geglu } from "../ops/gelu";
import { rmsNorm } from "../ops/rms-norm";
import { embedding } from "../ops/rows";
import { scale } from "../ops/scale";
import type { Var } from "../tape";
import { type Forward, leaf, type Network } from "./network";
import { rotaryTable, rotate } from "./rotary";

export function gemma3(config: Gemma3Config): Network {
  const { heads, kvHeads, headDim, hiddenSize, rmsNormEps: eps, slidingWindow } = config;
  const norm = (f: Forward, x: Var, module: string) =>
    rmsNorm(f.tape, x, leaf(f, `${module}.weight`), { eps, offset: 1 });

  function attend(f: Forward, layer: number, x: Var, at: string): Var {
    const sliding = config.sliding[layer] === true;
    const table = sliding ? "local rope" : "rope";
    const project = (name: string) => dense(f.tape, f.model, x, `${at}.${name}_proj`);
    const turned = (name: string, count: number) =>
      rotate(f, norm(f, project(name), `${at}.${name}_norm`), { heads: count, headDim, table });
    return f.attend(layer, turned("q", heads), turned("k", kvHeads), project("v"), {
      scale: config.queryScalar ** -0.5,
      window: sliding ? slidingWindow : undefined,
    });
  }

  return {
    tables: (positions) => ({
      rope: rotaryTable(positions, headDim, config),
      "local rope": rotaryTable(positions, headDim, { ropeTheta: config.localRopeTheta }),
    }),
    embed(f) {
      const tokens = embedding(f.tape, leaf(f, "model.embed_tokens.weight"), f.place.ids);
      return scale(f.tape, tokens, Math.sqrt(hiddenSize));
    },
    block(f, layer, x) {
      const { tape, model } = f;
      const at = `model.layers.${layer}`;
      const attended = attend(f, layer, norm(f, x, `${at}.input_layernorm`), `${at}.self_attn`);
      const out = dense(tape, model, attended, `${at}.self_attn.o_proj`);
      const mixed = add(tape, x, norm(f, out, `${at}.post_attention_layernorm`));

      const normed = norm(f, mixed, `${at}.pre_feedforward_layernorm`);
      const gate = dense(tape, model, normed, `${at}.mlp.gate_proj`);
      const up = dense(tape, model, normed, `${at}.mlp.up_proj`);
      const down = dense(tape, model, geglu(tape, gate, up, "tanh"), `${at}.mlp.down_proj`);
      return add(tape, mixed, norm(f, down, `${at}.post_feedforward_layernorm`));
    },
    finish: (f, x) => norm(f, x, "model.norm"),
    tokens: "model.embed_tokens.weight",
    head: config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight",
    layout: "out-in",
  };
}
