// store — plan
//   reduce        device, no GPU (four reasons), facts, steps → pace and step, plans by layer, log is bounded
//                 an estimate from warm steps alone; the chosen site or the run's first
//   going back    a status at an earlier step forgets what came after, in whatever order reset's events come;
//                 loading forgets everything
//   failure       keeps the last good step; crash stops the run and names itself
//   history       columns and terms; rewind; a step that comes again replaces the old one; SFT has one term
//   app           opens, loads the preset on `device`, switches to the live run at Play, commits ≤ 4 Hz,
//                 stays recorded without GPU; retry after a crash starts a fresh worker
//   transport     newest question wins; a dead worker is reported and replaced
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  createEngineClient,
  createTransportClient,
  type EngineEvent,
  type WorkerLike,
} from "../../src/client";
import { DEFAULT_RUN } from "../../src/config/presets";
import {
  createApp,
  createHistory,
  initialState,
  shownLayer,
  shownPlan,
  shownSites,
  siteOf,
  siteParts,
  timeEstimate,
  type AppState,
} from "../../src/store";
import { reduce } from "../../src/store/reduce";
import type { NoGpuReason } from "../../src/worker/protocol";
import { answerRecord, facts, planRecord, status, stepRecord, steps } from "./events";

const replay = (...events: EngineEvent[]): AppState => events.reduce(reduce, initialState);
const adapter = { name: "A", software: true, features: [], limits: {} };

describe("reduce", () => {
  test("device and facts", () => {
    const state = replay({ type: "device", adapter }, { type: "facts", facts });
    expect(state.device).toEqual({ kind: "open", adapter });
    expect(state.run.facts).toBe(facts);
  });

  test.each<NoGpuReason>(["insecure-context", "no-webgpu", "no-adapter", "no-device"])(
    "no GPU: %s",
    (reason) => {
      expect(replay({ type: "no-gpu", reason, detail: "d" }).device).toEqual({
        kind: "none",
        reason,
        detail: "d",
      });
    },
  );

  test("steps give the step and the pace", () => {
    const { run } = replay(status("running", 0), steps(1, 2, 3));
    expect(run.step).toBe(3);
    expect(run.stepsPerSecond).toBeCloseTo(2);
  });

  test("an estimate: the run's own steps but for the first, else those of trial steps, else none", () => {
    const loaded = replay(status("ready", 0));
    const at = (state: AppState, ...events: EngineEvent[]) => {
      const config = { ...DEFAULT_RUN, steps: 104 };
      const after = events.reduce(reduce, { ...state, run: { ...state.run, config } });
      return timeEstimate(after);
    };
    expect(at(loaded)).toBeUndefined();
    const pace: EngineEvent = { type: "pace", pace: { warmUp: 1, warmUpMs: 900, ms: [30, 50, 40] } };
    expect(at(loaded, pace)).toEqual({
      ...{ msPerStep: 40, steps: 104, seconds: 4.16, measured: 3, warmUpMs: 900 },
    });
    const slow: EngineEvent = { type: "steps", records: [stepRecord(1, { ms: 9000 })] };
    const own = [slow, steps(2, 3, 4)];
    expect(at(loaded, ...own.slice(0, 1))).toBeUndefined();
    expect(at(loaded, pace, ...own)).toEqual({
      ...{ msPerStep: 500, steps: 100, seconds: 50, measured: 3, warmUpMs: undefined },
    });
    expect(at(loaded, pace, ...own, status("loading", 0))).toBeUndefined();
  });

  test("the chosen site, or the first of a run that has no such site", () => {
    const plans = [planRecord(1, { layer: "layer_2_3" }), planRecord(1, { layer: "hidden_plain_cot" })];
    const state: AppState = { ...replay({ type: "plan", plans }), source: "live" };
    expect(shownSites(state)).toEqual(["layer_2_3", "hidden_plain_cot"]);
    expect(shownLayer(state)).toBe("layer_2_3");
    expect(shownLayer({ ...state, layer: "hidden_plain_cot" })).toBe("hidden_plain_cot");
    expect(siteParts("hidden_plain_cot")).toEqual({ layer: "hidden", pairing: "plain_cot" });
    expect(siteOf("layer_2_3", "same")).toBe("layer_2_3");
  });

  test("plans are kept by layer, the newest of each", () => {
    const hidden = planRecord(5, { layer: "hidden" });
    const { run } = replay(
      { type: "plan", plans: [planRecord(0), hidden] },
      { type: "plan", plans: [planRecord(10)] },
    );
    expect(run.plans.embedding?.step).toBe(10);
    expect(run.plans.hidden).toBe(hidden);
  });

  test("the log keeps its last 200 lines", () => {
    const state = replay(
      ...Array.from({ length: 250 }, (_, i) => ({ type: "log", text: String(i) }) as const),
    );
    expect(state.run.log).toHaveLength(200);
    expect(state.run.log.at(-1)).toBe("249");
  });
});

describe("going back", () => {
  const played: EngineEvent[] = [
    { type: "facts", facts },
    status("running", 0),
    steps(1, 2, 3),
    { type: "plan", plans: [planRecord(3)] },
    { type: "answers", answers: answerRecord(3) },
  ];

  test("a reset forgets steps, plans and answers, and keeps facts", () => {
    const { run } = replay(...played, status("ready", 0));
    expect(run).toMatchObject({ step: 0, last: undefined, plans: {}, answers: undefined, facts });
  });

  test("what a reset sends before its status stays", () => {
    const { run } = replay(...played, { type: "plan", plans: [planRecord(0)] }, status("ready", 0));
    expect(run.plans.embedding?.step).toBe(0);
  });

  test("a pause forgets nothing", () => {
    const { run } = replay(...played, status("paused", 3));
    expect(run.last?.step).toBe(3);
    expect(run.plans.embedding?.step).toBe(3);
  });

  test("loading forgets facts and plans", () => {
    const { run } = replay(...played, status("loading", 0));
    expect(run).toMatchObject({ facts: undefined, plans: {}, answers: undefined, last: undefined });
  });
});

describe("failure", () => {
  test("the last good step stays", () => {
    const failure = { code: "not-finite", what: "w", why: "y", remedy: "r" };
    const state = replay(
      status("running", 0),
      steps(1, 2),
      { type: "failure", failure },
      status("failed", 2),
    );
    expect(state.problem).toEqual({ kind: "failure", failure });
    expect(state.run).toMatchObject({ status: "failed", step: 2 });
    expect(state.run.last?.step).toBe(2);
  });

  test("a crash stops the run", () => {
    const state = replay({ type: "device", adapter }, status("running", 0), {
      type: "crash",
      detail: "boom",
    });
    expect(state.problem).toEqual({ kind: "crash", detail: "boom" });
    expect(state.device.kind).toBe("crashed");
    expect(state.run.status).toBe("failed");
  });
});

describe("history", () => {
  test("columns and terms", () => {
    const history = createHistory();
    history.push([stepRecord(1), stepRecord(2)]);
    expect([...history.column("step")]).toEqual([1, 2]);
    expect(history.terms).toEqual(["ce", "ot_embedding", "ot_hidden"]);
    expect([...history.term("ce")]).toEqual([1, 0.5]);
    expect(history.term("unknown")).toHaveLength(0);
  });

  test("rewind, and a step that comes again", () => {
    const history = createHistory();
    history.push([1, 2, 3, 4].map((n) => stepRecord(n)));
    history.pushEvaluation({ step: 4, correct: 1, total: 2 });
    history.rewind(2);
    expect([...history.column("step")]).toEqual([1, 2]);
    expect(history.evaluations).toEqual([]);
    history.push([stepRecord(2, { loss: 9 })]);
    expect([...history.column("loss")]).toEqual([3, 9]);
  });

  test("another method's terms after a rewind", () => {
    const history = createHistory();
    history.push([stepRecord(1)]);
    history.rewind(0);
    history.push([stepRecord(1, { terms: { ce: 2 } })]);
    expect(history.terms).toEqual(["ce"]);
    expect(history.length).toBe(1);
  });
});

/** A worker that keeps what it was sent and says what it is told. */
function fakeWorker() {
  const sent: unknown[] = [];
  const worker: WorkerLike & { sent: unknown[]; say(data: unknown): void; terminated: boolean } = {
    sent,
    terminated: false,
    onmessage: null,
    onerror: null,
    onmessageerror: null,
    postMessage: (message) => void sent.push(message),
    terminate() {
      worker.terminated = true;
    },
    say: (data) => worker.onmessage?.({ data } as MessageEvent),
  };
  return worker;
}

function setUp() {
  const engines: ReturnType<typeof fakeWorker>[] = [];
  const solver = fakeWorker();
  const spawn = () => {
    const worker = fakeWorker();
    engines.push(worker);
    return worker;
  };
  const app = createApp({
    engine: createEngineClient(spawn),
    transport: createTransportClient(() => solver),
    baseUrl: "http://localhost/",
    fetchJson: () => Promise.reject(new Error("offline")),
  });
  app.start();
  return { app, engines, engine: engines[0]!, solver };
}

describe("app", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  test("opens, then loads the preset as soon as there is a device", () => {
    const { engine } = setUp();
    expect(engine.sent).toEqual([{ type: "open", baseUrl: "http://localhost/" }]);
    engine.say({ type: "device", adapter });
    expect(engine.sent[1]).toEqual({ type: "load", config: DEFAULT_RUN });
  });

  test("shows the recorded run until Play", () => {
    const { app, engine } = setUp();
    engine.say({ type: "device", adapter });
    engine.say(status("ready", 0));
    expect(app.store.getState().source).toBe("recorded");
    app.actions.play();
    expect(app.store.getState().source).toBe("live");
    expect(app.store.getState().run.awaiting).toBe("play");
    engine.say(status("running", 0));
    expect(app.store.getState().run.awaiting).toBeUndefined();
  });

  test("stays with the recorded run without a GPU", () => {
    const { app, engine } = setUp();
    engine.say({ type: "no-gpu", reason: "no-webgpu", detail: "" });
    expect(app.store.getState().source).toBe("recorded");
    expect(engine.sent).toHaveLength(1);
  });

  test("300 steps a second change the state at most five times a second; the history has them all", () => {
    const { app, engine } = setUp();
    engine.say(status("running", 0));
    let changes = 0;
    app.store.subscribe(() => changes++);
    for (let i = 1; i <= 300; i++) {
      engine.say(steps(i));
      vi.advanceTimersByTime(1000 / 300);
    }
    vi.advanceTimersByTime(300);
    expect(app.live.length).toBe(300);
    expect(app.store.getState().run.step).toBe(300);
    expect(changes).toBeLessThanOrEqual(6);
  });

  test("retry after a crash starts a fresh worker", () => {
    const { app, engines } = setUp();
    engines[0]!.onerror?.({ message: "boom" } as ErrorEvent);
    expect(app.store.getState().problem?.kind).toBe("crash");
    app.actions.retry();
    expect(engines[0]!.terminated).toBe(true);
    expect(engines[1]!.sent).toEqual([{ type: "open", baseUrl: "http://localhost/" }]);
    expect(app.store.getState().problem).toBeUndefined();
  });

  test("epsilon is solved again on the CPU; the run's own plan comes back", () => {
    const { app, engine, solver } = setUp();
    const own = planRecord(0);
    engine.say({ type: "plan", plans: [own] });
    app.actions.show("live");
    app.actions.explore(0.5);
    expect(solver.sent).toMatchObject([{ type: "solve-cost", problem: { rows: 2, cols: 3, epsilon: 0.5 } }]);
    const plan = new Float32Array(6).fill(1 / 6);
    solver.say({
      type: "solved-cost",
      id: 1,
      solution: { ...own, plan, epsilon: 0.2, errors: new Float32Array(1) },
    });
    expect(shownPlan(app.store.getState())?.plan).toBe(plan);
    app.actions.explore(undefined);
    expect(shownPlan(app.store.getState())).toBe(own);
  });
});

describe("transport client", () => {
  const problem = { rows: 1, cols: 1, cost: new Float32Array(1), maxIterations: 1, tolerance: 0 };

  test("the newest question wins", () => {
    const worker = fakeWorker();
    const client = createTransportClient(() => worker);
    const heard: number[] = [];
    for (const epsilon of [1, 2, 3])
      client.solve(
        { ...problem, epsilon },
        (r) => heard.push(r.epsilon),
        () => {},
      );
    expect(worker.sent).toHaveLength(1);
    worker.say({ type: "solved-cost", id: 1, solution: { epsilon: 1 } });
    expect(worker.sent).toMatchObject([{ problem: { epsilon: 1 } }, { problem: { epsilon: 3 } }]);
    worker.say({ type: "solved-cost", id: 2, solution: { epsilon: 9 } }); // not what was asked
    worker.say({ type: "solved-cost", id: 3, solution: { epsilon: 3 } });
    expect(heard).toEqual([1, 3]);
  });

  test("a dead worker is reported and replaced", () => {
    const workers = [fakeWorker(), fakeWorker()];
    let spawned = 0;
    const client = createTransportClient(() => workers[spawned++]!);
    const onError = vi.fn<(detail: string) => void>();
    client.solve({ ...problem, epsilon: 1 }, () => {}, onError);
    workers[0]!.onerror?.({ message: "no" } as ErrorEvent);
    expect(onError).toHaveBeenCalledWith("no");
    client.solve({ ...problem, epsilon: 2 }, () => {}, onError);
    expect(workers[1]!.sent).toHaveLength(1);
  });
});
