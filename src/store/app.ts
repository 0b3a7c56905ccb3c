// The page's mind: events of the engine in, state out; a person's actions in, commands out.
import { createStore, type StoreApi } from "zustand/vanilla";
import type { EngineClient, EngineEvent, TransportClient } from "../client";
import { createActions, type Actions } from "./actions";
import { createExplorer } from "./explore";
import { createHistory, type RunHistory } from "./history";
import { loadTheme } from "./preferences";
import { parseRecordedRun } from "./recorded";
import { isFrequent, reduce } from "./reduce";
import { initialState, type AppState } from "./state";

/** Text and readouts change at most this often; charts read the histories directly. */
const COMMIT_MS = 250;

export interface AppParts {
  readonly engine: EngineClient;
  readonly transport: TransportClient;
  /** Where the page's models/, data/ and recorded/ folders live. */
  readonly baseUrl: string;
  readonly fetchJson: (url: string) => Promise<unknown>;
}

export interface App {
  readonly store: StoreApi<AppState>;
  readonly live: RunHistory;
  readonly recorded: RunHistory;
  readonly actions: Actions;
  /** Open the engine and fetch the recorded run. */
  start(): void;
}

export function createApp({ engine, transport, baseUrl, fetchJson }: AppParts): App {
  const store = createStore<AppState>(() => ({ ...initialState, theme: loadTheme() }));
  const live = createHistory();
  const recorded = createHistory();
  const explorer = createExplorer(store, transport);
  const actions = createActions({ store, engine, explorer, baseUrl });
  const commit = createCommit(store, explorer.refresh);

  engine.subscribe((event) => {
    record(live, event);
    commit(event);
    if (event.type === "device") actions.load();
  });

  const openRecorded = async () => {
    try {
      const run = parseRecordedRun(await fetchJson(new URL("recorded/first-light.json", baseUrl).href));
      recorded.push(run.steps);
      for (const evaluation of run.evaluations) recorded.pushEvaluation(evaluation);
      store.setState({ recorded: { kind: "ready", run } });
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      store.setState({ recorded: { kind: "failed", detail } });
    }
  };

  return {
    store,
    live,
    recorded,
    actions,
    start() {
      void openRecorded();
      engine.send({ type: "open", baseUrl });
    },
  };
}

function record(live: RunHistory, event: EngineEvent): void {
  if (event.type === "steps") live.push(event.records);
  else if (event.type === "evaluation") live.pushEvaluation(event.evaluation);
  else if (event.type === "status") live.rewind(event.status === "loading" ? -1 : event.step);
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
