// A lost device is opened again and the run goes on from its last checkpoint, without being asked; but a device
// that is lost again and again is a sign of something else, and then the page stops and says so.
import type { StoreApi } from "zustand/vanilla";
import type { EngineClient, EngineEvent, Failure } from "../client";
import type { AppState } from "./state";

const WINDOW_MS = 120_000;
/** So many losses within the window end it. */
const MOST_LOSSES = 3;

const GIVEN_UP: Failure = {
  code: "device-lost-again",
  what: `The graphics device was lost ${MOST_LOSSES} times in two minutes, so the run was stopped.`,
  why: "The driver resets, the memory does not suffice, or the system takes the device away.",
  remedy:
    "Close other tabs that use the GPU, lower the batch or the maximum length, update the graphics driver; then start again. The run goes on from its last checkpoint.",
};

interface RecoveryParts {
  readonly store: StoreApi<AppState>;
  readonly engine: EngineClient;
  readonly play: () => void;
  /** Said before it is loaded: it is the run that was here. */
  readonly sameRun?: () => void;
  readonly now?: () => number;
}

export function createRecovery({
  store,
  engine,
  play,
  sameRun,
  now = () => performance.now(),
}: RecoveryParts) {
  let losses: number[] = [];
  let playing = false;
  let phase: "calm" | "lost" | "loading" = "calm";

  function recover(): void {
    const at = now();
    losses = [...losses.filter((time) => at - time < WINDOW_MS), at];
    const { config } = store.getState().run;
    if (losses.length >= MOST_LOSSES || !config) {
      phase = "calm";
      if (config) store.setState({ problem: { kind: "failure", failure: GIVEN_UP } });
      return;
    }
    phase = "loading";
    const log = [...store.getState().run.log, `device lost; opening it again (${losses.length})`];
    store.setState(({ run }) => ({ problem: undefined, run: { ...run, log, awaiting: "load" } }));
    sameRun?.();
    engine.send({ type: "load", config });
  }

  /** After the store has taken the event. */
  return (event: EngineEvent): void => {
    if (event.type === "failure") phase = event.failure.code === "device-lost" ? "lost" : "calm";
    if (event.type === "no-gpu") phase = "calm"; // whoever tries again begins anew
    if (event.type !== "status") return;
    if (event.status === "failed" && phase === "lost") return recover();
    if (event.status === "running") playing = true;
    else if (event.status === "loading") return;
    else if (phase === "loading" && (event.status === "paused" || event.status === "ready")) {
      phase = "calm";
      if (playing) play();
    } else if (event.status !== "failed") playing = false;
  };
}
