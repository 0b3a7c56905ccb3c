// The sentences of a plan's figure, on every screen that has one.
import type { ColorScale, MatrixKind, Term } from "../figure";
import { count, plural, significant } from "./format";

export const figureMessages = {
  studentAxis: (n: number) => `student: ${plural(n, "token", "tokens")}`,
  teacherAxis: (n: number) => `teacher: ${plural(n, "token", "tokens")}`,
  student: "student",
  teacher: "teacher",
  forms: { matrix: "Matrix", ribbons: "Ribbons" },
  formLabel: "View",
  matrixLabel: "Matrix",
  matrices: { plan: "Plan", cost: "Cost", gradient: "Gradient" } satisfies Record<MatrixKind, string>,
  value: { plan: "mass", cost: "cost", gradient: "gradient" } satisfies Record<MatrixKind, string>,
  noGradient: "This gradient does not exist for these solver settings.",
  stage: (rows: number, cols: number) =>
    `Transport between ${rows} student tokens and ${cols} teacher tokens. Use the arrow keys to move between cells, plus and minus to zoom, Escape to clear the selection.`,
  stageRole: "matrix",
  hint: "Point at a cell, a token or a ribbon; click to pin it. Use the arrow keys to move between cells.",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  fit: "Whole matrix",
  later: "Scroll right",
  earlier: "Scroll left",
  scaleLabel: "Colour scale",
  scales: { sqrt: "√", linear: "linear", log: "log" } satisfies Record<ColorScale, string>,
  terms: {
    P: "P, the mass of the pair: show the plan",
    f: "f, the student token's potential: select the token",
    g: "g, the teacher token's potential: select the token",
    C: "C, the cost of the pair: show the costs",
    ε: "ε, how much the plan is blurred: go to its slider",
  } satisfies Record<Term, string>,
  formulas: {
    cost: "C: how far each student token is from each teacher token",
    gradient: "∂⟨P, C⟩ / ∂C: where a more expensive pair raises the loss, and where it lowers it",
  } satisfies Record<Exclude<MatrixKind, "plan">, string>,
  ofRow: "of the student token's mass",
  readouts: {
    cost: "⟨P, C⟩",
    error: "marginal error",
    entropy: "entropy",
    entropyOf: (max: string) => `of at most ${max}`,
    mass: "mass",
    unmatched: "no counterpart",
    unmatchedCounts: (student: number, teacher: number) =>
      `${count(student)} student, ${count(teacher)} teacher`,
    sharpness: "sharpness",
    sharpnessHint:
      "Mutual information of the two sides: 0 % when every token is spread evenly over all others, 100 % when each has one partner",
    maxDeviation: "max |nm·P − 1|",
    maxDeviationHint:
      "0 when every token is spread evenly over all others: such a plan carries no information",
    gradientRatio: "‖∇OT‖ / ‖∇CE‖",
    gradientRatioHint: "how strongly transport moves the student, relative to the cross entropy",
    sweeps: "sweeps",
  },
  converged: "converged",
  notConverged: "not converged",
  notYet: "not converged yet",
  flowsCaption: "The pairs with the most mass",
  share: "of row",
  epsilon: {
    relative: "Epsilon, in units of the mean cost",
    absolute: "Epsilon, absolute",
    inMeanCosts: (text: string) => `${text} × mean cost`,
  },
  play: "Play",
  stop: "Stop",
  /** Rounding noise of a cost that is exactly 0 is not shown as a number. */
  number: (x: number) => (Math.abs(x) < 1e-12 ? "0" : significant(x).replace(/^-/, "−")),
} as const;
