// The sentences of the Transport screen.
import type {
  Features,
  Masses,
  Overlay,
  Relaxed,
  SolverChoice,
  TransportView,
} from "../config/transport-view";
import type { SolvedBy } from "../store";
import { count, percent } from "./format";

export const transportMessages = {
  text: "Text",
  from: "Text from",
  fromRow: "a data row",
  fromOwn: "your own text",
  row: "Row",
  own: "Your text",
  examples: "Examples",
  exampleNames: ["Rare words", "Accents and emoji", "Numbers", "400 tokens"] as const,
  studentReads: "Student reads",
  teacherReads: "Teacher reads",
  views: { cot: "reasoning", plain: "answer only" },
  prompt: "Prompt (read, not transported)",
  settings: "States and cost",
  features: "Token features",
  featureNames: {
    bytes: "bytes (no model)",
    embedding: "embedding",
    hidden: "last hidden state",
  } satisfies Record<Features, string>,
  projector: "Teacher → student space",
  projectorNames: { fitted: "fitted map", random: "random map" } satisfies Record<
    TransportView["projector"],
    string
  >,
  fitNote: (pairs: number, rows: number, explained: number) =>
    `A linear map, fitted by ridge regression on ${count(pairs)} byte-aligned token pairs of ${rows} training rows; it explains ${percent(explained)} of the student's variance there. A training run learns its own projector instead.`,
  randomNote: "Gaussian, seeded: what a training run starts from, before its projector has learned anything.",
  bytesNote:
    "Features are each token's bytes and position. No model is needed, so any text up to the limit works at once.",
  cost: "Cost",
  scheme: "Solver",
  schemeNames: { intended: "as intended", published: "as published" },
  schemeNotes: {
    intended: "log domain, ε in units of the mean cost, stops when the marginals are met",
    published: "the released loop: attention cost, α = 0.1 (ε = 10), multiplicative, at most 100 sweeps",
    own: "your own settings",
  },
  gradient: "Gradient of ⟨P, C⟩",
  gradientNames: { unrolled: "through every sweep", envelope: "plan held fixed", implicit: "at convergence" },
  epsilonAbsolute: (text: string) => `${text} (absolute)`,
  masses: "Token mass",
  massesNames: { uniform: "uniform", bytes: "proportional to bytes" } satisfies Record<Masses, string>,
  relaxed: "Marginals",
  relaxedNames: {
    none: "balanced (all mass is moved)",
    both: "unbalanced (both sides)",
    student: "unbalanced (student side)",
    teacher: "unbalanced (teacher side)",
  } satisfies Record<Relaxed, string>,
  relaxedNote:
    "Mass may stay unmatched at a penalty of τ·KL. A token without a counterpart is drawn hollow. A large τ moves all mass.",
  relaxedNotHere: "The multiplicative loop is balanced. Choose “as intended” first.",
  tau: "Penalty for unmatched mass (τ)",
  solver: "Runs on",
  solverNames: { auto: "auto", cpu: "CPU", gpu: "GPU" } satisfies Record<SolverChoice, string>,
  solverNotes: {
    auto: "The CPU for small problems, the WGSL kernels for large ones.",
    cpu: "In double precision, without WebGPU.",
    gpu: "With the WGSL kernels that training uses, in single precision.",
  } satisfies Record<SolverChoice, string>,
  sweep: "Sweep",
  sweepOf: (sweep: number, last: number) => `${sweep} / ${last}`,
  residual: "Residual",
  sweepTrack: "marginal error by sweep, log scale",
  sweepError: (text: string) => `error ${text}`,
  start: "start: f = 0",
  readouts: "Readouts",
  selected: "Selected",
  flows: "Largest flows",
  agreement: "Against other alignments",
  agreementNote: "Share of the plan's mass on the pairs of each (in brackets: chance).",
  overlay: "Outline on the matrix",
  overlayNames: {
    none: "nothing",
    bytes: "byte chunks",
    mined: "MinED path",
    positions: "ULD positions",
  } satisfies Record<Overlay, string>,
  otherText: "Byte chunks need the same text on both sides.",
  stages: {
    models: "Loading both models on the CPU…",
    fit: "Fitting the map between the models…",
    states: "Reading the text with both models…",
  } as Readonly<Record<string, string>>,
  interim: "preview by spelling – models loading…",
  tokensStat: (n: number, m: number) => `${count(n)} student tokens, ${count(m)} teacher tokens`,
  solvedBy: (ms: string, by: SolvedBy) =>
    by.device === "gpu"
      ? `solved in ${ms} ms by the WGSL kernels on ${by.adapter}`
      : `solved in ${ms} ms on the CPU`,
  whyCpu: {
    asked: () => "",
    small: () => "too small for a GPU to be faster",
    opening: () => "while the GPU gets ready",
    "no-gpu": (detail) => `no GPU here: ${detail}`,
    failed: (detail) => `the GPU failed: ${detail}`,
  } satisfies Record<Extract<SolvedBy, { device: "cpu" }>["why"], (detail: string) => string>,
  loading: "Reading the rows…",
  blank: "Type a sentence, or choose an example: both models tokenize it, and its plan appears here.",
  failed: "The plan could not be computed",
  linkIssues: "Parts of this link could not be used",
} as const;
