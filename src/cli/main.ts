// The headless commands. Exit codes: 0 done, 1 unexpected, 2 bad input, 3 the run failed but kept its last good step.
import { ConfigError } from "../config/run";
import { PRESETS } from "../config/presets";
import { BadUsage } from "./usage";

const USAGE = `couplet COMMAND

  run CONFIG.json --out DIR [--resume CHECKPOINT] [--cache DIR]
                               train as the page does, with the teacher's states kept in --cache; writes metrics.jsonl, config.json, plan.json,
                               answers.json, evaluations.jsonl, checkpoint.safetensors and the trained student
  export RUN_DIR [--out ZIP|DIR] [--fp16]
                               the student of a run as a zip that Transformers and transformers.js load, checked
                               by loading it back
  plan CONFIG.json [--json]    GPU memory by class before anything is allocated, whether it fits, what would take less
  generate CONFIG.json --kind seqkd|cot --out FILE.jsonl [--rows N]
                               rows that the teacher writes: its own answers, or chains of thought for gold answers
  profile CONFIG.json          where a training step's time goes: ms, share, GFLOP/s and GB/s by kernel
  config [PRESET]              print a complete run config (presets: ${Object.keys(PRESETS).join(", ")})
  ot FILE.json [--out OUT.json] [--device gpu|cpu]
                               solve transport problems
  objective CASE.json [--out OUT.json]
                               one objective on given tensors: value, terms, gradients
`;

const COMMANDS: Record<string, (argv: string[]) => Promise<number>> = {
  run: async (argv) => (await import("./run")).runCommand(argv),
  ot: async (argv) => (await import("./ot")).otCommand(argv),
  export: async (argv) => (await import("./export")).exportCommand(argv),
  plan: async (argv) => (await import("./plan")).planCommand(argv),
  profile: async (argv) => (await import("./profile")).profileCommand(argv),
  objective: async (argv) => (await import("./objective")).objectiveCommand(argv),
  generate: async (argv) => (await import("./generate")).generateCommand(argv),
  config: printConfig,
};

export async function main(argv: string[]): Promise<number> {
  const [name = "help", ...rest] = argv;
  if (name === "help" || name === "--help") {
    console.log(USAGE);
    return 0;
  }
  const command = COMMANDS[name];
  if (!command) return badInput(`There is no command "${name}".\n\n${USAGE}`);
  try {
    return await command(rest);
  } catch (error) {
    if (isBadInput(error)) return badInput(error.message);
    console.error(error);
    return 1;
  }
}

async function printConfig([preset = "first-light"]: string[]): Promise<number> {
  const { presetConfig } = await import("./sources");
  console.log(JSON.stringify(presetConfig(preset), null, 2));
  return 0;
}

/** Errors whose message is for the person who gave the input; others are defects and show their stack. */
const isBadInput = (error: unknown): error is Error =>
  error instanceof ConfigError ||
  error instanceof BadUsage ||
  (error instanceof Error && ["ModelError", "DataError", "NoTimestampsError"].includes(error.name));

function badInput(message: string): number {
  console.error(message);
  return 2;
}
