// The export's README: this run's own lines, then those of every run.
import { cardOf, type RunConfig } from "../config/run";
import { packageFile } from "./python";
import type { TrlAnswer } from "./trl";

export interface ReadmeFacts {
  readonly config: RunConfig;
  readonly trl: TrlAnswer;
  /** What has to be put into the folder first. */
  readonly missing: readonly string[];
  /** How the teacher's weights were rounded where the engine ran it; undefined where they were not. */
  readonly quantized: string | undefined;
  /** Steps that parity.json holds. */
  readonly steps: number;
  /** Rows that took no part. */
  readonly dropped: number;
}

export function readmeOf({ config, trl, missing, quantized, steps, dropped }: ReadmeFacts): string {
  const { method, batchSize, accumulation, steps: total } = config;
  const name = cardOf(method.id)?.name ?? method.id;
  const own = [
    `# ${name}, taken to a cluster`,
    "",
    `${total} steps of ${batchSize * accumulation} rows (batchSize ${batchSize} × accumulation ${accumulation}), ${config.training.kind === "lora" ? `LoRA of rank ${config.training.rank}` : "every weight"} of \`${config.student}\`, from Couplet.`,
    ...missing.map((what) => `\n**Before the first start: ${what}.**`),
    ...(dropped > 0
      ? [`\n${dropped} rows could not be used and are not in data/: they took no part in the browser either.`]
      : []),
    ...(quantized
      ? [
          `\nIn the browser the teacher ran with ${quantized} weights. Here it is not rounded: losses differ by what the rounding does.`,
        ]
      : []),
    "",
    steps > 0
      ? `\`parity.json\` holds the first batch and the first ${steps} ${steps === 1 ? "step" : "steps"} of this run, as Couplet's engine computed them.`
      : "There is no parity.json: this run's first steps were not computed yet. `couplet cluster CONFIG.json --out DIR` computes ten and writes it; in the page, load the run, take ten steps, and export again.",
    "",
    "why" in trl
      ? `No trl_gold.py: ${trl.why}`
      : "`trl_gold.py` is the same loss by TRL's own trainer, every default written out.",
    "",
  ];
  return `${own.join("\n")}\n${packageFile("README.md").replace(/^# .*\n/, "")}`;
}
