// The rows of an on-policy step: which of them the student answers itself, what it writes, and how both models read that. A pure
// function of the weights, the config and the step, so that a resumed run writes the same.
import type { RunConfig } from "../config/run";
import { createRng, deriveSeed } from "../config/rng";
import { type PreparedRow, type Readers, readWritten, withGroups } from "../data";
import type { ScratchPool } from "../gpu/arena";
import type { Gpu } from "../gpu/device";
import type { StudentConfig, Tokenizer } from "../models";
import {
  createRolloutSampler,
  NotFiniteLogits,
  type RolloutShape,
  type Sampled,
  type StudentModel,
  usablePositions,
} from "../student";
import type { RolloutRecord } from "../telemetry";
import { RunError } from "./failure";

export interface Rollouts {
  /** The step's rows with their answers; none where every answer was left out. */
  write(prompts: readonly PreparedRow[], step: number, signal?: AbortSignal): Promise<WrittenStep>;
  /** The student's answer to one prompt, from a stream that no step uses. */
  sample(row: PreparedRow): Promise<Sampled>;
  /** That answer as both models read it; without a row where the teacher has nothing to read. */
  read(row: PreparedRow, sampled: Sampled): ReturnType<typeof readWritten>;
  destroy(): void;
}

export interface WrittenStep {
  readonly rows: readonly PreparedRow[];
  /** Those that the student wrote. */
  readonly own: readonly PreparedRow[];
  readonly record: RolloutRecord;
}

/** Of the cache of keys and values; more rows than fit are written in turn. */
const CACHE_BYTES = 2 ** 28;
const MOST_ROWS = 64;

/** Rows that are written together, and positions of their cache: what the plan counts, too. */
export function rolloutShape(
  { batchSize, accumulation, data, rollout }: RunConfig,
  student: StudentConfig,
): RolloutShape {
  const capacity = Math.min(
    Math.min(data.maxPrompt, data.maxLength - rollout.maxNewTokens) + rollout.maxNewTokens,
    usablePositions(student),
  );
  const each = 2 * 4 * student.layers * capacity * student.kvHeads * student.headDim;
  const fit = Math.max(1, Math.floor(CACHE_BYTES / each));
  return { rows: Math.min(batchSize * accumulation, MOST_ROWS, fit), capacity };
}

/** Prompts that a step draws: each is answered `samples` times. */
export const promptsOf = ({ batchSize, accumulation, rollout }: RunConfig): number =>
  (batchSize * accumulation) / rollout.samples;

export interface RolloutParts {
  readonly model: StudentModel;
  readonly tokenizer: Tokenizer;
  readonly readers: Readers;
  readonly pool: ScratchPool;
}

export async function createRollouts(
  gpu: Gpu,
  config: RunConfig,
  { model, tokenizer, readers, pool }: RolloutParts,
): Promise<Rollouts> {
  const { rollout } = config;
  const { temperature, topK, topP, maxNewTokens, samples, truncated } = rollout;
  const shape = rolloutShape(config, model.config);
  const sampler = await createRolloutSampler(gpu, model, shape, { temperature, topK, topP }, pool);
  const seed = rollout.seed ?? deriveSeed(config.seed, "rollout");
  const { stopIds } = tokenizer;
  const settings = { maxNewTokens, stopIds };

  return {
    async write(prompts, step, signal) {
      const of = deriveSeed(seed, `step ${step}`);
      const rows = prompts.flatMap((row) => new Array<PreparedRow>(samples).fill(row));
      const own = chosen(config, rows.length, of).map((mine, i) => mine || isBare(rows[i]));
      const asked = rows.filter((_, i) => own[i]);
      const written = await withReadableErrors(
        sampler.sample(asked.map(promptIds), { ...settings, seed: of, signal }),
      );
      const tally = createTally(written);
      let next = 0;
      const all = rows.flatMap((row, i): { row: PreparedRow; own: boolean }[] => {
        if (!own[i]) return [{ row: withGroups(row, readers), own: false }];
        const sampled = written[next++]!; // one for each that was asked
        const read = tally.read(sampled, readWritten(row, sampled, readers));
        const kept = read && (sampled.ended || truncated === "keep");
        if (!kept) tally.leftOut();
        return kept ? [{ row: read, own: true }] : [];
      });
      return {
        rows: all.map(({ row }) => row),
        own: all.flatMap((one) => (one.own ? [one.row] : [])),
        record: tally.record(all.length),
      };
    },
    async sample(row) {
      const [sampled] = await withReadableErrors(
        sampler.sample([promptIds(row)], { ...settings, seed: deriveSeed(seed, "shown") }),
      );
      return sampled!; // one for one prompt
    },
    read: (row, sampled) => readWritten(row, sampled, readers),
    destroy: () => sampler.destroy(),
  };
}

/** Which rows of a step the student answers, but for those that nobody else has answered. */
function chosen({ data, rollout, batchSize }: RunConfig, count: number, seed: number): boolean[] {
  if (data.outputs === "student") return new Array<boolean>(count).fill(true);
  const rng = createRng(deriveSeed(seed, "lambda"));
  const draw = () => rng.next() < rollout.lambda;
  if (rollout.lambdaPer === "row") return Array.from({ length: count }, draw);
  const slices = Array.from({ length: Math.ceil(count / batchSize) }, draw);
  return Array.from({ length: count }, (_, i) => slices[Math.floor(i / batchSize)] ?? false);
}

/** Nobody has answered it: in a mix, the student does. */
const isBare = (row: PreparedRow | undefined): boolean =>
  row !== undefined && row.row.output === "" && !row.row.outputCot;

const promptIds = ({ student: { ids, promptLength } }: PreparedRow): number[] => [
  ...ids.subarray(0, promptLength),
];

/** What a step's answers come to. */
function createTally(written: readonly Sampled[]) {
  let [grouped, tokens, unreadable, leftOut, empty] = [0, 0, 0, 0, 0];
  const all = written.flatMap(({ entropies }) => entropies);
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
  return {
    read(sampled: Sampled, { row, unreadable: lost }: ReturnType<typeof readWritten>) {
      tokens += sampled.tokens.length;
      unreadable += lost;
      if (sampled.tokens.length === (sampled.ended ? 1 : 0)) empty++;
      grouped += row?.groups.reduce((sum, [from, to]) => sum + to - from, 0) ?? 0;
      return row;
    },
    leftOut: () => leftOut++,
    record: (rows: number): RolloutRecord => ({
      ...{ rows, written: written.length, leftOut, empty },
      truncated: mean(written.map(({ ended }) => (ended ? 0 : 1))),
      length: mean(written.map(({ tokens: of }) => of.length)),
      entropy: mean(all),
      signal: tokens === 0 ? 0 : grouped / tokens,
      ...(unreadable > 0 && { unreadable }),
    }),
  };
}

const withReadableErrors = <T>(sampled: Promise<T>): Promise<T> =>
  sampled.catch((error: unknown) => {
    if (!(error instanceof NotFiniteLogits)) throw error;
    throw new RunError(
      "not-finite",
      "The student cannot write.",
      error.message,
      "Lower the learning rate, or go back to an earlier checkpoint.",
    );
  });
