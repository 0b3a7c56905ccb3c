// The sentences of the Learn and Device pages.

export const pageMessages = {
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
