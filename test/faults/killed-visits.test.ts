// A run over several visits, each killed at a random moment — plan (the real engine, trainer and store, on Dawn)
//   whatever was going on when a visit ended (a step, a checkpoint on its way, half a write), the next one goes on with whole
//   numbers and weights, and the losses of all steps are, to the bit, those of a run that nothing happened to
import { afterAll, expect, test, vi } from "vitest";
import { createEngineClient, type WorkerLike } from "../../src/client";
import { createRng } from "../../src/config/rng";
import type { RunConfig } from "../../src/config/run";
import type { Gpu } from "../../src/gpu/device";
import { type App, createApp, type KeptFolders } from "../../src/store";
import { createEngine } from "../../src/worker/engine";
import { bundledSources, SMALL_RUN } from "../support/bundled";
import { ownGpu } from "../support/gpu";
import { memoryKept } from "../support/kept-files";

const CONFIG: RunConfig = {
  ...SMALL_RUN,
  ...{ steps: 40, batchSize: 2, method: { id: "sft" }, checkpoints: { everySteps: 2 } },
  probe: { ...SMALL_RUN.probe, everySteps: 7 },
};
const KILLS = 4;

interface Visit {
  readonly app: App;
  /** As when the tab is gone: nothing that was under way comes to an end. */
  kill(): void;
}

const open = new Set<Visit>();
afterAll(() => open.forEach((visit) => visit.kill()));

async function visit(disk: KeptFolders): Promise<Visit> {
  let alive = true;
  let gpu: Gpu | undefined;
  const whileAlive = <T>(work: () => Promise<T>): Promise<T> =>
    alive ? work() : new Promise<never>(() => undefined);
  const worker: WorkerLike = {
    ...{ onmessage: null, onerror: null, onmessageerror: null },
    postMessage: (command) => void (alive && engine.handle(command as never)),
    terminate: () => (alive = false),
  };
  const engine = createEngine((data) => alive && worker.onmessage?.({ data } as MessageEvent), {
    openGpu: async () => (gpu = await ownGpu()),
    sources: async (config) => bundledSources(config),
    zip: () => new Uint8Array(),
    now: () => performance.now(),
  });
  const app = createApp({
    engine: createEngineClient(() => worker),
    transport: { solve: () => undefined, close: () => undefined },
    baseUrl: "http://localhost/",
    fetchJson: async () => ({}),
    files: {
      read: (path) => disk.read(path),
      list: (path) => disk.list(path),
      write: (path, content) => whileAlive(() => disk.write(path, content)),
      remove: (path) => whileAlive(() => disk.remove(path)),
    },
  });
  await app.actions.importConfig(JSON.stringify(CONFIG));
  app.start();
  const made: Visit = {
    app,
    kill() {
      if (!alive) return;
      alive = false;
      open.delete(made);
      void engine.handle({ type: "pause" });
      gpu?.device.destroy();
    },
  };
  open.add(made);
  await stands(app, "ready");
  return made;
}

const stands = (app: App, ...names: string[]) =>
  vi.waitFor(
    () => {
      const { status, awaiting } = app.store.getState().run;
      expect(awaiting === undefined && names.includes(status), `${status} ${awaiting}`).toBe(true);
    },
    { timeout: 60_000, interval: 5 },
  );
const reaches = (app: App, step: number) =>
  vi.waitFor(() => expect(app.live.length).toBeGreaterThanOrEqual(step), { timeout: 60_000, interval: 2 });
const losses = (app: App) => app.live.records.map(({ step, loss, gradNorm }) => [step, loss, gradNorm]);

test("killed at random moments, its losses are those of a run that was left alone", async () => {
  const alone = await visit(memoryKept());
  alone.app.actions.play();
  await stands(alone.app, "finished");
  const expected = losses(alone.app);
  expect(expected).toHaveLength(CONFIG.steps);
  alone.kill();

  const random = createRng(20261127);
  const disk = memoryKept();
  let from = 0;
  for (let kills = 0; kills <= KILLS; kills++) {
    const { app, kill } = await visit(disk);
    if (from > 0 || kills > 0) {
      await vi.waitFor(() => expect(app.store.getState().keeping.runs).toBeDefined());
      if (app.store.getState().lastSession) {
        expect(await app.actions.resume()).toBe(true);
        await stands(app, "paused");
        const { step } = app.store.getState().run;
        expect(losses(app)).toEqual(expected.slice(0, step)); // numbers as far as the weights, no more and no fewer
        expect(step).toBeGreaterThanOrEqual(from);
        from = step;
      }
    }
    app.actions.play();
    if (kills < KILLS) {
      await reaches(app, Math.min(CONFIG.steps - 1, from + 2 + random.int(8)));
      await new Promise((resolve) => setTimeout(resolve, random.next() * 80));
      kill();
      continue;
    }
    await stands(app, "finished");
    expect(losses(app)).toEqual(expected);
    kill();
  }
  expect(from).toBeGreaterThan(0);
});
