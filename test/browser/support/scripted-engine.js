// @ts-check
// A stand-in for the engine's worker, put into the page before it loads: it speaks the protocol with scripted
// numbers, so that panels can be tested for states that a real run reaches rarely. Test only; never built in. Its events are
// typed by the protocol, so that a change there is an error here.
//
//   window.scriptedEngine = { stepMs, loadMs, failAt, crashAt, loseAt, noGpu, hangOn, hangAt }
//   hangOn: a student at which loading never ends; hangAt: a step that never ends, the first time
/**
 * @import { RunConfig } from "../../../src/config/run"
 * @import { AdapterFacts, Command, Event as Said, NoGpuReason, RunStatus } from "../../../src/worker/protocol"
 * @import { AnswerRecord, PlanRecord, RunFacts, StepProfile, StepRecord } from "../../../src/telemetry/records"
 * @typedef {{ stepMs: number, loadMs: number, failAt?: number, crashAt?: number, loseAt?: number, noGpu?: NoGpuReason,
 *   hangOn?: string, hangAt?: number | undefined }} Script
 */
(() => {
  const RealWorker = globalThis.Worker;
  /** @type {Script} */
  const script = { stepMs: 60, loadMs: 30, ...Reflect.get(globalThis, "scriptedEngine") };
  /** @param {string} text */
  const words = (text) => text.split(" ");
  const STUDENT = words(
    "1 8 ␣- ␣ 5 ␣= ␣ 1 3 . ␣ 1 3 ␣+ ␣ 9 ␣= ␣ 2 2 . ⏎ T he re fo re , ␣the ␣an s w er ␣is : ␣ 2 2",
  );
  const TEACHER = words("18 ␣- ␣5 ␣= ␣13 . ␣13 ␣+ ␣9 ␣= ␣22 . ⏎ Therefore , ␣the ␣answer ␣is : ␣22");
  /** @type {AdapterFacts} */
  const adapter = {
    name: "Scripted adapter",
    software: true,
    features: ["timestamp-query"],
    limits: { maxBufferSize: 2 ** 30, maxStorageBuffersPerShaderStage: 10 },
  };
  const facts = {
    teacher: { hiddenSize: 96, vocabSize: 512 },
    student: { parameters: 200_448, hiddenSize: 64, layers: 3, vocabSize: 256 },
    rows: 4000,
    heldOut: 600,
    dropped: [],
    probes: [
      "Question: Yara has 18 books. Yara loses 5. Yara finds 9. How many books are left?",
      "Question: two",
    ],
    memory: { parameterBytes: 801_792, activationBytes: 12_000_000 },
    logitsGap: 3.1e-6,
  };

  /** @type {(step: number, layer: string) => PlanRecord} */
  const planAt = (step, layer) => {
    const n = STUDENT.length;
    const m = TEACHER.length;
    const width = 0.02 + 0.2 * Math.exp(-step / 40);
    const plan = new Float32Array(n * m);
    const cost = plan.map((_, k) => Math.abs(Math.floor(k / m) / n - (k % m) / m) + 0.05);
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (let j = 0; j < m; j++) sum += plan[i * m + j] = Math.exp(-(cost[i * m + j] ?? 0) / width);
      for (let j = 0; j < m; j++) plan[i * m + j] = (plan[i * m + j] ?? 0) / (sum * n);
    }
    return {
      step,
      layer,
      studentTokens: STUDENT,
      teacherTokens: TEACHER,
      plan,
      cost,
      transportCost: plan.reduce((sum, p, k) => sum + p * (cost[k] ?? 0), 0),
      entropy: -plan.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0),
      epsilon: 0.04,
      iterations: 50,
      marginalError: layer === "hidden" ? 0.012 : 8.2e-5,
      converged: layer !== "hidden",
    };
  };
  /** @type {(step: number, config: RunConfig, ms: number) => StepRecord} */
  const recordAt = (step, config, ms) => {
    /** @param {number} k */
    const wiggle = (k) => 1 + 0.12 * Math.sin(step * k + (config.seed % 10));
    const ot = config.method.id === "cot2align";
    const ce = 1.1 * Math.exp(-step / 60) * wiggle(1.7) + 0.2;
    const terms = ot
      ? { ce, ot_embedding: 0.16 * wiggle(0.9), ot_hidden: 0.24 * Math.exp(-step / 200) * wiggle(2.3) }
      : { ce };
    return {
      step,
      loss: Object.values(terms).reduce((a, b) => a + b),
      terms,
      gradNorm: 2 * Math.exp(-step / 50) * wiggle(3.1) + 0.4,
      learningRate: config.optimizer.learningRate * 0.5 * (1 + Math.cos((Math.PI * step) / config.steps)),
      tokenAccuracy: 0.95 - 0.5 * Math.exp(-step / 70) * wiggle(2.9),
      tokens: 288,
      marginalError: 0.002,
      unconverged: 0,
      ms,
    };
  };
  /**
   * A student that cuts digits one by one.
   * @param {string} text
   */
  const cut = (text) => text.match(/\s?\d|\s?[^\s\d]+|\s/g) ?? [];
  /** @type {(step: number, config: RunConfig) => AnswerRecord} */
  const answersAt = (step, config) => {
    const before = "18 - 5 = 12. 12 + 9 = 19.\nTherefore, the answer is: 19";
    const last = config.method.id === "sft" ? 23 : 21;
    const now = step === 0 ? before : `18 - 5 = 13. 13 + 9 = ${last}.\nTherefore, the answer is: 21`;
    return {
      step,
      prompt: `${facts.probes[0]}\nLet's think step by step.`,
      reference: "18 - 5 = 13. 13 + 9 = 22.\nTherefore, the answer is: 22",
      teacher: "18 - 5 = 13. 13 + 9 = 22.\nTherefore, the answer is: 22",
      ...{ before, now, pieces: { before: cut(before), now: cut(now) } },
    };
  };

  /** @type {(step: number, stepMs: number) => StepProfile} */
  const profileOf = (step, stepMs) => {
    /** @type {(label: string, dispatches: number, ms: number) => StepProfile["kernels"][number]} */
    const kernel = (label, dispatches, ms) => ({
      ...{
        label,
        dispatches,
        ms,
        share: ms / 14.8,
        gflops: label === "adamw" ? undefined : 9.6,
        gbytes: 4.1,
      },
    });
    return {
      ...{ step, how: "timestamps", stepMs, teacherMs: 4.1 },
      stages: [
        { stage: "forward", ms: 3.4 },
        { stage: "transport", ms: 3.1 },
        { stage: "backward", ms: 7.3 },
        { stage: "optimizer", ms: 1 },
      ],
      kernels: [kernel("matmul", 61, 10.2), kernel("sinkhorn_log", 1, 3.6), kernel("adamw", 1, 1)],
    };
  };

  class ScriptedWorker {
    /** @type {((message: { data: Said }) => void) | null} */
    onmessage = null;
    /** @type {((error: { message: string }) => void) | null} */
    onerror = null;
    onmessageerror = null;
    #step = 0;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    #timer = undefined;
    /** @type {RunConfig | undefined} */
    #loaded = undefined;
    #hung = false;
    #loading = false;

    get #config() {
      if (!this.#loaded) throw new Error("The scripted engine was asked for a run before it had loaded one.");
      return this.#loaded;
    }
    terminate() {
      this.onmessage = null;
      clearInterval(this.#timer);
    }
    /** @param {Said} event */
    #post(event) {
      this.onmessage?.({ data: event });
    }
    /** @param {RunStatus} status */
    #status(status) {
      this.#post({ type: "status", status, step: this.#step });
    }
    /** @param {Command} command */
    postMessage(command) {
      setTimeout(() => !this.#hung && this.#handle(command), 1);
    }
    /** @param {Command} command */
    #handle(command) {
      switch (command.type) {
        case "open":
          return this.#post(
            script.noGpu
              ? { type: "no-gpu", reason: script.noGpu, detail: "Scripted." }
              : { type: "device", adapter },
          );
        case "load":
          return this.#load(command.config);
        case "play":
          this.#status("running");
          this.#timer = setInterval(() => this.#steps(), Math.max(4, script.stepMs));
          return;
        case "pause":
          if (this.#loading) return; // as the engine: there is nothing to pause
          clearInterval(this.#timer);
          return this.#status("paused");
        case "step":
          this.#steps(1);
          return this.#status("paused");
        case "reset":
          clearInterval(this.#timer);
          this.#step = 0;
          this.#status("ready");
          return this.#show();
        case "profile":
          return this.#post({ type: "profile", profile: profileOf(this.#step + 2, script.stepMs) });
        case "pace":
          return this.#post({ type: "pace", pace: { warmUp: 1, warmUpMs: 812, ms: [40, 30, 50] } });
        case "checkpoint":
          return this.#post({
            type: "checkpoint",
            name: `scripted-${this.#step}`,
            step: this.#step,
            checkpoint: new TextEncoder().encode(JSON.stringify({ config: this.#config, step: this.#step })),
            config: this.#config,
            ...(command.tag !== undefined && { tag: command.tag }),
          });
        case "restore": {
          const { config, step } = JSON.parse(new TextDecoder().decode(command.checkpoint));
          return this.#load(config, step);
        }
        case "evaluate":
          this.#post({ type: "answers", answers: answersAt(this.#step, this.#config) });
          return this.#evaluate();
        case "probe":
          return this.#show();
      }
    }
    /** @param {RunConfig} config */
    #load(config, step = 0) {
      clearInterval(this.#timer);
      this.#loaded = config;
      this.#step = 0;
      this.#loading = true;
      this.#status("loading");
      this.#post({ type: "progress", stage: "loading teacher", done: 1_400_000, total: 3_200_000 });
      if (config.student === script.hangOn) return;
      setTimeout(() => {
        this.#loading = false;
        this.#post({ type: "facts", facts, config });
        this.#step = step;
        if (step > 0) this.#post({ type: "restored", step });
        this.#status(step >= config.steps ? "finished" : step > 0 ? "paused" : "ready");
        this.#show();
      }, script.loadMs);
    }
    #show() {
      const { method } = this.#config;
      const { id } = method;
      const crossCot = "crossCot" in method && method.crossCot;
      const crossed = crossCot ? ["embedding_plain_cot", "hidden_plain_cot", "hidden_cot_plain"] : [];
      const sites = id === "cot2align" ? ["embedding", "hidden", ...crossed] : [];
      if (sites.length > 0)
        this.#post({ type: "plan", plans: sites.map((site) => planAt(this.#step, site)) });
      this.#post({ type: "answers", answers: answersAt(this.#step, this.#config) });
    }
    #evaluate() {
      const evaluation = { step: this.#step, correct: 22 + this.#step / 10, total: 60 };
      this.#post({ type: "evaluation", evaluation });
    }
    #steps(count = Math.max(1, Math.round(4 / script.stepMs))) {
      for (let i = 0; i < count; i++) {
        if (this.#step >= this.#config.steps) {
          clearInterval(this.#timer);
          return this.#status("finished");
        }
        this.#step++;
        if (this.#step === script.crashAt) {
          clearInterval(this.#timer);
          return this.onerror?.({ message: "Scripted crash." });
        }
        if (this.#step === script.hangAt) {
          script.hangAt = undefined;
          this.#hung = true;
          return clearInterval(this.#timer);
        }
        if (this.#step === script.failAt) return this.#fail();
        if (this.#step === script.loseAt) return this.#lose();
        this.#post({ type: "steps", records: [recordAt(this.#step, this.#config, script.stepMs)] });
        if (this.#step % 5 === 0) this.#show();
        if (this.#step % 40 === 0) this.#evaluate();
      }
    }
    #lose() {
      clearInterval(this.#timer);
      this.#post({
        type: "failure",
        failure: { code: "device-lost", what: "The device was lost.", why: "Scripted.", remedy: "Scripted." },
      });
      this.#status("failed");
    }
    #fail() {
      clearInterval(this.#timer);
      this.#step--;
      this.#post({
        type: "failure",
        failure: {
          code: "not-finite",
          what: `The run stopped at step ${this.#step}: step ${this.#step + 1} was not finite and was not applied.`,
          why: "The loss was NaN. A learning rate that is too high is the usual cause.",
          remedy: "The student of the last good step is kept. Lower the learning rate, and start again.",
        },
      });
      this.#status("failed");
    }
  }

  /** @type {(this: unknown, url: string | URL, options?: WorkerOptions) => unknown} */
  const spawn = function (url, options) {
    return /(transport|reader|library|data)-worker/.test(String(url))
      ? new RealWorker(url, options)
      : new ScriptedWorker();
  };
  Object.assign(globalThis, { Worker: spawn });
})();
