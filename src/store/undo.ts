// The way back through what a person changed: the settings of a run, and the text and settings of Transport.
import type { TransportView } from "../config/transport-view";
import type { App } from "./app";
import type { Aside } from "./aside";
import type { Draft } from "./draft";
import type { TransportScreenStore } from "./transport";

interface Snapshot {
  readonly draft: Draft;
  readonly view: TransportView;
}

export interface Undo {
  /** Whether there was something to take back. */
  undo(): boolean;
  redo(): boolean;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
}

/** Changes that follow each other faster are one: a word being typed, a slider being dragged. */
const TOGETHER_MS = 800;
const MOST = 200;

interface UndoParts {
  readonly app: Pick<App, "store">;
  readonly transportScreen: TransportScreenStore;
  readonly aside: Aside;
  readonly now?: () => number;
}

export function createUndo({ app, transportScreen, aside, now = () => performance.now() }: UndoParts): Undo {
  const take = (): Snapshot => ({
    draft: app.store.getState().draft,
    view: transportScreen.store.getState().view,
  });
  let past: Snapshot[] = [];
  let future: Snapshot[] = [];
  let current = take();
  let changedAt = Number.NEGATIVE_INFINITY;
  let busy = false;

  const changed = () => {
    if (busy) return;
    const { own, opened } = aside.store.getState();
    if (own && !opened) return; // a lesson's steps are no changes of the person's
    const next = take();
    if (next.draft === current.draft && next.view === current.view) return;
    if (now() - changedAt > TOGETHER_MS) past = [...past, current].slice(-MOST);
    changedAt = now();
    current = next;
    future = [];
  };
  app.store.subscribe((state, before) => state.draft !== before.draft && changed());
  transportScreen.store.subscribe((state, before) => state.view !== before.view && changed());

  const go = (to: Snapshot | undefined): boolean => {
    if (!to) return false;
    busy = true;
    app.store.setState({ draft: to.draft });
    transportScreen.change(to.view);
    busy = false;
    current = take();
    changedAt = Number.NEGATIVE_INFINITY;
    return true;
  };
  return {
    undo() {
      const to = past.at(-1);
      if (!to) return false;
      future = [...future, current];
      past = past.slice(0, -1);
      return go(to);
    },
    redo() {
      const to = future.at(-1);
      if (!to) return false;
      past = [...past, current];
      future = future.slice(0, -1);
      return go(to);
    },
    get canUndo() {
      return past.length > 0;
    },
    get canRedo() {
      return future.length > 0;
    },
  };
}
