// Steps that are taken to be timed, and taken back by the run afterwards: where their time goes, and how long they take.
import type { Gpu } from "../gpu/device";
import { byKernel, type DispatchTime, profile, profileStages, watchPrograms } from "../gpu/profile";
import type { PaceRecord, StepProfile, StepRecord } from "../telemetry";

/** A step, and how long the teacher worked on the batch after it. */
export type TrialStep = () => Promise<{ readonly record: StepRecord; readonly teacherMs: number }>;

/** Enough to see through a neighbour's noise, few enough to wait for on a slow adapter. */
const ROUNDS = 5;
const MEASURED = 3;

/** A warm step, and the programs that it ran: stage by stage, and kernel by kernel where the adapter can time them. */
export async function profileStep(gpu: Gpu, step: TrialStep): Promise<StepProfile> {
  await step(); // compiles
  const watch = watchPrograms(gpu);
  const { record, teacherMs } = await step().finally(() => watch.stop());
  const timed = gpu.device.features.has("timestamp-query");
  const stages = new Map<string, number>();
  const dispatches: DispatchTime[] = [];
  for (const [program, runs] of watch.runs) {
    for (const { stage, ms } of await quietest(() => profileStages(program)))
      stages.set(stage, (stages.get(stage) ?? 0) + runs * ms);
    if (!timed) continue;
    const times = await quietest(() => profile(program));
    for (let i = 0; i < runs; i++) dispatches.push(...times);
  }
  return {
    step: record.step,
    how: timed ? "timestamps" : "submits",
    stepMs: record.ms,
    teacherMs,
    stages: [...stages].map(([stage, ms]) => ({ stage, ms })),
    kernels: byKernel(dispatches),
  };
}

/**
 * The round that took least in all. Not the least of each part: noise only ever adds, but browsers round their
 * timestamps, and the least of rounded times is nothing at all for whatever is short.
 */
async function quietest<T extends { readonly ms: number }>(round: () => Promise<T[]>): Promise<T[]> {
  let [best, least]: [T[], number] = [[], Infinity];
  for (let i = 0; i < ROUNDS; i++) {
    const times = await round();
    const total = times.reduce((sum, { ms }) => sum + ms, 0);
    if (total < least) [best, least] = [times, total];
  }
  return best;
}

/** One step to warm up, three that count. */
export async function timeSteps(step: TrialStep): Promise<PaceRecord> {
  const { record: first } = await step();
  const ms: number[] = [];
  while (ms.length < MEASURED) ms.push((await step()).record.ms);
  return { warmUp: 1, warmUpMs: first.ms, ms };
}
