// A person's own settings and text, put aside while a lesson moves the same screens, and given back after it.
import { createStore, type StoreApi } from "zustand/vanilla";
import type { TransportView } from "../config/transport-view";
import type { App } from "./app";
import type { Draft } from "./draft";
import type { TransportScreenStore } from "./transport";
import type { AppState } from "./state";

/** What a lesson changes. */
interface OwnState {
  readonly draft: Draft;
  readonly view: TransportView;
  readonly shown: Pick<AppState, "layer" | "planStep" | "source">;
}

interface AsideState {
  /** The person's own state, while the screens show something else. */
  readonly own: OwnState | undefined;
  /** A lesson's state was opened outside the lesson: it stays until the person says which to keep. */
  readonly opened: boolean;
}

export interface Aside {
  readonly store: StoreApi<AsideState>;
  /** Before a lesson's state is shown; what was put aside first stays. */
  begin(): void;
  /** The lesson is left, but its state is wanted on the screen. */
  open(): void;
  giveBack(): void;
  /** What is shown now is the person's own. */
  keepShown(): void;
}

const NONE: AsideState = { own: undefined, opened: false };

export function createAside(
  { store: app }: Pick<App, "store">,
  transportScreen: TransportScreenStore,
): Aside {
  const store = createStore<AsideState>(() => NONE);
  return {
    store,
    begin() {
      const { draft, layer, planStep, source } = app.getState();
      const { view } = transportScreen.store.getState();
      const own = store.getState().own ?? { draft, view, shown: { layer, planStep, source } };
      store.setState({ own, opened: false });
    },
    open: () => store.setState(({ own }) => ({ opened: own !== undefined })),
    giveBack() {
      const { own } = store.getState();
      if (!own) return;
      // A run that began in the lesson goes on being shown: its numbers are the newest there are.
      const { source } = app.getState();
      app.setState({ ...own.shown, draft: own.draft, source: source === "live" ? source : own.shown.source });
      transportScreen.change(own.view);
      store.setState(NONE);
    },
    keepShown: () => store.setState(NONE),
  };
}
