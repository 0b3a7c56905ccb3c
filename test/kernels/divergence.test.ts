// divergence and its kernels — plan
//   value, gradient   of each of the seven divergences, and of the generalized JS, against the f64 oracle and its finite differences (the adaptive
//                     weights held fixed) × vocabulary {1, 7, 64, 67, 1031} × temperatures; rows of weight 0 give 0
//   unequal widths    both sides are cut to the smaller; the student's further columns get gradient 0
//   accumulate        two divergences of one student add up
//   extremes          logits near 1e6; a teacher row with −1e5 everywhere but one; a student logit of −∞ is left out
//   near              generalized JS at β = 0, ½ and 1 of distributions that differ by a thousandth: a loss of 1e-7 to 1e-5
//   adaptive          the split's weights against a real sort, on ties too (all equal; the first few of the tied)
//   wide              a vocabulary that takes 256 threads a row
//   bad input         temperature 0, skew 1, a teacher of another row count: the message names the field
import { describe, expect, test } from "vitest";
import { f32, packParams, u32 } from "../../src/gpu/params";
import { ProgramBuilder } from "../../src/gpu/program";
import { DIVERGENCES } from "../../src/config/run";
import {
  adaptiveSplitKernel,
  type DivergenceSettings,
  recordDivergence,
} from "../../src/objectives/ops/divergence";
import { Tape } from "../../src/student";
import { adaptiveMix, divergence, logSoftmax } from "../oracle/divergence";
import { finiteDifferences, normals } from "../oracle/nn";
import { expectClose } from "../support/close";
import { runKernel, testGpu } from "../support/gpu";

interface Case {
  student: Float32Array;
  teacher: Float32Array;
  weights: number[];
  vocab: number;
  teacherVocab?: number;
}

const SCALE = -0.5;

/** The recorded op as the trainer runs it: totals, row losses, and the gradient of SCALE · Σ weight·D. */
async function run({ student, teacher, weights, vocab }: Case, all: DivergenceSettings[]) {
  const gpu = await testGpu();
  const b = new ProgramBuilder("divergence");
  const tape = new Tape(b);
  const rows = weights.length;
  const grad = b.input("grad", rows * vocab);
  const s = tape.leaf(b.input("student", rows * vocab), grad, [rows, vocab]);
  const q = b.input("teacher", teacher.length);
  const rowWeight = b.input("weight", rows);
  const recorded = all.map((settings) =>
    recordDivergence(tape, {
      ...settings,
      student: s,
      teacher: q,
      rowWeight,
      scale: packParams(f32(SCALE)),
    }),
  );
  tape.backward();
  recorded.forEach(({ rowLoss, totals }, i) => {
    b.output(`loss${i}`, rowLoss);
    b.output(`totals${i}`, totals);
  });
  b.output("grad", grad);
  const program = await b.build(gpu);
  const poison = new Float32Array(rows * vocab).fill(NaN);
  const data = { student, teacher, weight: Float32Array.from(weights), grad: poison };
  const read = ["grad", ...recorded.flatMap((_, i) => [`loss${i}`, `totals${i}`])];
  const values: Record<string, Float32Array> = await program.run(data, { read });
  program.destroy();
  return values;
}

function expected(
  { student, teacher, weights, vocab, teacherVocab = vocab }: Case,
  settings: DivergenceSettings,
) {
  const cut = Math.min(vocab, teacherVocab);
  const rows = weights.map((weight, r) => {
    const s = Array.from(student.subarray(r * vocab, r * vocab + cut));
    const q = Array.from(teacher.subarray(r * teacherVocab, r * teacherVocab + cut));
    const zeros = new Array<number>(vocab).fill(0);
    if (weight === 0) return { loss: 0, gradient: zeros };
    const mix = settings.divergence === "adaptive_kl" ? adaptiveMix(s, q, settings) : undefined;
    const gradient = finiteDifferences((at) => [divergence(at, q, settings, mix)], s, [SCALE * weight]);
    return { loss: divergence(s, q, settings, mix), gradient: [...gradient, ...zeros.slice(cut)] };
  });
  return { losses: rows.map((r) => r.loss), gradient: rows.flatMap((r) => r.gradient) };
}

/** 1e-5 of the value, 1e-4 of the leaf's largest entry: the bars, here a tenth of them. */
function check(got: Record<string, Float32Array>, want: ReturnType<typeof expected>, weights: number[]) {
  expectClose(got.loss0!, want.losses, { rtol: 2e-6, atol: 3e-7 }, "loss");
  const total = want.losses.reduce((sum, loss, r) => sum + weights[r]! * loss, 0);
  expectClose(got.totals0!.subarray(0, 1), [total], { rtol: 2e-6, atol: 1e-6 }, "total");
  const largest = Math.max(...want.gradient.map(Math.abs), 1e-6);
  expectClose(got.grad!, want.gradient, { rtol: 0, atol: 1e-5 * largest + 1e-9 }, "gradient");
}

const random = (seed: number, rows: number, vocab: number, spread = 3): Case => ({
  student: normals(seed, rows * vocab, spread),
  teacher: normals(seed + 1, rows * vocab, spread),
  weights: Array.from({ length: rows }, (_, r) => (r % 3 === 1 ? 0 : 1 + r / 4)),
  vocab,
});

describe.each([...DIVERGENCES, "generalized_js"] as const)("%s", (name) => {
  test.each([1, 7, 64, 67, 1031])("vocabulary %i", async (vocab) => {
    const c = random(vocab, vocab > 1000 ? 2 : 5, vocab);
    for (const [temperature, teacherTemperature] of [
      [1, 1],
      [2, 0.7],
    ] as const) {
      const settings = { divergence: name, temperature, teacherTemperature, skew: 0.1, adaptiveAlpha: 0.5 };
      check(await run(c, [settings]), expected(c, settings), c.weights);
    }
    expect.hasAssertions();
  });

  test("a teacher of −1e5 everywhere but one, and logits near 1e6", async () => {
    const c = random(3, 3, 67);
    c.weights = [1, 1, 1];
    c.teacher.fill(-1e5, 0, 67);
    c.teacher[5] = 100;
    // Multiples of 1/16 near 1e6 are exact in f32. The oracle sees them without the shift, which changes nothing
    // but would cost its finite differences their digits.
    const shifted = { ...c, student: c.student.slice(), teacher: c.teacher.slice() };
    for (let v = 67; v < 134; v++) {
      c.student[v] = Math.round(c.student[v]! * 16) / 16;
      c.teacher[v] = Math.round(c.teacher[v]! * 16) / 16;
      shifted.student[v] = c.student[v]! + 1e6;
      shifted.teacher[v] = c.teacher[v]! - 1e6;
    }
    const settings = { divergence: name, temperature: 2 };
    check(await run(shifted, [settings]), expected(c, settings), c.weights);
    expect.hasAssertions();
  });
});

test.each([0, 0.5, 1])("generalized JS of nearly equal rows, beta %d", async (skew) => {
  const c = random(11, 2, 67);
  c.weights = [1, 1];
  const moved = normals(12, c.student.length, 1e-3);
  c.teacher = c.student.map((x, i) => x + moved[i]!);
  const settings = { divergence: "generalized_js", temperature: 1, skew } as const;
  const [got, want] = [await run(c, [settings]), expected(c, settings)];
  for (const [r, loss] of want.losses.entries()) {
    expect(loss).toBeLessThan(1e-5);
    expect(Math.abs(got.loss0![r]! - loss) / loss).toBeLessThan(1e-3); // f32 logits: 2e-7 of a difference of 1e-3
  }
});

test.each([
  [67, 40],
  [40, 67],
])("student %i wide, teacher %i wide", async (vocab, teacherVocab) => {
  const c = { ...random(5, 3, vocab), teacher: normals(9, 3 * teacherVocab, 3), teacherVocab };
  const settings = { divergence: "forward_kl", temperature: 1.5 } as const;
  check(await run(c, [settings]), expected(c, settings), c.weights);
  expect.hasAssertions();
});

test("skew 0 is plain KL, skew 1 is 0, and an empty tail is forward KL; far apart nothing overflows", async () => {
  const c = random(11, 2, 67, 40);
  c.weights = [1, 1];
  const edges: [DivergenceSettings["divergence"], number, "forward_kl" | "reverse_kl" | undefined][] = [
    ["skewed_forward_kl", 0, "forward_kl"],
    ["skewed_reverse_kl", 0, "reverse_kl"],
    ["skewed_forward_kl", 1, undefined],
    ["skewed_reverse_kl", 1, undefined],
    ["adaptive_kl", 0, "forward_kl"],
  ];
  const row = (x: Float32Array, r: number) => x.subarray(r * 67, (r + 1) * 67);
  for (const [name, edge, plain] of edges) {
    const got = await run(c, [{ divergence: name, temperature: 1, skew: edge, adaptiveAlpha: edge }]);
    const want = [0, 1].map((r) =>
      plain ? divergence(row(c.student, r), row(c.teacher, r), { divergence: plain, temperature: 1 }) : 0,
    );
    expectClose(got.loss0!, want, { rtol: 1e-5, atol: 1e-6 }, name);
    expect(got.grad!.every(Number.isFinite)).toBe(true);
  }
});

test("two divergences of one student add up", async () => {
  const c = random(6, 4, 67);
  const both = [
    { divergence: "js", temperature: 1 },
    { divergence: "skewed_reverse_kl", temperature: 2 },
  ] as const;
  const got = await run(c, [...both]);
  const [a, b] = both.map((settings) => expected(c, settings));
  const want = a!.gradient.map((value, i) => value + b!.gradient[i]!);
  expectClose(got.grad!, want, { rtol: 0, atol: 1e-6 });
  expectClose(got.loss1!, b!.losses, { rtol: 2e-6, atol: 3e-7 });
});

test("a student logit of −∞ is left out of the sums and gets no gradient", async () => {
  const c = random(7, 1, 7);
  c.student[2] = -Infinity;
  const settings = { divergence: "forward_kl", temperature: 1 } as const;
  const got = await run(c, [settings]);
  const q = Array.from(c.teacher);
  const s = Array.from(c.student);
  expectClose(got.loss0!, [divergence(s, q, settings)], { rtol: 2e-6, atol: 1e-7 });
  const t = logSoftmax(q).map(Math.exp);
  const counted = 1 - t[2]!;
  const want = logSoftmax(s).map((lp, v) => (v === 2 ? 0 : SCALE * (Math.exp(lp) * counted - t[v]!)));
  expectClose(got.grad!, want, { rtol: 0, atol: 1e-6 });
});

test("a vocabulary that takes 256 threads a row", async () => {
  const vocab = 16411;
  const c = random(8, 2, vocab, 2);
  for (const name of ["forward_kl", "adaptive_kl"] as const) {
    const settings = { divergence: name, temperature: 2 };
    const got = await run(c, [settings]);
    const want = divergence(c.student.subarray(0, vocab), c.teacher.subarray(0, vocab), settings);
    expectClose(got.loss0!, [want, 0], { rtol: 5e-6, atol: 0 }, name);
  }
});

describe("adaptive split", () => {
  const split = async (student: Float32Array, teacher: Float32Array, alpha: number) => {
    const stats = (x: Float32Array) => {
      const top = Math.max(...x);
      return Float32Array.of(top, Math.log(x.reduce((sum, value) => sum + Math.exp(value - top), 0)));
    };
    const { mix } = await runKernel(adaptiveSplitKernel, {
      inputs: {
        params: packParams(
          u32(student.length),
          u32(student.length),
          u32(student.length),
          f32(1),
          f32(1),
          f32(alpha),
        ),
        weight: Float32Array.of(1),
        student,
        student_stats: stats(student),
        teacher,
        teacher_stats: stats(teacher),
      },
      outputs: { mix: 2 },
      grid: [1],
    });
    return mix!;
  };
  const want = (student: Float32Array, teacher: Float32Array, adaptiveAlpha: number) =>
    adaptiveMix(student, teacher, { divergence: "adaptive_kl", temperature: 1, adaptiveAlpha });

  test.each([0.1, 0.5, 0.9])("alpha %d", async (alpha) => {
    const [student, teacher] = [normals(1, 203, 2), normals(2, 203, 2)];
    expectClose(await split(student, teacher, alpha), want(student, teacher, alpha), { rtol: 1e-5, atol: 0 });
  });

  test("ties at the threshold: the first of them by index are tail", async () => {
    const student = normals(3, 64, 2);
    const flat = new Float32Array(64).fill(-0.25); // c = 1/64, 2/64, …
    const tied = Float32Array.from({ length: 64 }, (_, v) => (v % 2 ? 1 : -1));
    for (const [teacher, alpha] of [
      [flat, 0.51],
      [tied, 0.6],
    ] as const) {
      const expectedMix = want(student, teacher, alpha);
      expectClose(await split(student, teacher, alpha), expectedMix, { rtol: 1e-5, atol: 0 });
      expect(Math.min(...expectedMix)).toBeGreaterThan(0.05); // control: both sides hold something
    }
  });

  test("equal distributions weigh both alike", async () => {
    const student = normals(4, 67, 2);
    expectClose(await split(student, student, 0.5), [0.5, 0.5], { rtol: 0, atol: 0 });
  });
});

describe("bad input", () => {
  const record = (change: Partial<DivergenceSettings>, teacherLength = 14) => {
    const b = new ProgramBuilder("bad");
    const tape = new Tape(b);
    const student = tape.leaf(b.input("s", 14), b.input("g", 14), [2, 7]);
    const teacher = b.input("t", teacherLength);
    const base = { divergence: "js", temperature: 1 } as const;
    const rowWeight = b.input("w", 2);
    return () =>
      recordDivergence(tape, { ...base, ...change, student, teacher, rowWeight, scale: packParams(f32(1)) });
  };
  test.each([
    [{ temperature: 0 }, /temperature must be greater than 0, got 0/],
    [{ temperature: NaN }, /temperature must be greater than 0, got NaN/],
    [{ teacherTemperature: -1 }, /teacherTemperature must be greater than 0, got -1/],
    [{ skew: 1.5 }, /skew must be between 0 and 1, got 1.5/],
    [{ adaptiveAlpha: -0.1 }, /adaptiveAlpha must be between 0 and 1, got -0.1/],
    [{ divergence: "kl" as "js" }, /divergence must be one of forward_kl/],
  ])("%j", (change, message) => {
    expect(record(change)).toThrow(message);
  });
  test("a teacher whose logits are not the student's rows", () => {
    expect(record({}, 21)).toThrow(/21 logits are no 2 rows/);
  });
});
