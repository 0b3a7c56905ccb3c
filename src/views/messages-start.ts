// The sentences of the Start screen.
import { count, plural } from "./format";

export const startMessages = {
  start: {
    headline: "A small model learns from a teacher with a different tokenizer.",
    lead: "Both models read the same answer, each with its own tokens. Optimal transport says how much of each student token belongs to which teacher token; training then moves matching tokens closer together.",
    cuts: (name: string, tokens: number) => `${name}: ${plural(tokens, "token", "tokens")}`,
    caption: (teacher: string, student: string) =>
      `One sentence, split by ${teacher} (above) and by ${student} (below): the same letters, other tokens. A ribbon shows how much of a token belongs to which.`,
    blurred: "A large ε spreads every token over all others.",
    clear: "At a small ε, ribbons join exactly the tokens that share letters.",
    formula: "What is minimized",
    formulaHint: "Point at a term, or focus it.",
    terms: {
      ce: {
        name: "CE",
        text: "Cross entropy: the student writes the answer itself, token by token. On its own this is plain fine-tuning.",
      },
      alpha: {
        name: "α",
        text: "How much of the loss is transport: a setting of the run (Share α).",
      },
      ot_embedding: {
        name: "OT embedding",
        text: "Transport between the embeddings of both token lines: each token before any layer has seen its neighbours.",
      },
      ot_hidden: {
        name: "OT last hidden",
        text: "Transport between the last hidden states: each token as the model represents it in its sentence.",
      },
      epsilon: {
        name: "ε",
        text: "How blurred the plan may be. Move the slider: small is sharp, large spreads every token over all others.",
      },
    },
    at: (value: string, step: number | undefined) =>
      step === undefined ? value : `${value} at step ${count(step)}`,
    beforeTraining: "not measured before training",
    train: (steps: number) => `Train ${count(steps)} steps`,
    trainNote: {
      measured: (time: string) => `about ${time} here`,
      recorded: (time: string, adapter: string) => `took ${time} on ${adapter}; measured here after 3 steps`,
      gpu: (size: string) => `${size} on the GPU`,
      models: (size: string) => `downloads ${size} of models from this site, and once a runtime of 27 MB`,
      needsGpu: "This browser can't train (no WebGPU) – replay a recorded run instead.",
      why: "Why",
    },
    goOn: "Go to the run",
    tour: "Take the tour",
    tourNote: "Eleven short lessons, played in the live app.",
    own: "Use my own text",
    ownNote: "See how both tokenizers split your sentence.",
    more: "Bring your own",
    moreModels: "a model",
    moreData: "your rows",
  },
} as const;
