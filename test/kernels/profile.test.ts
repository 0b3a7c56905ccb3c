// profile — plan
//   times        every dispatch gets a time; labels, grids, flops and bytes are those of the program's listing
//   stages       the innermost counts; one that comes twice is one time; with timestamps, and with submits without them
//   by kernel    milliseconds, shares, GFLOP/s and GB/s of a known list; a kernel without declared arithmetic has none
//   best of      the smallest time of each dispatch
//   watch        programs that run are counted until the watch stops
//   table        a row per kernel, a total, and no rate where the clock saw nothing
//   no queries   an adapter without timestamps is refused by name, with what to do
import { describe, expect, test } from "vitest";
import { profileTable } from "../../src/cli/profile";
import type { Gpu } from "../../src/gpu/device";
import {
  bestOf,
  byKernel,
  checkTimestamps,
  type DispatchTime,
  NoTimestampsError,
  profile,
  profileStages,
  watchPrograms,
} from "../../src/gpu/profile";
import { type DispatchFacts, ProgramBuilder } from "../../src/gpu/program";
import { recordFill } from "../../src/student/ops/fill";
import { recordMatmul } from "../../src/student/ops/matmul";
import { testGpu } from "../support/gpu";

async function twoKernels(gpu: Gpu) {
  const b = new ProgramBuilder("two kernels");
  const a = b.input("a", 64 * 64);
  const out = b.scratch("out", 64 * 64);
  for (let i = 0; i < 2; i++) recordMatmul(b, { layout: "nn", rows: 64, cols: 64, inner: 64, a, b: a, out });
  recordFill(b, out, 0);
  return b.build(gpu);
}

describe("on a GPU", () => {
  test("every dispatch is timed", async () => {
    const program = await twoKernels(await testGpu());
    const times = await profile(program);
    const facts = ({ label, stage, grid, flops, bytes }: DispatchFacts) => {
      return { label, stage, grid, flops, bytes };
    };
    expect(times.map(facts)).toEqual(program.listing().map(facts));
    expect(times.map(({ flops }) => flops)).toEqual([2 * 64 ** 3, 2 * 64 ** 3, 0]);
    expect(times[0]!.bytes).toBeGreaterThanOrEqual(3 * 64 * 64 * 4);
    for (const { ms } of times) expect(ms).toBeGreaterThanOrEqual(0);
    expect(times[0]!.ms).toBeLessThan(1000);
    program.destroy();
  });

  test.each([
    ["timestamps", true],
    ["submits, without timestamps", false],
  ])("every stage is timed by %s", async (_, timestamps) => {
    const gpu = await testGpu();
    const { device } = gpu;
    const bare = new Proxy(device, {
      get: (of, key) => {
        if (key === "features" && !timestamps) return new Set();
        const value: unknown = Reflect.get(of, key, of);
        return typeof value === "function" ? value.bind(of) : value;
      },
    });
    const b = new ProgramBuilder("stages");
    const out = b.scratch("out", 64);
    const fill = () => recordFill(b, out, 0);
    b.inStage("outer", () => {
      fill();
      b.inStage("inner", fill);
      fill();
    });
    fill();
    const program = await b.build({ ...gpu, device: bare });
    expect(program.listing().map(({ stage }) => stage)).toEqual(["outer", "inner", "outer", ""]);
    const stages = await profileStages(program);
    expect(stages.map(({ stage }) => stage)).toEqual(["outer", "inner", ""]);
    for (const { ms } of stages) expect(ms).toBeGreaterThanOrEqual(0);
    program.destroy();
  });

  test("programs that run are counted", async () => {
    const gpu = await testGpu();
    const program = await twoKernels(gpu);
    const watch = watchPrograms(gpu);
    await program.run();
    await program.run();
    watch.stop();
    await program.run();
    expect([...watch.runs]).toEqual([[program, 2]]);
    program.destroy();
  });
});

const time = (label: string, ms: number, flops: number, bytes: number): DispatchTime => ({
  ...{ label, stage: "", ms, flops, bytes },
  grid: [1],
});
const times = [time("a", 1, 4e6, 1e6), time("b", 6, 0, 3e6), time("a", 3, 4e6, 1e6), time("c", 0, 0, 64)];

test("by kernel", () => {
  expect(byKernel(times)).toEqual([
    { label: "b", dispatches: 1, ms: 6, share: 0.6, gflops: undefined, gbytes: 0.5 },
    { label: "a", dispatches: 2, ms: 4, share: 0.4, gflops: 2, gbytes: 0.5 },
    { label: "c", dispatches: 1, ms: 0, share: 0, gflops: undefined, gbytes: Infinity },
  ]);
});

test("best of", () => {
  const again = times.map((t) => ({ ...t, ms: 4 - t.ms }));
  expect(bestOf([times, again]).map(({ ms }) => ms)).toEqual([1, -2, 1, 0]);
});

test("table", () => {
  const [head, b, a, c, all] = profileTable(byKernel(times)).map((line) => line.trim().split(/ {2,}/));
  expect(head).toEqual(["kernel", "dispatches", "ms", "share %", "GFLOP/s", "GB/s"]);
  expect(b).toEqual(["b", "1", "6.000", "60.0", "–", "0.50"]);
  expect(a).toEqual(["a", "2", "4.000", "40.0", "2.00", "0.50"]);
  expect(c).toEqual(["c", "1", "0.000", "0.0", "–", "–"]);
  expect(all).toEqual(["all", "4", "10.000", "100.0"]);
});

test("an adapter without timestamps", async () => {
  const gpu = await testGpu();
  const bare: Gpu = { ...gpu, device: { features: new Set() } as unknown as GPUDevice };
  expect(() => checkTimestamps(bare)).toThrow(NoTimestampsError);
  expect(() => checkTimestamps(bare)).toThrow(
    /^This adapter \(.+\) has no timestamp queries.*metrics\.jsonl/,
  );
  expect(() => checkTimestamps(gpu)).not.toThrow();
});
