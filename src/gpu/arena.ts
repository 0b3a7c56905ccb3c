// Which scratch tensors may share memory. Two tensors share a slot when their lifetimes do not overlap.
//
// A slot is a whole GPUBuffer, not a range of one: WebGPU tracks usage per buffer, so one dispatch may not
// read one range of a buffer and write another.

/** Dispatch indices between which a tensor holds a value, both included; never used: first > last. */
export interface Lifetime {
  first: number;
  last: number;
  readonly bytes: number;
}

export interface Placement {
  /** Bytes of each slot. */
  readonly slots: readonly number[];
  /** The slot of each tensor. */
  readonly slotOf: readonly number[];
}

/** Largest first, each into the smallest free slot that holds it: simple, and near the peak in practice. */
export function placeScratch(lives: readonly Lifetime[]): Placement {
  const slots: number[] = [];
  const tenants: Lifetime[][] = [];
  const slotOf = new Array<number>(lives.length).fill(-1);
  const order = lives.map((_, i) => i).sort((a, b) => lives[b]!.bytes - lives[a]!.bytes || a - b);
  for (const i of order) {
    const life = lives[i]!; // order holds valid indices
    let slot = tenants.findLastIndex((others) => others.every((o) => disjoint(o, life)));
    if (slot < 0) {
      slot = slots.push(life.bytes) - 1;
      tenants.push([]);
    }
    tenants[slot]!.push(life); // pushed together with slots
    slotOf[i] = slot;
  }
  return { slots, slotOf };
}

const disjoint = (a: Lifetime, b: Lifetime): boolean => a.last < b.first || b.last < a.first;

/** The slots that hold any one of several programs' slots at a time: the largest for the largest, and so on. */
export function mergeSlots(programs: readonly (readonly number[])[]): number[] {
  const sorted = programs.map((slots) => slots.toSorted((a, b) => b - a));
  const count = Math.max(0, ...sorted.map((slots) => slots.length));
  return Array.from({ length: count }, (_, i) => Math.max(...sorted.map((slots) => slots[i] ?? 0)));
}

/**
 * Scratch that programs of one device share. They run one after the other on its queue, and none keeps a value there
 * from one run to the next.
 */
export class ScratchPool {
  #buffers: GPUBuffer[] = [];

  constructor(private readonly device: GPUDevice) {}

  get bytes(): number {
    return this.#buffers.reduce((sum, { size }) => sum + size, 0);
  }

  /** A buffer for each slot: the smallest that holds it, new where none does. */
  take(slots: readonly number[]): GPUBuffer[] {
    const free = new Set(this.#buffers.toSorted((a, b) => a.size - b.size));
    const taken = new Map<number, GPUBuffer>();
    for (const i of [...slots.keys()].sort((a, b) => slots[b]! - slots[a]!)) {
      const bytes = slots[i]!; // i is an index of slots
      const buffer = [...free].find(({ size }) => size >= bytes) ?? this.#create(bytes);
      free.delete(buffer);
      taken.set(i, buffer);
    }
    return slots.map((_, i) => taken.get(i)!); // each was taken above
  }

  /** Undo what `take` has created since `before` was asked for: there was no memory for it. */
  mark(): () => void {
    const before = new Set(this.#buffers);
    return () => {
      for (const buffer of this.#buffers) if (!before.has(buffer)) buffer.destroy();
      this.#buffers = this.#buffers.filter((buffer) => before.has(buffer));
    };
  }

  destroy(): void {
    this.#buffers.forEach((buffer) => buffer.destroy());
    this.#buffers = [];
  }

  #create(bytes: number): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = this.device.createBuffer({ label: "scratch", size: Math.max(16, bytes), usage });
    this.#buffers.push(buffer);
    return buffer;
  }
}
