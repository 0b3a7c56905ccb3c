// The memory plan — plan
//   against what is allocated  bytes of the buffers that a run makes and keeps, within 10 % × {CoT2Align with evaluation,
//                  accumulation, LoRA, gradient checkpointing}; weights, gradients and moments to the byte
//   without weights            the plan from config and sources alone is the run's own; nothing is allocated
//   teacher        its states on the GPU are counted when it runs there
//   changes        each smaller change is a plan of its own: the run with it allocates as much
//   refusals       a budget, or a binding limit, that is too small: before anything is allocated, with what would fit
//   scratch        a pool holds every program's slots; programs that share it do not disturb each other
import { describe, expect, test, vi } from "vitest";
import type { RunConfig } from "../../../src/config/run";
import { mergeSlots, ScratchPool } from "../../../src/gpu/arena";
import { countingGpu } from "../../../src/gpu/counting";
import type { Gpu } from "../../../src/gpu/device";
import { openRun, planSources } from "../../../src/trainer";
import { bundledSources, SMALL_RUN } from "../../support/bundled";
import { ownGpu, testGpu } from "../../support/gpu";

const SFT: RunConfig = { ...SMALL_RUN, method: { id: "sft" } };

/** Bytes of the buffers that live. */
function watch(gpu: Gpu): () => number {
  let live = 0;
  const create = gpu.device.createBuffer.bind(gpu.device);
  vi.spyOn(gpu.device, "createBuffer").mockImplementation((descriptor) => {
    const buffer = create(descriptor);
    live += buffer.size;
    const destroy = buffer.destroy.bind(buffer);
    let gone = false;
    buffer.destroy = () => {
      if (!gone) live -= buffer.size;
      gone = true;
      return destroy();
    };
    return buffer;
  });
  return () => live;
}

/** A run through everything that allocates. */
async function allocated(config: RunConfig) {
  const gpu = await ownGpu();
  const live = watch(gpu);
  const run = await openRun(gpu, config, bundledSources());
  const atOpen = live();
  for (let i = 0; i < config.steps; i++) await run.step();
  await run.plans(config.probe.row);
  await run.answers(config.probe.row);
  if (config.evaluation.everySteps > 0) await run.evaluate();
  const bytes = live();
  const facts = run.facts();
  await run.destroy();
  const left = live();
  vi.restoreAllMocks();
  gpu.destroy();
  return { bytes, atOpen, left, facts };
}

describe("against what is allocated", () => {
  test.each<[string, RunConfig]>([
    [
      "CoT2Align",
      {
        ...SMALL_RUN,
        steps: 6,
        evaluation: { everySteps: 3, rows: 18 },
        probe: { ...SMALL_RUN.probe, everySteps: 3, gradientRatio: true },
      },
    ],
    ["accumulation", { ...SFT, steps: 2, batchSize: 2, accumulation: 3 }],
    [
      "LoRA, gradient checkpointing",
      {
        ...SFT,
        steps: 2,
        gradientCheckpointing: true,
        training: { kind: "lora", rank: 4, alpha: 8, targets: ["q_proj"] },
      },
    ],
  ])("%s", async (_name, config) => {
    const { bytes, left, facts } = await allocated(config);
    const plan = facts.plan!;
    if (process.env.COUPLET_FIGURES)
      process.stdout.write(`plan ${plan.total}, allocated ${bytes} (${(plan.total / bytes).toFixed(3)})\n`);
    expect(plan.total / bytes).toBeGreaterThan(0.9);
    expect(plan.total / bytes).toBeLessThan(1.1);
    const { weights, gradients, moments } = plan.bytes;
    expect(weights + gradients + moments).toBe(facts.memory["parameterBytes"]);
    expect(moments).toBe(2 * gradients);
    expect(plan.bytes.activations).toBe(facts.memory["scratchBytes"]);
    expect(plan.teacherCache).toBeGreaterThanOrEqual(facts.memory["teacherCacheBytes"]! * 0.8);
    expect(plan.fits).toBe(true);
    expect(left).toBe(0); // a run that is destroyed holds nothing
  });
});

const limitsOf = async () => (await testGpu()).device.limits;

test("from config and sources alone: the run's own plan, and what changes would make of it", async () => {
  const config: RunConfig = { ...SFT, batchSize: 8, steps: 2 };
  const plan = await planSources(config, bundledSources(), await limitsOf());
  const { facts } = await allocated(config);
  const { changes, ...memory } = plan;
  expect({ ...memory, changes: [] }).toEqual(facts.plan);
  expect(changes.map(({ settings }) => settings)).toEqual(
    expect.arrayContaining([
      "batchSize 4, accumulation 2",
      "batchSize 1, accumulation 8",
      "gradientCheckpointing true",
      "training kind:lora,rank:8,alpha:16,targets:[q_proj,v_proj]",
    ]),
  );
  for (const { total } of changes) expect(total).toBeLessThan(plan.total);
  const checkpointing = changes.find(({ settings }) => settings === "gradientCheckpointing true")!;
  const changed = await planSources(
    { ...config, gradientCheckpointing: true },
    bundledSources(),
    await limitsOf(),
  );
  expect(changed.total).toBe(checkpointing.total);
});

describe("what does not fit is refused before anything is allocated", () => {
  test("a budget", async () => {
    const gpu = await ownGpu();
    const sources = bundledSources();
    const { total, changes } = await planSources({ ...SFT, batchSize: 8 }, sources, gpu.device.limits);
    const smallest = Math.min(...changes.map((change) => change.total));
    const memoryBudgetMiB = Math.ceil(smallest / 2 ** 20);
    expect(memoryBudgetMiB * 2 ** 20).toBeLessThan(total);
    const create = vi.spyOn(gpu.device, "createBuffer");
    await expect(openRun(gpu, { ...SFT, batchSize: 8, memoryBudgetMiB }, sources)).rejects.toMatchObject({
      code: "out-of-memory",
      what: expect.stringMatching(/would take \d+\.\d MiB/),
      why: expect.stringMatching(/memoryBudgetMiB allows \d+ MiB/),
      remedy: expect.stringMatching(/Nothing was allocated\. It would fit with .*gradientCheckpointing true/),
    });
    await expect(openRun(gpu, { ...SFT, memoryBudgetMiB: 1 }, sources)).rejects.toMatchObject({
      remedy: expect.stringMatching(/Lower data\.maxLength, or choose a smaller student/),
    });
    expect(create).not.toHaveBeenCalled();
    vi.restoreAllMocks();
    gpu.destroy();
  });

  test("not a single row of a table", async () => {
    const limits = { maxStorageBufferBindingSize: 128, maxBufferSize: 2 ** 28 };
    const sources = bundledSources();
    for (const config of [SFT, { ...SMALL_RUN, method: { id: "uld", kdRate: 0.5 } } satisfies RunConfig]) {
      const plan = await planSources(config, sources, limits);
      const { total } = await planSources(config, sources, {
        ...limits,
        maxStorageBufferBindingSize: 2 ** 28,
      });
      expect([plan.fits, plan.total]).toEqual([false, total]); // what an adapter that could would take
      expect(plan.reasons[0]).toMatch(
        /^A row of the parameter ".*" takes 0\.0 MiB, but this adapter binds at most 0\.0 MiB of memory at once/,
      );
    }
  });

  test("a binding limit", async () => {
    const most = 512 * 1024;
    const limits = { maxStorageBufferBindingSize: most, maxBufferSize: most };
    const plan = await planSources({ ...SFT, batchSize: 8 }, bundledSources(), limits);
    expect(plan.fits).toBe(false);
    expect(plan.largest.bytes).toBeGreaterThan(most);
    expect(plan.reasons.join()).toMatch(/takes \d+\.\d MiB, and this adapter binds at most 0\.5 MiB at once/);
  });
});

describe("scratch", () => {
  test("merged slots hold each program's", () => {
    expect(mergeSlots([])).toEqual([]);
    expect(mergeSlots([[1, 5, 2], [4, 4], []])).toEqual([5, 4, 1]);
  });

  test("a pool gives each slot a buffer of its own, the smallest that holds it, and grows by what is missing", () => {
    const { gpu, bytes } = countingGpu({ maxBufferSize: 1e9, maxStorageBufferBindingSize: 1e9 });
    const pool = new ScratchPool(gpu.device);
    const first = pool.take([100, 400, 200]);
    expect(first.map(({ size }) => size)).toEqual([100, 400, 200]);
    const second = pool.take([150, 90]);
    expect(second).toEqual([first[2], first[0]]);
    const undo = pool.mark();
    expect(pool.take([500, 400, 400]).map(({ size }) => size)).toEqual([500, 400, 400]);
    expect(bytes()).toBe(700 + 900);
    undo();
    expect(bytes()).toBe(700);
    expect(pool.bytes).toBe(700);
    pool.destroy();
    expect(bytes()).toBe(0);
  });
});

test("a teacher's states on the GPU are part of the plan", async () => {
  const config: RunConfig = { ...SMALL_RUN, batchSize: 2, steps: 2 };
  const [cpu, gpu] = await Promise.all(
    (["cpu", "gpu"] as const).map(async (teacherDevice) =>
      planSources({ ...config, teacherDevice }, bundledSources(), await limitsOf()),
    ),
  );
  expect(cpu!.teacherCache).toBeGreaterThan(0);
  expect(gpu!.total - cpu!.total).toBe(cpu!.teacherCache);
});
