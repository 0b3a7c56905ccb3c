// A kernel: WGSL text, the names of its bindings, and its override constants.
// It knows nothing of models or losses; see src/ot and src/student for the callers.
// This is the only file that builds pipelines.

import { KernelError } from "./failures";

type Access = "uniform" | "read" | "write";

export interface KernelSpec<Name extends string = string> {
  /** The entry point; also the label in errors and profiles. */
  readonly entry: string;
  /** WGSL files, concatenated in order. No string templating. */
  readonly code: readonly string[];
  /** Binding names in binding order (group 0); `write` means read_write storage. */
  readonly bindings: Readonly<Record<Name, Access>>;
  /** Values of `override` declarations: what is fixed for the life of the pipeline. */
  readonly constants?: Readonly<Record<string, number>>;
}

/** Gives a spec its exact binding names, so that a forgotten buffer does not compile. */
export const defineKernel = <Name extends string>(spec: KernelSpec<Name>): KernelSpec<Name> => spec;

/** The same kernel with other override constants. */
export const withConstants = <Name extends string>(
  spec: KernelSpec<Name>,
  constants: Readonly<Record<string, number>>,
): KernelSpec<Name> => ({ ...spec, constants: { ...spec.constants, ...constants } });

export type Grid = readonly [x: number, y?: number, z?: number];

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** One pipeline per device and distinct (code, entry, constants), however many programs use it. */
const caches = new WeakMap<GPUDevice, Map<string, Promise<Pipeline>>>();

/** The identity of a pipeline: equal keys share one. */
export const pipelineKey = (spec: KernelSpec): string =>
  [spec.entry, JSON.stringify(spec.constants ?? {}), ...spec.code].join("\0");

/** Compile a kernel, or return the one compiled before. @throws Error quoting the WGSL line that failed. */
export function compileKernel(device: GPUDevice, spec: KernelSpec): Promise<Pipeline> {
  let cache = caches.get(device);
  if (!cache) caches.set(device, (cache = new Map()));
  const key = pipelineKey(spec);
  let compiled = cache.get(key);
  if (!compiled) cache.set(key, (compiled = build(device, spec)));
  return compiled;
}

async function build(device: GPUDevice, spec: KernelSpec): Promise<Pipeline> {
  const { entry, bindings, constants = {} } = spec;
  const module = device.createShaderModule({ label: entry, code: spec.code.join("\n") });
  await throwOnWgslErrors(module, spec);
  const layout = device.createBindGroupLayout({
    label: entry,
    entries: Object.values<Access>(bindings).map((access, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: BUFFER_TYPE[access] },
    })),
  });
  const pipeline = await device
    .createComputePipelineAsync({
      label: entry,
      layout: device.createPipelineLayout({ label: entry, bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: entry, constants },
    })
    .catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new KernelError(entry, `The adapter made no pipeline of "${entry}": ${why}`);
    });
  return { pipeline, layout };
}

const BUFFER_TYPE = {
  uniform: "uniform",
  read: "read-only-storage",
  write: "storage",
} as const satisfies Record<Access, GPUBufferBindingType>;

/** Turn compiler messages into one error that quotes the offending WGSL line. */
async function throwOnWgslErrors(module: GPUShaderModule, spec: KernelSpec): Promise<void> {
  const { messages } = await module.getCompilationInfo();
  const errors = messages.filter((m) => m.type === "error");
  if (errors.length === 0) return;
  const lines = spec.code.join("\n").split("\n");
  const quoted = errors.map((m) => `${m.message}\n  > ${lines[m.lineNum - 1]?.trim() ?? ""}`);
  throw new KernelError(spec.entry, `WGSL "${spec.entry}" did not compile:\n${quoted.join("\n")}`);
}
