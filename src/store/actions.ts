// What a person can do. Every action is a command to the engine, a change of the state, or both.
import type { StoreApi } from "zustand/vanilla";
import type { RunConfig } from "../config/run";
import type { EngineClient, EngineEvent } from "../client";
import { draftFor, draftOf, editDraft, validateDraft, type PresetId, sameConfig } from "./draft";
import type { Explorer } from "./explore";
import type { KeptRuns } from "./kept-runs";
import { configOfFile } from "./run-files";
import { keepFolder } from "./run-folder";
import { draftFromLink } from "./run-link";
import type { KeptActions, Session } from "./session";
import { createTrainingActions } from "./training";
import type { Supervisor } from "./supervisor";
import { saveHiddenNotes, saveTheme } from "./preferences";
import type { ColorScale } from "../figure";
import type { AfterLoad, AppState, Layer, Source, Theme } from "./state";

export interface Actions {
  play(): void;
  /** After the step at hand; `stop(true)` does not wait for it. While loading, what can be kept of it is. */
  pause(): void;
  /** Pause, or stop loading. `now`: end the engine at once, and bring the run back as it was last kept. */
  stop(now?: boolean): void;
  step(): void;
  /** As the form says: play or step the loaded run, or load the form's settings first where they differ. */
  train(how: AfterLoad): void;
  /** The engine has loaded a run, or will not: do what was to be done then. */
  hearLoaded(event: EngineEvent): void;
  /** Settings from another screen; they are loaded at once unless that would end a run that is under way. */
  use(edits: readonly (readonly [path: string, text: string])[]): void;
  /** The same settings from another seed, which restarts the run. */
  newSeed(): void;
  reset(): void;
  /** Load the draft's config, which restarts the run. */
  load(): void;
  /** After a failure: a fresh worker when the old one died or there is no device, else load again. */
  retry(): void;
  /** Score the held-out rows now. */
  evaluate(): void;
  exportStudent(): void;
  /** Keep the numbers and plans of a run's folder from elsewhere. @throws Error in one line when it is none. */
  openRunFolder(name: string, files: ReadonlyMap<string, string>): Promise<void>;
  /** A run as a folder for PyTorch on many GPUs, to the downloads. */
  takeToCluster(config: RunConfig): void;
  exportSaved(): void;
  /** The run as it stands, to the downloads. */
  saveCheckpoint(): void;
  openCheckpoint(bytes: Uint8Array): void;
  /** Go on with a kept run: the one that is offered unless another is named. */
  readonly resume: Session["resume"];
  /** Offer it no more; it stays in the list. */
  forgetSession(): void;
  /** Kept runs, one by one. */
  readonly kept: KeptActions & Pick<Session, "keepAsOwn" | "afterwards">;
  probe(row: number): void;
  choosePreset(preset: PresetId): void;
  edit(path: string, text: string): void;
  /** Back to the settings of the run. */
  discardEdits(): void;
  /**
   * The settings of a run config, or of a run's manifest.
   *
   * @throws ConfigError when the text is neither.
   */
  importConfig(text: string): Promise<void>;
  /** The settings that a link asks for; what it cannot have is named in `linkIssues`. */
  openLink(query: string): void;
  dismissLinkIssues(): void;
  show(source: Source): void;
  chooseLayer(layer: Layer): void;
  /** Show the plan of an earlier step, or the newest again. */
  choosePlanStep(step: number | undefined): void;
  chooseColorScale(scale: ColorScale): void;
  explore(epsilon: number | undefined): void;
  chooseTheme(theme: Theme): void;
  dismissProblem(): void;
  dismissKeepIssue(): void;
  /** Put a note about the adapter away, on later visits too. */
  hideNote(id: string): void;
  /** What the form's settings would take, before anything is loaded for them. */
  planMemory(): void;
  /** Where the next step's time goes, and how long steps take: the answers come into the state. */
  profile(): void;
  measurePace(): void;
  /** Time the adapter; the answer comes into the state. */
  benchmark(): void;
}

interface Parts {
  readonly store: StoreApi<AppState>;
  readonly engine: EngineClient;
  readonly explorer: Explorer;
  readonly session: Session;
  readonly supervisor: Supervisor;
  /** Where runs are kept; without it they are not. */
  readonly runs: KeptRuns | undefined;
}

export function createActions({ store, engine, explorer, session, supervisor, runs }: Parts): Actions {
  const { changeRun, command, load, ...training } = createTrainingActions({ store, engine, explorer });
  return {
    play: () => command({ type: "play" }),
    pause() {
      if (store.getState().run.status === "running") changeRun({ awaiting: "pause" });
      supervisor.stop();
    },
    stop: (now) => supervisor.stop(now),
    step: () => command({ type: "step" }),
    reset: () => command({ type: "reset" }),
    newSeed() {
      const seed = String(Math.floor(Math.random() * 10_000));
      store.setState((state) => ({ draft: editDraft(state.draft, "seed", seed) }));
      load();
    },
    ...training,
    load: () => load(),
    retry() {
      const { problem, device, draft, run } = store.getState();
      if (problem?.kind === "crash" || device.kind !== "open") return supervisor.restart();
      const lost = problem?.kind === "failure" && /^device-lost/.test(problem.failure.code);
      if (lost && sameConfig(validateDraft(draft).config, run.config)) session.expectSame();
      load();
    },
    evaluate: () => engine.send({ type: "evaluate" }),
    exportStudent: () => engine.send({ type: "export" }),
    async openRunFolder(name, files) {
      if (!runs)
        throw new Error("This browser keeps nothing here: private windows may not, and full disks do not.");
      await keepFolder(runs, name, files);
      await session.refresh();
    },
    takeToCluster: (config) => engine.send({ type: "cluster", config }),
    saveCheckpoint: session.saveCheckpoint,
    openCheckpoint: session.openCheckpoint,
    resume: session.resume,
    forgetSession: () => store.setState({ lastSession: undefined }),
    kept: session,
    exportSaved: () => store.setState({ exported: undefined }),
    probe(row) {
      changeRun({ probe: row, pastPlans: {} });
      store.setState({ planStep: undefined });
      engine.send({ type: "probe", row });
    },
    planMemory() {
      const { config } = validateDraft(store.getState().draft);
      if (config) engine.send({ type: "memory-plan", config });
    },
    profile() {
      changeRun({ measuring: "profile" });
      engine.send({ type: "profile" });
    },
    measurePace() {
      changeRun({ measuring: "pace" });
      engine.send({ type: "pace" });
    },
    benchmark() {
      store.setState({ benchmarking: true });
      engine.send({ type: "benchmark" });
    },
    dismissProblem: () => store.setState({ problem: undefined }),
    dismissKeepIssue: () => store.setState({ keepIssue: undefined }),
    hideNote: (id) => {
      const hiddenNotes = [...new Set([...store.getState().hiddenNotes, id])];
      saveHiddenNotes(hiddenNotes);
      store.setState({ hiddenNotes });
    },
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
  importConfig: async (text) => store.setState({ draft: draftFor(await configOfFile(text)) }),
  openLink(query) {
    const { draft, issues } = draftFromLink(query);
    store.setState({ draft, linkIssues: issues });
  },
  dismissLinkIssues: () => store.setState({ linkIssues: [] }),
});

type ViewActions = Pick<
  Actions,
  "show" | "choosePlanStep" | "chooseLayer" | "chooseColorScale" | "explore" | "chooseTheme"
>;

const viewActions = (store: StoreApi<AppState>, explorer: Explorer): ViewActions => ({
  show(source) {
    store.setState({ source, planStep: undefined });
    explorer.refresh();
  },
  choosePlanStep(planStep) {
    store.setState({ planStep });
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
