// The sentences about a run: its controls, its strip, its files.
import type { RunStatus } from "../store";
import { bytes, count, decimals, plural } from "./format";

export const runMessages = {
  title: "Run",
  play: "Play",
  pause: "Pause",
  pausing: "Pausing…",
  stopWriting: "Stop writing",
  stopLoading: "Stop loading",
  silent: (seconds: number) =>
    `The engine has not responded for ${count(seconds)} s. It may be computing or compiling.`,
  endNow: "Stop the engine",
  endNowTitle: (step: number | undefined) =>
    step === undefined
      ? "Ends the engine and starts a new one; the run starts over"
      : `Ends the engine and starts a new one; the run returns to step ${count(step)}, where it was last saved`,
  starting: "Starting…",
  step: "Step",
  stepTitle: "One training step",
  restartWith: (what: string) => `Restart with ${what}`,
  startWith: (what: string) => `Start with ${what}`,
  fixFirst: "Correct the settings first",
  otherSettings: (n: number) => plural(n, "other setting", "other settings"),
  rows: "rows",
  rowCounts: (train: string, heldOut: string) => `(${train} train, ${heldOut} held out)`,
  trains: "Trains",
  trainsNow: "Training",
  willTrain: "Will train",
  loadedRun: "The loaded run is",
  goOnLoaded: "Continue the loaded run",
  stepLoaded: "One step of the loaded run",
  backToLoaded: "Back to its settings",
  formWaits: "The settings have changed since.",
  formHasIssues: "A setting below is invalid and marked. The loaded run is unchanged.",
  stepRestarts: "The settings have changed: restart with them, or continue the loaded run",
  reset: "Reset",
  resetTitle: "Back to step 0 with the same weights, data order and seed",
  newSeed: "New seed",
  newSeedTitle: "The same settings with a new seed; reloads the run",
  runTo: "Run to",
  runToStep: "Run to step",
  runToTitle: (from: number, to: number) =>
    from > to ? "The run is at its end" : `Run, and stop exactly at a step from ${from} to ${to}`,
  cluster: "Take it to a cluster",
  clusterTitle:
    "This run in PyTorch, as a zip: Transformers and Accelerate, its rows and models, and this page's first steps as proof",
  clusterRefused: (why: string) => `This run cannot go to a cluster: ${why.replace(/\.$/, "")}.`,
  files: "Save…",
  save: "Student: safetensors + ONNX, Hugging Face layout (.zip)",
  saveCheckpoint: "Checkpoint (.safetensors)",
  saveCsv: "Metrics (.csv)",
  saveJsonl: "Metrics (.jsonl)",
  saveConfig: "Run config (.json)",
  saveManifest: "Manifest: config, hashes, adapter (.json)",
  openCheckpoint: "Open a checkpoint…",
  showing: "Showing",
  recorded: "Recorded run",
  live: "Live run",
  stepOf: (step: number, steps: number) => `step ${count(step)} / ${count(steps)}`,
  pace: (perSecond: number) =>
    perSecond >= 1 ? `${decimals(perSecond, 1)} steps/s` : `${decimals(1 / perSecond, 1)} s/step`,
  left: (time: string) => `${time} left`,
  status: {
    empty: "Not loaded",
    loading: "Loading",
    ready: "Ready",
    running: "Running",
    paused: "Paused",
    finished: "Finished",
    failed: "Stopped",
  } satisfies Record<RunStatus, string>,
  progress: (stage: string, done: number, total: number) => {
    // Some totals grow with what has come: then only the amount means anything.
    if (total === 0 || total === done) return done <= 1 ? stage : `${stage}: ${amount(done)} so far`;
    return total === 1 ? stage : `${stage} ${amount(done)} / ${amount(total)}`;
  },
} as const;

/** Byte counts are large; counts of things are small. */
const amount = (n: number): string => (n >= 10_000 ? bytes(n) : count(n));
