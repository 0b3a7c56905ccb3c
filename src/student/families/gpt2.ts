// GPT-2: layer norms, learned positions, one fused projection, GELU; matrices stored [in, out].
// Names and semantics are Hugging Face's GPT2LMHeadModel, without its dropout.
import { geluForm, type Gpt2Config } from "../../models";
import { dense } from "../dense";
import { gelu } from "../ops/gelu";
import { layerNorm } from "../ops/layer-norm";
import { addPositions } from "../ops/positions";
import { embedding } from "../ops/rows";
import { splitHeads } from "../ops/split-heads";
import type { Var } from "../tape";
import { type Forward, leaf, type Network } from "./network";

export function gpt2(config: Gpt2Config): Network {
  const { heads, headDim, layerNormEps } = config;
  const norm = (f: Forward, x: Var, module: string) =>
    layerNorm(f.tape, x, leaf(f, `${module}.weight`), leaf(f, `${module}.bias`), layerNormEps);

  return {
    tables: () => ({}),
    embed(f) {
      const tokens = embedding(f.tape, leaf(f, "transformer.wte.weight"), f.place.ids);
      return addPositions(f.tape, tokens, leaf(f, "transformer.wpe.weight"), f.place);
    },
    block(f, layer, x) {
      const { tape, model } = f;
      const at = `transformer.h.${layer}`;
      const fused = dense(tape, model, norm(f, x, `${at}.ln_1`), `${at}.attn.c_attn`);
      const [q, k, v] = splitHeads(tape, fused, { heads, headDim, interleaved: false });
      const attended = f.attend(layer, q, k, v);
      const mixed = dense(tape, model, attended, `${at}.attn.c_proj`, { residual: x });

      const inner = dense(tape, model, norm(f, mixed, `${at}.ln_2`), `${at}.mlp.c_fc`);
      const active = gelu(tape, inner, geluForm(config.activation));
      return dense(tape, model, active, `${at}.mlp.c_proj`, { residual: mixed });
    },
    finish: (f, x) => norm(f, x, "transformer.ln_f"),
    tokens: "transformer.wte.weight",
    head: config.tiedEmbeddings ? "transformer.wte.weight" : "lm_head.weight",
    layout: "in-out",
  };
}
