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
  hear(event: EngineEvent): void;
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
  readonly session: Pick<Session, "bringBack" | "afterwards" | "expectSame" | "hear">;
  readonly baseUrl: string;
  readonly now?: () => number;
}

const STOPPED: Failure = {
  code: "stopped",
  what: "Loading was stopped.",
  why: "You stopped it. The engine was ended with all that it was reading, and a fresh one is there.",
  remedy: "Start again to load the same settings, or choose other models or rows and apply them.",
};

export function createSupervisor(parts: SupervisorParts): Supervisor {
  const { store, engine, session, baseUrl, now = () => performance.now() } = parts;
  let deaths: number[] = [];
  let after: After;
  let playing = false;
  let longestSilence = 0;
  let silence = 0;
  let overdue: ReturnType<typeof setTimeout> | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  let tries = 0;

  watchUnanswered(store);

  function fresh(then: After, line: string): void {
    after = then;
    clearTimeout(overdue);
    clearTimeout(again);
    session.hear({ type: "crash", detail: line }); // what it waits for will not come
    const idle = { progress: undefined, awaiting: undefined, afterLoad: undefined };
    store.setState(({ run }) => ({
      ...{ problem: undefined, device: { kind: "opening" }, silence: 0, overdue: false },
      run: { ...run, ...idle, measuring: undefined, status: "failed", log: [...run.log, line] },
    }));
    engine.restart();
    engine.send({ type: "open", baseUrl });
  }

  function died(detail: string): void {
    const at = now();
    deaths = [...deaths.filter((time) => at - time < WINDOW_MS), at];
    // Nothing to bring back, or in vain: the state says so, see reduce's onCrash.
    if (deaths.length >= MOST_DEATHS || store.getState().run.config === undefined) {
      after = undefined;
      return;
    }
    fresh(
      playing ? "play" : "bring back",
      `the engine stopped (${detail}); started again (${deaths.length})`,
    );
  }

  /** The fresh engine has its device. */
  async function opened(): Promise<void> {
    const then = after;
    if (then === undefined || then === "rest") return;
    after = undefined;
    const { config, awaiting } = store.getState().run;
    if (awaiting === "load") return; // somebody else was faster
    if (!(await session.bringBack()) && config) {
      session.expectSame();
      store.setState(({ run }) => ({ run: { ...run, awaiting: "load" } }));
      engine.send({ type: "load", config });
      if (then === "play") playWhenReady();
      return;
    }
    if (then === "play") session.afterwards(() => engine.send({ type: "play" }));
  }

  /** Nothing was kept yet: the run begins again, and goes on by itself as it did. */
  function playWhenReady(): void {
    const leave = store.subscribe(({ run }) => {
      if (run.awaiting === "load" || run.status === "loading") return;
      leave();
      if (run.status === "ready") engine.send({ type: "play" });
    });
  }

  function onStatus(status: AppState["run"]["status"]): void {
    if (status !== "running" && status !== "loading") {
      clearTimeout(overdue);
      if (store.getState().overdue) store.setState({ overdue: false });
    }
    if (status === "running") playing = true;
    else if (status !== "loading" && status !== "failed") playing = false;
    if (status === "loading") after = undefined;
  }

  /** There was a GPU, and it may come back: whoever left a run overnight finds it going. */
  function withoutGpu(): void {
    if (!store.getState().hadDevice) return;
    saveLostGpu();
    clearTimeout(again);
    const wait = GPU_AGAIN_MS[Math.min(tries++, GPU_AGAIN_MS.length - 1)];
    again = setTimeout(
      () => fresh(playing ? "play" : "bring back", "no GPU yet: the engine was started again"),
      wait,
    );
  }

  function onSilence(seconds: number): void {
    if (seconds === 0) longestSilence = Math.max(longestSilence, silence);
    silence = seconds;
    store.setState({ silence: seconds });
    const state = store.getState();
    const most = Math.max(HANG_S, 4 * longestSilence);
    if ((state.run.status === "running" || waits(state)) && seconds >= most)
      died(`no answer for ${seconds} seconds`);
  }

  const loads = () => {
    const { status, awaiting } = store.getState().run;
    return status === "loading" || awaiting === "load" || awaiting === "restore";
  };

  function halt(): void {
    playing = false;
    if (!loads()) return fresh("bring back", "what the engine was at was ended");
    fresh("rest", "loading was stopped");
    store.setState(({ run }) => ({
      run: { ...run, step: 0 },
      problem: { kind: "failure", failure: STOPPED },
    }));
  }

  return {
    hear(event) {
      if (event.type === "crash") died(event.detail);
      else if (event.type === "silence") onSilence(event.seconds);
      else if (event.type === "status") onStatus(event.status);
      else if (event.type === "no-gpu") withoutGpu();
      else if (event.type === "device") {
        tries = 0;
        void opened();
      }
    },
    busy: () => after !== undefined,
    stop(immediately = false) {
      if (immediately) return halt();
      engine.send({ type: "pause" }); // the teacher's writing keeps what it has when it is asked
      clearTimeout(overdue);
      if (loads()) overdue = setTimeout(halt, STOP_MS);
      else if (store.getState().run.status === "running")
        overdue = setTimeout(() => store.setState({ overdue: true }), PAUSE_MS);
    },
    restart: () => fresh("bring back", "the engine was started again"),
  };
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
