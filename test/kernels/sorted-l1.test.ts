// recordSortedL1 — plan
//   value, gradient   against the f64 oracle and its finite differences × vocabularies smaller, equal and larger than the
//                     teacher's; pairs in any order, some without a partner: their rows get gradient 0
//   log-probabilities rows that do not sum to 1; the gradient is to the log-probabilities
//   equal             a student that is a permutation of the teacher: distance 0 and gradient exactly 0 (sign(0) = 0)
//   accumulate        adds to what another loss left
import { expect, test } from "vitest";
import { f32, packParams } from "../../src/gpu/params";
import { ProgramBuilder } from "../../src/gpu/program";
import { recordSortedL1 } from "../../src/objectives/ops/sorted-l1";
import { recordDivergence } from "../../src/objectives/ops/divergence";
import { NO_ROW, Tape } from "../../src/student";
import { finiteDifferences, normals } from "../oracle/nn";
import { divergence } from "../oracle/divergence";
import { sortedL1, uldRow } from "../oracle/sorted-l1";
import { expectClose } from "../support/close";
import { testGpu } from "../support/gpu";

interface Case {
  student: Float32Array;
  teacher: Float32Array;
  vocab: number;
  teacherVocab: number;
  pairs: [number, number][];
  weight: number[];
  logProbs?: boolean;
}

const SCALE = 0.5;
const KL = { divergence: "forward_kl", temperature: 1 } as const;

async function run(c: Case, withKl = false) {
  const gpu = await testGpu();
  const b = new ProgramBuilder("sorted l1");
  const tape = new Tape(b);
  const rows = c.student.length / c.vocab;
  const grad = b.input("grad", c.student.length);
  const student = tape.leaf(b.input("student", c.student.length), grad, [rows, c.vocab]);
  const teacher = b.input("teacher", c.teacher.length);
  const scale = packParams(f32(SCALE));
  const recorded = recordSortedL1(tape, {
    student,
    teacher,
    teacherVocab: c.teacherVocab,
    studentRows: b.input("studentRows", c.pairs.length),
    teacherRows: b.input("teacherRows", c.pairs.length),
    pairs: b.input("pairs", 2 * c.pairs.length),
    weight: b.input("weight", c.pairs.length),
    scale,
    logProbs: c.logProbs ?? false,
  });
  if (withKl) recordDivergence(tape, { ...KL, student, teacher, rowWeight: b.input("ones", rows), scale });
  tape.backward();
  b.output("loss", recorded.pairLoss);
  b.output("totals", recorded.totals);
  b.output("grad", grad);
  const program = await b.build(gpu);
  const data = {
    student: c.student,
    teacher: c.teacher,
    studentRows: Uint32Array.from(c.pairs, ([s]) => s),
    teacherRows: Uint32Array.from(c.pairs, ([, t]) => t),
    pairs: Uint32Array.from(c.pairs.flat()),
    weight: Float32Array.from(c.weight),
    grad: new Float32Array(c.student.length).fill(NaN),
    ...(withKl ? { ones: new Float32Array(rows).fill(1) } : {}),
  };
  const values = await program.run(data, { read: ["loss", "totals", "grad"] });
  program.destroy();
  return values;
}

function expected({ student, teacher, vocab, teacherVocab, pairs, weight, logProbs }: Case) {
  const gradient = new Array<number>(student.length).fill(0);
  const losses = pairs.map(([s, t], p) => {
    if (s === NO_ROW) return 0;
    const q = teacher.subarray(t * teacherVocab, (t + 1) * teacherVocab);
    const row = student.subarray(s * vocab, (s + 1) * vocab);
    const exp = (x: ArrayLike<number>) => Array.from(x, Math.exp);
    const value = (at: ArrayLike<number>) => (logProbs ? sortedL1(exp(at), exp(q)) : uldRow(at, q));
    finiteDifferences((at) => [value(at)], row, [SCALE * weight[p]!], 1e-6).forEach(
      (g, v) => (gradient[s * vocab + v] = g),
    );
    return value(row);
  });
  return { losses, gradient };
}

const PAIRS: [number, number][] = [
  [3, 0],
  [NO_ROW, NO_ROW],
  [0, 2],
  [1, 1],
];

test.each([
  [1, 1],
  [7, 19],
  [67, 67],
  [131, 53],
])("student %i wide, teacher %i wide", async (vocab, teacherVocab) => {
  const student = normals(vocab, 5 * vocab, 2);
  const teacher = normals(vocab + 1, 3 * teacherVocab, 3);
  const c: Case = { student, teacher, vocab, teacherVocab, pairs: PAIRS, weight: [1, 1, 0.5, 2] };
  const got = await run(c);
  const want = expected(c);
  expectClose(got.loss, want.losses, { rtol: 1e-6, atol: 3e-7 }, "loss");
  const total = want.losses.reduce((sum, x, p) => sum + c.weight[p]! * x, 0);
  expectClose(got.totals.subarray(0, 1), [total], { rtol: 1e-6, atol: 1e-6 }, "total");
  const largest = Math.max(...want.gradient.map(Math.abs), 1e-3);
  expectClose(got.grad, want.gradient, { rtol: 0, atol: 1e-5 * largest }, "gradient");
});

test("log-probabilities that do not sum to 1", async () => {
  const [vocab, teacherVocab] = [17, 11];
  const student = normals(1, 5 * vocab, 1).map((x) => x - 3);
  const teacher = normals(2, 3 * teacherVocab, 1).map((x) => x - 3);
  const c: Case = {
    student,
    teacher,
    vocab,
    teacherVocab,
    pairs: PAIRS,
    weight: [1, 1, 1, 1],
    logProbs: true,
  };
  const got = await run(c);
  const want = expected(c);
  expectClose(got.loss, want.losses, { rtol: 1e-6, atol: 3e-7 }, "loss");
  expectClose(got.grad, want.gradient, { rtol: 0, atol: 1e-6 }, "gradient");
});

test("a permutation of the teacher: nothing to learn", async () => {
  const vocab = 67;
  // Exponentials of 0 and −200 are 1 and 0: their sum is exact in any order.
  const teacher = Float32Array.from({ length: vocab }, (_, v) => (v % 4 ? -200 : 0));
  const student = teacher.slice().reverse();
  expect([...student]).not.toEqual([...teacher]);
  const got = await run({ student, teacher, vocab, teacherVocab: vocab, pairs: [[0, 0]], weight: [1] });
  expect([...got.loss]).toEqual([0]);
  expect(got.grad.every((x) => x === 0)).toBe(true);
  const moved = student.slice(); // control: one logit moved
  moved[moved.indexOf(0)]! += 0.5;
  const control = await run({
    student: moved,
    teacher,
    vocab,
    teacherVocab: vocab,
    pairs: [[0, 0]],
    weight: [1],
  });
  expect(control.loss[0]).toBeGreaterThan(1e-3);
});

test("adds to the gradient of another loss", async () => {
  const vocab = 19;
  const c: Case = {
    student: normals(1, 3 * vocab, 2),
    teacher: normals(2, 3 * vocab, 2),
    vocab,
    teacherVocab: vocab,
    pairs: [
      [0, 1],
      [2, 0],
    ],
    weight: [1, 1],
  };
  const got = await run(c, true);
  const want = expected(c).gradient;
  for (let r = 0; r < 3; r++) {
    const at = (x: Float32Array) => x.subarray(r * vocab, (r + 1) * vocab);
    const q = at(c.teacher);
    finiteDifferences((s) => [divergence(s, q, KL)], at(c.student), [SCALE]).forEach(
      (g, v) => (want[r * vocab + v]! += g),
    );
  }
  expectClose(got.grad, want, { rtol: 0, atol: 1e-6 });
});
