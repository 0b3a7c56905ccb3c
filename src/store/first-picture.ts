// The first picture: one sentence as two real tokenizers cut it, and the transport between their tokens by bytes. A token
// weighs as much as it has bytes, and a pair costs as many bytes as the middles of its tokens are apart. As ε goes to 0
// the plan goes to the one that keeps the order, which joins the tokens that cover the same letters, and no others.
import { createStore } from "zustand/vanilla";
import type { ScreenSolution, ScreenProblem, ScreenSolverClient } from "../client";
import sentence from "../config/first-sentence.json";
import { measure, type Plan } from "../figure";

export const FIRST_SENTENCE = sentence;
/** Times the mean cost: where the picture begins, and where it ends. */
export const BLURRED = 3;
export const SHARP = 0.02;

interface FirstState {
  readonly epsilon: number;
  /** Before the first answer the product of the weights, which is what a boundless ε gives. */
  readonly plan: Plan;
  readonly failed: string | undefined;
}

const { student, teacher } = sentence;
const bytes = student.end.at(-1) ?? 1;
const weightsOf = ({ start, end }: typeof student): Float64Array =>
  Float64Array.from(end, (to, i) => (to - (start[i] ?? 0)) / bytes);
const middlesOf = ({ start, end }: typeof student): Float32Array =>
  Float32Array.from(end, (to, i) => (to + (start[i] ?? 0)) / 2);

const weights = { student: weightsOf(student), teacher: weightsOf(teacher) };
const states = { d: 1, student: middlesOf(student), teacher: middlesOf(teacher), fit: undefined };

/** What is asked of the solver at an ε. */
export const firstQuestion = (epsilon: number): ScreenProblem => ({
  ...{ n: student.texts.length, m: teacher.texts.length, states, masses: weights, epsilon },
  cost: "euclidean",
  scheme: "log",
  ...{ relative: true, maxIterations: 2000, tolerance: 1e-4, tau: 1 },
  relaxed: "none",
  solver: "cpu",
  gradient: "envelope",
});

export function planOfFirst({ plan, cost, epsilon, iterations, converged }: FirstSolution): Plan {
  const sweeps = { sweeps: iterations, converged };
  const report = { ...measure(plan, cost, weights), ...sweeps };
  return { student, teacher, mass: plan, cost, weights, epsilon, relaxed: false, report };
}
type FirstSolution = Pick<ScreenSolution, "plan" | "cost" | "epsilon" | "iterations"> & {
  readonly converged: boolean | undefined;
};

function before(): Plan {
  const pairs = <T>(of: (i: number, j: number) => T) =>
    student.texts.flatMap((_, i) => teacher.texts.map((__, j) => of(i, j)));
  const apart = (i: number, j: number) => Math.abs((states.student[i] ?? 0) - (states.teacher[j] ?? 0));
  const plan = Float32Array.from(pairs((i, j) => (weights.student[i] ?? 0) * (weights.teacher[j] ?? 0)));
  const cost = Float32Array.from(pairs(apart));
  return planOfFirst({ plan, cost, epsilon: Infinity, iterations: 0, converged: undefined });
}

/** How much of the plan joins tokens that share letters. */
export function onSharedLetters({ mass }: Plan): number {
  const shares = (i: number, j: number) =>
    (student.start[i] ?? 0) < (teacher.end[j] ?? 0) && (teacher.start[j] ?? 0) < (student.end[i] ?? 0);
  const m = teacher.texts.length;
  return mass.reduce((sum, p, at) => (shares(Math.floor(at / m), at % m) ? sum + p : sum), 0);
}

export type FirstPicture = ReturnType<typeof createFirstPicture>;

/** The solver's worker starts with the first ε that is asked for. */
export function createFirstPicture(solver: Pick<ScreenSolverClient, "solve">) {
  const store = createStore<FirstState>(() => ({ epsilon: BLURRED, plan: before(), failed: undefined }));
  return {
    store,
    show(epsilon: number): void {
      store.setState({ epsilon });
      solver.solve(
        firstQuestion(epsilon),
        (solution) => store.setState({ plan: planOfFirst(solution), failed: undefined }),
        (failed) => store.setState({ failed }),
      );
    },
  };
}
