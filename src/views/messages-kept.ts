// The sentences about kept runs.
import type { LimitReached } from "../store";
import { bytes, count, plural } from "./format";

export const keptMessages = {
  offerTitle: "Resume your last run?",
  what: (method: string, step: number, steps: number, seed: number) =>
    `${method}, step ${count(step)} of ${count(steps)}, seed ${seed}`,
  keptAt: (when: string) => `kept ${when}`,
  resume: "Resume",
  resumeTitle: "Load it into Distill, where it stands paused at its step",
  notNow: "Not now",
  all: "All kept runs",
  title: "Kept runs",
  none: "No run is kept yet. A run is kept by itself once it has taken a step on Distill.",
  reading: "Reading…",
  here: "on Distill now",
  elsewhere: "open in another tab",
  finished: "finished",
  loss: (text: string) => `loss ${text}`,
  trained: (time: string) => `${time} of training`,
  look: "Look at it",
  lookTitle: "Show its curves, plan and answers on Distill, without loading it",
  takeOver: "Take it over",
  takeOverTitle: "The other tab stops it, keeps it, and lets go",
  save: "Save…",
  saveConfig: "Run config (.json)",
  saveCsv: "Metrics (.csv)",
  saveJsonl: "Metrics (.jsonl)",
  saveCheckpoint: "Checkpoint (.safetensors)",
  saveStudent: "Student: safetensors + ONNX, Hugging Face layout (.zip); loads the run",
  rename: "Rename",
  nameLabel: "Name of the run",
  nameHint: "A run with a name is never let go by itself.",
  ok: "Keep the name",
  cancel: "Cancel",
  delete: "Delete",
  deleteSure: (size: string) => `Delete it for good, ${size}?`,
  deleteYes: "Delete",
  deleteNo: "Keep",
  room: (runs: number, size: number) => `${plural(runs, "run", "runs")}, ${bytes(size)}`,
  limits: (runs: number, size: number, days: number) =>
    `Up to ${runs} runs without a name, ${bytes(size)} in all, each for ${days} days. Beyond that, short try-outs go first, then the oldest. A run with a name stays until you delete it.`,
  everyNow: (time: string) => `The run on Distill is kept every ${time} and whenever it stops.`,
  lost: (n: number, size: number) =>
    `${plural(n, "folder holds", "folders hold")} no whole run (${bytes(size)}): a first write that was cut off, or damage.`,
  removeLost: "Clear up",
  letGo: (names: string) => `Let go to make room: ${names}.`,
  letGoWhy: {
    age: "too old",
    number: "too many without a name",
    size: "too much room",
  } satisfies Record<LimitReached, string>,
  dismiss: "Dismiss",
  why: "Why",
  remedy: "What to do",
  damage: {
    title: (step: number | undefined) =>
      step === undefined ? "A kept run is damaged" : `What was kept at step ${count(step)} is damaged`,
    none: "None of its checkpoints is whole any more, so it cannot go on. Its folder can be deleted on the Runs screen.",
    older: (step: number) => `The one before it, at step ${count(step)}, is whole: go on from there.`,
    goOn: (step: number) => `Go on from step ${count(step)}`,
  },
  busy: {
    title: "This run is open in another tab",
    what: "Two tabs never write into one run. The other tab can be asked to stop it, keep it and let it go.",
  },
  taken: {
    title: (step: number) => `Another tab took this run over at step ${count(step)}`,
    what: "It is paused here and kept no more: what is trained here from now on would be lost with the tab.",
    asOwn: "Keep it here as a run of its own",
  },
  trouble: "The kept runs could not all be read",
  looking: (title: string) => `You are looking at a kept run: ${title}`,
  lookingWhat:
    "It stands in the place of the recorded run; the switch above the settings shows the live one.",
  lookAway: "Put it away",
} as const;
