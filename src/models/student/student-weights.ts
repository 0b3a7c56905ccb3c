// The weights of a student, checked tensor by tensor against its config.

import { familyOf, HEADS, loadModelConfig, ROOTS, type StudentConfig } from "../families/config";
import { ModelError, withFile } from "../errors";
import { listSome, type ModelFiles, type ReadProgress } from "../files/files";
import type { NamedTensor, Wanted } from "../files/safetensors";
import { readStudentShapes, readStudentTensors } from "./student-files";

export interface StudentWeights {
  readonly config: StudentConfig;
  /** Hugging Face names and layouts. No head when the embeddings are tied. */
  readonly tensors: Map<string, NamedTensor>;
  /** What the files hold and the model does not use, where somebody may wonder. */
  readonly notes: readonly string[];
}

export async function loadStudentWeights(
  files: ModelFiles,
  onProgress?: ReadProgress,
): Promise<StudentWeights> {
  const config = await loadModelConfig(files);
  const others: string[] = [];
  const { file, tensors } = await readStudentTensors(files, expectedTensors(config), {
    normOffset: familyOf(config).normOffset,
    wanted: choosing(config, others),
    onProgress,
  });
  const checked = withFile(file, () => checkTensors(config, tensors, others));
  return { config, tensors: checked, notes: tiedHeadNotes(config, tensors, checked) };
}

/**
 * Which tensors of a file to read. Names are judged before types: a causal mask is no weight, be it F32 or U8; nor is
 * anything else that is stored in whole numbers. The names of floats that nothing explains go into `others`.
 */
function choosing(config: StudentConfig, others: string[]): Wanted {
  const expected = expectedTensors(config);
  return (stored, dtype) => {
    const name = weightName(config, stored);
    if (name === undefined) return false;
    if (expected.has(name)) return true;
    if (isHead(name)) return config.tiedEmbeddings; // to see whether it is the embedding
    if (/^(BF|F)\d/.test(dtype)) others.push(stored);
    return false;
  };
}

/** Every parameter a config implies, in the order of the network. */
export const expectedTensors = (config: StudentConfig): Map<string, readonly number[]> =>
  familyOf(config).shapes(config);

/**
 * Whether a folder's weights are those of its config, from the heads of its files alone.
 *
 * @returns the files that they lie in
 * @throws ModelError for what loading them would be refused for, but for values that are no numbers
 */
export async function checkStudentFiles(
  files: ModelFiles,
  config: StudentConfig,
): Promise<readonly string[]> {
  const others: string[] = [];
  const { file, shapes, paths } = await readStudentShapes(files, expectedTensors(config), {
    normOffset: familyOf(config).normOffset,
    wanted: choosing(config, others),
  });
  withFile(file, () => checkShapes(config, byOurNames(config, shapes), others));
  return paths;
}

/**
 * The tensors a config asks for, in network order; anything missing, misshapen or unexplained is refused.
 *
 * @param others names of further tensors of the file
 */
export function checkTensors(
  config: StudentConfig,
  tensors: ReadonlyMap<string, NamedTensor>,
  others: readonly string[] = [],
): Map<string, NamedTensor> {
  const named = byOurNames(config, tensors);
  checkShapes(config, new Map([...named].map(([name, { shape }]) => [name, shape])), others);
  const checked = new Map<string, NamedTensor>();
  for (const name of expectedTensors(config).keys()) {
    const tensor = named.get(name);
    if (!tensor) continue; // refused above
    const bad = tensor.data.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw new ModelError("invalid", `${name} holds ${tensor.data[bad]} at position ${bad}`);
    checked.set(name, tensor);
  }
  return checked;
}

function checkShapes(
  config: StudentConfig,
  named: ReadonlyMap<string, readonly number[]>,
  others: readonly string[],
): void {
  const expected = expectedTensors(config);
  for (const [name, wanted] of expected) {
    const shape = named.get(name);
    if (!shape) {
      const hint = isHead(name) ? " (config.json says tie_word_embeddings: false)" : "";
      throw (
        prefixed(expected.keys(), others) ??
        mismatch(`${name} is missing${hint}; the file holds ${listSome([...named.keys()], 4)}`)
      );
    }
    if (shape.join() !== wanted.join()) {
      throw mismatch(`${name} has shape [${shape.join(", ")}], config.json implies [${wanted.join(", ")}]`);
    }
  }
  const unexplained = [...named.keys(), ...others].filter((name) => !expected.has(name) && !isHead(name));
  if (unexplained.length > 0) {
    throw mismatch(
      `config.json does not explain ${listSome(unexplained)}: this is not the plain ${config.modelType} it describes`,
    );
  }
}

/** What wraps a model puts its own name in front of every tensor's: DistributedDataParallel, torch.compile, PEFT. */
function prefixed(names: Iterable<string>, others: readonly string[]): ModelError | undefined {
  const stored = new Set(others);
  const bare = (name: string): string =>
    ROOTS.reduce((text, root) => (text.startsWith(`${root}.`) ? text.slice(root.length + 1) : text), name);
  const wanted = [...names].filter((name) => !isHead(name)); // tied ones need not be there
  const [first = ""] = wanted;
  for (const form of [(name: string) => name, bare]) {
    const found = others.find((other) => other.endsWith(`.${form(first)}`));
    const prefix = found?.slice(0, -form(first).length);
    if (prefix === undefined || !wanted.every((name) => stored.has(prefix + form(name)))) continue;
    return mismatch(
      `every name has "${prefix}" in front (${found} for ${first}): the model was saved together with what wrapped it. ` +
        'Save the model inside (of DistributedDataParallel "model.module", of torch.compile "model._orig_mod"), or take the prefix off the names.',
    );
  }
  return undefined;
}

/** By our names, without what is no weight. */
function byOurNames<T>(config: StudentConfig, tensors: ReadonlyMap<string, T>): Map<string, T> {
  const named = new Map<string, T>();
  for (const [stored, tensor] of tensors) {
    const name = weightName(config, stored);
    if (name !== undefined) named.set(name, tensor);
  }
  return named;
}

/** What follows from the rest, and which exports of several years have stored: rotary tables, positions, masks. */
const BUFFER =
  /(^|\.)((original_)?inv_freq|cos_cached|sin_cached|position_ids|rotary_emb\w*\.(cos|sin)|masked_bias)$/;

/** Undefined for a tensor that is no weight. */
function weightName(config: StudentConfig, stored: string): string | undefined {
  if (BUFFER.test(stored)) return undefined;
  const family = familyOf(config);
  return family.weightName ? family.weightName(stored) : stored;
}

const isHead = (name: string): boolean => HEADS.some((module) => name === `${module}.weight`);

/** A tied head may be stored a second time. Transformers does not read it, whatever it holds, and neither do we. */
function tiedHeadNotes(
  config: StudentConfig,
  tensors: ReadonlyMap<string, NamedTensor>,
  checked: ReadonlyMap<string, NamedTensor>,
): string[] {
  if (!config.tiedEmbeddings) return [];
  const [[embeddingName, embedding] = []] = checked; // the network begins with it
  return [...byOurNames(config, tensors)].flatMap(([name, head]) => {
    if (!isHead(name) || !embedding) return [];
    const same =
      head.data.length === embedding.data.length && head.data.every((x, i) => x === embedding.data[i]);
    if (same) return [];
    return [
      `${name} is stored and differs from ${embeddingName}. config.json says tie_word_embeddings: true, so the embedding ` +
        "is the head and what is stored is not used, as in Transformers; set it to false if the stored head is meant.",
    ];
  });
}

const mismatch = (message: string): ModelError => new ModelError("mismatch", message);
