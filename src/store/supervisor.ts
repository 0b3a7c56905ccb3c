// What becomes of a run whose engine dies, hangs, or is told to stop and does not: the worker is ended, a fresh one is
// started, and the run comes back as it was last kept. Ending the worker is the one thing that always works: whatever a
// stranger's tokenizer, template or graph does, it does it there.
import type { StoreApi } from "zustand/vanilla";
import type { EngineClient, EngineEvent, Failure } from "../client";
import { saveLostGpu } from "./preferences";
import type { Session } from "./session";
import type { AppState } from "./state";

const WINDOW_MS = 120_000;
/** So many deaths within the window end it. */
const MOST_DEATHS = 3;
/** A stop that the engine has not answered by then is carried out without it. */
const STOP_MS = 2500;
/** A pause waits for the step at hand; from then on the page offers to end it. */
const PAUSE_MS = 4000;
/** While the engine has something to do, silence of this length, and of four times the longest that ended by itself, is a hang. */
const HANG_S = 60;

/** A browser that keeps a page away from the GPU does so for minutes: tried again by itself, then and then. */
const GPU_AGAIN_MS = [30_000, 60_000, 60_000, 300_000];

export interface Supervisor {
  onEvent(event: EngineEvent): void;
  /** The engine is being started anew, or rests after a stop: nobody else is to load anything. */
  busy(): boolean;
  /**
   * Stop what goes on. Loading is stopped for good, within seconds; a run is paused after its step. `now`: the step at
   * hand is given up, too, and the run goes back to where it was last kept.
   */
  stop(now?: boolean): void;
  /** A fresh worker, and in it the run that was here, as it was kept. */
  restart(): void;
}

type After = "bring back" | "play" | "rest" | undefined;

interface SupervisorParts {
  readonly store: StoreApi<AppState>;
  readonly engine: EngineClient;
  readonly session: Pick<Session, "bringBack" | "afterwards" | "expectSame" | "onEvent">;
  readonly baseUrl: string;
  readonly now?: () => number;
}

const STOPPED: Failure = {
  code: "stopped",
  what: "Loading was stopped.",
  why: "You stopped it. The engine was ended with all that it was reading, and a fresh one is there.",
  remedy: "Start again to load the same settings, or choose other models or rows and apply them.",
};

export const createSupervisor = (parts: SupervisorParts): Supervisor => new EngineSupervisor(parts);

/** Lives as long as the page, over all the workers that it starts one after the other. */
class EngineSupervisor implements Supervisor {
  readonly #store: SupervisorParts["store"];
  readonly #engine: EngineClient;
  readonly #session: SupervisorParts["session"];
  readonly #baseUrl: string;
  readonly #now: () => number;
  #deaths: number[] = [];
  #after: After;
  #playing = false;
  #longestSilence = 0;
  #silence = 0;
  #overdue: ReturnType<typeof setTimeout> | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;
  #tries = 0;

  constructor({ store, engine, session, baseUrl, now = () => performance.now() }: SupervisorParts) {
    this.#store = store;
    this.#engine = engine;
    this.#session = session;
    this.#baseUrl = baseUrl;
    this.#now = now;
    watchUnanswered(store);
  }

  onEvent(event: EngineEvent): void {
    if (event.type === "crash") this.#died(event.detail);
    else if (event.type === "silence") this.#onSilence(event.seconds);
    else if (event.type === "status") this.#onStatus(event.status);
    else if (event.type === "no-gpu") this.#withoutGpu();
    else if (event.type === "device") {
      this.#tries = 0;
      void this.#opened();
    }
  }

  busy(): boolean {
    return this.#after !== undefined;
  }

  stop(immediately = false): void {
    if (immediately) return this.#halt();
    this.#engine.send({ type: "pause" }); // the teacher's writing keeps what it has when it is asked
    clearTimeout(this.#overdue);
    if (this.#loads()) this.#overdue = setTimeout(() => this.#halt(), STOP_MS);
    else if (this.#store.getState().run.status === "running")
      this.#overdue = setTimeout(() => this.#store.setState({ overdue: true }), PAUSE_MS);
  }

  restart(): void {
    this.#fresh("bring back", "the engine was started again");
  }

  #fresh(then: After, line: string): void {
    this.#after = then;
    clearTimeout(this.#overdue);
    clearTimeout(this.#again);
    this.#session.onEvent({ type: "crash", detail: line }); // what it waits for will not come
    const idle = { progress: undefined, awaiting: undefined, afterLoad: undefined };
    this.#store.setState(({ run }) => ({
      ...{ problem: undefined, device: { kind: "opening" }, silence: 0, overdue: false },
      run: { ...run, ...idle, measuring: undefined, status: "failed", log: [...run.log, line] },
    }));
    this.#engine.restart();
    this.#engine.send({ type: "open", baseUrl: this.#baseUrl });
  }

  #died(detail: string): void {
    const at = this.#now();
    this.#deaths = [...this.#deaths.filter((time) => at - time < WINDOW_MS), at];
    // Nothing to bring back, or in vain: the state says so, see reduce's onCrash.
    if (this.#deaths.length >= MOST_DEATHS || this.#store.getState().run.config === undefined) {
      this.#after = undefined;
      return;
    }
    this.#fresh(
      this.#playing ? "play" : "bring back",
      `the engine stopped (${detail}); started again (${this.#deaths.length})`,
    );
  }

  /** The fresh engine has its device. */
  async #opened(): Promise<void> {
    const then = this.#after;
    if (then === undefined || then === "rest") return;
    this.#after = undefined;
    const { config, awaiting } = this.#store.getState().run;
    if (awaiting === "load") return; // somebody else was faster
    if (!(await this.#session.bringBack()) && config) {
      this.#session.expectSame();
      this.#store.setState(({ run }) => ({ run: { ...run, awaiting: "load" } }));
      this.#engine.send({ type: "load", config });
      if (then === "play") this.#playWhenReady();
      return;
    }
    if (then === "play") this.#session.afterwards(() => this.#engine.send({ type: "play" }));
  }

  /** Nothing was kept yet: the run begins again, and goes on by itself as it did. */
  #playWhenReady(): void {
    const leave = this.#store.subscribe(({ run }) => {
      if (run.awaiting === "load" || run.status === "loading") return;
      leave();
      if (run.status === "ready") this.#engine.send({ type: "play" });
    });
  }

  #onStatus(status: AppState["run"]["status"]): void {
    if (status !== "running" && status !== "loading") {
      clearTimeout(this.#overdue);
      if (this.#store.getState().overdue) this.#store.setState({ overdue: false });
    }
    if (status === "running") this.#playing = true;
    else if (status !== "loading" && status !== "failed") this.#playing = false;
    if (status === "loading") this.#after = undefined;
  }

  /** There was a GPU, and it may come back: whoever left a run overnight finds it going. */
  #withoutGpu(): void {
    if (!this.#store.getState().hadDevice) return;
    saveLostGpu();
    clearTimeout(this.#again);
    const wait = GPU_AGAIN_MS[Math.min(this.#tries++, GPU_AGAIN_MS.length - 1)];
    this.#again = setTimeout(
      () => this.#fresh(this.#playing ? "play" : "bring back", "no GPU yet: the engine was started again"),
      wait,
    );
  }

  #onSilence(seconds: number): void {
    if (seconds === 0) this.#longestSilence = Math.max(this.#longestSilence, this.#silence);
    this.#silence = seconds;
    this.#store.setState({ silence: seconds });
    const state = this.#store.getState();
    const most = Math.max(HANG_S, 4 * this.#longestSilence);
    if ((state.run.status === "running" || waits(state)) && seconds >= most)
      this.#died(`no answer for ${seconds} seconds`);
  }

  #loads(): boolean {
    const { status, awaiting } = this.#store.getState().run;
    return status === "loading" || awaiting === "load" || awaiting === "restore";
  }

  #halt(): void {
    this.#playing = false;
    if (!this.#loads()) return this.#fresh("bring back", "what the engine was at was ended");
    this.#fresh("rest", "loading was stopped");
    this.#store.setState(({ run }) => ({
      run: { ...run, step: 0 },
      problem: { kind: "failure", failure: STOPPED },
    }));
  }
}

/** Something was asked of the engine and is not done yet; loading and a run under way have a stop of their own. */
const waits = ({ run, benchmarking }: AppState): boolean =>
  (run.awaiting !== undefined && !["load", "restore", "pause"].includes(run.awaiting)) ||
  run.measuring !== undefined ||
  benchmarking;

/** A play that is not followed by a step, a profile that does not come: after a while the page offers to end it. */
function watchUnanswered(store: StoreApi<AppState>): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  store.subscribe((state, before) => {
    if (waits(state) === waits(before)) return;
    clearTimeout(timer);
    if (waits(state)) timer = setTimeout(() => store.setState({ overdue: true }), PAUSE_MS);
    else if (state.overdue && state.run.status !== "running") store.setState({ overdue: false });
  });
}
