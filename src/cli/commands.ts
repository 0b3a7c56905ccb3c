// The headless commands: what each takes, and where it lives. Modules are loaded when their command is called.
import { PRESETS } from "../config/presets";
import type { Arguments, CommandSpec } from "./usage";

export interface Command extends CommandSpec {
  load(): Promise<(args: Arguments) => Promise<number>>;
}

const OUT_FOLDER = { kind: "value", help: "the folder to write into" } as const;

/** A Map, so that names which every object inherits are no commands. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  [
    "run",
    {
      usage: "CONFIG.json --out DIR [--resume [CHECKPOINT]] [--overwrite] [--cache DIR]",
      summary:
        "Train as the page does. Writes metrics.jsonl, config.json, plan.json, answers.json, evaluations.jsonl,\n  checkpoint.safetensors and the trained student.",
      words: [1, 1],
      options: {
        out: OUT_FOLDER,
        resume: {
          kind: "optional",
          help: "go on from DIR/checkpoint.safetensors, or from the checkpoint named, with the same bits",
        },
        overwrite: {
          kind: "flag",
          help: "replace the run that DIR holds; other files in DIR are left alone",
        },
        cache: { kind: "value", help: "keep the teacher's states in this folder, for later runs" },
      },
      notes:
        "SIGINT and SIGTERM end the run after the step under way: the checkpoint is written and the command that goes\n" +
        "on is printed. A second one stops at once, as one before the first step does. One run at a time may write into a folder.",
      load: async () => (await import("./run")).runCommand,
    },
  ],
  [
    "export",
    {
      usage: "RUN_DIR [--out ZIP|DIR] [--fp16]",
      summary:
        "The student of a run as a zip that Transformers and transformers.js load, checked by loading it back.",
      words: [1, 1],
      options: {
        out: { kind: "value", help: "the zip or the new folder to write; RUN_DIR/student.zip unless given" },
        fp16: { kind: "flag", help: "also write the ONNX graph in half precision" },
      },
      load: async () => (await import("./export")).exportCommand,
    },
  ],
  [
    "cluster",
    {
      usage: "CONFIG.json --out DIR [--steps N]",
      summary:
        "The run as a folder that PyTorch runs on many GPUs (Transformers, Accelerate), with its first ten steps,\n  computed here, in parity.json.",
      words: [1, 1],
      options: {
        out: { kind: "value", help: "the new folder to write into" },
        steps: {
          kind: "value",
          help: "steps for parity.json, at most 10, which is what is meant without it; 0: none",
        },
      },
      load: async () => (await import("./cluster")).clusterCommand,
    },
  ],
  [
    "plan",
    {
      usage: "CONFIG.json [--json]",
      summary: "Memory by class before anything is allocated, whether it fits, and what would take less.",
      words: [1, 1],
      options: { json: { kind: "flag", help: "print JSON" } },
      load: async () => (await import("./plan")).planCommand,
    },
  ],
  [
    "generate",
    {
      usage: "CONFIG.json --kind seqkd|cot --out FILE.jsonl [--rows N]",
      summary: "Rows that the teacher writes: its own answers, or chains of thought for gold answers.",
      words: [1, 1],
      options: {
        kind: { kind: "value", help: "seqkd (the teacher's answers) or cot (chains of thought)" },
        out: { kind: "value", help: "the file of rows to write; what is written so far is kept beside it" },
        rows: { kind: "value", help: "the first so many rows; 0 or nothing: all" },
      },
      load: async () => (await import("./generate")).generateCommand,
    },
  ],
  [
    "profile",
    {
      usage: "CONFIG.json",
      summary: "Where a training step's time goes: ms, share, GFLOP/s and GB/s by kernel.",
      words: [1, 1],
      options: {},
      load: async () => (await import("./profile")).profileCommand,
    },
  ],
  [
    "config",
    {
      usage: "[PRESET]",
      summary: `Print a complete run config. Presets: ${Object.keys(PRESETS).join(", ")}.`,
      words: [0, 1],
      options: {},
      load: async () => (await import("./config")).configCommand,
    },
  ],
  [
    "ot",
    {
      usage: "FILE.json [--out OUT.json] [--device gpu|cpu]",
      summary: "Solve transport problems.",
      words: [1, 1],
      options: {
        out: { kind: "value", help: "write the results here instead of printing them" },
        device: { kind: "value", help: "gpu (unless given) or cpu: the float64 twin" },
      },
      load: async () => (await import("./ot")).otCommand,
    },
  ],
  [
    "objective",
    {
      usage: "CASE.json [--out OUT.json]",
      summary: "One objective on given tensors: value, terms, gradients.",
      words: [1, 1],
      options: { out: { kind: "value", help: "write the result here instead of printing it" } },
      load: async () => (await import("./objective")).objectiveCommand,
    },
  ],
]);
