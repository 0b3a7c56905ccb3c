// The model card of an exported student: what it is, how it was trained, how it did, how to load it.
// Only what the run itself recorded; a figure that was not measured is not there.

import type { RunConfig } from "../config/run";
import type { StudentConfig } from "./config";

/** What a run knows about itself when its student leaves. */
export interface RunManifest {
  readonly version: 1;
  /** Training steps done. */
  readonly steps: number;
  readonly config: RunConfig;
  /** Greedy answers on held-out rows, exactly right or not, as the run went. */
  readonly evaluations: readonly {
    readonly step: number;
    readonly correct: number;
    readonly total: number;
  }[];
  /** Of the last step. */
  readonly loss?: number;
  /** What stands around a text that it was trained on, "<bos> … <eos>"; absent in older runs. */
  readonly specialTokens?: string;
}

export const MANIFEST_FILE = "couplet-run.json";
export const CARD_FILE = "README.md";

export interface CardFacts {
  readonly config: StudentConfig;
  readonly parameters: number;
  /** There is an onnx/model_fp16.onnx too. */
  readonly half: boolean;
}

export function modelCard(
  { config: run, ...manifest }: RunManifest,
  { config, parameters, half }: CardFacts,
): string {
  const { method, data, optimizer } = run;
  const settings: [string, string][] = [
    ["teacher", code(run.teacher)],
    ["student before", code(run.student)],
    ["method", code(method.id)],
    ["rows", `${code(data.source)}, ${data.view} view${data.rows > 0 ? `, at most ${data.rows}` : ""}`],
    ...(manifest.specialTokens === undefined
      ? []
      : [["around a text", code(manifest.specialTokens)] as [string, string]]),
    ["steps × rows", `${manifest.steps} of ${run.steps} × ${run.batchSize}`],
    ["learning rate", `${optimizer.learningRate}, ${optimizer.schedule}`],
    ["seed", String(run.seed)],
    ...(manifest.loss === undefined
      ? []
      : [["loss of the last step", manifest.loss.toFixed(4)] as [string, string]]),
  ];
  const shape = `${parameters.toLocaleString("en")} parameters, ${config.layers} layers of width ${config.hiddenSize}, ${config.vocabSize} tokens`;
  return `---
library_name: transformers
pipeline_tag: text-generation
tags: [distillation, couplet, ${config.modelType}]
---
# A student of ${run.teacher}

${code(run.student)} (${config.modelType}: ${shape}), distilled from ${code(run.teacher)} with Couplet.

| | |
| --- | --- |
${settings.map(([name, value]) => `| ${name} | ${value} |`).join("\n")}

The whole run, enough to repeat it, is in \`${MANIFEST_FILE}\`.

## Held-out answers
${evaluations(manifest.evaluations)}

## Files
- \`model.safetensors\`: the weights in float32, under Hugging Face's names
- \`onnx/model.onnx\`: the same as a graph with a key/value cache, for transformers.js and ONNX Runtime
${half ? "- `onnx/model_fp16.onnx`: its weights rounded to float16; it computes in float32\n" : ""}- \`tokenizer.json\`, \`config.json\`, \`generation_config.json\`

\`\`\`js
import { pipeline } from "@huggingface/transformers";
const write = await pipeline("text-generation", "path/to/this/folder", { dtype: "fp32" });
\`\`\`

\`\`\`python
from transformers import AutoModelForCausalLM, AutoTokenizer
model = AutoModelForCausalLM.from_pretrained("path/to/this/folder")
tokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")
\`\`\`

The licence is that of the student it was made from and of the rows it learned.
`;
}

function evaluations(records: RunManifest["evaluations"]): string {
  if (records.length === 0) return "Not measured in this run.";
  const lines = records.map(
    ({ step, correct, total }) =>
      `| ${step} | ${correct} of ${total} | ${((100 * correct) / total).toFixed(1)}% |`,
  );
  return `Greedy decoding; an answer counts only if it matches exactly.\n\n| step | right | |\n| --- | --- | --- |\n${lines.join("\n")}`;
}

const code = (text: string): string => `\`${text.replaceAll("`", "'").replaceAll("|", "\\|")}\``;
