// Loading a run and training it: what the buttons that train do when the form and the loaded run differ.
import type { StoreApi } from "zustand/vanilla";
import type { Command, EngineClient, EngineEvent } from "../client";
import type { RunConfig } from "../config/run";
import { editDraft, validateDraft, sameConfig } from "./draft";
import type { Explorer } from "./explore";
import type { RecordedRun } from "./recorded";
import { isUnderWay, nextTraining } from "./selectors";
import type { AfterLoad, AppState, LiveRun } from "./state";

interface Parts {
  readonly store: StoreApi<AppState>;
  readonly engine: EngineClient;
  readonly explorer: Explorer;
}

/** The recorded run is shown for its own settings alone; when checkpoints are written changes no number of it. */
export const standsFor = (recorded: RecordedRun, config: RunConfig): boolean =>
  sameConfig({ ...recorded.config, checkpoints: config.checkpoints }, config);

type Driving = Extract<Command, { type: "play" | "pause" | "step" | "reset" }>;

export function createTrainingActions({ store, engine, explorer }: Parts) {
  const changeRun = (change: Partial<LiveRun>) =>
    store.setState((state) => ({ run: { ...state.run, ...change } }));
  const command = (message: Driving) => {
    changeRun({ awaiting: message.type });
    if (message.type !== "pause") store.setState({ source: "live", problem: undefined, planStep: undefined });
    explorer.refresh();
    engine.send(message);
  };
  const load = (afterLoad?: AfterLoad) => {
    const { draft, recorded, source } = store.getState();
    const { config } = validateDraft(draft);
    if (!config) return;
    changeRun({ config, probe: config.probe.row, awaiting: "load", afterLoad });
    const stands = recorded.kind !== "ready" || standsFor(recorded.run, config);
    store.setState({ problem: undefined, source: stands && !afterLoad ? source : "live" });
    engine.send({ type: "load", config });
  };
  const begin = (how: AfterLoad) => {
    if (how.type === "play" && how.until !== undefined) command({ type: "play", until: how.until });
    else command({ type: how.type });
  };

  return {
    changeRun,
    command,
    load,
    train(how: AfterLoad) {
      const { trains, usable } = nextTraining(store.getState());
      if (!usable) return;
      if (trains === "form") load(how);
      else begin(how);
    },
    hearLoaded(event: EngineEvent) {
      const { afterLoad } = store.getState().run;
      if (!afterLoad) return;
      const status = event.type === "status" ? event.status : undefined;
      const there = status === "ready" || status === "paused";
      if (!there && status !== "failed" && event.type !== "crash" && event.type !== "no-gpu") return;
      changeRun({ afterLoad: undefined });
      if (there) begin(afterLoad);
    },
    use(edits: readonly (readonly [path: string, text: string])[]) {
      const before = store.getState();
      const draft = edits.reduce((edited, [path, text]) => editDraft(edited, path, text), before.draft);
      store.setState({ draft });
      if (before.device.kind === "open" && !isUnderWay(before)) load();
    },
  };
}
