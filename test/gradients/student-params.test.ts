// Parameter arenas in segments — plan
//   layout        what fits into a segment never straddles two, a larger matrix lies in ranges of whole rows; none is
//                 over the limit; runs end where they should; one segment when all fits; frozen parameters lie apart and
//                 take weights alone × random shapes and limits
//   ranges        of fixed shapes by hand, Qwen2.5-0.5B's table under 128 MiB among them
//   refusal       a row larger than a segment is named, with its size and the limit
//   training      five steps in many segments equal five in one: losses, weights, moments
//   one segment   with a limit that just holds everything the bits are those without a limit
//   state         save and restore across segments; reset gives the first weights again, moments and gradients zero
//   frozen        a frozen parameter keeps its bits, has no gradient, and the others train on
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import { ProgramBuilder } from "../../src/gpu/program";
import {
  createParamStore,
  crossEntropy,
  HYPER_ELEMENTS,
  layOutParams,
  layoutBytes,
  linear,
  NO_ROW,
  type ParamShape,
  recordClipAndAdamW,
  Tape,
} from "../../src/student";
import { normals } from "../oracle/nn";
import { randomWeights, tinyConfig } from "../oracle/nn-models";
import { relativeL2 } from "../support/close";
import { testGpu } from "../support/gpu";
import { type Batch, openTrainee, plainHyper as hyper } from "../support/student";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

describe("layout", () => {
  const parameter = fc.record({
    shape: fc.oneof(
      fc.tuple(fc.integer({ min: 1, max: 400 })),
      fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 70 })),
    ),
    group: fc.constantFrom("student", "projector"),
    decay: fc.boolean(),
    trainable: fc.boolean(),
  });
  test("segments hold whole parameters, in runs", () => {
    fc.assert(
      fc.property(
        fc.array(parameter, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 7, max: 60 }),
        (list, units) => {
          const most = units * 64;
          const shapes = list.map((rest, i): ParamShape => ({ name: `p${i}`, ...rest }));
          const layout = layOutParams(shapes, most * 4);
          for (const stretch of [...layout.trainable, ...layout.frozen])
            expect(stretch.length).toBeLessThanOrEqual(most);
          const taken = new Set<string>();
          for (const [name, e] of layout.entries) {
            const kind = e.trainable ? layout.trainable : layout.frozen;
            let covered = 0;
            for (const piece of e.pieces) {
              expect(piece.start).toBe(covered);
              covered += piece.length;
              const { base, length } = kind[piece.segment]!;
              expect(piece.offset + piece.length).toBeLessThanOrEqual(length);
              expect(piece.offset % 64).toBe(0);
              const first = (base + piece.offset) / 64;
              for (let unit = first; unit < first + Math.ceil(piece.length / 64); unit++) {
                const key = `${e.trainable} ${unit}`;
                expect(taken.has(key), `${name} overlaps`).toBe(false);
                taken.add(key);
              }
              if (!e.trainable) continue;
              const run = (e.group === "student" ? 0 : 2) + (e.decay ? 0 : 1);
              expect(base + piece.offset).toBeGreaterThanOrEqual(run === 0 ? 0 : layout.ends[run - 1]!);
              expect(base + piece.offset + piece.length).toBeLessThanOrEqual(layout.ends[run]!);
            }
            expect(covered).toBe(e.length);
            const [rows = 1, width = 1] = e.shape;
            expect(e.length).toBe(rows * width);
            if (rows * width <= most) expect(e.pieces).toHaveLength(1);
            for (const { start } of e.pieces) expect(start % width).toBe(0);
          }
          expect(layout.entries.size).toBe(shapes.length);
          expect(layoutBytes(layout).moments).toBe(2 * layoutBytes(layout).gradients);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("a matrix larger than a segment lies in ranges of whole rows", () => {
    const ranges = (shape: [number, number], bytes: number) => {
      const table: ParamShape = { name: "table", shape, group: "student", decay: true };
      const { entries, trainable } = layOutParams([table], bytes);
      expect(trainable.every(({ length }) => 4 * length <= bytes)).toBe(true);
      return entries.get("table")!.pieces.map(({ length }) => length / shape[1]);
    };
    expect(ranges([1024, 1024], 2 ** 20)).toEqual([256, 256, 256, 256]);
    expect(ranges([37, 20], 4 * 128)).toEqual([6, 6, 6, 6, 6, 6, 1]); // fewer than 64: as many as fit
    expect(ranges([1000, 10], 4 * 1280)).toEqual([128, 128, 128, 128, 128, 128, 128, 104]); // else a multiple of 64
    const qwen = ranges([151936, 896], 2 ** 27);
    expect(qwen).toEqual([37440, 37440, 37440, 37440, 2176]);
  });

  test("a row larger than a segment is refused by name", () => {
    const wide: ParamShape = { name: "lm_head.weight", shape: [2, 2 ** 19], group: "student", decay: true };
    expect(() => layOutParams([wide], 2 ** 20)).toThrow(
      /A row of the parameter "lm_head.weight" takes 2\.0 MiB, but this adapter binds at most 1\.0 MiB.*narrower/,
    );
    const norm: ParamShape = { name: "norm.weight", shape: [2 ** 19], group: "student", decay: false };
    expect(() => layOutParams([norm], 2 ** 20)).toThrow(/^The parameter "norm.weight" takes 2\.0 MiB/);
  });
});

const batch = (step: number): Batch => ({
  ids: Uint32Array.from({ length: 18 }, (_, i) => (i * 5 + step * 3) % tinyConfig.vocabSize),
  labels: Uint32Array.from({ length: 18 }, (_, i) =>
    i % 4 === 1 ? NO_ROW : (i * 7 + step) % tinyConfig.vocabSize,
  ),
});
async function fiveSteps(segmentBytes?: number) {
  const trainee = await openTrainee(
    gpu,
    tinyConfig,
    randomWeights(tinyConfig, 8),
    { B: 2, T: 9 },
    segmentBytes === undefined ? {} : { segmentBytes },
  );
  const losses: number[] = [];
  for (let step = 1; step <= 5; step++) losses.push((await trainee.step(batch(step), hyper(step))).loss);
  const segments = trainee.store.segments.length;
  const weights = await trainee.store.read("student");
  const state = await trainee.store.save();
  trainee.destroy();
  return { losses, segments, weights, state };
}

describe("training", () => {
  test("many segments train as one does; a limit that holds all changes no bit", async () => {
    const one = await fiveSteps();
    expect(one.segments).toBe(1);
    const again = await fiveSteps(one.state.params.byteLength);
    expect(again).toEqual(one);
    const many = await fiveSteps(64 * 64);
    expect(many.segments).toBeGreaterThan(3);
    expect(await fiveSteps(64 * 64)).toEqual(many); // deterministic
    many.losses.forEach((loss, i) => expect(Math.abs(loss / one.losses[i]! - 1)).toBeLessThan(1e-5));
    expect([...many.weights.keys()]).toEqual([...one.weights.keys()]);
    for (const [name, { data }] of many.weights)
      expect(relativeL2(data, one.weights.get(name)!.data), name).toBeLessThan(1e-4);
  });

  test("save, restore and reset across segments", async () => {
    const open = () =>
      openTrainee(gpu, tinyConfig, randomWeights(tinyConfig, 8), { B: 2, T: 9 }, { segmentBytes: 64 * 64 });
    const first = await open();
    const start = await first.store.save();
    const losses: number[] = [];
    for (let step = 1; step <= 4; step++) losses.push((await first.step(batch(step), hyper(step))).loss);
    await first.store.reset();
    expect(await first.store.save()).toEqual(start);
    for (const { data } of (await first.store.readGradients()).values())
      expect(data.every((x) => x === 0)).toBe(true);
    for (let step = 1; step <= 2; step++) await first.step(batch(step), hyper(step));
    const saved = await first.store.save();
    first.destroy();
    const second = await open();
    second.store.restore(saved);
    expect(await second.store.save()).toEqual(saved);
    for (let step = 3; step <= 4; step++)
      expect((await second.step(batch(step), hyper(step))).loss).toBe(losses[step - 1]);
    second.destroy();
  });
});

test("a frozen parameter keeps its bits and has no gradient", async () => {
  const [n, d, vocab] = [6, 8, 11];
  const values = (seed: number, count: number) => normals(seed, count);
  const store = createParamStore(gpu, [
    { name: "still", shape: [d, d], data: values(1, d * d), group: "student", decay: true, trainable: false },
    { name: "moving", shape: [vocab, d], data: values(2, vocab * d), group: "student", decay: true },
    { name: "zero", shape: [d, d], group: "student", decay: true },
  ]);
  const b = new ProgramBuilder("frozen");
  const tape = new Tape(b);
  const x = tape.constant(b.input("x", n * d), [n, d]);
  const still = store.leaf(tape, "still");
  expect(still.needsGrad).toBe(false);
  const hidden = linear(tape, linear(tape, x, still), store.leaf(tape, "zero"), {
    residual: linear(tape, x, still),
  });
  const logits = linear(tape, hidden, store.leaf(tape, "moving"));
  crossEntropy(tape, logits, b.input("labels", n), b.input("scale", 4, "uniform"));
  tape.backward();
  recordClipAndAdamW(b, store, b.input("hyper", HYPER_ELEMENTS, "uniform"));
  const program = await b.build(gpu);
  const labels = Uint32Array.from({ length: n }, (_, i) => i);
  await program.run({ x: values(3, n * d), labels, scale: Float32Array.of(1 / n, 0, 0, 0), hyper: hyper(1) });
  const after = await store.read("student");
  expect([...after.keys()]).toEqual(["still", "moving", "zero"]);
  expect(after.get("still")!.data).toEqual(values(1, d * d));
  expect(after.get("moving")!.data).not.toEqual(values(2, vocab * d));
  expect(after.get("zero")!.data.some((value) => value !== 0)).toBe(true);
  expect([...(await store.readGradients()).keys()].toSorted()).toEqual(["moving", "zero"]);
  expect(store.trainableCount).toBe(vocab * d + d * d);
  expect(store.count("student")).toBe(vocab * d + 2 * d * d);
  program.destroy();
  store.destroy();
});
