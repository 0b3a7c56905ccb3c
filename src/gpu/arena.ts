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
