// A student as an ONNX file: standard operators only, KV cache, and the input, output and dimension names that
// transformers.js and optimum use. Weights are stored [in, out] (a MatMul's right side), as tracing exporters do.
// The blocks of each family are in src/models/families; what they share is in parts.ts.

import { familyOf, type StudentConfig } from "../families/config";
import { createBuilder } from "./builder";
import { FLOAT, INT64 } from "./wire";
import { type Parts, unfilledModel, type UnfilledModel, valueInfo } from "./write";
import type { NamedTensor } from "../files/safetensors";
import { checkTensors, expectedTensors } from "../student/student-weights";

/** `half` stores the weights in f16, half the bytes; arithmetic stays f32. */
export function studentToOnnx(
  config: StudentConfig,
  tensors: ReadonlyMap<string, NamedTensor>,
  { half = false }: { half?: boolean } = {},
): Uint8Array {
  const checked = checkTensors(config, tensors);
  const model = unfilledGraph(config, half);
  for (const [name, { data }] of checked) model.fill(name, data);
  return model.bytes;
}

/** The same with one parameter in memory at a time, beside the file. */
export async function writeStudentOnnx(
  config: StudentConfig,
  read: (parameter: string) => Promise<NamedTensor>,
): Promise<Uint8Array> {
  const model = unfilledGraph(config, false);
  for (const name of model.parameters) model.fill(name, (await read(name)).data);
  return model.bytes;
}

function unfilledGraph(config: StudentConfig, half: boolean): UnfilledModel {
  const graph = createBuilder(expectedTensors(config), half);
  familyOf(config).graph(graph, config);
  const { nodes, initializers } = graph;
  return unfilledModel(config.modelType, { nodes, initializers, ...graphValues(config) });
}

function graphValues(config: StudentConfig): { inputs: Parts[]; outputs: Parts[] } {
  const [B, T, S, P] = ["batch_size", "sequence_length", "total_sequence_length", "past_sequence_length"];
  const inputs = [
    valueInfo("input_ids", INT64, [B, T]),
    valueInfo("attention_mask", INT64, [B, S]),
    valueInfo("position_ids", INT64, [B, T]),
  ];
  const outputs = [valueInfo("logits", FLOAT, [B, T, config.vocabSize])];
  for (let layer = 0; layer < config.layers; layer++) {
    for (const kind of ["key", "value"]) {
      const cache = (length: string): (string | number)[] => [B, config.kvHeads, length, config.headDim];
      inputs.push(valueInfo(`past_key_values.${layer}.${kind}`, FLOAT, cache(P)));
      outputs.push(valueInfo(`present.${layer}.${kind}`, FLOAT, cache(S)));
    }
  }
  return { inputs, outputs };
}
