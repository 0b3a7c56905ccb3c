// The weights of a student, checked tensor by tensor against its config.

import { loadModelConfig, type StudentConfig } from "./config";
import { ModelError, withFile } from "./errors";
import { gemma3Shapes } from "./families/gemma3";
import { gpt2Name, gpt2Shapes } from "./families/gpt2";
import { gptNeoxName, gptNeoxShapes } from "./families/gpt-neox";
import { llamaShapes } from "./families/llama";
import { listSome, type ModelFiles, type ReadProgress } from "./files";
import type { NamedTensor } from "./safetensors";
import { readStudentTensors } from "./student-files";

export interface StudentWeights {
  readonly config: StudentConfig;
  /** Hugging Face names and layouts. No head when the embeddings are tied. */
  readonly tensors: Map<string, NamedTensor>;
}

export async function loadStudentWeights(
  files: ModelFiles,
  onProgress?: ReadProgress,
): Promise<StudentWeights> {
  const config = await loadModelConfig(files);
  const normOffset = config.modelType === "gemma3_text" ? 1 : 0; // x·(1 + w)
  const { file, tensors } = await readStudentTensors(files, expectedTensors(config), {
    normOffset,
    onProgress,
  });
  return { config, tensors: withFile(file, () => checkTensors(config, tensors)) };
}

/** Every parameter a config implies, in the order of the network. */
export function expectedTensors(config: StudentConfig): Map<string, readonly number[]> {
  switch (config.modelType) {
    case "llama":
    case "qwen2":
    case "qwen3":
      return llamaShapes(config);
    case "gpt2":
      return gpt2Shapes(config);
    case "gpt_neox":
      return gptNeoxShapes(config);
    case "gemma3_text":
      return gemma3Shapes(config);
  }
}

/** The tensors a config asks for, in network order; anything missing, misshapen or unexplained is refused. */
export function checkTensors(
  config: StudentConfig,
  tensors: ReadonlyMap<string, NamedTensor>,
): Map<string, NamedTensor> {
  const expected = expectedTensors(config);
  const named = canonicalNames(config, tensors);
  const checked = new Map<string, NamedTensor>();
  for (const [name, shape] of expected) {
    const tensor = named.get(name);
    if (!tensor) {
      const hint = isHead(name) ? " (config.json says tie_word_embeddings: false)" : "";
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
  const unexplained = [...named.keys()].filter((name) => !expected.has(name) && !isHead(name));
  if (unexplained.length > 0) {
    throw mismatch(
      `config.json does not explain ${listSome(unexplained)}: this is not the plain ${config.modelType} it describes`,
    );
  }
  if (config.tiedEmbeddings) checkTiedHead(named, checked);
  return checked;
}

/** By our names, without what follows from the rest: causal masks and rotary tables of older exports. */
function canonicalNames(config: StudentConfig, tensors: ReadonlyMap<string, NamedTensor>) {
  const named = new Map<string, NamedTensor>();
  for (const [stored, tensor] of tensors) {
    const name = canonicalName(config, stored);
    if (name !== undefined && !name.endsWith(".rotary_emb.inv_freq")) named.set(name, tensor);
  }
  return named;
}

function canonicalName({ modelType }: StudentConfig, stored: string): string | undefined {
  if (modelType === "gpt2") return gpt2Name(stored);
  if (modelType === "gpt_neox") return gptNeoxName(stored);
  return stored;
}

const isHead = (name: string): boolean => name === "lm_head.weight" || name === "embed_out.weight";

/** A tied head may be stored a second time, as long as it is the embedding. */
function checkTiedHead(
  named: ReadonlyMap<string, NamedTensor>,
  checked: ReadonlyMap<string, NamedTensor>,
): void {
  const [[embeddingName, embedding] = []] = checked; // the network begins with it
  for (const [name, head] of named) {
    if (!isHead(name) || !embedding) continue;
    const same =
      head.data.length === embedding.data.length && head.data.every((x, i) => x === embedding.data[i]);
    if (!same)
      throw mismatch(
        `config.json says tie_word_embeddings: true, but ${name} is not ${embeddingName}: set it to false`,
      );
  }
}

const mismatch = (message: string): ModelError => new ModelError("mismatch", message);
