// A run: everything that decides its numbers. The same small JSON drives the page and the headless runner,
// and with its seed it reproduces the run on the same adapter.
import { messageOf } from "../base/errors";
import * as v from "valibot";
import { BUNDLED_DATA } from "./bundled";
import { count, finite, fraction, positive } from "./fields";
import { issueText } from "./issue-text";
import { labels } from "./labels";
import { method } from "./methods";
import { isOnPolicy, rolloutIssues } from "./rollout";
import { trainingFields } from "./training";
import { withCurrentNames } from "./transport";

/** What was expected, what came, where. `issues` holds one line per field that is wrong. */
export class ConfigError extends Error {
  override name = "ConfigError";
  constructor(readonly issues: readonly string[]) {
    super(`The run config is not usable:\n${issues.map((line) => `  ${line}`).join("\n")}`);
  }
}

/** Everything that a config may say: also what the settings form is built from (form.ts). */
export const runConfig = v.strictObject({
  version: v.literal(1),
  seed: count(0, 2 ** 32 - 1),
  /** A bundled model's id, a library key (hub:owner/name@revision, local:name@mark), or (headless) a folder; a teacher's may end in #q4 and the like. */
  teacher: v.pipe(v.string(), v.nonEmpty("must name a model")),
  student: v.pipe(v.string(), v.nonEmpty("must name a model")),
  data: v.strictObject({
    /** A bundled data set's id, rows kept by the page (own:name@hash), or (headless) the path of a data file, FILE#PART for one of several lists in it. */
    source: v.pipe(v.string(), v.nonEmpty("must name a data set")),
    /** Which side of a row both models read. */
    view: v.picklist(["cot", "plain"]),
    /**
     * Whose answers the student learns: the data set's; the teacher's own (SeqKD); the data set's, with chains of thought
     * that the teacher writes for rows without one. What it writes is written before the first step. Or, on-policy, the
     * student's own, which it writes anew at every step ("student"), or those and the data set's mixed ("mix"): see `rollout`.
     */
    outputs: v.optional(v.picklist(["gold", "teacher", "chains", "student", "mix"]), "gold"),
    /** What was done to the training rows' answers; held-out rows are as they were. */
    labels: v.optional(labels, "all"),
    /**
     * What a row with a chain of thought gives to an objective that reads both views: one record, or as published two,
     * its plain view alone and its chain of thought with the plain view beside it.
     */
    records: v.optional(v.picklist(["one", "published"]), "one"),
    /**
     * What stands around a text on both sides: what each tokenizer's own post-processor puts there (BOS, EOS), or, as in
     * the published code, nothing but eos behind an answer. Conversations have theirs from the chat template.
     */
    specialTokens: v.optional(v.picklist(["tokenizer", "none"]), "tokenizer"),
    /** What rows without halves of their own are split by into training and held-out ones; without it, the run's seed. */
    splitSeed: v.exactOptional(count(0, 2 ** 32 - 1)),
    /** Use at most this many training rows; 0 means all. */
    rows: count(0, 1_000_000),
    /** Tokens of prompt and response together; longer rows are cut. */
    maxLength: count(8, 512),
    maxPrompt: count(4, 512),
  }),
  method,
  optimizer: v.strictObject({
    learningRate: positive,
    projectorLearningRate: positive,
    beta1: fraction,
    beta2: fraction,
    eps: positive,
    weightDecay: v.pipe(finite, v.minValue(0)),
    /** Largest global gradient norm; larger gradients are scaled down to it. */
    clipNorm: positive,
    schedule: v.picklist(["constant", "linear", "cosine"]),
    warmupSteps: count(0, 100_000),
  }),
  batchSize: count(1, 64),
  ...trainingFields,
  steps: count(1, 1_000_000),
  /** Held-out rows whose answers are scored, every so many steps (0: never). */
  evaluation: v.strictObject({ everySteps: count(0, 100_000), rows: count(0, 2000) }),
  /** The held-out row whose transport plan and answers are shown. */
  probe: v.strictObject({
    row: count(0, 100_000),
    everySteps: count(1, 10_000),
    /** Also measure each transport term's gradient against the cross entropy's, on that row, as often. */
    gradientRatio: v.optional(v.boolean(), false),
  }),
});

export type RunConfig = v.InferOutput<typeof runConfig>;
export type OptimizerConfig = RunConfig["optimizer"];
export * from "./methods";
export { isOnPolicy, type Rollout } from "./rollout";
export * from "./transport";

/** What rows without halves of their own are split by. */
export const splitSeedOf = ({ data, seed }: Pick<RunConfig, "data" | "seed">): number =>
  data.splitSeed ?? seed;

/**
 * Check a run config from outside.
 *
 * @throws ConfigError with one line per field: its path, what is wrong, what came.
 */
export function parseRunConfig(json: unknown): RunConfig {
  const result = v.safeParse(runConfig, withCurrentNames(json));
  if (result.success) return checkTogether(result.output);
  throw new ConfigError(result.issues.map(describe));
}

/** Parse JSON text first, so that broken JSON is the same kind of error. */
export const parseRunConfigText = (text: string): RunConfig => parseRunConfig(parseJson(text));

/** @throws ConfigError when the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ConfigError([`not valid JSON: ${messageOf(cause)}`]);
  }
}

function checkTogether(config: RunConfig): RunConfig {
  const { data, method: chosen } = config;
  const issues: string[] = [];
  if (data.maxPrompt >= data.maxLength)
    issues.push(
      `data.maxPrompt: must be below data.maxLength (${data.maxLength}) so that a response fits, got ${data.maxPrompt}`,
    );
  issues.push(...labelIssues(data));
  if (chosen.id === "cot2align") {
    if (chosen.crossCot && data.view !== "cot")
      issues.push(`method.crossCot: pairs a chain of thought with the plain view; set data.view to "cot"`);
    const { embedding, hidden, layers } = chosen.transport;
    if (embedding + hidden + layers.reduce((sum, { weight }) => sum + weight, 0) === 0)
      issues.push("method.transport: at least one layer needs a weight above 0");
  }
  issues.push(...rolloutIssues(config), ...onPolicyIssues(config));
  if (issues.length > 0) throw new ConfigError(issues);
  return config;
}

/** Where labels and the rest of the data's settings contradict each other. */
function labelIssues({ labels: chosen, outputs, source }: RunConfig["data"]): string[] {
  if (chosen === "all") return [];
  const issues: string[] = [];
  const bare = "few" in chosen && chosen.rest === "prompts";
  if (outputs !== "gold" && !(outputs === "mix" && bare))
    issues.push(
      `data.labels: acts on the data set's own answers, but data.outputs is "${outputs}"; set data.outputs to "gold", or data.labels to "all"`,
    );
  if ("noisy" in chosen && !BUNDLED_DATA.some((id) => id === source))
    issues.push(
      `data.labels.noisy: walks the chains of the bundled rows again with errors; chains of other rows cannot be walked. Choose few labels, or put the errors into your own file`,
    );
  if (bare && outputs !== "mix")
    issues.push(
      `data.labels.rest: bare prompts are answered by the student as it learns: set data.outputs to "mix", or choose "teacher" or "none"`,
    );
  return issues;
}

/** What cannot be learned from answers that the student writes. */
function onPolicyIssues({ data, method: chosen }: RunConfig): string[] {
  if (!isOnPolicy(data)) return [];
  return [
    ...(chosen.id === "sft" && data.outputs === "student"
      ? [
          `data.outputs: "student" leaves SFT nothing to learn: cross entropy on the student's own answers teaches it what it already says. Choose a method with a teacher.`,
        ]
      : []),
    ...(chosen.id === "cot2align" && chosen.crossCot
      ? [
          `method.crossCot: pairs a chain of thought with the plain view of one row, and an answer that the student writes has no pair; set it to false, or data.outputs to "gold"`,
        ]
      : []),
  ];
}

interface IssueLike {
  readonly path?: readonly { readonly key: unknown }[] | undefined;
  readonly message: string;
  readonly received: string;
  readonly expected: string | null;
}

function describe(issue: IssueLike): string {
  const path = issue.path?.map((p) => String(p.key)).join(".") || "(top level)";
  return `${path}: ${issueText(issue)}`;
}
