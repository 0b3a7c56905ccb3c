// The weights of a Llama-family model, checked tensor by tensor against its config.

import { type LlamaConfig, loadModelConfig } from "./config";
import { ModelError, withFile } from "./errors";
import { listSome, type ModelFiles, type ReadProgress } from "./files";
import type { NamedTensor } from "./safetensors";
import { readStudentTensors } from "./student-files";

export interface StudentWeights {
  readonly config: LlamaConfig;
  /** Hugging Face names, Linear weights as [out, in]. No lm_head.weight when the embeddings are tied. */
  readonly tensors: Map<string, NamedTensor>;
}

export async function loadStudentWeights(
  files: ModelFiles,
  onProgress?: ReadProgress,
): Promise<StudentWeights> {
  const config = await loadModelConfig(files);
  const { file, tensors } = await readStudentTensors(files, expectedTensors(config), onProgress);
  return { config, tensors: withFile(file, () => checkTensors(config, tensors)) };
}

/** Every parameter a config implies, in the order of the network. */
export function expectedTensors(config: LlamaConfig): Map<string, readonly number[]> {
  const { hiddenSize: d, intermediateSize: f, vocabSize, headDim } = config;
  const q = config.heads * headDim;
  const kv = config.kvHeads * headDim;
  const shapes = new Map<string, readonly number[]>([["model.embed_tokens.weight", [vocabSize, d]]]);
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `model.layers.${layer}`;
    shapes.set(`${at}.input_layernorm.weight`, [d]);
    shapes.set(`${at}.self_attn.q_proj.weight`, [q, d]);
    shapes.set(`${at}.self_attn.k_proj.weight`, [kv, d]);
    shapes.set(`${at}.self_attn.v_proj.weight`, [kv, d]);
    shapes.set(`${at}.self_attn.o_proj.weight`, [d, q]);
    shapes.set(`${at}.post_attention_layernorm.weight`, [d]);
    shapes.set(`${at}.mlp.gate_proj.weight`, [f, d]);
    shapes.set(`${at}.mlp.up_proj.weight`, [f, d]);
    shapes.set(`${at}.mlp.down_proj.weight`, [d, f]);
  }
  shapes.set("model.norm.weight", [d]);
  if (!config.tiedEmbeddings) shapes.set("lm_head.weight", [vocabSize, d]);
  return shapes;
}

/** The tensors a config asks for, in network order; anything missing, misshapen or unexplained is refused. */
export function checkTensors(
  config: LlamaConfig,
  tensors: ReadonlyMap<string, NamedTensor>,
): Map<string, NamedTensor> {
  const expected = expectedTensors(config);
  const checked = new Map<string, NamedTensor>();
  for (const [name, shape] of expected) {
    const tensor = tensors.get(name);
    if (!tensor) {
      const hint = name === "lm_head.weight" ? " (config.json says tie_word_embeddings: false)" : "";
      throw mismatch(`${name} is missing${hint}; the file holds ${listSome([...tensors.keys()], 4)}`);
    }
    if (tensor.shape.join() !== shape.join()) {
      throw mismatch(
        `${name} has shape [${tensor.shape.join(", ")}], config.json implies [${shape.join(", ")}]`,
      );
    }
    const bad = tensor.data.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw new ModelError("invalid", `${name} holds ${tensor.data[bad]} at position ${bad}`);
    checked.set(name, tensor);
  }
  const unexplained = [...tensors.keys()].filter((name) => !expected.has(name) && !isRedundant(config, name));
  if (unexplained.length > 0) {
    throw mismatch(
      `config.json does not explain ${listSome(unexplained)}: this is not the plain Llama it describes`,
    );
  }
  return checked;
}

/** A tied head stored a second time, and rotary tables of older exports: both follow from the rest. */
const isRedundant = (config: LlamaConfig, name: string): boolean =>
  (config.tiedEmbeddings && name === "lm_head.weight") || name.endsWith(".rotary_emb.inv_freq");

const mismatch = (message: string): ModelError => new ModelError("mismatch", message);
