// Where a program's time goes: every dispatch in a pass of its own, between two GPU timestamps.
// The passes cost a little themselves, so the sum is above the time of a plain run; shares are what counts.
import type { Gpu } from "./device";
import { type DispatchFacts, type Program, programWatchers } from "./program";

export interface DispatchTime extends DispatchFacts {
  readonly ms: number;
}

/** All dispatches of one kernel. */
export interface KernelTime {
  readonly label: string;
  readonly dispatches: number;
  readonly ms: number;
  /** Of the whole profile's time, 0…1. */
  readonly share: number;
  /** GFLOP/s; undefined where the ops declare no arithmetic. */
  readonly gflops: number | undefined;
  /** GB/s of the memory bound, each range once per dispatch. */
  readonly gbytes: number;
}

const MAX_SPANS = 2048; // two queries each, and WebGPU's limit of a query set is 4096

/** The adapter cannot say how long a dispatch took. */
export class NoTimestampsError extends Error {
  override name = "NoTimestampsError";
}

/** @throws NoTimestampsError when the adapter has no timestamp queries. */
export function checkTimestamps({ device, adapter }: Gpu): void {
  if (device.features.has("timestamp-query")) return;
  throw new NoTimestampsError(
    `This adapter (${adapter.description || adapter.device || adapter.vendor || "unnamed"}) has no timestamp queries, ` +
      "so its kernels cannot be timed one by one. Use an adapter with the feature timestamp-query (lavapipe and most " +
      "desktop GPUs have it; some browsers hide it), or compare whole steps: their time is in metrics.jsonl.",
  );
}

/** One run of the program with its present inputs, dispatch by dispatch. @throws NoTimestampsError */
export async function profile(program: Program): Promise<DispatchTime[]> {
  checkTimestamps(program.gpu);
  const spans = Array.from({ length: program.dispatches }, (_, i): Span => ({ first: i, end: i + 1 }));
  const times = await timeSpans(program, spans);
  return program.listing().map(({ label, stage, grid, flops, bytes }, i) => ({
    label,
    stage,
    grid,
    flops,
    bytes,
    ms: times[i] ?? NaN,
  }));
}

export interface StageTime {
  readonly stage: string;
  readonly ms: number;
}

/**
 * One run of the program, stage by stage, in the order in which each first comes. A stretch of one stage is one pass
 * between two timestamps; without them it is one submit that is waited for, which costs a little more itself.
 */
export async function profileStages(program: Program): Promise<StageTime[]> {
  const spans = stretchesOf(program);
  const timed = program.gpu.device.features.has("timestamp-query");
  const times = timed ? await timeSpans(program, spans) : await timeSubmits(program, spans);
  const stages = new Map<string, number>();
  spans.forEach(({ stage }, i) => stages.set(stage, (stages.get(stage) ?? 0) + (times[i] ?? NaN)));
  return [...stages].map(([stage, ms]) => ({ stage, ms }));
}

/** The dispatches first…end−1. */
interface Span {
  readonly first: number;
  readonly end: number;
}

/** Stretches of dispatches of one stage. */
function stretchesOf(program: Program): (Span & Pick<DispatchFacts, "stage">)[] {
  const stretches: { first: number; end: number; stage: string }[] = [];
  program.listing().forEach(({ stage }, i) => {
    const last = stretches.at(-1);
    if (last?.stage === stage) last.end = i + 1;
    else stretches.push({ first: i, end: i + 1, stage });
  });
  return stretches;
}

/** Milliseconds of each span on the GPU's clock. */
async function timeSpans(program: Program, spans: readonly Span[]): Promise<number[]> {
  const times: number[] = [];
  for (let at = 0; at < spans.length; at += MAX_SPANS)
    times.push(...(await timeSome(program, spans.slice(at, at + MAX_SPANS))));
  program.gpu.check();
  return times;
}

/** Wall-clock milliseconds from each span's submit until the queue is empty. */
async function timeSubmits(program: Program, spans: readonly Span[]): Promise<number[]> {
  const { device } = program.gpu;
  const times: number[] = [];
  await device.queue.onSubmittedWorkDone();
  for (const { first, end } of spans) {
    const started = performance.now();
    const encoder = device.createCommandEncoder({ label: `profile ${program.label}` });
    const pass = encoder.beginComputePass();
    program.record(pass, first, end);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    times.push(performance.now() - started);
  }
  program.gpu.check();
  return times;
}

async function timeSome(program: Program, spans: readonly Span[]): Promise<number[]> {
  const { device } = program.gpu;
  const count = spans.length;
  const querySet = device.createQuerySet({ type: "timestamp", count: count * 2 });
  const size = count * 16;
  const resolved = device.createBuffer({
    size,
    usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
  });
  const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder({ label: `profile ${program.label}` });
  spans.forEach(({ first, end }, i) => {
    const timestampWrites = { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 };
    const pass = encoder.beginComputePass({ timestampWrites });
    program.record(pass, first, end);
    pass.end();
  });
  encoder.resolveQuerySet(querySet, 0, count * 2, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const stamps = new BigUint64Array(staging.getMappedRange().slice(0));
  staging.destroy();
  resolved.destroy();
  querySet.destroy();
  return spans.map((_, i) => Number((stamps[2 * i + 1] ?? 0n) - (stamps[2 * i] ?? 0n)) / 1e6);
}

/** The programs that ran on a device between `watchPrograms` and `stop`, with how often each did. */
export interface ProgramWatch {
  readonly runs: ReadonlyMap<Program, number>;
  stop(): void;
}

export function watchPrograms({ device }: Gpu): ProgramWatch {
  const runs = new Map<Program, number>();
  programWatchers.set(device, (program) => runs.set(program, (runs.get(program) ?? 0) + 1));
  return { runs, stop: () => programWatchers.delete(device) };
}

/** The best of several profiles of one program, dispatch by dispatch: noise only ever adds. */
export function bestOf(profiles: readonly (readonly DispatchTime[])[]): DispatchTime[] {
  const [first = []] = profiles;
  return first.map((d, i) => ({ ...d, ms: Math.min(...profiles.map((times) => times[i]?.ms ?? Infinity)) }));
}

/** Times by kernel, the longest first. */
export function byKernel(times: readonly DispatchTime[]): KernelTime[] {
  const total = times.reduce((sum, { ms }) => sum + ms, 0);
  const groups = new Map<string, DispatchTime[]>();
  for (const time of times) groups.set(time.label, [...(groups.get(time.label) ?? []), time]);
  return [...groups]
    .map(([label, group]) => {
      const sum = (of: (d: DispatchTime) => number) => group.reduce((n, d) => n + of(d), 0);
      const [ms, flops] = [sum((d) => d.ms), sum((d) => d.flops)];
      const rate = (count: number) => count / ms / 1e6;
      return {
        label,
        dispatches: group.length,
        ms,
        share: ms / total,
        gflops: flops > 0 ? rate(flops) : undefined,
        gbytes: rate(sum((d) => d.bytes)),
      };
    })
    .toSorted((a, b) => b.ms - a.ms);
}
