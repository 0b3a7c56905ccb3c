// Ops on logits whose rows lie in ranges, as matrices larger than a binding do — plan
//   cuts        rows per range: multiples of 64 but the last, within the limit, one range where all fits
//   views       stretches of scratch and inputs are bound where they begin; others are refused
//   local rows  indices as a range counts them, no row and rows of other ranges told apart
//   × every op that objectives use on logits: linear, crossEntropy, divergence × {KL, JS, skewed, adaptive} and sides of
//     unequal width, logSoftmax, labelLogProb, maskedLogSum, pickEntries × {all columns, some; with and without shifts},
//     likelihoods and mixtures of chunks, sortedL1 × {logits, log-probabilities}, minedTarget, zScale and pickTop
//   equal       values and gradients equal those of the matrix in one piece, bit for bit (a product that sums over rows:
//               to rounding); indices point across ranges, padding among them; gradients add where an op is used twice
//   control     an index that is off by a range gives another value
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import { f32, packParams, u32 } from "../../src/gpu/params";
import { type InputData, ProgramBuilder, type Tensor } from "../../src/gpu/program";
import { inRanges, rowBlocks, rowCuts, slice } from "../../src/gpu/tensor";
import { recordMixtureDivergence } from "../../src/objectives/ops/chunk-losses";
import { recordDivergence } from "../../src/objectives/ops/divergence";
import { labelLogProb, logSoftmax } from "../../src/objectives/ops/log-softmax";
import { maskedLogSum } from "../../src/objectives/ops/masked-log-sum";
import { recordMinedTarget } from "../../src/objectives/ops/mined-target";
import { pickTop, zScale } from "../../src/objectives/ops/multilevel";
import { pickEntries } from "../../src/objectives/ops/pick-entries";
import { recordSortedL1 } from "../../src/objectives/ops/sorted-l1";
import { crossEntropy, linear, Tape, type Var } from "../../src/student";
import { recordAdd } from "../../src/student/ops/add";
import { localRowsKernel } from "../../src/student/ops/local-rows";
import { NO_ROW, normals } from "../oracle/nn";
import { relativeL2 } from "../support/close";
import { runKernel, testGpu } from "../support/gpu";
import { expectGuarded, guarded, GUARD } from "../support/nn-values";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

/** Student and teacher rows and columns: three ranges of 64, 64 and a few rows. */
const [R, V, Q, W] = [131, 21, 140, 13];
const LIMIT = 4 * 64 * V;

interface Matrix {
  readonly data: Float32Array;
  readonly shape: readonly [number, number];
}
const matrix = (seed: number, rows: number, cols: number, scale = 2): Matrix => ({
  data: normals(seed, rows * cols, scale),
  shape: [rows, cols],
});

interface Parts {
  readonly leaf: (name: string) => Var;
  readonly constant: (name: string) => Tensor;
  readonly table: (name: string) => Tensor;
  readonly tape: Tape;
  readonly scale: ArrayBuffer;
}

interface Case {
  readonly leaves: Readonly<Record<string, Matrix>>;
  readonly constants?: Readonly<Record<string, Matrix>>;
  readonly tables?: Readonly<Record<string, InputData>>;
  /** Values to look at; a Var is also given a gradient. */
  record(parts: Parts): (Tensor | Var)[];
}

/** Values and gradients, each joined from its ranges. */
async function run({ leaves, constants = {}, tables = {}, record }: Case, rangeBytes: number) {
  const b = new ProgramBuilder("ranges", rangeBytes);
  const tape = new Tape(b);
  const data: Record<string, InputData> = { ...tables };
  const cut = (name: string, { data: values, shape: [rows, cols] }: Matrix): Tensor => {
    let at = 0;
    const parts = rowCuts(rows, cols, rangeBytes).map((count, i) => {
      data[`${name} ${i}`] = values.subarray(at, (at += count * cols));
      return b.input(`${name} ${i}`, count * cols);
    });
    return inRanges(name, parts);
  };
  const outputs: string[][] = [];
  const watch = (label: string, t: Tensor) => {
    const parts = t.place.kind === "split" ? t.place.parts : [t];
    outputs.push(parts.map((_, i) => `${label} out ${i}`));
    parts.forEach((part, i) => b.output(`${label} out ${i}`, part));
    return parts.length;
  };
  const vars = new Map<string, Var>();
  const gradients = new Map<string, Tensor>();
  for (const [name, m] of Object.entries(leaves)) {
    const nan = { ...m, data: new Float32Array(m.data.length).fill(NaN) };
    gradients.set(name, cut(`d${name}`, nan));
    vars.set(name, tape.leaf(cut(name, m), gradients.get(name), m.shape));
  }
  const fixedValues = new Map(Object.entries(constants).map(([name, m]) => [name, cut(name, m)]));
  const inputs = new Map(Object.entries(tables).map(([name, t]) => [name, b.input(name, t.length)]));
  const parts: Parts = {
    leaf: (name) => vars.get(name)!,
    constant: (name) => fixedValues.get(name)!,
    table: (name) => inputs.get(name)!,
    tape,
    scale: packParams(f32(0.7)),
  };
  let split = 0;
  for (const twice of [1, 2])
    for (const [i, made] of record(parts).entries()) {
      const isVar = "value" in made;
      split += watch(`${twice} ${i}`, isVar ? made.value : made) > 1 ? 1 : 0;
      if (!isVar || !made.needsGrad) continue;
      const dy = b.input(`seed ${twice} ${i}`, made.value.length);
      data[`seed ${twice} ${i}`] = normals(40 + twice, made.value.length);
      tape.push(() => recordAdd(b, { a: dy, out: tape.gradTarget(made).tensor, accumulate: false }));
    }
  tape.backward();
  for (const [name, grad] of gradients) watch(`d${name}`, grad);
  const program = await b.build(gpu);
  const got: Record<string, Float32Array> = await program.run(data, { read: outputs.flat() });
  program.destroy();
  return { values: outputs.map((names) => names.flatMap((name) => [...got[name]!])), split };
}

async function expectEqual(c: Case, splitOutputs: boolean) {
  const [whole, cut] = [await run(c, Infinity), await run(c, LIMIT)];
  expect(whole.split).toBe(0);
  expect(cut.split > 0).toBe(splitOutputs);
  expect(whole.values.every((values) => values.every(Number.isFinite))).toBe(true);
  expect(cut.values).toEqual(whole.values);
}

const mask = (count: number) =>
  Float32Array.from({ length: count }, (_, i) => (i % 7 === 3 ? 0 : 1 + (i % 3)));
const labels = Uint32Array.from({ length: R }, (_, i) => (i % 9 === 4 ? NO_ROW : (i * 5) % V));
/** Rows of `total` in a scattered order, each once, some places without one. */
const scattered = (count: number, total: number, step = 37) =>
  Uint32Array.from({ length: count }, (_, i) => (i % 11 === 5 ? NO_ROW : (i * step) % total));

describe("cuts", () => {
  test.each([
    [131, 21, LIMIT, [64, 64, 3]],
    [131, 21, 4 * 131 * 21, [131]],
    [131, 21, 1, [64, 64, 3]],
    [300, 10, 4 * 10 * 200, [192, 108]],
    [1024, 262144, 2 ** 27, [128, 128, 128, 128, 128, 128, 128, 128]],
    [256, 151936, 2 ** 27, [192, 64]],
  ])("%i rows of %i under %i bytes", (rows, width, bytes, want) => {
    expect(rowCuts(rows, width, bytes)).toEqual(want);
  });

  test("blocks are those in which nothing is split", () => {
    const b = new ProgramBuilder("blocks", LIMIT);
    const [x, y] = [b.scratchRows("x", 300, 21), b.scratchRows("y", 300, 10)];
    const bounds = rowBlocks(300, x, y, b.scratch("z", 300)).map(({ first, count }) => [first, count]);
    expect(bounds).toEqual([
      [0, 64],
      [64, 64],
      [128, 64],
      [192, 64],
      [256, 44],
    ]);
    expect(rowBlocks(300, b.scratch("z", 300))).toMatchObject([{ first: 0, count: 300 }]);
    expect(b.scratchLike("dx", x).place).toMatchObject({ parts: [{ length: 64 * 21 }, {}, {}, {}, {}] });
  });
});

describe("views", () => {
  test("read and write where they begin, and no further", async () => {
    const b = new ProgramBuilder("views");
    const [x, y] = [b.input("x", 300), b.scratch("y", 300)];
    recordAdd(b, { a: x, out: y, accumulate: false });
    recordAdd(b, { a: slice(x, 64, 100), out: slice(y, 128, 100), accumulate: true });
    recordAdd(b, { a: slice(x, 0, 7), out: slice(slice(y, 256, 44), 0, 7), accumulate: true });
    b.output("y", y);
    b.output("tail", slice(y, 256, 44));
    const program = await b.build(gpu);
    const values = normals(3, 300);
    const got = await program.run({ x: values }, { read: ["y", "tail"] });
    const want = Float32Array.from(values);
    for (let i = 0; i < 100; i++) want[128 + i]! += values[64 + i]!;
    for (let i = 0; i < 7; i++) want[256 + i]! += values[i]!;
    expect(got.y).toEqual(want);
    expect(got.tail).toEqual(want.subarray(256));
    program.destroy();
  });

  test("refusals", () => {
    const b = new ProgramBuilder("views", LIMIT);
    const x = b.scratch("x", 300);
    expect(slice(x, 0, 300)).toBe(x);
    expect(() => slice(x, 7, 3)).toThrow(/"x\[7…\]" must start at a multiple of 64 elements/);
    expect(() => slice(b.scratchRows("wide", R, V), 0, 65 * V)).toThrow(/do not lie in one range/);
  });
});

test.each([
  [1, 0, 1],
  [65, 64, 64],
  [300, 128, 3],
])("local rows: %i of them, from %i on %i", async (count, first, size) => {
  const rows = Uint32Array.from({ length: count }, (_, i) => (i % 5 === 2 ? NO_ROW : (i * 37) % 140));
  const { out } = await runKernel(localRowsKernel, {
    inputs: {
      params: packParams(u32(count), u32(first), u32(size)),
      rows: Uint32Array.from([...rows, 1, 1, 1]),
    },
    outputs: { out: count + GUARD },
    grid: [Math.ceil(count / 64)],
  });
  const got = new Uint32Array(out!.buffer);
  const inside = (row: number) => row >= first && row < first + size;
  expect([...got.subarray(0, count)]).toEqual(
    [...rows].map((row) => (row === NO_ROW ? NO_ROW : inside(row) ? row - first : 0xfffffffe)),
  );
  expect(out!.subarray(count).every(Number.isNaN)).toBe(true);
});

test("linear: values equal, sums over rows to rounding", async () => {
  for (const layout of ["out-in", "in-out"] as const) {
    const K = 6;
    const c: Case = {
      leaves: { x: matrix(1, R, K), w: layout === "out-in" ? matrix(2, V, K) : matrix(2, K, V) },
      record: ({ tape, leaf }) => [linear(tape, leaf("x"), leaf("w"), { layout, wide: true })],
    };
    const [whole, cut] = [await run(c, Infinity), await run(c, LIMIT)];
    expect(cut.split).toBe(2);
    expect(cut.values.slice(0, 3)).toEqual(whole.values.slice(0, 3)); // y twice, dx
    expect(relativeL2(cut.values[3]!, whole.values[3]!)).toBeLessThan(1e-6);
  }
});

test("cross entropy", async () => {
  expect.hasAssertions();
  await expectEqual(
    {
      leaves: { x: matrix(1, R, V) },
      tables: { labels },
      record({ tape, leaf, table, scale }) {
        const { rowLoss, hit, lse, totals } = crossEntropy(tape, leaf("x"), table("labels"), scale);
        return [rowLoss, hit, lse, totals];
      },
    },
    false,
  );
});

describe("divergence", () => {
  const kinds = ["forward_kl", "js", "skewed_reverse_kl", "adaptive_kl"] as const;
  test.each(kinds.flatMap((kind) => [V, V - 4].map((width) => [kind, width] as const)))(
    "%s, a teacher of %i columns",
    async (divergence, width) => {
      expect.hasAssertions();
      await expectEqual(
        {
          leaves: { x: matrix(1, R, V) },
          constants: { t: matrix(2, R, width) },
          tables: { weight: mask(R) },
          record({ tape, leaf, constant, table, scale }) {
            const sides = { student: leaf("x"), teacher: constant("t"), rowWeight: table("weight") };
            const { rowLoss, totals } = recordDivergence(tape, {
              divergence,
              temperature: 2,
              ...sides,
              scale,
            });
            return [rowLoss, totals];
          },
        },
        false,
      );
    },
  );
});

test("log-softmax, and of labels alone", async () => {
  expect.hasAssertions();
  await expectEqual(
    {
      leaves: { x: matrix(1, R, V) },
      tables: { labels },
      record: ({ tape, leaf, table }) => [
        logSoftmax(tape, leaf("x"), 1.5),
        labelLogProb(tape, leaf("x"), table("labels")),
      ],
    },
    true,
  );
});

test("log-probability of a set, by index", async () => {
  expect.hasAssertions();
  await expectEqual(
    {
      leaves: { x: matrix(1, R, V) },
      tables: {
        rows: scattered(90, R),
        members: Uint32Array.from({ length: V }, (_, v) => (v % 3 === 1 ? 1 : 0)),
      },
      record: ({ tape, leaf, table }) => [maskedLogSum(tape, leaf("x"), table("rows"), table("members"))],
    },
    false,
  );
});

describe("entries by index", () => {
  const cols = Uint32Array.from({ length: V }, (_, j) => (j % 6 === 5 ? NO_ROW : (j * 8) % V));
  test.each([
    ["all columns", false, false],
    ["some columns", true, false],
    ["all columns, shifted", false, true],
    ["some columns, shifted", true, true],
  ])("%s", async (_name, some, shifted) => {
    expect.hasAssertions();
    const count = 129;
    await expectEqual(
      {
        leaves: { x: matrix(1, R, V), shift: matrix(2, count, 1) },
        tables: { rows: scattered(count, R), cols },
        record({ tape, leaf, table }) {
          const shift = leaf("shift");
          const cols2 = some ? table("cols") : undefined;
          return [
            pickEntries(tape, leaf("x"), {
              rows: table("rows"),
              cols: cols2,
              shift: shifted ? { ...shift, shape: [count] } : undefined,
            }),
          ];
        },
      },
      true,
    );
  });
});

test("mixtures of chunks", async () => {
  expect.hasAssertions();
  await expectEqual(
    {
      leaves: { x: matrix(1, R, V, 1) },
      constants: { t: matrix(2, R, V, 1) },
      tables: { weight: mask(R) },
      record({ tape, leaf, constant, table, scale }) {
        const rest = { weight: table("weight"), scale, beta: 0.5 };
        const s = logSoftmax(tape, leaf("x"));
        const t = logSoftmax(tape, tape.constant(constant("t"), [R, V])).value;
        return [recordMixtureDivergence(tape, { student: s, teacher: t, ...rest }).totals];
      },
    },
    false,
  );
});

describe("sorted distributions", () => {
  test.each([false, true])("log-probabilities: %s", async (logProbs) => {
    expect.hasAssertions();
    const count = 133;
    const [s, t] = [scattered(count, R, 37), scattered(count, Q, 29)];
    await expectEqual(
      {
        leaves: { x: matrix(1, R, V) },
        constants: { t: matrix(2, Q, W) },
        tables: {
          ...{ s, t, weight: mask(count) },
          pairs: Uint32Array.from({ length: 2 * count }, (_, i) => (i % 2 ? t : s)[i >> 1]!),
        },
        record({ tape, leaf, constant, table, scale }) {
          const { pairLoss, totals } = recordSortedL1(tape, {
            student: leaf("x"),
            teacher: constant("t"),
            teacherVocab: W,
            ...{ studentRows: table("s"), teacherRows: table("t"), pairs: table("pairs") },
            ...{ weight: table("weight"), scale, logProbs },
          });
          return [pairLoss, totals];
        },
      },
      false,
    );
  });
});

test("a target in another vocabulary", async () => {
  expect.hasAssertions();
  await expectEqual(
    {
      leaves: {},
      constants: { t: matrix(2, Q, W) },
      tables: {
        ...{ source: scattered(R, Q, 29), labels },
        inverse: Uint32Array.from({ length: V }, (_, v) => (v % 4 === 2 ? NO_ROW : v % W)),
      },
      record: ({ tape, constant, table }) => [
        recordMinedTarget(tape.b, {
          ...{ source: table("source"), labels: table("labels"), inverse: table("inverse") },
          ...{ teacher: constant("t"), teacherVocab: W },
        }),
      ],
    },
    true,
  );
});

test("logits in units of their spread, and the likeliest of each sample", async () => {
  expect.hasAssertions();
  // Samples of 50, 70 and 9 rows: two of them lie in two ranges; the last two rows are padding.
  const ends = [0, 50, 120, 129];
  const ranges = Uint32Array.of(0, 50, 50, 120, 120, 129);
  const sampleOf = Uint32Array.from({ length: R }, (_, r) => {
    const b = ends.findIndex((end, i) => r >= end && r < (ends[i + 1] ?? 0));
    return b < 0 ? NO_ROW : b;
  });
  await expectEqual(
    {
      leaves: { x: matrix(1, R, V) },
      tables: { ranges, samples: Uint32Array.of(0, 1, 2), sampleOf },
      record({ tape, leaf, table }) {
        const scaled = zScale(tape, leaf("x"), 2);
        const tables = { ranges: table("ranges"), samples: table("samples"), sampleOf: table("sampleOf") };
        return [pickTop(tape, logSoftmax(tape, scaled), { ...tables, top: 5 })];
      },
    },
    false,
  );
});

test("control: an index one range on is another value", async () => {
  const rows = Uint32Array.of(3, 70, 130);
  const values = async (at: Uint32Array) => {
    const c: Case = {
      leaves: { x: matrix(1, R, V) },
      tables: { rows: at },
      record: ({ tape, leaf, table }) => [pickEntries(tape, leaf("x"), { rows: table("rows") })],
    };
    return (await run(c, LIMIT)).values[0]!;
  };
  const [right, wrong] = [await values(rows), await values(Uint32Array.of(67, 6, 66))];
  expectGuarded(
    guarded(right),
    [...rows].flatMap((row) => [...matrix(1, R, V).data.subarray(row * V, (row + 1) * V)]),
    { rtol: 0, atol: 0 },
  );
  expect(wrong).not.toEqual(right);
});
