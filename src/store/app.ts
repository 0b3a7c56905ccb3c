// State of the page's runs: events of the engine in, state out; a person's actions in, commands out.
import { messageOf } from "../base/errors";
import { createStore, type StoreApi } from "zustand/vanilla";
import type { EngineClient, EngineEvent, TransportClient } from "../client";
import type { RunConfig } from "../config/run";
import type { StepRecord } from "../telemetry";
import { createActions, type Actions } from "./actions";
import { sameConfig } from "./draft";
import { createExplorer } from "./explore";
import { createHistory, type RunHistory } from "./history";
import type { KeptFolders } from "./kept-files";
import { createKeptRuns } from "./kept-runs";
import { loadHiddenNotes, loadLostGpu, loadTheme } from "./preferences";
import { parseRecordedRun } from "./recorded";
import { isFrequent, reduce } from "./reduce";
import { createRecovery } from "./recovery";
import type { RunLocks } from "./run-locks";
import { standsFor } from "./training";
import { createSession } from "./session";
import { initialState, type AppState } from "./state";
import { createSupervisor } from "./supervisor";

/** Text and readouts change at most this often; charts read the histories directly. */
const COMMIT_MS = 250;

export interface AppParts {
  readonly engine: EngineClient;
  readonly transport: TransportClient;
  /** Where the page's models/, data/ and recorded/ folders live. */
  readonly baseUrl: string;
  readonly fetchJson: (url: string) => Promise<unknown>;
  /** Where runs are kept between visits; without it they are not. */
  readonly files?: KeptFolders;
  /** What keeps two tabs from writing into one kept run. */
  readonly locks?: RunLocks;
}

export interface App {
  readonly store: StoreApi<AppState>;
  readonly live: RunHistory;
  readonly recorded: RunHistory;
  readonly actions: Actions;
  /** Fetch the recorded run and, unless only figures are shown, open the engine. */
  start(options?: { readonly engine: boolean }): void;
  /** The page may be going: keeps the run now; true when steps would be lost with it. */
  leaving(): boolean;
}

export function createApp({ engine, transport, baseUrl, fetchJson, files, locks }: AppParts): App {
  const store = createStore<AppState>(() => ({
    ...initialState,
    theme: loadTheme(),
    hiddenNotes: loadHiddenNotes(),
    hadDevice: loadLostGpu(),
  }));
  const live = createHistory();
  const recorded = createHistory();
  const explorer = createExplorer(store, transport);
  const session = createSession({ store, engine, live, recorded, files, locks });
  // Whoever loads another run: the one that is here is kept first.
  const keepingEngine: EngineClient = {
    ...engine,
    send(command) {
      if (command.type === "load") session.leave();
      engine.send(command);
    },
  };
  const supervisor = createSupervisor({ store, engine, session, baseUrl });
  const actions = createActions({
    ...{ store, engine: keepingEngine, explorer, session, supervisor },
    runs: files && createKeptRuns(files),
  });
  const commit = createCommit(store, explorer.refresh);

  const recover = createRecovery({
    store,
    engine,
    play: () => session.afterwards(actions.play),
    sameRun: session.expectSame,
  });
  const keepNumbers = createRecorder(live, () => store.getState().run.config);

  engine.subscribe((event) => {
    keepNumbers(event);
    commit(event);
    session.onEvent(event);
    recover(event);
    actions.hearLoaded(event);
    // A load that found no device opens one itself, and goes on.
    const settled = store.getState().run.awaiting === "load" || supervisor.busy();
    supervisor.onEvent(event);
    if (event.type === "device" && !settled) actions.load();
  });

  const openRecorded = async () => {
    try {
      const run = parseRecordedRun(await fetchJson(new URL("recorded/first-light.json", baseUrl).href));
      recorded.push(run.steps);
      for (const evaluation of run.evaluations) recorded.pushEvaluation(evaluation);
      const { source, run: live } = store.getState();
      const stands = !live.config || standsFor(run, live.config);
      store.setState({ recorded: { kind: "ready", run }, source: stands ? source : "live" });
    } catch (error) {
      const detail = messageOf(error);
      store.setState({ recorded: { kind: "failed", detail } });
    }
  };

  return {
    store,
    live,
    recorded,
    actions,
    start({ engine: withEngine } = { engine: true }) {
      void openRecorded();
      if (!withEngine) return;
      void session.find();
      engine.send({ type: "open", baseUrl });
    },
    leaving: session.leaving,
  };
}

/** A run that was loaded again at a later step, as after a lost device, keeps its curve up to there. */
function createRecorder(live: RunHistory, configOf: () => RunConfig | undefined) {
  let before: { config: RunConfig | undefined; records: readonly StepRecord[] } | undefined;
  return (event: EngineEvent): void => {
    if (event.type === "steps") live.push(event.records);
    else if (event.type === "evaluation") live.pushEvaluation(event.evaluation);
    else if (event.type !== "status") return;
    else if (event.status === "loading") {
      before = { config: configOf(), records: [...live.records] };
      live.rewind(-1);
    } else {
      const { step } = event;
      if (before && step > 0 && live.length === 0 && sameConfig(before.config, configOf()))
        live.push(before.records.filter((record) => record.step <= step));
      before = undefined;
      live.rewind(step);
    }
  };
}

/** Reduce every event at once, but publish frequent ones together. */
function createCommit(store: StoreApi<AppState>, committed: () => void): (event: EngineEvent) => void {
  let queue: EngineEvent[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let committedAt = Number.NEGATIVE_INFINITY;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    committedAt = performance.now();
    const events = queue;
    queue = [];
    store.setState((state) => events.reduce(reduce, state));
    committed();
  };
  return (event) => {
    queue.push(event);
    const wait = committedAt + COMMIT_MS - performance.now();
    if (!isFrequent(event) || wait <= 0) flush();
    else timer ??= setTimeout(flush, wait);
  };
}
