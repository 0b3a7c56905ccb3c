// The engine behind the page: commands in, events out, one run at a time. It knows no worker and no DOM, so it
// runs the same under test in Node. Work is serial: a step, a probe and a reset never interleave.
import type { RunConfig } from "../config/run";
import type { Gpu } from "../gpu/device";
import { NoGpuError } from "../gpu/device";
import type { MemoryPlan, StepRecord } from "../telemetry/records";
import {
  asRunError,
  benchmark,
  coverageLine,
  createSilenceLog,
  checkpointFacts,
  checkWhole,
  deviceLost,
  openRun,
  createPlanner,
  type Run,
  RunError,
  type RunSources,
  sameRun,
} from "../trainer";
import { toFailure } from "./failures";
import type { Command, Event, RunStatus } from "./protocol";
import { createRescue } from "./rescue";

export interface Surroundings {
  /** @throws NoGpuError with the reason. */
  openGpu(): Promise<Gpu>;
  sources(config: RunConfig, baseUrl: string): Promise<RunSources>;
  zip(folder: ReadonlyMap<string, Uint8Array>): Uint8Array;
  now(): number;
}

/** Telemetry is sent at most this often, however fast the steps are. */
const FLUSH_MS = 50;

export interface Engine {
  handle(command: Command): Promise<void>;
}

export function createEngine(post: (event: Event) => void, around: Surroundings): Engine {
  let gpu: Gpu | undefined;
  let baseUrl = "";
  let run: Run | undefined;
  let status: RunStatus = "empty";
  let playing = false;
  let probeRow = 0;
  /** The row whose answers were last sent in this run. */
  let answered: number | undefined;
  let saidOfStates: string | undefined;
  /** Stops what can be stopped of a loading: the teacher's writing. */
  let loading: AbortController | undefined;
  let queue: Promise<void> = Promise.resolve();
  let silence = createSilenceLog();
  const planner = createPlanner();
  const rescue = createRescue((text) => post({ type: "log", text }), around.now);
  const telemetry = createTelemetry(post, around);

  const setStatus = (next: RunStatus) => {
    status = next;
    post({ type: "status", status, step: run?.at ?? 0 });
  };

  /** One job at a time; a job that fails is reported, and the next one runs all the same. */
  function serially(job: () => Promise<void>): Promise<void> {
    queue = queue.then(job).catch(async (error: unknown) => {
      const current = gpu;
      fail(current ? await asRunError(current, error, run?.at ?? 0) : error);
    });
    return queue;
  }

  function fail(error: unknown): void {
    const lost = error instanceof RunError && error.code === "device-lost";
    if (lost && !gpu) return; // reported before
    if (lost) gpu = undefined;
    playing = false;
    telemetry.flush();
    post({ type: "failure", failure: lost ? rescue.needed(error) : toFailure(error) });
    setStatus("failed");
  }

  async function open(url: string): Promise<void> {
    baseUrl = url;
    try {
      const opened = await around.openGpu();
      gpu = opened;
      const { description, device, vendor, architecture, software, features, limits } = opened.adapter;
      const name =
        description || device || [vendor, architecture].filter(Boolean).join(" ") || "unnamed adapter";
      post({ type: "device", adapter: { name, software, features, limits } });
      void opened.lost.then((info) => gpu === opened && fail(deviceLost(info, run?.at ?? 0)));
    } catch (error) {
      if (!(error instanceof NoGpuError)) throw error;
      post({ type: "no-gpu", reason: error.reason, detail: error.message });
    }
  }

  async function load(config: RunConfig): Promise<void> {
    if (!gpu) await open(baseUrl); // it was lost, or there was none when the page opened
    const device = gpu;
    if (!device) return;
    playing = false;
    setStatus("loading");
    const previous = run;
    run = undefined;
    await previous?.destroy();
    telemetry.clear();
    const sources = await around.sources(config, baseUrl);
    loading = new AbortController();
    const { signal } = loading;
    run = await openRun(device, config, { ...sources, signal }, (stage, done, total) =>
      post({ type: "progress", stage, done, total }),
    ).finally(() => (loading = undefined));
    probeRow = config.probe.row;
    answered = undefined;
    const facts = run.facts();
    post({ type: "facts", facts, config });
    silence = createSilenceLog();
    if (facts.coverage) post({ type: "log", text: coverageLine(facts.coverage) });
    for (const text of [...(facts.reading ?? []), ...(facts.notes ?? [])]) post({ type: "log", text });
    const saved = rescue.take(config);
    if (saved) await run.restore(saved);
    setStatus(run.at > 0 ? "paused" : "ready");
    await show(run);
  }

  async function planMemory(config: RunConfig): Promise<void> {
    if (!gpu) await open(baseUrl);
    if (!gpu) return;
    const { limits } = gpu.device;
    const plan = await planner(config, () => around.sources(config, baseUrl), limits).catch(noPlan);
    post({ type: "memory-plan", config, plan });
  }

  /** Into the present run when the checkpoint is of it, else into one loaded for it. */
  async function restore(checkpoint: Uint8Array): Promise<void> {
    playing = false;
    await checkWhole(checkpoint); // before a run that is there is given up for it
    if (!run || !sameRun(checkpointFacts(checkpoint).config, run.config))
      await load(checkpointFacts(checkpoint).config);
    const current = loaded();
    await current.restore(checkpoint);
    telemetry.clear();
    post({ type: "restored", step: current.at });
    setStatus(current.at >= current.config.steps ? "finished" : current.at > 0 ? "paused" : "ready");
    await show(current);
  }

  /** The probe row's plans now, and its answers when there is time: generating them must not hold up a first step. */
  async function show(current: Run): Promise<void> {
    await showPlans(current);
    void serially(async () => {
      if (!playing && run === current) await showAnswers(current);
    });
  }

  /** A run does not fail because of the words of one row: what is no failure of the run itself is logged. */
  async function showAnswers(current: Run): Promise<void> {
    answered = probeRow;
    try {
      post({ type: "answers", answers: await current.answers(probeRow) });
    } catch (error) {
      if (error instanceof RunError) throw error;
      post({ type: "log", text: `No answers to row ${probeRow}: ${toFailure(error).why}` });
    }
  }

  async function showPlans(current: Run): Promise<void> {
    const plans = await current.plans(probeRow);
    if (plans.length > 0) post({ type: "plan", plans });
  }

  async function step(current: Run): Promise<void> {
    const record = await current.step();
    telemetry.add(record);
    const silent = silence(record);
    if (silent !== undefined) post({ type: "log", text: silent });
    await rescue.after(current);
    const { steps, probe, evaluation } = current.config;
    const last = current.at >= steps;
    if (last || current.at % probe.everySteps === 0) await showPlans(current);
    if (evaluation.everySteps > 0 && (last || current.at % evaluation.everySteps === 0)) {
      telemetry.flush();
      await evaluate(current);
      await showAnswers(current);
    }
    if (current.at === 1) post({ type: "facts", facts: current.facts() }); // memory is known once a step was built
    // Who pressed Play at once, or chose another row while playing, sees answers too: only never before step 1.
    if (playing && answered !== probeRow) await showAnswers(current);
  }

  /** What the teacher computed is there for the next run, also when the tab is closed now. */
  async function keepStates(current: Run): Promise<void> {
    const { trouble } = await current.keepTeacherStates();
    if (trouble !== undefined && trouble !== saidOfStates)
      post({ type: "log", text: `The teacher's states are not kept any more: ${trouble}` });
    saidOfStates = trouble;
  }

  async function evaluate(current: Run): Promise<void> {
    if (current.config.evaluation.rows === 0) return;
    post({ type: "evaluation", evaluation: await current.evaluate() });
  }

  /** Step after step until paused, finished or failed. Each step is its own job, so that commands come between. */
  async function play(until = Infinity): Promise<void> {
    while (playing && run && run.at < Math.min(run.config.steps, until)) {
      const current = run;
      await serially(async () => {
        if (playing && run === current) await step(current);
      });
    }
    if (run) await serially(() => keepStates(loaded()));
    if (!playing) return; // whoever stopped it has said so
    playing = false;
    telemetry.flush();
    const finished = !run || run.at >= run.config.steps;
    setStatus(finished ? "finished" : "paused");
    if (run && !finished) await serially(() => show(loaded()));
  }

  const loaded = (): Run => {
    if (!run) throw new Error("No run is loaded yet: choose models and data first.");
    return run;
  };

  async function handle(command: Command): Promise<void> {
    switch (command.type) {
      case "open":
        return serially(() => open(command.baseUrl));
      case "load":
        playing = false;
        return serially(() => load(command.config));
      case "play":
        if (playing || !run || status === "failed" || run.at >= run.config.steps) return;
        playing = true;
        setStatus("running");
        return play(command.until);
      case "pause":
        loading?.abort(loadingStopped());
        if (!playing) return;
        playing = false;
        return serially(async () => {
          telemetry.flush();
          setStatus("paused");
          if (run) await show(run);
        });
      case "step":
        if (playing || !run || run.at >= run.config.steps) return;
        return serially(async () => {
          const current = loaded();
          await step(current);
          telemetry.flush();
          await showPlans(current);
          await keepStates(current);
          setStatus(current.at >= current.config.steps ? "finished" : "paused");
        });
      case "reset":
        playing = false;
        return serially(async () => {
          const current = loaded();
          await current.reset();
          rescue.forget();
          telemetry.clear();
          setStatus("ready");
          await show(current);
        });
      case "probe":
        probeRow = command.row;
        return serially(() => show(loaded()));
      case "evaluate":
        return serially(async () => {
          const current = loaded();
          await showAnswers(current);
          await evaluate(current);
        });
      case "profile":
        return serially(async () => post({ type: "profile", profile: await loaded().profile() }));
      case "pace":
        return serially(async () => post({ type: "pace", pace: await loaded().pace() }));
      case "export":
        return serially(async () => {
          const current = loaded();
          const zip = around.zip(await current.exportStudent());
          post({ type: "exported", name: `couplet-student-step-${current.at}.zip`, zip });
        });
      case "memory-plan":
        return serially(() => planMemory(command.config));
      case "benchmark":
        return serially(async () => {
          if (!gpu) throw new Error("There is no GPU device to measure.");
          post({ type: "benchmark", results: await benchmark(gpu) });
        });
      case "checkpoint":
        return serially(async () => {
          const current = loaded();
          const checkpoint = await current.checkpoint();
          const { at: step, config } = current;
          rescue.hold(current, checkpoint);
          telemetry.flush(); // the numbers of a kept run reach as far as its weights
          const name = `couplet-run-step-${step}.safetensors`;
          const { tag } = command;
          post({ type: "checkpoint", name, step, checkpoint, config, ...(tag !== undefined && { tag }) });
        });
      case "restore":
        playing = false;
        return serially(() => restore(command.checkpoint));
    }
    command satisfies never;
  }
  return { handle };
}

/** Settings that no run could have are no failure of the run that is there. */
function noPlan(error: unknown): MemoryPlan {
  const { what, why } = toFailure(error);
  return {
    bytes: { weights: 0, gradients: 0, moments: 0, activations: 0, inputs: 0, workspace: 0 },
    ...{ total: 0, teacherCache: 0, largest: { label: "", bytes: 0 } },
    batch: { rows: 0, length: 0, responses: 0 },
    ...{ fits: false, reasons: [`${what} ${why}`], changes: [] },
  };
}

function createTelemetry(post: (event: Event) => void, { now }: Surroundings) {
  let pending: StepRecord[] = [];
  let sent = 0;
  const flush = () => {
    if (pending.length > 0) post({ type: "steps", records: pending });
    pending = [];
    sent = now();
  };
  return {
    add(record: StepRecord) {
      pending.push(record);
      if (now() - sent >= FLUSH_MS) flush();
    },
    flush,
    clear() {
      pending = [];
    },
  };
}

const loadingStopped = (): RunError =>
  new RunError(
    "stopped",
    "The run was not loaded: the teacher's writing was stopped.",
    "You stopped it.",
    "Load again to go on: the answers that it has written are kept.",
  );
