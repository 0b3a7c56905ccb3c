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
import { createCheckpointBackup, type CheckpointBackup } from "./checkpoint-backup";
import { takeToCluster } from "./take-to-cluster";

export interface Dependencies {
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

export const createEngine = (post: (event: Event) => void, deps: Dependencies): Engine =>
  new SerialEngine(post, deps);

/** Lives as long as its worker; the device and the run that it holds come and go. */
class SerialEngine implements Engine {
  readonly #post: (event: Event) => void;
  readonly #deps: Dependencies;
  #gpu: Gpu | undefined;
  #baseUrl = "";
  #run: Run | undefined;
  #status: RunStatus = "empty";
  #playing = false;
  #probeRow = 0;
  /** The row whose answers were last sent in this run. */
  #answered: number | undefined;
  #saidOfStates: string | undefined;
  /** Stops what can be stopped of a loading: the teacher's writing. */
  #loading: AbortController | undefined;
  #queue: Promise<void> = Promise.resolve();
  #silence = createSilenceLog();
  readonly #planner = createPlanner();
  readonly #backup: CheckpointBackup;
  readonly #telemetry: Telemetry;

  constructor(post: (event: Event) => void, deps: Dependencies) {
    this.#post = post;
    this.#deps = deps;
    this.#backup = createCheckpointBackup((text) => post({ type: "log", text }), deps.now);
    this.#telemetry = createTelemetry(post, deps);
  }

  #setStatus(status: RunStatus): void {
    this.#status = status;
    this.#post({ type: "status", status, step: this.#run?.at ?? 0 });
  }

  /** One job at a time; a job that fails is reported, and the next one runs all the same. */
  #serially(job: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(job).catch(async (error: unknown) => {
      const current = this.#gpu;
      this.#fail(current ? await asRunError(current, error, this.#run?.at ?? 0) : error);
    });
    return this.#queue;
  }

  #fail(error: unknown): void {
    const lost = error instanceof RunError && error.code === "device-lost";
    if (lost && !this.#gpu) return; // reported before
    if (lost) this.#gpu = undefined;
    this.#playing = false;
    this.#telemetry.flush();
    this.#post({ type: "failure", failure: lost ? this.#backup.needed(error) : toFailure(error) });
    this.#setStatus("failed");
  }

  async #open(url: string): Promise<void> {
    this.#baseUrl = url;
    try {
      const opened = await this.#deps.openGpu();
      this.#gpu = opened;
      const { description, device, vendor, architecture, software, features, limits } = opened.adapter;
      const name =
        description || device || [vendor, architecture].filter(Boolean).join(" ") || "unnamed adapter";
      this.#post({ type: "device", adapter: { name, software, features, limits } });
      void opened.lost.then(
        (info) => this.#gpu === opened && this.#fail(deviceLost(info, this.#run?.at ?? 0)),
      );
    } catch (error) {
      if (!(error instanceof NoGpuError)) throw error;
      this.#post({ type: "no-gpu", reason: error.reason, detail: error.message });
    }
  }

  async #load(config: RunConfig): Promise<void> {
    if (!this.#gpu) await this.#open(this.#baseUrl); // it was lost, or there was none when the page opened
    const device = this.#gpu;
    if (!device) return;
    this.#playing = false;
    this.#setStatus("loading");
    const previous = this.#run;
    this.#run = undefined;
    await previous?.destroy();
    this.#telemetry.clear();
    const sources = await this.#deps.sources(config, this.#baseUrl);
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    this.#run = await openRun(device, config, { ...sources, signal }, (stage, done, total) =>
      this.#post({ type: "progress", stage, done, total }),
    ).finally(() => (this.#loading = undefined));
    this.#probeRow = config.probe.row;
    this.#answered = undefined;
    const facts = this.#run.facts();
    this.#post({ type: "facts", facts, config });
    this.#silence = createSilenceLog();
    if (facts.coverage) this.#post({ type: "log", text: coverageLine(facts.coverage) });
    for (const text of [...(facts.reading ?? []), ...(facts.notes ?? [])]) this.#post({ type: "log", text });
    const saved = this.#backup.take(config);
    if (saved) await this.#run.restore(saved);
    this.#setStatus(this.#run.at > 0 ? "paused" : "ready");
    await this.#show(this.#run);
  }

  async #planMemory(config: RunConfig): Promise<void> {
    if (!this.#gpu) await this.#open(this.#baseUrl);
    if (!this.#gpu) return;
    const { limits } = this.#gpu.device;
    const plan = await this.#planner(config, () => this.#deps.sources(config, this.#baseUrl), limits).catch(
      noPlan,
    );
    this.#post({ type: "memory-plan", config, plan });
  }

  /** Into the present run when the checkpoint is of it, else into one loaded for it. */
  async #restore(checkpoint: Uint8Array): Promise<void> {
    this.#playing = false;
    await checkWhole(checkpoint); // before a run that is there is given up for it
    if (!this.#run || !sameRun(checkpointFacts(checkpoint).config, this.#run.config))
      await this.#load(checkpointFacts(checkpoint).config);
    const current = this.#loaded();
    await current.restore(checkpoint);
    this.#telemetry.clear();
    this.#post({ type: "restored", step: current.at });
    this.#setStatus(current.at >= current.config.steps ? "finished" : current.at > 0 ? "paused" : "ready");
    await this.#show(current);
  }

  /** The probe row's plans now, and its answers when there is time: generating them must not hold up a first step. */
  async #show(current: Run): Promise<void> {
    await this.#showPlans(current);
    void this.#serially(async () => {
      if (!this.#playing && this.#run === current) await this.#showAnswers(current);
    });
  }

  /** A run does not fail because of the words of one row: what is no failure of the run itself is logged. */
  async #showAnswers(current: Run): Promise<void> {
    this.#answered = this.#probeRow;
    try {
      this.#post({ type: "answers", answers: await current.answers(this.#probeRow) });
    } catch (error) {
      if (error instanceof RunError) throw error;
      this.#post({ type: "log", text: `No answers to row ${this.#probeRow}: ${toFailure(error).why}` });
    }
  }

  async #showPlans(current: Run): Promise<void> {
    const plans = await current.plans(this.#probeRow);
    if (plans.length > 0) this.#post({ type: "plan", plans });
    const written = await current.written(this.#probeRow);
    if (written) this.#post({ type: "written", written });
  }

  async #step(current: Run): Promise<void> {
    const record = await current.step();
    this.#telemetry.add(record);
    const silent = this.#silence(record);
    if (silent !== undefined) this.#post({ type: "log", text: silent });
    await this.#backup.after(current);
    const { steps, probe, evaluation } = current.config;
    const last = current.at >= steps;
    if (last || current.at % probe.everySteps === 0) await this.#showPlans(current);
    if (evaluation.everySteps > 0 && (last || current.at % evaluation.everySteps === 0)) {
      this.#telemetry.flush();
      await this.#evaluate(current);
      await this.#showAnswers(current);
    }
    if (current.at === 1) this.#post({ type: "facts", facts: current.facts() }); // memory is known once a step was built
    // Who pressed Play at once, or chose another row while playing, sees answers too: only never before step 1.
    if (this.#playing && this.#answered !== this.#probeRow) await this.#showAnswers(current);
  }

  /** What the teacher computed is there for the next run, also when the tab is closed now. */
  async #keepStates(current: Run): Promise<void> {
    const { trouble } = await current.keepTeacherStates();
    if (trouble !== undefined && trouble !== this.#saidOfStates)
      this.#post({ type: "log", text: `The teacher's states are not kept any more: ${trouble}` });
    this.#saidOfStates = trouble;
  }

  async #evaluate(current: Run): Promise<void> {
    if (current.config.evaluation.rows === 0) return;
    this.#post({ type: "evaluation", evaluation: await current.evaluate() });
  }

  /** Step after step until paused, finished or failed. Each step is its own job, so that commands come between. */
  async #play(until = Infinity): Promise<void> {
    while (this.#playing && this.#run && this.#run.at < Math.min(this.#run.config.steps, until)) {
      const current = this.#run;
      await this.#serially(async () => {
        if (this.#playing && this.#run === current) await this.#step(current);
      });
    }
    if (this.#run) await this.#serially(() => this.#keepStates(this.#loaded()));
    if (!this.#playing) return; // whoever stopped it has said so
    this.#playing = false;
    this.#telemetry.flush();
    const finished = !this.#run || this.#run.at >= this.#run.config.steps;
    this.#setStatus(finished ? "finished" : "paused");
    if (this.#run && !finished) await this.#serially(() => this.#show(this.#loaded()));
  }

  #loaded(): Run {
    if (!this.#run) throw new Error("No run is loaded yet: choose models and data first.");
    return this.#run;
  }

  async handle(command: Command): Promise<void> {
    switch (command.type) {
      case "play":
        return this.#startPlaying(command.until);
      case "pause":
        return this.#pause();
      case "step":
        if (this.#playing || !this.#run || this.#run.at >= this.#run.config.steps) return;
        return this.#serially(() => this.#singleStep());
      case "load":
      case "reset":
      case "restore":
        this.#playing = false;
        break;
      case "probe":
        this.#probeRow = command.row;
    }
    return this.#serially(() => this.#job(command));
  }

  /** What a command does once whatever was under way is done. */
  async #job(command: Exclude<Command, { type: "play" | "pause" | "step" }>): Promise<void> {
    switch (command.type) {
      case "open":
        return this.#open(command.baseUrl);
      case "load":
        return this.#load(command.config);
      case "reset":
        return this.#reset();
      case "probe":
        return this.#show(this.#loaded());
      case "evaluate":
        await this.#showAnswers(this.#loaded());
        return this.#evaluate(this.#loaded());
      case "profile":
        return this.#post({ type: "profile", profile: await this.#loaded().profile() });
      case "pace":
        return this.#post({ type: "pace", pace: await this.#loaded().pace() });
      case "export":
        return this.#export(this.#loaded());
      case "cluster":
        return this.#cluster(command.config);
      case "memory-plan":
        return this.#planMemory(command.config);
      case "benchmark":
        if (!this.#gpu) throw new Error("There is no GPU device to measure.");
        return this.#post({ type: "benchmark", results: await benchmark(this.#gpu) });
      case "checkpoint":
        return this.#checkpoint(this.#loaded(), command.tag);
      case "restore":
        return this.#restore(command.checkpoint);
    }
    command satisfies never;
  }

  #startPlaying(until: number | undefined): Promise<void> | undefined {
    const run = this.#run;
    if (this.#playing || !run || this.#status === "failed" || run.at >= run.config.steps) return;
    this.#playing = true;
    this.#setStatus("running");
    return this.#play(until);
  }

  #pause(): Promise<void> | undefined {
    this.#loading?.abort(loadingStopped());
    if (!this.#playing) return;
    this.#playing = false;
    return this.#serially(async () => {
      this.#telemetry.flush();
      this.#setStatus("paused");
      if (this.#run) await this.#show(this.#run);
    });
  }

  async #singleStep(): Promise<void> {
    const current = this.#loaded();
    await this.#step(current);
    this.#telemetry.flush();
    await this.#showPlans(current);
    await this.#keepStates(current);
    this.#setStatus(current.at >= current.config.steps ? "finished" : "paused");
  }

  async #reset(): Promise<void> {
    const current = this.#loaded();
    await current.reset();
    this.#backup.forget();
    this.#telemetry.clear();
    this.#setStatus("ready");
    await this.#show(current);
  }

  async #export(current: Run): Promise<void> {
    const zip = this.#deps.zip(await current.exportStudent());
    this.#post({ type: "exported", name: `couplet-student-step-${current.at}.zip`, zip });
  }

  async #cluster(config: RunConfig): Promise<void> {
    const sources = () => this.#deps.sources(config, this.#baseUrl);
    this.#post(await takeToCluster({ config, sources, run: this.#run, gpu: this.#gpu, zip: this.#deps.zip }));
  }

  async #checkpoint(current: Run, tag: string | undefined): Promise<void> {
    const checkpoint = await current.checkpoint();
    const { at: step, config } = current;
    this.#backup.hold(current, checkpoint);
    this.#telemetry.flush(); // the numbers of a kept run reach as far as its weights
    const name = `couplet-run-step-${step}.safetensors`;
    this.#post({ type: "checkpoint", name, step, checkpoint, config, ...(tag !== undefined && { tag }) });
  }
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

type Telemetry = ReturnType<typeof createTelemetry>;

function createTelemetry(post: (event: Event) => void, { now }: Dependencies) {
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
