// The engine behind the page, without a page — plan
//   opening         a device is reported; each reason for none becomes a `no-gpu` event, not a failure
//   a run           load → facts, ready, plans; step and play count steps; pause stops; reset repeats the same losses
//   writing         stopped by pause while it loads; the next loading takes what was written
//   checkpoints     taken, and taken up: by the same run in place, by another after loading its config; refused in words
//   a lost device   in mid-run: a failure that says from where it goes on, no more steps; loading again goes on there
//                   with the losses of a run that was not interrupted; without a checkpoint it starts over
//   what goes wrong a lost device, a missing model, rows that cannot be used: a failure with what, why and remedy
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NoGpuError, type Gpu, type NoGpuReason } from "../../src/gpu/device";
import { memoryFiles } from "../../src/models";
import type { RunSources } from "../../src/trainer";
import { createEngine, type Engine } from "../../src/worker/engine";
import type { Event } from "../../src/worker/protocol";
import { bundledSources, SMALL_RUN } from "../support/bundled";
import { ownGpu } from "../support/gpu";

interface Rig {
  engine: Engine;
  events: Event[];
  gpu: Gpu | undefined;
  of<T extends Event["type"]>(type: T): Extract<Event, { type: T }>[];
  /** Waits until an event satisfies the predicate. */
  until(found: (event: Event) => boolean): Promise<void>;
}

function rig(sources: () => Promise<RunSources> = async () => bundledSources(), refuse?: NoGpuReason): Rig {
  const events: Event[] = [];
  const waiting = new Set<() => void>();
  const made: Rig = {
    events,
    gpu: undefined,
    engine: createEngine(
      (event) => {
        events.push(event);
        for (const wake of waiting) wake();
      },
      {
        async openGpu() {
          if (refuse) throw new NoGpuError(refuse, `refused: ${refuse}`);
          return (made.gpu = await ownGpu());
        },
        sources,
        zip: (folder) => new Uint8Array(folder.size),
        now: () => performance.now(),
      },
    ),
    of: <T extends Event["type"]>(type: T) =>
      events.filter((e): e is Extract<Event, { type: T }> => e.type === type),
    until: (found) =>
      new Promise((resolve) => {
        const look = () => {
          if (!events.some(found)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
  return made;
}

const losses = ({ of }: Rig) => of("steps").flatMap((e) => e.records.map((r) => r.loss));
const lastStatus = ({ of }: Rig) => of("status").at(-1);

test("the teacher's writing can be stopped, and goes on where it was", async () => {
  const written = new Map<string, string>();
  let writing = 0;
  const teacherTexts = {
    get: async (key: string) => written.get(key),
    set: async (key: string, text: string) => void (writing++, written.set(key, text)),
  };
  const r = rig(async () => ({ ...bundledSources(), teacherTexts }));
  const data = { ...SMALL_RUN.data, outputs: "teacher" as const, rows: 12 };
  const config = { ...SMALL_RUN, data, method: { id: "sft" as const } };
  await r.engine.handle({ type: "open", baseUrl: "http://localhost/" });
  const load = r.engine.handle({ type: "load", config });
  await r.until((e) => e.type === "progress" && e.stage === "the teacher writes its answers" && e.done === 3);
  await r.engine.handle({ type: "pause" });
  await load;
  expect(r.of("failure")[0]!.failure).toMatchObject({
    code: "stopped",
    remedy: expect.stringMatching(/Load again/),
  });
  const before = writing;
  expect(before).toBeLessThan(12);
  await r.engine.handle({ type: "load", config });
  expect(writing).toBe(12);
  expect(lastStatus(r)).toMatchObject({ status: "ready" });
});

describe("opening", () => {
  for (const reason of ["insecure-context", "no-webgpu", "no-adapter", "no-device"] as const)
    test(`${reason} is an event with its reason, not a failure`, async () => {
      const r = rig(undefined, reason);
      await r.engine.handle({ type: "open", baseUrl: "http://localhost/" });
      expect(r.events).toEqual([{ type: "no-gpu", reason, detail: `refused: ${reason}` }]);
    });
});

describe("a run", () => {
  const r = rig();
  beforeAll(async () => {
    await r.engine.handle({ type: "open", baseUrl: "http://localhost/" });
    await r.engine.handle({ type: "load", config: SMALL_RUN });
  });
  afterAll(() => r.gpu?.destroy());

  test("loading reports the device, the facts, plans, and that it is ready", () => {
    expect(r.of("device")[0]?.adapter.name.length).toBeGreaterThan(0);
    expect(r.of("facts")[0]?.facts).toMatchObject({ rows: 32, heldOut: 400, dropped: [] });
    expect(r.of("plan")[0]?.plans).toHaveLength(2);
    expect(lastStatus(r)).toMatchObject({ status: "ready", step: 0 });
    expect(r.of("failure")).toEqual([]);
  });

  test("step, play, pause and reset; the same losses again", async () => {
    await r.engine.handle({ type: "step" });
    expect(lastStatus(r)).toEqual({ type: "status", status: "paused", step: 1 });
    const played = r.engine.handle({ type: "play" });
    await r.until((e) => e.type === "steps" && e.records.some((s) => s.step >= 4));
    await r.engine.handle({ type: "pause" });
    await played;
    expect(lastStatus(r)).toMatchObject({ status: "paused" });
    const first = losses(r);
    expect(first.length).toBeGreaterThanOrEqual(4);
    const settled = first.length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(losses(r)).toHaveLength(settled); // paused means paused

    r.events.length = 0;
    await r.engine.handle({ type: "reset" });
    expect(lastStatus(r)).toMatchObject({ status: "ready", step: 0 });
    await r.engine.handle({ type: "play" }); // to the end
    expect(lastStatus(r)).toEqual({ type: "status", status: "finished", step: SMALL_RUN.steps });
    expect(losses(r).slice(0, 4)).toEqual(first.slice(0, 4));
    expect(losses(r)).toHaveLength(SMALL_RUN.steps);
    await r.engine.handle({ type: "play" }); // finished stays finished
    expect(losses(r)).toHaveLength(SMALL_RUN.steps);
  });

  test("a memory plan of other settings, beside the run", async () => {
    r.events.length = 0;
    const config = { ...SMALL_RUN, gradientCheckpointing: true };
    await r.engine.handle({ type: "memory-plan", config });
    const [event] = r.of("memory-plan");
    expect(event).toMatchObject({ config, plan: { fits: true } });
    expect(event!.plan.bytes.activations).toBeGreaterThan(0);
    const training = { kind: "lora" as const, rank: 4, alpha: 8, targets: ["nope"] };
    await r.engine.handle({ type: "memory-plan", config: { ...SMALL_RUN, training } });
    expect(r.of("memory-plan")[1]!.plan).toMatchObject({
      fits: false,
      reasons: [expect.stringMatching(/"nope" names no matrix/)],
    });
    expect(r.of("failure")).toEqual([]);
    expect(r.of("status")).toEqual([]);
  });

  test("another probe row gives other plans; an export carries the model files", async () => {
    r.events.length = 0;
    await r.engine.handle({ type: "probe", row: 3 });
    await r.until((e) => e.type === "answers");
    expect(r.of("plan")[0]?.plans[0]?.plan.length).toBeGreaterThan(0);
    await r.engine.handle({ type: "export" });
    expect(r.of("exported")[0]).toMatchObject({ name: `couplet-student-step-${SMALL_RUN.steps}.zip` });
    expect(r.of("exported")[0]!.zip.length).toBeGreaterThanOrEqual(6);
  });
});

describe("checkpoints", () => {
  const config = { ...SMALL_RUN, steps: 5, checkpoints: { everySteps: 2 } };

  test("are taken and taken up", async () => {
    const r = rig();
    await r.engine.handle({ type: "open", baseUrl: "http://localhost/" });
    await r.engine.handle({ type: "load", config });
    for (let i = 0; i < 2; i++) await r.engine.handle({ type: "step" });
    await r.engine.handle({ type: "checkpoint" });
    const [saved] = r.of("checkpoint");
    expect(saved).toMatchObject({ name: "couplet-run-step-2.safetensors", step: 2 });
    await r.engine.handle({ type: "play" });
    const straight = losses(r);
    expect(straight).toHaveLength(5);

    r.events.length = 0;
    await r.engine.handle({ type: "restore", checkpoint: saved!.checkpoint });
    expect(r.of("facts")).toEqual([]); // in place
    expect(lastStatus(r)).toEqual({ type: "status", status: "paused", step: 2 });
    await r.engine.handle({ type: "play" });
    expect(losses(r)).toEqual(straight.slice(2));

    await r.engine.handle({ type: "load", config: { ...config, seed: 8 } });
    r.events.length = 0;
    await r.engine.handle({ type: "restore", checkpoint: saved!.checkpoint });
    expect(r.of("facts")).toHaveLength(1); // its own run was loaded
    await r.engine.handle({ type: "step" });
    expect(losses(r)).toEqual(straight.slice(2, 3));

    await r.engine.handle({ type: "restore", checkpoint: new Uint8Array(20) });
    expect(r.of("failure")[0]!.failure).toMatchObject({ code: "checkpoint" });
    r.gpu?.destroy();
  });

  test("a lost device: loading again goes on from the last one", async () => {
    const r = rig();
    await r.engine.handle({ type: "open", baseUrl: "http://localhost/" });
    await r.engine.handle({ type: "load", config });
    for (let i = 0; i < 3; i++) await r.engine.handle({ type: "step" });
    const before = losses(r);
    const played = r.engine.handle({ type: "play" });
    r.gpu!.device.destroy(); // in the middle of a step
    await played;
    await r.until((e) => e.type === "failure");
    expect(r.of("failure")).toHaveLength(1);
    expect(r.of("failure")[0]!.failure).toMatchObject({
      code: "device-lost",
      what: expect.stringMatching(/after step \d/),
      remedy: expect.stringMatching(/goes on from step 2\./),
    });

    r.events.length = 0;
    await r.engine.handle({ type: "load", config });
    expect(lastStatus(r)).toEqual({ type: "status", status: "paused", step: 2 });
    await r.engine.handle({ type: "step" });
    expect(losses(r)).toEqual(before.slice(2));
    await r.engine.handle({ type: "load", config }); // asked for without a loss: from the start
    expect(lastStatus(r)).toEqual({ type: "status", status: "ready", step: 0 });
    r.gpu?.destroy();
  });
});

describe("what goes wrong", () => {
  test("a device lost in mid-run: a failure that says so, and no more steps", async () => {
    const r = rig();
    await r.engine.handle({ type: "open", baseUrl: "http://localhost/" });
    await r.engine.handle({ type: "load", config: SMALL_RUN });
    const played = r.engine.handle({ type: "play" });
    await r.until((e) => e.type === "steps");
    r.gpu!.device.destroy(); // the page did not ask for it: as good as a driver reset
    await played;
    await r.until((e) => e.type === "failure");
    expect(r.of("failure")[0]!.failure).toMatchObject({
      code: "device-lost",
      remedy: expect.stringMatching(/again.*starts over/),
    });
    expect(lastStatus(r)).toMatchObject({ status: "failed" });
  });

  test("a missing model and unusable rows are failures in words", async () => {
    const cases: [Partial<RunSources>, string, RegExp][] = [
      [{ student: memoryFiles("empty", new Map()) }, "model-missing-file", /empty|onnx|config/],
      [{ train: [{ id: "r1", prompt: "Hi", output: "there" }] }, "data", /chain of thought/],
    ];
    for (const [change, code, why] of cases) {
      const r = rig(async () => ({ ...bundledSources(), ...change }));
      await r.engine.handle({ type: "open", baseUrl: "http://localhost/" });
      await r.engine.handle({ type: "load", config: SMALL_RUN });
      expect(r.of("failure")[0]!.failure).toMatchObject({ code, why: expect.stringMatching(why) });
      expect(lastStatus(r)).toMatchObject({ status: "failed" });
      r.gpu?.destroy();
    }
  });
});
