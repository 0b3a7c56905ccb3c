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
import type { BufferRange } from "./input-pieces";
import { compileKernel, pipelineKey, type Grid, type KernelSpec } from "./kernel";
import { type BoundStep, type Output, Program } from "./replay";
import { type Binding, type Bound, byteLength, checkBinding, ELEMENT_BYTES } from "./tensor";
import { inRanges, positive, rowCuts, type Tensor, UNIFORM_ALIGN, whole, type WholeTensor } from "./tensor";

export type { InputData } from "./input-pieces";
export { Program, programWatchers } from "./replay";
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
  readonly #scratch: WholeTensor[] = [];
  readonly #inputs = new Map<string, Tensor>();
  readonly #outputs = new Map<string, WholeTensor>();
  readonly #kept = new Map<string, WholeTensor>();
  #stage = "";

  /** @param rangeBytes what a binding may have: larger matrices of `scratchRows` lie in ranges. */
  constructor(
    readonly label: string,
    private readonly rangeBytes = Infinity,
  ) {}

  /** Memory that holds a value from the first dispatch that names it to the last. */
  scratch(label: string, length: number): WholeTensor {
    const tensor: WholeTensor = {
      label,
      length: positive(label, length),
      place: { kind: "scratch", id: this.#scratch.length },
    };
    this.#scratch.push(tensor);
    return tensor;
  }

  /** A matrix of scratch, in ranges of its rows where it is larger than a binding may be. */
  scratchRows(label: string, rows: number, width: number): Tensor {
    const cuts = rowCuts(rows, width, this.rangeBytes);
    return inRanges(
      label,
      cuts.map((count) => this.scratch(label, count * width)),
    );
  }

  /** Scratch of another tensor's length, in the same ranges. */
  scratchLike(label: string, t: Tensor): Tensor {
    if (t.place.kind !== "split") return this.scratch(label, t.length);
    return inRanges(
      label,
      t.place.parts.map(({ length }) => this.scratch(label, length)),
    );
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

  /** Name a tensor whose buffer others bind after a run: alive until the end of the program, and not read back. */
  keep(name: string, tensor: Tensor): void {
    if (this.#kept.has(name)) throw new Error(`Program "${this.label}" already keeps "${name}"`);
    this.#kept.set(name, whole(tensor, `Kept "${name}"`));
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

  /** Dispatches recorded inside `body` belong to this stage, or to an inner stage if one is open: for profiles. */
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
    const { inputs, destroy } = memory;
    const outputs = memory.outputs(this.#outputs);
    const kept = new Map([...this.#kept].map(([name, t]) => [name, memory.range(t)]));
    return new Program(gpu, this.label, steps, inputs, outputs, kept, destroy);
  }

  #lifetimes(): Lifetime[] {
    const lives = this.#scratch.map((t): Lifetime => ({ first: Infinity, last: -1, bytes: byteLength(t) }));
    const touch = (tensor: WholeTensor, at: number): void => {
      if (tensor.place.kind === "view") return touch(tensor.place.of, at);
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
    for (const t of [...this.#outputs.values(), ...this.#kept.values()]) touch(t, this.#steps.length);
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
        case "view":
          return { ...resource(b.place.of), offset: b.place.offset * ELEMENT_BYTES, size: byteLength(b) };
        case "scratch":
          return { buffer: slotBuffers[slotOf[b.place.id]!]!, size }; // placeScratch gives each tensor a slot
      }
    };
    return {
      inputs,
      resource,
      range: (t) => {
        const { buffer, offset = 0 } = resource(t);
        return { buffer, offset, bytes: byteLength(t) };
      },
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
  range(tensor: WholeTensor): BufferRange;
  destroy(): void;
}

const align = (bytes: number): number => Math.ceil(bytes / UNIFORM_ALIGN) * UNIFORM_ALIGN;
