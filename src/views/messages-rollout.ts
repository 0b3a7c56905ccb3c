// The sentences of the rollout: what the student wrote, and what the teacher says of it.
import { plural } from "./format";

export const rolloutMessages = {
  title: "What the student wrote",
  writing: "The student is writing…",
  empty:
    "Press Step or Play: the student answers the probe's prompt here, before the first step and after it.",
  rule: "How a chunk's word is shared",
  rules: {
    by_log_prob: "by log-probability",
    by_count: "evenly",
    exact_boundaries: "only one to one",
  },
  when: { label: "Whose weights", before: "before step 1", now: "now" },
  prompt: "Prompt",
  legend: (most: string) => `A token's advantage, from −${most} to +${most} nats`,
  less: "the teacher finds it less likely",
  more: "more likely",
  lanes:
    "Above, the answer as the teacher reads it; below, as the student wrote it. A bracket is a chunk of text that both have; the number is its first byte.",
  noTeacher: "This method asks the teacher for no logits: there are no advantages to show.",
  none: "The answer is empty.",
  cut: "Cut off at its limit: it has no end.",
  chunk: (teacher: string, student: string, at: number) =>
    `Chunk at byte ${at}: teacher ${teacher}, student ${student}`,
  gap: (n: number) => `${plural(n, "token", "tokens")} that the other side does not have: no advantage.`,
  pick: "Choose a chunk to see how each rule shares it out.",
  close: "Close",
  sums: {
    teacher: "L_T, the teacher's log-likelihood of the chunk",
    student: "L_S, the student's",
    difference: "L_T − L_S, which the first two rules share out in full",
  },
  token: "Token",
  logProb: "log p",
  tooLong: (most: number) =>
    `The chunk has more than ${most} tokens on a side (method.maxChunk): its advantage is 0 in a step.`,
  mean: "Mean advantage",
  signal: "Tokens with a signal",
  tokens: "Tokens",
  curves: {
    shares: { title: "Shares of what was written", signal: "with a signal", truncated: "answers cut off" },
    nats: { title: "Nats per token", advantage: "mean advantage", entropy: "entropy", kl: "KL to the start" },
    length: { title: "Tokens per answer", length: "mean length" },
  },
} as const;
