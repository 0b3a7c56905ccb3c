// Products with a split inner sum, and the sum of parts — plan (what graphics cards do; off on software rasterizers)
//   sum_parts      Σ over {1, 2, 7, 64} parts × count {1, 65, 300} × accumulate
//   kernels        each part of aᵀ·b is the product of its own k, against the f64 oracle × form {registers, shared,
//                  subgroup} × chunks {whole, even, ragged, a last part of one k} × edges in rows and columns
//   recordMatmul   as for hardware: two dispatches, the f64 oracle × accumulate × shapes {a small weight gradient, a thin
//                  adapter, odd sizes, 257 rows}; twice the same bits; on software one dispatch, the bits of before
//   choice         by shape: only long sums with few outputs, of aᵀ·b, are split; parts fit their budget
//   norm           many workgroups: verdicts against the f64 oracle, one and several segments; NaN is not applied
//   a student      ten steps as for hardware follow PyTorch's losses
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import { packParams, u32 } from "../../src/gpu/params";
import { ProgramBuilder } from "../../src/gpu/program";
import { subgroupLanes } from "../../src/gpu/subgroups";
import { createParamStore, HYPER_ELEMENTS, recordClipAndAdamW } from "../../src/student";
import { foldGrid } from "../../src/student/grid";
import { innerChunk, recordMatmul } from "../../src/student/ops/matmul";
import { matmulForm, matmulParams } from "../../src/student/ops/matmul-forms";
import { sumPartsKernel } from "../../src/student/ops/sum-parts";
import { matmul, normals } from "../oracle/nn";
import { clip } from "../oracle/nn-optim";
import { expectClose } from "../support/close";
import { configOf, goldenBatch, readGolden, type StudentGolden, tensorsOf } from "../support/golden";
import { asHardware, runKernel, testGpu } from "../support/gpu";
import { expectGuarded, guarded, GUARD } from "../support/nn-values";
import { openTrainee, plainHyper } from "../support/student";

let gpu: Gpu;
let card: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
  card = asHardware(gpu);
});

describe.each([1, 2, 7, 64])("the sum of %i parts", (parts) => {
  test.each([1, 65, 300])("of %i elements", async (count) => {
    const [x, before] = [normals(parts, parts * count), normals(2, count)];
    const sums = Array.from({ length: count }, (_, i) =>
      Array.from({ length: parts }, (_part, p) => x[p * count + i]!).reduce((a, b) => a + b, 0),
    );
    for (const accumulate of [0, 1]) {
      const params = packParams(u32(count), u32(parts), u32(accumulate));
      const { out } = await runKernel(sumPartsKernel, {
        inputs: { params, parts: guarded(x) },
        ...(accumulate
          ? { outputs: {}, inout: { out: guarded(before) } }
          : { outputs: { out: count + GUARD } }),
        grid: foldGrid(count),
      });
      const want = sums.map((sum, i) => sum + accumulate * before[i]!);
      expectGuarded(out, want, { rtol: 1e-6, atol: 1e-5 }); // up to 64 roundings near 8
    }
  });
});

/** The guard is made of whole vec4s: a vec4 array ignores a last incomplete one. */
const tailed = (values: Float32Array) => guarded(values).subarray(0, values.length + 36);

describe.each(["registers", "shared", "subgroup"] as const)("%s", (form) => {
  test.each([
    [4, 4, 20, 20],
    [8, 36, 20, 10],
    [36, 132, 50, 16],
    [20, 64, 33, 8], // a last part of one k
    [64, 8, 7, 2],
  ])("%i×%i×%i, chunks of %i", async (rows, cols, inner, chunk) => {
    const dims = { layout: "tn", rows, cols, inner } as const;
    const [a, b] = [normals(1, rows * inner), normals(2, inner * cols)];
    const parts = Math.ceil(inner / chunk);
    const { spec, grid } = matmulForm(form, dims, subgroupLanes(gpu), parts)!;
    const { out } = await runKernel(spec, {
      inputs: {
        params: matmulParams(dims, undefined, chunk),
        ...{ a: tailed(a), b: tailed(b), addend: tailed(a) },
      },
      outputs: { out: parts * rows * cols + 36 },
      grid,
    });
    const want = Array.from({ length: parts }, (_, p) => {
      const [from, to] = [p * chunk, Math.min((p + 1) * chunk, inner)];
      const some = { ...dims, inner: to - from };
      return matmul(some, a.subarray(from * rows, to * rows), b.subarray(from * cols, to * cols));
    });
    expectGuarded(out, want.flat(), { rtol: 0, atol: 1e-5 });
  });
});

async function record(on: Gpu, rows: number, cols: number, inner: number, accumulate: boolean) {
  const dims = { layout: "tn", rows, cols, inner } as const;
  const [a, b] = [normals(1, rows * inner), normals(2, inner * cols)];
  const before = normals(3, rows * cols);
  const builder = new ProgramBuilder("parts");
  const out = builder.input("out", rows * cols);
  const operands = { a: builder.input("a", a.length), b: builder.input("b", b.length) };
  recordMatmul(builder, { ...dims, ...operands, out, accumulate });
  builder.output("out", out);
  const program = await builder.build(on);
  const start = accumulate ? before : new Float32Array(before.length).fill(NaN);
  const got = await program.run({ a, b, out: start }, { read: ["out"] });
  const labels = program.listing().map(({ label }) => label);
  program.destroy();
  const want = matmul(dims, a, b).map((value, i) => value + (accumulate ? before[i]! : 0));
  return { out: got.out, want, labels };
}

describe("recordMatmul", () => {
  test.each([
    [64, 64, 640],
    [8, 576, 333], // an adapter's
    [3, 1, 129], // few rows, one column
    [37, 29, 257],
    [257, 20, 128],
  ])("%i×%i with %i rows between", async (rows, cols, inner) => {
    for (const accumulate of [false, true]) {
      const { out, want, labels } = await record(card, rows, cols, inner, accumulate);
      expect(labels).toHaveLength(2);
      expect(labels[1]).toBe("sum_parts");
      expectClose(out, want, { rtol: 0, atol: 3e-4 }); // 640 roundings of sums up to 100
      expect((await record(card, rows, cols, inner, accumulate)).out).toEqual(out);
      const software = await record(
        { ...gpu, adapter: { ...gpu.adapter, software: true } },
        rows,
        cols,
        inner,
        accumulate,
      );
      expect(software.labels).toHaveLength(1);
      expectClose(software.out, want, { rtol: 0, atol: 3e-4 });
    }
  });
});

describe("choice", () => {
  const chunk = (rows: number, cols: number, inner: number, layout: "tn" | "nt" = "tn") =>
    innerChunk({ layout, rows, cols, inner });
  test("by shape", () => {
    expect(chunk(64, 64, 2560)).toBe(64); // 40 parts
    expect(chunk(64, 64, 2560, "nt")).toBeUndefined();
    expect(chunk(64, 64, 127)).toBeUndefined(); // too short
    expect(chunk(49152, 576, 1024)).toBeUndefined(); // outputs enough
    expect(chunk(576, 576, 1024)).toBe(172); // 162 tiles: six parts
  });

  test("parts fit", () => {
    for (const rows of [1, 8, 64, 100, 576, 1536, 2048])
      for (const cols of [1, 64, 177, 576, 1536])
        for (const inner of [1, 128, 129, 1000, 4096, 32768]) {
          const each = chunk(rows, cols, inner);
          if (each === undefined) continue;
          const parts = Math.ceil(inner / each);
          expect(parts).toBeGreaterThan(1);
          expect(each % 2).toBe(0);
          expect(each).toBeGreaterThanOrEqual(64);
          expect(parts * rows * cols).toBeLessThanOrEqual(2 ** 21);
          expect((parts - 1) * each).toBeLessThan(inner); // none is empty
        }
  });
});

describe("the norm on many workgroups", () => {
  const steps = async (on: Gpu, count: number, segmentBytes: number | undefined, bad = false) => {
    const data = normals(4, count);
    const store = createParamStore(
      on,
      [{ name: "p", shape: [count / 64, 64], data, group: "student", decay: true }],
      segmentBytes ? { segmentBytes } : {},
    );
    const b = new ProgramBuilder("norm");
    const hyper = b.input("hyper", HYPER_ELEMENTS, "uniform");
    const { verdict } = recordClipAndAdamW(b, store, hyper);
    b.output("verdict", verdict);
    const program = await b.build(on);
    const g = normals(5, count);
    if (bad) g[count - 1] = NaN;
    for (const [i, { base, length, tensors }] of store.segments.entries()) {
      const place = tensors.grads.place as { kind: "fixed"; buffer: GPUBuffer };
      expect(i === 0 || base > 0).toBe(true);
      on.device.queue.writeBuffer(place.buffer, 0, g.slice(base, base + length));
    }
    const out = await program.run({ hyper: plainHyper(1) }, { read: ["verdict"] });
    const after = (await store.read("student")).get("p")!.data;
    const result = {
      verdict: [...out.verdict],
      labels: program.listing().map(({ label }) => label),
      moved: after.some((value, i) => value !== data[i]),
      norm: clip(g, 1).norm,
    };
    program.destroy();
    store.destroy();
    return result;
  };
  const COUNT = 64 * 4099;

  test.each([undefined, 4 * 64 * 1300])("segments of %s bytes", async (segmentBytes) => {
    const many = await steps(card, COUNT, segmentBytes);
    const few = await steps({ ...gpu, adapter: { ...gpu.adapter, software: true } }, COUNT, segmentBytes);
    expect(many.labels.filter((label) => label === "sum_parts")).toHaveLength(1);
    expect(few.labels).not.toContain("sum_parts");
    for (const { verdict, norm, moved } of [many, few]) {
      expect(verdict[0]! / norm).toBeCloseTo(1, 5);
      expect(verdict[1]! * (norm + 1e-6)).toBeCloseTo(1, 5);
      expect(verdict[2]).toBe(1);
      expect(moved).toBe(true);
    }
  });

  test("a NaN in the last element is seen, and nothing moves", async () => {
    const { verdict, moved } = await steps(card, COUNT, undefined, true);
    expect(verdict[2]).toBe(0);
    expect(moved).toBe(false);
  });
});

test.each(["llama-tied-gqa", "gpt2", "gemma3"])("%s as on hardware", async (name) => {
  const golden = readGolden<StudentGolden & { losses: number[] }>(name);
  const shape = { B: golden.batch.rows * 8, T: golden.batch.length };
  // Eight copies of the batch: a sum of eight times the rows, the mean loss of one.
  const repeat = (values: Uint32Array) =>
    Uint32Array.from({ length: 8 * values.length }, (_, i) => values[i % values.length]!);
  const { ids, labels } = goldenBatch(golden);
  const batch = { ids: repeat(ids), labels: repeat(labels) };
  const run = async (on: Gpu) => {
    const trainee = await openTrainee(on, configOf(golden), tensorsOf(golden.weights), shape);
    const losses: number[] = [];
    for (let step = 1; step <= 5; step++) losses.push((await trainee.step(batch, plainHyper(step))).loss);
    trainee.destroy();
    return losses;
  };
  const [hardware, software] = [await run(card), await run(gpu)];
  expect(Math.abs(hardware[0]! / golden.losses[0]! - 1)).toBeLessThan(1e-5);
  hardware.forEach((loss, i) => expect(Math.abs(loss / software[i]! - 1)).toBeLessThan(1e-5));
  expect(await run(card)).toEqual(hardware);
});
