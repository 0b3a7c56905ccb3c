// What a person can do. Every action is a command to the engine, a change of the state, or both.
import type { StoreApi } from "zustand/vanilla";
import { parseRunConfigText } from "../config/run";
import type { Command, EngineClient } from "../client";
import { draftFor, draftOf, editDraft, judgeDraft, type FieldPath, type PresetId } from "./draft";
import type { Explorer } from "./explore";
import { draftFromLink } from "./run-link";
import { saveTheme } from "./preferences";
import type { AppState, ColorScale, Layer, LiveRun, Source, Theme } from "./state";

export interface Actions {
  play(): void;
  pause(): void;
  step(): void;
  reset(): void;
  /** Load the draft's config, which restarts the run. */
  load(): void;
  /** After a failure: a fresh worker when the old one died, else load again. */
  retry(): void;
  exportStudent(): void;
  exportSaved(): void;
  probe(row: number): void;
  choosePreset(preset: PresetId): void;
  edit(path: FieldPath, text: string): void;
  /** Back to the settings of the run. */
  discardEdits(): void;
  /** @throws ConfigError when the text is not a run config. */
  importConfig(text: string): void;
  /** The settings that a link asks for; what it cannot have is named in `linkIssues`. */
  openLink(query: string): void;
  dismissLinkIssues(): void;
  show(source: Source): void;
  chooseLayer(layer: Layer): void;
  chooseColorScale(scale: ColorScale): void;
  explore(epsilon: number | undefined): void;
  chooseTheme(theme: Theme): void;
  dismissProblem(): void;
}

interface Parts {
  readonly store: StoreApi<AppState>;
  readonly engine: EngineClient;
  readonly explorer: Explorer;
  readonly baseUrl: string;
}

export function createActions({ store, engine, explorer, baseUrl }: Parts): Actions {
  const changeRun = (change: Partial<LiveRun>) =>
    store.setState((state) => ({ run: { ...state.run, ...change } }));
  const command = (type: "play" | "pause" | "step" | "reset") => {
    changeRun({ awaiting: type satisfies Command["type"] });
    if (type !== "pause") store.setState({ source: "live", problem: undefined });
    explorer.refresh();
    engine.send({ type });
  };
  const load = () => {
    const { config } = judgeDraft(store.getState().draft);
    if (!config) return;
    changeRun({ config, probe: config.probe.row, awaiting: "load" });
    store.setState({ problem: undefined });
    engine.send({ type: "load", config });
  };
  return {
    play: () => command("play"),
    pause: () => command("pause"),
    step: () => command("step"),
    reset: () => command("reset"),
    load,
    retry() {
      if (store.getState().problem?.kind !== "crash") return load();
      engine.restart();
      store.setState({ problem: undefined, device: { kind: "opening" } });
      engine.send({ type: "open", baseUrl });
    },
    exportStudent: () => engine.send({ type: "export" }),
    exportSaved: () => store.setState({ exported: undefined }),
    probe(row) {
      changeRun({ probe: row });
      engine.send({ type: "probe", row });
    },
    dismissProblem: () => store.setState({ problem: undefined }),
    ...draftActions(store),
    ...viewActions(store, explorer),
  };
}

type DraftActions = Pick<
  Actions,
  "choosePreset" | "edit" | "discardEdits" | "importConfig" | "openLink" | "dismissLinkIssues"
>;

const draftActions = (store: StoreApi<AppState>): DraftActions => ({
  choosePreset: (preset) => store.setState({ draft: draftOf(preset) }),
  edit: (path, text) => store.setState((state) => ({ draft: editDraft(state.draft, path, text) })),
  discardEdits: () => store.setState(({ run }) => (run.config ? { draft: draftFor(run.config) } : {})),
  importConfig: (text) => store.setState({ draft: draftFor(parseRunConfigText(text)) }),
  openLink(query) {
    const { draft, issues } = draftFromLink(query);
    store.setState({ draft, linkIssues: issues });
  },
  dismissLinkIssues: () => store.setState({ linkIssues: [] }),
});

type ViewActions = Pick<Actions, "show" | "chooseLayer" | "chooseColorScale" | "explore" | "chooseTheme">;

const viewActions = (store: StoreApi<AppState>, explorer: Explorer): ViewActions => ({
  show(source) {
    store.setState({ source });
    explorer.refresh();
  },
  chooseLayer(layer) {
    store.setState({ layer });
    explorer.refresh();
  },
  chooseColorScale: (colorScale) => store.setState({ colorScale }),
  explore: (epsilon) => explorer.set(epsilon),
  chooseTheme(theme) {
    saveTheme(theme);
    store.setState({ theme });
  },
});
