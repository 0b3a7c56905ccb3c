// The on-policy side of a run: the student writes the step's answers, and what it wrote goes into the step's record.
import { isOnPolicy, type RunConfig } from "../config/run";
import type { PreparedRow } from "../data";
import type { Gpu } from "../gpu/device";
import { type BatchSource, sameTokens } from "./batch-source";

import { RunError } from "./failure";
import { unload } from "./load";
import type { Loaded } from "./loaded";
import { createRollouts, type WrittenStep } from "./rollouts";
import { createStartGauge, openStart } from "./start-gauge";
import { createWrittenProbe, type WrittenProbe } from "./written-probe";

export interface OnPolicy extends Pick<WrittenProbe, "look"> {
  /**
   * The rows of a step.
   *
   * @throws RunError `nothing-written` when no answer could be learned from for many steps in a row, `not-finite` when the student's
   * weights have gone wrong.
   */
  write(prompts: readonly PreparedRow[], step: number): Promise<WrittenStep>;
  destroy(): void;
}

/** Steps without a single answer to learn from, after which going on is a waste. */
const MOST_EMPTY = 25;

/** Undefined for a run that learns from answers that are there. A failure closes what was loaded. */
export async function openOnPolicy(
  gpu: Gpu,
  config: RunConfig,
  loaded: Loaded,
  source: BatchSource,
): Promise<OnPolicy | undefined> {
  if (!isOnPolicy(config.data)) return undefined;
  return open(gpu, config, loaded, source).catch(async (error: unknown) => {
    await unload(loaded);
    throw error;
  });
}

async function open(gpu: Gpu, config: RunConfig, loaded: Loaded, source: BatchSource): Promise<OnPolicy> {
  const { model, tokenizer, teacher, tokens, pool } = loaded;
  const readers = {
    ...{ student: tokenizer, teacher: teacher.tokenizer, sameTokens: sameTokens(tokens) },
    ...{ view: config.data.view, teacherLength: teacher.config.maxPositions + 1 },
  };
  const rollouts = await createRollouts(gpu, config, { model, tokenizer, readers, pool });
  const { startEverySteps } = config.rollout;
  const gauge =
    startEverySteps > 0
      ? createStartGauge(
          gpu,
          loaded,
          config,
          await openStart(gpu, model, loaded.studentFiles).catch((error: unknown) => {
            rollouts.destroy();
            throw error;
          }),
        )
      : undefined;
  const taught = loaded.objective.needs(config.method).includes("teacher.logits");
  const probe = createWrittenProbe(gpu, loaded, source, { rollouts, taught });
  let empty = 0;
  return {
    look: (row, atStart) => probe.look(row, atStart),
    async write(prompts, step) {
      const written = await rollouts.write(prompts, step);
      empty = written.rows.length === 0 ? empty + 1 : 0;
      if (empty >= MOST_EMPTY) throw nothingWritten(written, config);
      const measured = gauge && written.own.length > 0 && (step - 1) % startEverySteps === 0;
      if (!measured) return written;
      const klToStart = await gauge.divergence(written.own);
      return { ...written, record: { ...written.record, klToStart } };
    },
    destroy() {
      probe.destroy();
      rollouts.destroy();
      gauge?.destroy();
    },
  };
}

function nothingWritten({ record }: WrittenStep, { rollout }: RunConfig): RunError {
  const cut = record.truncated === 1 && rollout.truncated === "leave_out";
  return new RunError(
    "nothing-written",
    `The run stopped: for ${MOST_EMPTY} steps the student has written no answer to learn from.`,
    cut
      ? `Every answer was cut off at ${rollout.maxNewTokens} tokens (rollout.maxNewTokens), and answers that are cut off are left out (rollout.truncated).`
      : "Every answer was cut off before it had a byte that the teacher reads.",
    cut
      ? 'Raise rollout.maxNewTokens, set rollout.truncated to "keep", or begin with a student that has learned to end an answer.'
      : "Raise rollout.maxNewTokens, or begin with a student that has learned to write.",
  );
}
