// The tape and the training step — plan
//   shared gradients    a residual, used twice and added to: equals finite differences written out by hand
//   unused leaves       a parameter without a use has gradient 0, also after a run in which it held another
//   accumulation        two half batches into the same leaves equal the whole batch
//   replay              the same step from the same state gives the same bits: loss, logits, every parameter and moment
//   a bad gradient      NaN or infinite loss scale: verdict 0, weights and moments keep their bits, the next step works
//   resume              10 steps equal 5, save, restore into a fresh store, 5 more: the same bits
//   refusals            a gradient for a constant; labels of another length; two widths
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import { fixed, ProgramBuilder, type Tensor } from "../../src/gpu/program";
import {
  createParamStore,
  crossEntropy,
  linear,
  type NewParameter,
  NO_ROW,
  Tape,
  type Var,
} from "../../src/student";
import { add } from "../../src/student/ops";
import { normals } from "../oracle/nn";
import { randomWeights, tinyConfig } from "../oracle/nn-models";
import { expectClose, relativeL2 } from "../support/close";
import { testGpu } from "../support/gpu";
import { type Batch, openTrainee, plainHyper as hyper } from "../support/student";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

const parameter = (name: string, shape: number[], seed: number): NewParameter => ({
  name,
  shape,
  data: normals(
    seed,
    shape.reduce((a, b) => a * b, 1),
  ),
  group: "student",
  decay: true,
});

describe("tape", () => {
  test("a value used by a residual, a linear and a sum", async () => {
    const [n, d] = [5, 8];
    const store = createParamStore(gpu, [
      parameter("x", [n, d], 1),
      parameter("w", [d, d], 2),
      parameter("unused", [3], 3),
    ]);
    const b = new ProgramBuilder("shared");
    const tape = new Tape(b);
    const x0 = store.leaf(tape, "x");
    store.leaf(tape, "unused");
    const w = store.leaf(tape, "w");
    const x = add(tape, x0, x0); // 2·x0
    const y = linear(tape, x, w, { residual: x }); // x + x·Wᵀ
    const z = add(tape, y, x); // 2·x + x·Wᵀ
    const dz = b.input("dz", n * d);
    tape.push(() => tape.passGrad(z, dz, z));
    tape.backward();
    b.output("z", z.value);
    const program = await b.build(gpu);
    const values = normals(4, n * d);
    for (let i = 0; i < 2; i++) await program.run({ dz: values }); // twice: gradients are replaced, not added
    const got = await store.readGradients();
    const weights = (await store.read("student")).get("w")!.data;
    const dx = Array.from(values, (g, i) => {
      const [row, k] = [Math.floor(i / d), i % d];
      let through = 0;
      for (let c = 0; c < d; c++) through += values[row * d + c]! * weights[c * d + k]!;
      return 2 * (2 * g + through);
    });
    expectClose(got.get("x")!.data, dx, { rtol: 1e-6, atol: 1e-5 }, "dx");
    const x2 = normals(1, n * d).map((value) => 2 * value);
    const dw = Array.from({ length: d * d }, (_, i) => {
      const [c, k] = [Math.floor(i / d), i % d];
      let sum = 0;
      for (let row = 0; row < n; row++) sum += values[row * d + c]! * x2[row * d + k]!;
      return sum;
    });
    expectClose(got.get("w")!.data, dw, { rtol: 1e-6, atol: 1e-5 }, "dw");
    expect([...got.get("unused")!.data]).toEqual([0, 0, 0]);
    program.destroy();
    store.destroy();
  });

  test("two half batches add up to the whole", async () => {
    const [n, d, vocab] = [6, 8, 11];
    const store = createParamStore(gpu, [parameter("w", [vocab, d], 5)]);
    const x = normals(6, n * d);
    const labels = Uint32Array.from({ length: n }, (_, i) => (i === 2 ? NO_ROW : (i * 5) % vocab));
    const record = async (rows: number, accumulateLeaves: boolean) => {
      const b = new ProgramBuilder("part");
      const tape = new Tape(b, { accumulateLeaves });
      const input: Var = tape.constant(b.input("x", rows * d), [rows, d]);
      const logits = linear(tape, input, store.leaf(tape, "w"));
      crossEntropy(tape, logits, b.input("labels", rows), b.input("scale", 4, "uniform"));
      tape.backward();
      return b.build(gpu);
    };
    const scale = Float32Array.of(0.2, 0, 0, 0);
    const gradient = async () => (await store.readGradients()).get("w")!.data;
    const whole = await record(n, false);
    await whole.run({ x, labels, scale });
    const want = await gradient();
    const [first, next] = [await record(3, false), await record(3, true)];
    await first.run({ x: x.slice(0, 3 * d), labels: labels.slice(0, 3), scale });
    await next.run({ x: x.slice(3 * d), labels: labels.slice(3), scale });
    expect(relativeL2(await gradient(), want)).toBeLessThan(1e-6);
    for (const thing of [whole, first, next, store]) thing.destroy();
  });

  test("refusals", () => {
    const b = new ProgramBuilder("refused");
    const tape = new Tape(b);
    const constant = (name: string, shape: number[]): Var =>
      tape.constant(
        b.scratch(
          name,
          shape.reduce((p, q) => p * q, 1),
        ),
        shape,
      );
    expect(() => tape.gradTarget(constant("teacher", [2]))).toThrow(/"teacher" takes no gradient/);
    const x = constant("x", [2, 8]);
    expect(() => linear(tape, x, constant("w", [3, 4]))).toThrow(/"w" takes width 4, got 8 from "x"/);
    const labels: Tensor = b.input("labels", 3);
    expect(() => crossEntropy(tape, x, labels, new ArrayBuffer(16))).toThrow(/each of 2 rows, got 3/);
    const buffer = gpu.device.createBuffer({ size: 512, usage: GPUBufferUsage.STORAGE });
    expect(() => fixed("odd", buffer, 3, 4)).toThrow(/multiple of 256 bytes, got 12/);
    buffer.destroy();
  });
});

const shape = { B: 2, T: 9 };
const batch = (step: number): Batch => ({
  ids: Uint32Array.from({ length: 18 }, (_, i) => (i * 5 + step * 3) % tinyConfig.vocabSize),
  labels: Uint32Array.from({ length: 18 }, (_, i) =>
    i % 4 === 1 ? NO_ROW : (i * 7 + step) % tinyConfig.vocabSize,
  ),
});
const open = () => openTrainee(gpu, tinyConfig, randomWeights(tinyConfig, 8), shape);

describe("training step", () => {
  test("replay and resume give the same bits; the loss falls", async () => {
    const straight = await open();
    const losses: number[] = [];
    for (let step = 1; step <= 10; step++)
      losses.push((await straight.step(batch(step % 2), hyper(step))).loss);
    expect(losses[9]).toBeLessThan(losses[1]!);
    const end = await straight.store.save();

    const first = await open();
    const again: number[] = [];
    for (let step = 1; step <= 5; step++) again.push((await first.step(batch(step % 2), hyper(step))).loss);
    const saved = await first.store.save();
    first.destroy();
    const second = await open();
    second.store.restore(saved);
    for (let step = 6; step <= 10; step++) again.push((await second.step(batch(step % 2), hyper(step))).loss);
    expect(again).toEqual(losses);
    expect(await second.store.save()).toEqual(end);

    const wrong = { ...saved, m: saved.m.subarray(1) };
    expect(() => second.store.restore(wrong)).toThrow(/saved m has \d+ values/);
    second.destroy();
    straight.destroy();
  });

  test.each([NaN, Infinity, 1e30])("a loss scaled by %d is skipped", async (scale) => {
    const trainee = await open();
    await trainee.step(batch(0), hyper(1));
    const before = await trainee.store.save();
    const { verdict } = await trainee.step(batch(1), hyper(2), scale);
    expect(verdict[2]).toBe(0);
    expect(await trainee.store.save()).toEqual(before);
    const next = await trainee.step(batch(1), hyper(2));
    expect(next.verdict[2]).toBe(1);
    expect((await trainee.store.save()).params).not.toEqual(before.params);
    trainee.destroy();
  });
});
