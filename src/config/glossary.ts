// The words of Couplet, each explained once: the page's tooltips and docs/GLOSSARY.md are made from this list.

export interface GlossaryEntry {
  /** As it is written in running text. */
  readonly term: string;
  /** One or two sentences. */
  readonly meaning: string;
  /** Where to read on: a file, or a page of docs/ with its heading. */
  readonly see: string;
}

export const GLOSSARY = {
  teacher: {
    term: "teacher",
    meaning: "The frozen model that is learned from. It runs in ONNX Runtime, and its states are cached.",
    see: "src/models/teacher/teacher.ts",
  },
  student: {
    term: "student",
    meaning: "The model that is trained: forward, backward and AdamW are WGSL kernels on the GPU.",
    see: "docs/STUDENT.md",
  },
  row: {
    term: "row",
    meaning: "One example of a data set: a prompt and its answer, with or without a chain of thought.",
    see: "src/data/rows.ts",
  },
  view: {
    term: "view",
    meaning:
      "One of the two texts of a row: `plain` is the answer alone, `cot` the answer after its reasoning.",
    see: "src/data/record.ts",
  },
  responseRow: {
    term: "response row",
    meaning:
      "A position of a sequence whose next token belongs to the answer. Losses and transport read response rows only.",
    see: "docs/METHODS.md §0",
  },
  tokenizer: {
    term: "tokenizer",
    meaning:
      "Splits a text into tokens of a fixed vocabulary. Teacher and student each have their own, so their positions do not correspond.",
    see: "src/models/tokenizer/tokenizer.ts",
  },
  chunk: {
    term: "chunk",
    meaning: "The shortest stretch of text that both tokenizations begin and end at the same byte.",
    see: "src/data/chunks.ts",
  },
  crossEntropy: {
    term: "cross entropy (CE)",
    meaning:
      "−log of the probability that the student gives to the right next token, averaged over the answer.",
    see: "src/objectives/cross-entropy-term.ts",
  },
  method: {
    term: "method",
    meaning:
      "A distillation objective with its settings: one card in src/config/methods and one file in src/objectives.",
    see: "docs/ADDING-A-METHOD.md",
  },
  baseLoss: {
    term: "base loss",
    meaning: "The method that CoT2Align adds transport to, such as ULD or DSKD-CMA.",
    see: "src/config/methods/cot2align.ts",
  },
  transport: {
    term: "optimal transport (OT)",
    meaning:
      "Moving one distribution onto another at the lowest cost: here the student's tokens onto the teacher's.",
    see: "docs/SINKHORN.md",
  },
  site: {
    term: "site",
    meaning:
      "One place where transport is computed: a layer (embedding, last hidden state or a block) and a pair of views.",
    see: "src/objectives/transport-sites.ts",
  },
  crossCot: {
    term: "cross-CoT pair",
    meaning:
      "A site whose two sides read different views: the student the plain answer and the teacher the reasoning, or the reverse.",
    see: "src/objectives/transport-sites.ts",
  },
  plan: {
    term: "transport plan (P)",
    meaning:
      "How much mass goes from each student token to each teacher token. Its row sums and column sums are the marginals.",
    see: "docs/SINKHORN.md",
  },
  cost: {
    term: "cost (C)",
    meaning: "The distance between each student token and each teacher token, from their states.",
    see: "shaders/ot/cost_matrix.wgsl",
  },
  transportCost: {
    term: "transport cost ⟨P, C⟩",
    meaning: "Mass times cost, summed over all pairs. It is the transport term of the loss.",
    see: "src/objectives/transport-term.ts",
  },
  epsilon: {
    term: "epsilon (ε)",
    meaning:
      "The entropic regularization: a large ε blurs the plan, a small one makes it sharp and takes more sweeps. Given relative to the mean cost unless a setting says otherwise.",
    see: "docs/SINKHORN.md",
  },
  sweep: {
    term: "sweep",
    meaning: "One round of Sinkhorn: all columns are scaled to their mass, then all rows.",
    see: "shaders/ot/sinkhorn.wgsl",
  },
  potentials: {
    term: "potentials (f, g)",
    meaning:
      "One number per token, with P = exp((f + g − C)/ε). Sinkhorn iterates on them in the log domain.",
    see: "shaders/ot/sinkhorn.wgsl",
  },
  scalings: {
    term: "scalings (u, v)",
    meaning:
      "exp(f/ε) and exp(g/ε): the factors of the multiplicative form P = diag(u)·K·diag(v), K = exp(−C/ε).",
    see: "docs/SINKHORN.md",
  },
  marginalError: {
    term: "marginal error",
    meaning:
      "How far the plan's row and column sums are from the tokens' masses (L1). Sinkhorn stops when it is below the tolerance.",
    see: "docs/SINKHORN.md",
  },
  unbalanced: {
    term: "unbalanced transport",
    meaning: "Mass may stay unmatched at a penalty of τ times a KL divergence.",
    see: "docs/SINKHORN.md",
  },
  entropy: {
    term: "entropy of a plan",
    meaning: "−Σ P log P in nats: largest for a plan that spreads every token evenly.",
    see: "src/ot/report.ts",
  },
  mutualInformation: {
    term: "mutual information",
    meaning:
      "How much one side of the plan says about the other: 0 for a plan without preferences, 1 for one-to-one.",
    see: "docs/TRANSPORT.md",
  },
  maxDeviation: {
    term: "largest deviation from a·bᵀ",
    meaning:
      "max |nm·P − 1|: 0 when every token is spread evenly over all others, so that the plan says nothing.",
    see: "docs/OBJECTIVES.md",
  },
  gradientRatio: {
    term: "gradient ratio",
    meaning:
      "The norm of the transport term's gradient divided by the norm of the cross entropy's, on the preview row.",
    see: "docs/OBJECTIVES.md",
  },
  projector: {
    term: "projector",
    meaning: "A trained linear map from the width of one model's states to the other's.",
    see: "src/objectives/projector.ts",
  },
  tap: {
    term: "tap",
    meaning:
      "An extra output of the teacher's ONNX graph: the embedding, a block's output or the last hidden state.",
    see: "src/models/onnx/taps.ts",
  },
  tape: {
    term: "tape",
    meaning:
      "The list of adjoints that a recorded forward pass leaves behind; run in reverse it is the backward pass.",
    see: "src/student/tape.ts",
  },
  bucket: {
    term: "shape bucket",
    meaning: "Batches whose lengths round up to the same sizes share one recorded program.",
    see: "docs/ARCHITECTURE.md",
  },
  checkpoint: {
    term: "checkpoint",
    meaning:
      "Everything that a run needs to continue with the same bits: weights, moments, step, data order and config.",
    see: "src/trainer/checkpoint.ts",
  },
  heldOut: {
    term: "held-out rows",
    meaning: "Rows that are never trained on. Answers to them are scored by exact match.",
    see: "src/data/score.ts",
  },
  savedRun: {
    term: "saved run",
    meaning: "A run in the browser's private file system; it is saved automatically and can be resumed.",
    see: "docs/ARCHITECTURE.md",
  },
  gradientCheckpointing: {
    term: "gradient checkpointing",
    meaning: "Activations inside a block are computed again in the backward pass instead of being stored.",
    see: "docs/STUDENT.md",
  },
} as const satisfies Readonly<Record<string, GlossaryEntry>>;

export type GlossaryTerm = keyof typeof GLOSSARY;

/** docs/GLOSSARY.md, whole: a test holds the page to it, and writes it when it runs with COUPLET_DOCS=1. */
export function glossaryPage(): string {
  const rows = Object.values<GlossaryEntry>(GLOSSARY)
    .toSorted((a, b) => a.term.localeCompare(b.term, "en"))
    .map(({ term, meaning, see }) => `| **${term}** | ${meaning.replaceAll("|", "\\|")} | ${linkTo(see)} |`);
  return `# Glossary

Made from \`src/config/glossary.ts\`, which the page's tooltips read too. The symbols of each method are in
[METHODS.md](METHODS.md).

| term | meaning | where |
| --- | --- | --- |
${rows.join("\n")}
`;
}

/** From docs/. */
function linkTo(see: string): string {
  const [path = ""] = see.split(" ");
  const page = /^docs\/(.+)$/.exec(path)?.[1];
  return page === undefined ? `[\`${path}\`](../${path})` : `[${see.replace("docs/", "")}](${page})`;
}
