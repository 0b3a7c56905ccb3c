// Where a program's time goes: every dispatch in a pass of its own, between two GPU timestamps.
// The passes cost a little themselves, so the sum is above the time of a plain run; shares are what counts.
import type { Grid } from "./kernel";
import type { Program } from "./program";

export interface DispatchTime {
  readonly label: string;
  readonly grid: Grid;
  readonly ms: number;
}

const MAX_QUERIES = 4096; // WebGPU's limit of a query set

/** @throws Error when the adapter has no timestamp queries, or the program is too long for one query set. */
export async function profile(program: Program): Promise<DispatchTime[]> {
  const { device } = program.gpu;
  const count = program.dispatches;
  if (!device.features.has("timestamp-query")) throw new Error("This adapter has no timestamp queries.");
  if (count * 2 > MAX_QUERIES)
    throw new Error(`At most ${MAX_QUERIES / 2} dispatches can be timed, got ${count}`);
  const querySet = device.createQuerySet({ type: "timestamp", count: count * 2 });
  const size = count * 16;
  const resolved = device.createBuffer({
    size,
    usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
  });
  const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder({ label: `profile ${program.label}` });
  for (let i = 0; i < count; i++) {
    const timestampWrites = { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 };
    const pass = encoder.beginComputePass({ timestampWrites });
    program.record(pass, i, i + 1);
    pass.end();
  }
  encoder.resolveQuerySet(querySet, 0, count * 2, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const stamps = new BigUint64Array(staging.getMappedRange().slice(0));
  staging.destroy();
  resolved.destroy();
  querySet.destroy();
  program.gpu.check();
  return program.listing().map(({ label, grid }, i) => ({
    label,
    grid,
    ms: Number((stamps[2 * i + 1] ?? 0n) - (stamps[2 * i] ?? 0n)) / 1e6,
  }));
}
