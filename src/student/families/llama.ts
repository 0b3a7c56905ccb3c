// Llama: RMSNorm, rotary positions, grouped-query attention, SwiGLU; tied or untied head.
// Names and semantics are Hugging Face's LlamaForCausalLM.
import type { LlamaConfig } from "../../models";
import { dense } from "../dense";
import { rmsNorm } from "../ops/rms-norm";
import { rope, ropeTable } from "../ops/rope";
import { embedding } from "../ops/rows";
import { swiglu } from "../ops/swiglu";
import type { Var } from "../tape";
import type { Forward, Network } from "./network";

export function llama(config: LlamaConfig): Network {
  const { heads, kvHeads, headDim, rmsNormEps } = config;
  const norm = ({ tape, model }: Forward, x: Var, module: string) =>
    rmsNorm(tape, x, model.store.leaf(tape, `${module}.weight`), rmsNormEps);

  return {
    tables: () => ({ rope: ropeTable(config.maxPositions, headDim, config.ropeTheta) }),
    embed: ({ tape, model, place }) =>
      embedding(tape, model.store.leaf(tape, "model.embed_tokens.weight"), place.ids),
    block(f, layer, x) {
      const { tape, model, place } = f;
      const at = `model.layers.${layer}`;
      const table = model.constants.table("rope");
      const rotate = (v: Var, count: number) =>
        rope(tape, v, { length: place.length, heads: count, headDim, table, start: place.start });

      const normed = norm(f, x, `${at}.input_layernorm`);
      const q = rotate(dense(tape, model, normed, `${at}.self_attn.q_proj`), heads);
      const k = rotate(dense(tape, model, normed, `${at}.self_attn.k_proj`), kvHeads);
      const v = dense(tape, model, normed, `${at}.self_attn.v_proj`);
      const attended = f.attend(layer, q, k, v);
      const mixed = dense(tape, model, attended, `${at}.self_attn.o_proj`, { residual: x });

      const again = norm(f, mixed, `${at}.post_attention_layernorm`);
      const gate = dense(tape, model, again, `${at}.mlp.gate_proj`);
      const up = dense(tape, model, again, `${at}.mlp.up_proj`);
      return dense(tape, model, swiglu(tape, gate, up), `${at}.mlp.down_proj`, { residual: mixed });
    },
    finish: (f, x) => norm(f, x, "model.norm"),
    tokens: "model.embed_tokens.weight",
    head: config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight",
  };
}
