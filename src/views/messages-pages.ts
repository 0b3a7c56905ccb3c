// The sentences of the Compare, Learn and Device pages.
import { plural } from "./format";
import type { KeepReason } from "../store";

export const pageMessages = {
  compare: {
    budget: "One budget for all",
    methods: "Methods",
    seeds: "Seeds",
    limitLabel: "The budget is",
    limits: { steps: "by steps", seconds: "by seconds" },
    mostSteps: "At most steps",
    fields: {
      ...{ steps: "Steps", seconds: "Seconds", batchSize: "Batch", rows: "Held-out rows" },
      probe: "Sentence (held-out row)",
    },
    total: (runs: number, steps: number) => `${runs} runs of ${steps} steps, one after another.`,
    totalTimed: (runs: number, seconds: number, steps: number) =>
      `${runs} runs of ${seconds} s of training each, at most ${steps} steps, over which the learning rate is scheduled.`,
    start: "Compare",
    stop: "Stop",
    needsGpu: "Training needs WebGPU, and a device that is ready.",
    table: "Mean ± deviation over seeds",
    curves: "Curves",
    curveLabel: "What is drawn",
    curveKinds: { crossEntropy: "Cross entropy", loss: "Total loss" },
    curveNotes: {
      crossEntropy:
        "Per response token, without the method's weight on it: the one term that all methods share. Line: mean over seeds; band: ± one deviation.",
      loss: "What each method minimizes: sums of different terms, so their heights do not compare. Line: mean over seeds; band: ± one deviation.",
    },
    curvesLabel: (what: string, n: number) => `${what} by step of ${n} runs`,
    runs: "Runs",
    plans: "Plans side by side",
    answers: "Answers side by side",
    differences: "Settings that differ",
    setting: "setting",
    oneMethod: "One method differs from nothing: choose two.",
    noDifference: "These methods have the same settings.",
    differencesNote:
      "Everything else is the same for all columns; – means that a method has no such setting.",
    nothing: "(nothing)",
    seedLabel: "Seed",
    site: "Layer and views",
    step: "Step",
    noneDone: "They come with the first finished run.",
    noPlans: "None of these methods has transport.",
    noPlanOf: (methods: string) => `Without such a plan: ${methods}.`,
    againstLabel: "Marked: words that are not in the answer of",
    against: { before: "student before", teacher: "teacher", first: "first method" },
    sameWords: "no word differs",
    otherWords: (n: number) => plural(n, "word differs", "words differ"),
    empty: "Choose methods and seeds, then press Compare.",
    none: "Curves come with the first finished run.",
    seed: (n: number) => `seed ${n}`,
    at: (step: number) => `step ${step}`,
    status: { waiting: "waiting", running: "running", done: "done", failed: "failed" },
    columns: {
      method: "method",
      runs: "runs",
      accuracy: "held-out answers right",
      steps: "steps",
      crossEntropy: "cross entropy, last 5 steps",
      loss: "loss, last 5 steps",
      seconds: "seconds of training",
    },
    copyMarkdown: "Copy as Markdown",
    copyLatex: "Copy as LaTeX",
    caution:
      "Losses of different methods are different sums: the held-out answers and the cross entropy compare. Differences within one deviation say nothing.",
  },
  embed: {
    open: "Open in Couplet",
    copy: "Embed",
    copyTitle: "Copy an iframe line that shows this figure in another page",
    copied: "The iframe line is copied.",
  },
  keep: {
    title: "This run is not kept for the next visit",
    remedies: {
      denied:
        "Allow this site to store data, or leave the private window; or save the checkpoint as a file (Save…) and open it again later. The run itself goes on.",
      full: "Delete models that you no longer need on the Models page, or free some disk space; or save the checkpoint as a file (Save…). The run itself goes on.",
      other: "Save the checkpoint as a file (Save…) and open it again later. The run itself goes on.",
    } satisfies Record<KeepReason, string>,
  },
  adapterNotes: {
    hide: "Do not show this again",
    "no-f16": {
      title: "This adapter has no 16-bit floats: what that costs",
      why: "It lacks the feature shader-f16. Couplet's kernels compute in 32 bits, so training, plans and results are the same. What is lost: a teacher in fp16 or q4f16 cannot run on this adapter, and 32-bit forms take more memory.",
      remedy:
        "Nothing, for the bundled models. For a large teacher choose its q8, q4 or fp32 form. A newer graphics driver or browser may bring the feature.",
    },
    "low-limits": {
      title: "This adapter's limits leave out large models",
      limit: (name: string, here: string, needed: string) => `${name} is ${here} here, of ${needed}.`,
      fit: (fit: readonly string[], tooLarge: readonly string[]) =>
        `Still fit: ${fit.join(", ")}. Too large: ${tooLarge.join(", ")}.`,
      nothingFits:
        "The training kernels do not run within that. Transport, Learn and the recorded run work on the CPU.",
      remedy:
        "Train one of those that fit, or open the page on a machine with a larger GPU. If this one is large, update its driver, and see that the browser uses it and not the integrated one.",
    },
  },
  devicePage: {
    adapter: "Adapter",
    speed: "How fast",
    speedNote:
      "Sixteen products of 256 × 256 matrices, and eight transport problems of 48 × 40 tokens with 50 sweeps: the fastest of five rounds, read-back included.",
    measure: "Measure (a few seconds)",
    measuring: "Measuring…",
    what: "what",
    where: "on",
    time: "time",
    rate: "rate",
    works: { matmul: "matrix products", sinkhorn: "Sinkhorn" },
    limits: "Limits",
    limit: "limit",
    here: "here",
    needed: "kernels need",
    report: "Report",
    copy: "Copy the report",
    still: "Without it",
    stillWorks: "Transport, Learn and the recorded run work on the CPU; only training needs WebGPU.",
    used: {
      "shader-f16": "there; runs compute in 32 bits all the same",
      subgroups: "there: faster products and attention",
      "timestamp-query": "there: times per kernel",
    },
    without: {
      "shader-f16": "missing; not needed",
      subgroups: "missing: the portable kernels are used",
      "timestamp-query": "missing: no times per kernel",
    },
  },
  learn: {
    title: "Ten short lessons",
    intro:
      "Each drives the real screens: what you see moves is what the page computes. Predict first, then look. Nothing is sent anywhere; ticks stay on this device.",
    minutes: (n: number) => `${n} min`,
    done: "done ✓",
    all: "All lessons",
    number: (n: number, all: number) => `lesson ${n} of ${all}`,
    stepOf: (n: number, all: number) => `${n} / ${all}`,
    pages: "Steps of the lesson",
    back: "Back",
    next: "Next",
    nextLesson: "Next lesson",
    finish: "Back to the list",
    right: "As you said.",
    wrong: "Not quite.",
    open: "Now you",
    openIn: "Open this state",
  },
} as const;
