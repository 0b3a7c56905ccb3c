// A program: dispatches over buffers that were placed beforehand, recorded once, replayed with one submit.
//
//   const b = new ProgramBuilder("step");
//   const x = b.input("x", n);                       // written by the host before each run
//   const y = b.scratch("y", n);                     // lives from its first to its last use
//   b.dispatch(scaleKernel, { params: packParams(u32(n), f32(2)), x, y }, [Math.ceil(n / 64)]);
//   b.output("y", y);                                // read back when a run asks for it
//   const program = await b.build(gpu);
//   const { y: values } = await program.run({ x: data }, { read: ["y"] });
//
// No allocation, bind-group creation or readback happens in `run` beyond what it asks for.
import { type Lifetime, placeScratch, type ScratchPool } from "./arena";
import type { Gpu } from "./device";
import type { DispatchFacts, DispatchOptions, Faster } from "./dispatch-facts";
import { GpuMemoryError } from "./failures";
import { inputBytes, type ProgramInput, writeInput } from "./input-pieces";
import { compileKernel, pipelineKey, type Grid, type KernelSpec } from "./kernel";
import { type Binding, type Bound, byteLength, checkBinding, positive, UNIFORM_ALIGN } from "./tensor";
import { type Tensor, whole, type WholeTensor } from "./tensor";

export type { DispatchFacts, DispatchOptions, Faster };
export { type Binding, ELEMENT_BYTES, fixed, type Tensor } from "./tensor";

interface Step extends DispatchOptions, Pick<DispatchFacts, "stage"> {
  readonly spec: KernelSpec;
  readonly bindings: readonly Bound[];
  readonly grid: Grid;
}

/** Bytes by class, known before anything is allocated. */
export interface ProgramMemory {
  readonly scratchBytes: number;
  /** What scratch would take without sharing. */
  readonly scratchUnsharedBytes: number;
  readonly inputBytes: number;
  readonly uniformBytes: number;
  readonly outputBytes: number;
}

export class ProgramBuilder {
  readonly #steps: Step[] = [];
  readonly #scratch: Tensor[] = [];
  readonly #inputs = new Map<string, Tensor>();
  readonly #outputs = new Map<string, WholeTensor>();
  #stage = "";

  constructor(readonly label: string) {}

  /** Memory that holds a value from the first dispatch that names it to the last. */
  scratch(label: string, length: number): Tensor {
    const tensor: Tensor = {
      label,
      length: positive(label, length),
      place: { kind: "scratch", id: this.#scratch.length },
    };
    this.#scratch.push(tensor);
    return tensor;
  }

  /** Memory that the host writes: pass its values to `run`; what is not passed keeps its last value. */
  input(name: string, length: number, kind: "storage" | "uniform" = "storage"): Tensor {
    if (this.#inputs.has(name)) throw new Error(`Program "${this.label}" already has an input "${name}"`);
    const place = { kind: "input", name, uniform: kind === "uniform" } as const;
    const tensor: Tensor = { label: name, length: positive(name, length), place };
    this.#inputs.set(name, tensor);
    return tensor;
  }

  /** Name a tensor that `run` may read back. It is then alive until the end of the program. */
  output(name: string, tensor: Tensor): void {
    if (this.#outputs.has(name)) throw new Error(`Program "${this.label}" already has an output "${name}"`);
    this.#outputs.set(name, whole(tensor, `Output "${name}"`));
  }

  /** Record one dispatch. Uniform bindings take the struct's bytes, or an input made with kind "uniform". */
  dispatch<Name extends string>(
    spec: KernelSpec<Name>,
    bindings: Readonly<Record<Name, Binding>>,
    grid: Grid,
    options: DispatchOptions = {},
  ): void {
    const [x, y = 1, z = 1] = grid;
    if (!(x > 0 && y > 0 && z > 0) || Math.max(x, y, z) > 65535)
      throw new RangeError(`"${spec.entry}" needs a grid within 1..65535, got ${x}×${y}×${z}`);
    const names = Object.keys(spec.bindings) as Name[]; // keys of a Record<Name, …> are Names
    const checked = names.map((name) => checkBinding(spec, name, bindings[name]));
    this.#steps.push({ ...options, spec, bindings: checked, grid, stage: this.#stage });
  }

  /** What is recorded meanwhile belongs to this stage, unless to one within it: for profiles. */
  inStage<T>(stage: string, record: () => T): T {
    const outer = this.#stage;
    this.#stage = stage;
    const made = record();
    this.#stage = outer;
    return made;
  }

  get dispatches(): number {
    return this.#steps.length;
  }

  /** The plan as data: what the program would allocate. */
  memory(): ProgramMemory {
    const { slots } = placeScratch(this.#lifetimes());
    const bytes = (tensors: Iterable<Tensor>) => [...tensors].reduce((sum, t) => sum + byteLength(t), 0);
    return {
      scratchBytes: slots.reduce((a, b) => a + b, 0),
      scratchUnsharedBytes: bytes(this.#scratch),
      inputBytes: bytes(this.#inputs.values()),
      uniformBytes: this.#uniformBlocks().reduce((sum, block) => sum + align(block.byteLength), 0),
      outputBytes: bytes(this.#outputs.values()),
    };
  }

  /** Bytes of each scratch slot, and the largest tensor that a dispatch binds. */
  footprint(): { readonly slots: readonly number[]; readonly largest: Pick<Tensor, "label" | "length"> } {
    const { slots } = placeScratch(this.#lifetimes());
    const tensors = [...this.#scratch, ...this.#inputs.values()];
    const largest = tensors.reduce((a, b) => (b.length > a.length ? b : a), { label: "", length: 0 });
    return { slots, largest };
  }

  /**
   * Compile every kernel, place every buffer, make every bind group.
   *
   * @param onProgress called as pipelines finish: (done, total).
   * @param pool scratch that the program shares with others; without one it has its own.
   * @throws Error when a kernel does not compile or the device is out of memory.
   */
  async build(
    gpu: Gpu,
    onProgress?: (done: number, total: number) => void,
    pool?: ScratchPool,
  ): Promise<Program> {
    const { device } = gpu;
    const taken = this.#steps.filter(({ only }) => only?.(gpu) ?? true);
    const chosen = taken.map((step) => ({ ...step, ...step.faster?.(gpu) }));
    const distinct = new Map(chosen.map((s) => [pipelineKey(s.spec), s.spec]));
    let done = 0;
    const pipelines = new Map(
      await Promise.all(
        [...distinct].map(async ([key, spec]) => {
          const pipeline = await compileKernel(device, spec);
          onProgress?.(++done, distinct.size);
          return [key, pipeline] as const;
        }),
      ),
    );

    device.pushErrorScope("out-of-memory");
    device.pushErrorScope("validation");
    const undo = pool?.mark();
    const memory = this.#allocate(device, pool);
    const steps = chosen.map(({ spec, bindings, grid, stage, flops = 0 }): BoundStep => {
      const { pipeline, layout } = pipelines.get(pipelineKey(spec))!; // compiled just above
      const entries = bindings.map((b, binding) => ({ binding, resource: memory.resource(b) }));
      const group = device.createBindGroup({ label: `${this.label}/${spec.entry}`, layout, entries });
      const bytes = bindings.reduce(
        (n, b) => n + (b instanceof ArrayBuffer ? b.byteLength : byteLength(b)),
        0,
      );
      return { label: spec.entry, stage, pipeline, group, grid, flops, bytes };
    });
    // Both at once: another program's scopes must not come between.
    const [invalid, noMemory] = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
    if (invalid || noMemory) {
      memory.destroy();
      undo?.();
      const what = noMemory ? "does not fit into GPU memory" : "is invalid";
      const message = `Program "${this.label}" ${what}: ${(noMemory ?? invalid)?.message ?? ""}`;
      throw noMemory ? new GpuMemoryError(message) : new Error(message);
    }
    return new Program(gpu, this.label, steps, memory.inputs, memory.outputs(this.#outputs), memory.destroy);
  }

  #lifetimes(): Lifetime[] {
    const lives = this.#scratch.map((t): Lifetime => ({ first: Infinity, last: -1, bytes: byteLength(t) }));
    const touch = (tensor: Tensor, at: number) => {
      if (tensor.place.kind !== "scratch") return;
      const life = lives[tensor.place.id];
      if (!life || this.#scratch[tensor.place.id] !== tensor)
        throw new Error(`Tensor "${tensor.label}" belongs to another program than "${this.label}"`);
      life.first = Math.min(life.first, at);
      life.last = Math.max(life.last, at);
    };
    this.#steps.forEach((step, at) => {
      for (const b of step.bindings) if (!(b instanceof ArrayBuffer)) touch(b, at);
    });
    for (const t of this.#outputs.values()) touch(t, this.#steps.length);
    return lives;
  }

  #uniformBlocks(): ArrayBuffer[] {
    return this.#steps.flatMap((s) => s.bindings.filter((b) => b instanceof ArrayBuffer));
  }

  #allocate(device: GPUDevice, pool?: ScratchPool): Memory {
    const owned: GPUBuffer[] = [];
    const make = (label: string, size: number, usage: number) => {
      const buffer = device.createBuffer({
        label: `${this.label}/${label}`,
        size: Math.max(16, size),
        usage,
      });
      owned.push(buffer);
      return buffer;
    };
    const copy = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const { slots, slotOf } = placeScratch(this.#lifetimes());
    const slotBuffers =
      pool?.take(slots) ?? slots.map((size, i) => make(`slot ${i}`, size, GPUBufferUsage.STORAGE | copy));
    const inputs = new Map<string, GPUBuffer>();
    for (const [name, t] of this.#inputs) {
      const uniform = t.place.kind === "input" && t.place.uniform;
      inputs.set(
        name,
        make(name, byteLength(t), (uniform ? GPUBufferUsage.UNIFORM : GPUBufferUsage.STORAGE) | copy),
      );
    }
    const uniforms = this.#uploadUniforms(device, make);

    const resource = (b: Bound): GPUBufferBinding => {
      if (b instanceof ArrayBuffer) return uniforms(b);
      const size = Math.max(16, byteLength(b));
      switch (b.place.kind) {
        case "fixed":
          return { buffer: b.place.buffer, offset: b.place.offset, size: byteLength(b) };
        case "input":
          return { buffer: inputs.get(b.place.name)!, size }; // every input was allocated above
        case "scratch":
          return { buffer: slotBuffers[slotOf[b.place.id]!]!, size }; // placeScratch gives each tensor a slot
      }
    };
    return {
      inputs,
      resource,
      outputs: (tensors) =>
        new Map(
          [...tensors].map(([name, t]) => {
            const { buffer, offset = 0 } = resource(t);
            const staging = make(
              `${name} readback`,
              byteLength(t),
              GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
            );
            return [name, { buffer, offset, bytes: byteLength(t), staging }];
          }),
        ),
      destroy: () => owned.forEach((buffer) => buffer.destroy()),
    };
  }

  /** All constant structs in one buffer, written once. */
  #uploadUniforms(device: GPUDevice, make: (label: string, size: number, usage: number) => GPUBuffer) {
    const offsets = new Map<ArrayBuffer, number>();
    let size = 0;
    for (const block of this.#uniformBlocks()) {
      if (offsets.has(block)) continue;
      offsets.set(block, size);
      size += align(block.byteLength);
    }
    const buffer = make("uniforms", size, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
    const bytes = new Uint8Array(size);
    for (const [block, offset] of offsets) bytes.set(new Uint8Array(block), offset);
    if (size > 0) device.queue.writeBuffer(buffer, 0, bytes);
    return (block: ArrayBuffer): GPUBufferBinding => ({
      buffer,
      offset: offsets.get(block)!, // collected from the same steps
      size: block.byteLength,
    });
  }
}

interface Memory {
  readonly inputs: Map<string, GPUBuffer>;
  resource(binding: Bound): GPUBufferBinding;
  outputs(tensors: Map<string, WholeTensor>): Map<string, Output>;
  destroy(): void;
}

interface Output {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
  readonly staging: GPUBuffer;
}

interface BoundStep extends DispatchFacts {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
}

/** Told of every run of a program on a device; see watchPrograms in profile.ts. */
export const programWatchers = new WeakMap<GPUDevice, (program: Program) => void>();

export type InputData = Float32Array | Uint32Array | Int32Array;

export class Program {
  constructor(
    readonly gpu: Gpu,
    readonly label: string,
    private readonly steps: readonly BoundStep[],
    private readonly inputs: ReadonlyMap<string, GPUBuffer>,
    private readonly outputs: ReadonlyMap<string, Output>,
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
    const encoder = device.createCommandEncoder({ label: this.label });
    this.#write(encoder, data);
    const pass = encoder.beginComputePass({ label: this.label });
    this.record(pass);
    pass.end();
    const reads = (options.read ?? []).map((name) => [name, this.#output(name)] as const);
    for (const [, o] of reads) encoder.copyBufferToBuffer(o.buffer, o.offset, o.staging, 0, o.bytes);
    device.queue.submit([encoder.finish()]);
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

const align = (bytes: number): number => Math.ceil(bytes / UNIFORM_ALIGN) * UNIFORM_ALIGN;
