// The model card of an exported student: what it is, how it was trained, how it did, how to load it.
// Only what the run itself recorded; a figure that was not measured is not there.

import { labelsText, teacherLabels } from "../../config/labels";
import type { RunConfig } from "../../config/run";
import type { StudentConfig } from "../families/config";
import { parseModelChoice } from "../teacher/session";

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
  /** What that loss is the sum of, weights included. */
  readonly terms?: Readonly<Record<string, number>>;
}

export const MANIFEST_FILE = "couplet-run.json";
export const CARD_FILE = "README.md";

export interface CardFacts {
  readonly config: StudentConfig;
  readonly parameters: number;
  /** There is an onnx/model_fp16.onnx too. */
  readonly half: boolean;
  /** What the folder that the student came from says of its licence. */
  readonly license?: string | undefined;
}

/** SFT on given answers has no teacher, whatever its config names. */
const taught = ({ method, data }: RunConfig): boolean =>
  method.id !== "sft" ||
  data.outputs === "teacher" ||
  data.outputs === "chains" ||
  teacherLabels(data.labels);

const OUTPUTS: Readonly<Record<RunConfig["data"]["outputs"], string>> = {
  gold: "as in the rows",
  teacher: "written by the teacher (teacher)",
  chains: "written by the teacher (chains)",
  student: "written by the student at each step (on-policy)",
  mix: "written by the student at each step, mixed with those in the rows",
};

type Row = readonly [name: string, value: string];

export function modelCard(given: RunManifest, { config, parameters, half, license }: CardFacts): string {
  const { config: run, ...manifest } = publicManifest(given);
  const shape = `${parameters.toLocaleString("en")} parameters, ${config.layers} layers of width ${config.hiddenSize}, ${config.vocabSize} tokens`;
  const base = hubId(given.config.student);
  const adapters = run.training.kind === "lora";
  return `---
library_name: transformers
pipeline_tag: text-generation
license: ${quoted(license ?? "unknown")}
${base === undefined ? "" : `base_model: ${quoted(base)}\n`}tags: [${taught(run) ? "distillation" : "fine-tuning"}, couplet, ${config.modelType}]
---
# ${taught(run) ? `A student of ${plain(run.teacher)}` : `${plain(run.student)}, fine-tuned`}

${code(run.student)} (${config.modelType}: ${shape}), ${taught(run) ? `distilled from ${code(run.teacher)}` : "fine-tuned"} with Couplet.

| | |
| --- | --- |
${[...settings(run, manifest), ...lossRows(manifest)].map(([name, value]) => `| ${name} | ${value} |`).join("\n")}

The whole run, enough to repeat it with the same models and rows, is in \`${MANIFEST_FILE}\`; folders are named there without their paths.

## Held-out answers
${evaluations(manifest.evaluations)}

## Files
- \`model.safetensors\`: the weights in float32, under Hugging Face's names${adapters ? "; the adapters are merged into them" : ""}
- \`onnx/model.onnx\`: the same as a graph with a key/value cache, for transformers.js and ONNX Runtime
${half ? "- `onnx/model_fp16.onnx`: its weights rounded to float16; it computes in float32\n" : ""}${adapters ? "- `adapter/`: the adapters on their own, as PEFT reads them, for the student before\n" : ""}- \`tokenizer.json\`, \`config.json\`, \`generation_config.json\`

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

function settings(run: RunConfig, { steps, specialTokens }: Omit<RunManifest, "config">): Row[] {
  const { method, data, optimizer, training } = run;
  const { id, ...ofMethod } = method;
  return [
    ...(taught(run) ? [["teacher", code(run.teacher)] as const] : []),
    ["student before", code(run.student)],
    ["method", code(id)],
    ...flat(ofMethod).map(([name, value]): Row => [plain(`${id}: ${name}`), code(value)]),
    [
      "trained",
      training.kind === "full"
        ? "all weights"
        : `adapters (LoRA) of rank ${training.rank}, alpha ${training.alpha}, on ${training.targets.map(code).join(", ") || "every matrix"}`,
    ],
    ["rows", `${code(data.source)}, ${data.view} view${data.rows > 0 ? `, at most ${data.rows}` : ""}`],
    ...(specialTokens === undefined ? [] : [["around a text", code(specialTokens)] as const]),
    ["labels", plain(labelsText(data.labels).replace(/^Labels: |\.$/g, ""))],
    ["outputs", OUTPUTS[data.outputs]],
    [
      "steps × rows",
      `${steps} of ${run.steps} × ${run.batchSize}${run.accumulation > 1 ? ` × ${run.accumulation}` : ""}`,
    ],
    ["learning rate", `${optimizer.learningRate}, ${optimizer.schedule}`],
    ["seed", String(run.seed)],
  ];
}

/** A method's settings, those within others by their paths: "transport.epsilon" → "0.1". */
function flat(value: object, path = ""): [string, string][] {
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]): [string, string][] => {
    const at = path === "" ? name : `${path}.${name}`;
    if (typeof inner === "object" && inner !== null && !Array.isArray(inner)) return flat(inner, at);
    if (inner === undefined || (Array.isArray(inner) && inner.length === 0)) return [];
    return [[at, typeof inner === "string" ? inner : JSON.stringify(inner)]];
  });
}

/** The loss with what it is made of: a term of a projector says nothing of the student. */
function lossRows({ loss, terms = {} }: Pick<RunManifest, "loss" | "terms">): Row[] {
  if (loss === undefined) return [];
  const parts = Object.entries(terms).map(([name, value]) => `${plain(name)} ${value.toFixed(4)}`);
  return [["loss of the last step", loss.toFixed(4) + (parts.length > 1 ? ` (${parts.join(", ")})` : "")]];
}

/** The manifest as it leaves: models and data by their names, never by where they lie on somebody's disk. */
export function publicManifest(manifest: RunManifest): RunManifest {
  const { config } = manifest;
  const { name, dtype } = parseModelChoice(config.teacher);
  const form = dtype === "fp32" ? "" : `#${dtype}`;
  return {
    ...manifest,
    config: {
      ...config,
      teacher: publicName(name) + form,
      student: publicName(config.student),
      data: { ...config.data, source: publicName(config.data.source) },
    },
  };
}

/** "hub:owner/name@revision" and bundled names as they are; of a path its last part; an address without who asks. */
export function publicName(name: string): string {
  if (/^(hub|own|local):/.test(name)) return name;
  const address = /^\s*([a-z][a-z\d+.-]+):\/\//i.exec(name); // two letters and more: C:// is a disk
  if (address && address[1]?.toLowerCase() !== "file") return publicAddress(name.trim());
  return name.split(/[/\\]+/).findLast((part) => part !== "" && part !== "." && part !== "..") ?? "model";
}

/** The host and the path alone: neither who asks, nor with which token. */
const publicAddress = (address: string): string => {
  const [, scheme = "", rest = ""] = /^([^:]+):\/\/(.*)$/s.exec(address) ?? [];
  const [place = ""] = rest.split(/[?#;\s]/);
  const [host = "", ...path] = place.split(/[/\\]/);
  return `${scheme.toLowerCase()}://${[host.slice(host.lastIndexOf("@") + 1), ...path].join("/")}`;
};

/** "owner/name" of a model from a hub: what a card may link to as the model it was made from. */
export const hubId = (name: string): string | undefined => /^hub:([^@]+)/.exec(name)?.[1];

/** YAML reads JSON's strings. */
const quoted = (text: string): string => JSON.stringify(text);

function evaluations(records: RunManifest["evaluations"]): string {
  if (records.length === 0) return "Not measured in this run.";
  const lines = records.map(
    ({ step, correct, total }) =>
      `| ${step} | ${correct} of ${total} | ${((100 * correct) / total).toFixed(1)}% |`,
  );
  return `Greedy decoding; an answer counts only if it matches exactly.\n\n| step | right | |\n| --- | --- | --- |\n${lines.join("\n")}`;
}

/** In backticks, of which a name may hold some itself; a table cell ends at a pipe even there. */
function code(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|");
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return longest === 0 ? `\`${line}\`` : `${fence} ${line} ${fence}`;
}

/** As text: what Markdown or HTML would read as more than that stands for itself. */
const plain = (text: string): string =>
  text.replaceAll(/\s+/g, " ").replaceAll(/[\\`*_{}[\]<>()#+!|~&]/g, (sign) => `\\${sign}`);
