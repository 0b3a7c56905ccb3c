// A GPU for tests: Dawn in Node (npm package `webgpu`). No adapter is a failure, not a skip.
import { create } from "webgpu";
import type { PlanningLimits } from "../../src/gpu/counting";
import { openGpu, type Gpu } from "../../src/gpu/device";
import type { Grid, KernelSpec } from "../../src/gpu/kernel";
import { ProgramBuilder, type Binding, type InputData } from "../../src/gpu/program";

let opened: Promise<Gpu> | undefined;
let instance: GPU | undefined; // Dawn frees the device's backend if its instance is collected

export function testGpu(): Promise<Gpu> {
  opened ??= (async () => {
    instance = create([]);
    return openGpu(instance);
  })();
  return opened;
}

/** A second, private device: for tests that destroy it. */
export async function ownGpu(): Promise<Gpu> {
  instance ??= create([]);
  return openGpu(instance);
}

/** The same device under other limits: what the code plans with, not what the device checks. */
export function withLimits(gpu: Gpu, limits: Partial<PlanningLimits>): Gpu {
  const { maxStorageBufferBindingSize, maxBufferSize } = gpu.device.limits;
  const all = { maxStorageBufferBindingSize, maxBufferSize, ...limits };
  const device = new Proxy(gpu.device, {
    get(target, key) {
      if (key === "limits") return all;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  return { ...gpu, device };
}

/** The same device as if it were a graphics card: programs take what they have for those. */
export const asHardware = (gpu: Gpu): Gpu => ({ ...gpu, adapter: { ...gpu.adapter, software: false } });

export interface KernelCall<Name extends string> {
  /** Values of the bindings that the kernel reads, uniform bytes included. */
  readonly inputs: Partial<Record<Name, InputData | ArrayBuffer>>;
  /** Lengths of the bindings that it writes: poisoned with NaN first, and returned. */
  readonly outputs: Partial<Record<Name, number>>;
  /** Initial values of bindings that it reads and writes; returned too. */
  readonly inout?: Partial<Record<Name, InputData>>;
  readonly grid: Grid;
}

/** Run one kernel once. Outputs start as NaN, so an element that is never written cannot pass. */
export async function runKernel<Name extends string>(
  spec: KernelSpec<Name>,
  call: KernelCall<Name>,
): Promise<Record<string, Float32Array>> {
  const gpu = await testGpu();
  const builder = new ProgramBuilder(`test ${spec.entry}`);
  const data: Record<string, InputData> = {};
  const bindings: Record<string, Binding> = {};
  for (const name of Object.keys(spec.bindings) as Name[]) {
    const given = call.inputs[name] ?? call.inout?.[name];
    const length = call.outputs[name];
    if (given instanceof ArrayBuffer) bindings[name] = given;
    else if (given) {
      bindings[name] = builder.input(name, given.length);
      data[name] = given;
    } else if (length !== undefined) {
      bindings[name] = builder.input(name, length);
      data[name] = new Float32Array(length).fill(NaN);
    } else throw new Error(`runKernel: "${spec.entry}" needs a value or a length for ${name}`);
    if (length !== undefined || call.inout?.[name]) builder.output(name, bindings[name] as never);
  }
  builder.dispatch(spec, bindings as Record<Name, Binding>, call.grid);
  const program = await builder.build(gpu);
  const read = [...Object.keys(call.outputs), ...Object.keys(call.inout ?? {})];
  const result = await program.run(data, { read });
  program.destroy();
  return result;
}
