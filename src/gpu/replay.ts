// A program that was built: replayed with one submit, its inputs written and its outputs read. See program.ts.
import type { Gpu } from "./device";
import type { DispatchFacts } from "./dispatch-facts";
import { GpuMemoryError } from "./failures";
import { type BufferRange, inputBytes, type InputData, type ProgramInput, writeInput } from "./input-pieces";

/** Where a named output is, and what it is read through. */
export interface Output {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
  readonly staging: GPUBuffer;
}

export interface BoundStep extends DispatchFacts {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
}

/** Told of every run of a program on a device; see watchPrograms in profile.ts. */
export const programWatchers = new WeakMap<GPUDevice, (program: Program) => void>();

export class Program {
  constructor(
    readonly gpu: Gpu,
    readonly label: string,
    private readonly steps: readonly BoundStep[],
    private readonly inputs: ReadonlyMap<string, GPUBuffer>,
    private readonly outputs: ReadonlyMap<string, Output>,
    private readonly kept: ReadonlyMap<string, BufferRange>,
    private readonly release: () => void,
  ) {}

  get dispatches(): number {
    return this.steps.length;
  }

  /** The buffer behind an input, so that another program or session may write it on the GPU. */
  inputBuffer(name: string): GPUBuffer {
    const buffer = this.inputs.get(name);
    if (!buffer) throw new Error(`Program "${this.label}" has no input "${name}"`);
    return buffer;
  }

  /** Where the last run left a tensor that was recorded with `keep`. It lives as long as the program. */
  keptBuffer(name: string): BufferRange {
    const range = this.kept.get(name);
    if (!range) throw new Error(`Program "${this.label}" keeps no "${name}"`);
    return range;
  }

  /** Write host values into inputs; at most the input's length. */
  write(data: Readonly<Record<string, InputData>>): void {
    this.#write(this.gpu.device.createCommandEncoder(), data);
  }

  /** Have inputs written before what is recorded next; at most the input's length. */
  #write(encoder: GPUCommandEncoder, data: Readonly<Record<string, ProgramInput>>): void {
    for (const [name, values] of Object.entries(data)) {
      const buffer = this.inputBuffer(name);
      const bytes = inputBytes(values);
      if (bytes > buffer.size)
        throw new RangeError(`Input "${name}" holds ${buffer.size} bytes, got ${bytes}`);
      writeInput(this.gpu.device, encoder, buffer, values);
    }
  }

  /**
   * Write the inputs, replay every dispatch in one submit, and read back the named outputs as f32.
   * Reads of one program must not overlap: await one run that reads before the next that reads.
   */
  async run<Name extends string = never>(
    data: Readonly<Record<string, ProgramInput>> = {},
    options: { read?: readonly Name[] } = {},
  ): Promise<Record<Name, Float32Array>> {
    const { device } = this.gpu;
    programWatchers.get(device)?.(this);
    const failed = this.gpu.adopted && openScopes(device);
    const encoder = device.createCommandEncoder({ label: this.label });
    this.#write(encoder, data);
    const pass = encoder.beginComputePass({ label: this.label });
    this.record(pass);
    pass.end();
    const reads = (options.read ?? []).map((name) => [name, this.#output(name)] as const);
    for (const [, o] of reads) encoder.copyBufferToBuffer(o.buffer, o.offset, o.staging, 0, o.bytes);
    device.queue.submit([encoder.finish()]);
    if (failed) await failed();
    const values = await Promise.all(
      reads.map(async ([name, o]) => {
        await o.staging.mapAsync(GPUMapMode.READ, 0, o.bytes);
        const copy = new Float32Array(o.staging.getMappedRange(0, o.bytes).slice(0));
        o.staging.unmap();
        return [name, copy] as const;
      }),
    );
    this.gpu.check();
    return Object.fromEntries(values) as Record<Name, Float32Array>; // one entry per requested name
  }

  /** Record the dispatches, or a range of them, into a pass of the caller's. */
  record(pass: GPUComputePassEncoder, first = 0, end = this.steps.length): void {
    for (const { pipeline, group, grid } of this.steps.slice(first, end)) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(grid[0], grid[1] ?? 1, grid[2] ?? 1);
    }
  }

  /** The dispatches in order: for profiles and tests. */
  listing(): readonly DispatchFacts[] {
    return this.steps;
  }

  destroy(): void {
    this.release();
  }

  #output(name: string): Output {
    const output = this.outputs.get(name);
    if (!output) throw new Error(`Program "${this.label}" has no output "${name}"`);
    return output;
  }
}

/** Catch what is wrong with the calls until `close` is called, which must be before anything is awaited. */
function openScopes(device: GPUDevice): () => Promise<void> {
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  return async () => {
    const [invalid, noMemory] = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
    if (noMemory) throw new GpuMemoryError(noMemory.message);
    if (invalid) throw new Error(`GPU error: ${invalid.message}`);
  };
}
