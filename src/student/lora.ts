// LoRA: the model's weights stay as they are, and beside chosen matrices two thin ones are trained.
//
//   y = x·Wᵀ + (alpha/rank) · (x·Aᵀ)·Bᵀ,   A (rank, in) Kaiming-uniform, B (out, rank) zero
//   merged: W + (alpha/rank) · B·A, or its transpose where matrices are stored [in, out]
//
// Source: Hu et al. 2021, with the names and the initialization of the PEFT library.
import { createRng, deriveSeed } from "../config/rng";
import type { NamedTensor } from "../models";
import type { WeightLayout } from "./ops/linear";
import type { NewParameter } from "./params";

export interface LoraSettings {
  readonly rank: number;
  readonly alpha: number;
  /** Last parts of module names: "q_proj", "c_attn". */
  readonly targets: readonly string[];
}

export const loraA = (module: string): string => `${module}.lora_A.weight`;
export const loraB = (module: string): string => `${module}.lora_B.weight`;
export const loraScale = ({ alpha, rank }: LoraSettings): number => alpha / rank;

const WEIGHT = ".weight";
const lastPart = (module: string): string => module.split(".").at(-1) ?? module;

/** Modules that an adapter may sit on: those with a matrix, by their last part; embeddings and heads are not `dense`. */
const isAdaptable = (name: string, shape: readonly number[]): boolean =>
  shape.length === 2 && name.endsWith(WEIGHT) && /\.\d+\./.test(name);

/**
 * The module names that `targets` pick among a model's weights; without targets, all that can have an adapter.
 *
 * @throws RangeError when a target picks none.
 */
export function loraModules(
  weights: Iterable<readonly [string, readonly number[]]>,
  targets: readonly string[],
): string[] {
  const modules = [...weights]
    .filter(([name, shape]) => isAdaptable(name, shape))
    .map(([name]) => name.slice(0, -WEIGHT.length));
  for (const target of targets)
    if (!modules.some((module) => lastPart(module) === target))
      throw new RangeError(
        `LoRA target "${target}" names no matrix of this student; there are ${[...new Set(modules.map(lastPart))].join(", ")}`,
      );
  return targets.length === 0 ? modules : modules.filter((module) => targets.includes(lastPart(module)));
}

/**
 * The student frozen, with an adapter on each target. The rank may not exceed a matrix' smaller side.
 *
 * @throws RangeError when a target names nothing, or the rank is larger than a matrix allows.
 */
export function withLora(
  student: readonly NewParameter[],
  settings: LoraSettings,
  seed: number,
  layout: WeightLayout = "out-in",
): NewParameter[] {
  const shapes = new Map(student.map(({ name, shape }) => [name, shape]));
  const adapters = loraModules(shapes, settings.targets).flatMap((module) => {
    const [out, into] = outIn(shapes.get(module + WEIGHT) ?? [], layout);
    const { rank } = settings;
    if (rank > Math.min(out, into))
      throw new RangeError(`LoRA rank ${rank} is larger than "${module}" allows: it is ${out} × ${into}`);
    const common = { group: "student", decay: true } as const;
    const data = kaimingUniform(rank * into, into, deriveSeed(seed, module));
    return [
      { name: loraA(module), shape: [rank, into], data, ...common },
      { name: loraB(module), shape: [out, rank], ...common },
    ];
  });
  return [...student.map((parameter) => ({ ...parameter, trainable: false })), ...adapters];
}

function outIn(
  [first = 0, second = 0]: readonly number[],
  layout: WeightLayout,
): [out: number, into: number] {
  return layout === "out-in" ? [first, second] : [second, first];
}

/** torch's kaiming_uniform_ with a = √5: uniform within ±1/√(fan in). */
function kaimingUniform(count: number, fanIn: number, seed: number): Float32Array {
  const rng = createRng(seed);
  const bound = 1 / Math.sqrt(fanIn);
  return Float32Array.from({ length: count }, () => (2 * rng.next() - 1) * bound);
}

export const isAdapter = (name: string): boolean => /\.lora_[AB]\.weight$/.test(name);

/** The plain model: adapters added to the matrices that they sit on (in float64) and gone. */
export function mergeLora(
  tensors: ReadonlyMap<string, NamedTensor>,
  settings: LoraSettings,
  layout: WeightLayout = "out-in",
): Map<string, NamedTensor> {
  const merged = new Map<string, NamedTensor>();
  for (const [name, tensor] of tensors) {
    if (isAdapter(name)) continue;
    const module = name.endsWith(WEIGHT) ? name.slice(0, -WEIGHT.length) : name;
    const [a, b] = [tensors.get(loraA(module)), tensors.get(loraB(module))];
    merged.set(name, a && b ? addProduct(tensor, a.data, b.data, settings, layout) : tensor);
  }
  return merged;
}

function addProduct(
  { shape, data }: NamedTensor,
  a: Float32Array,
  b: Float32Array,
  settings: LoraSettings,
  layout: WeightLayout,
): NamedTensor {
  const [out, into] = outIn(shape, layout);
  const { rank } = settings;
  const scale = loraScale(settings);
  const sums = new Float64Array(into);
  const result = new Float32Array(data.length);
  for (let row = 0; row < out; row++) {
    sums.fill(0);
    for (let r = 0; r < rank; r++) {
      const weight = b[row * rank + r] ?? 0;
      for (let k = 0; k < into; k++) sums[k]! += weight * (a[r * into + k] ?? 0); // within its length
    }
    for (let k = 0; k < into; k++) {
      const at = layout === "out-in" ? row * into + k : k * out + row;
      result[at] = (data[at] ?? 0) + scale * (sums[k] ?? 0);
    }
  }
  return { shape, data: result };
}

/** The adapters under PEFT's names, and the config that goes with them. */
export function peftAdapter(
  tensors: ReadonlyMap<string, NamedTensor>,
  { rank, alpha, targets }: LoraSettings,
  baseModel: string,
  layout: WeightLayout = "out-in",
): { tensors: Map<string, NamedTensor>; config: Record<string, unknown> } {
  const adapters = [...tensors].filter(([name]) => isAdapter(name));
  return {
    tensors: new Map(adapters.map(([name, tensor]) => [`base_model.model.${name}`, tensor])),
    config: {
      peft_type: "LORA",
      task_type: "CAUSAL_LM",
      base_model_name_or_path: baseModel,
      r: rank,
      lora_alpha: alpha,
      lora_dropout: 0,
      target_modules: targets,
      bias: "none",
      fan_in_fan_out: layout === "in-out",
      inference_mode: true,
    },
  };
}
