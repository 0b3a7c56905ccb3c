// What a person can do from anywhere, by name: the palette lists these, and the keys sheet those that have keys.
import type { Actions, AppState, Theme, Undo } from "../../store";
import { canPlay, nextTraining, pendingChanges } from "../../store";
import { messages } from "../messages";
import { keysOf, ROUTES, type Route } from "../routes";
import { changesText } from "../run/training-text";
import { say } from "./toast";

export interface CommandItem {
  readonly name: string;
  readonly keys?: string;
  readonly run: () => void;
  readonly usable: boolean;
}

interface Dependencies {
  readonly state: AppState;
  readonly actions: Actions;
  readonly route: Route;
  readonly go: (route: Route) => void;
  readonly copyLink: () => void;
  readonly openKeys: () => void;
  readonly undo: Undo;
}

const THEMES: readonly Theme[] = ["system", "light", "dark"];

export function commandsOf({
  state,
  actions,
  route,
  go,
  copyLink,
  openKeys,
  undo,
}: Dependencies): CommandItem[] {
  const running = state.run.status === "running";
  const next = nextTraining(state);
  const trains = next.usable && !running;
  const what = changesText(pendingChanges(state));
  const play =
    next.trains === "loaded"
      ? messages.run.play
      : next.restarts
        ? messages.run.restartWith(what)
        : messages.run.startWith(what);
  const ready = canPlay(state) && state.run.awaiting === undefined;
  const screens = ROUTES.map((target, i) => ({
    name: messages.palette.goTo(messages.nav.routes[target]),
    keys: keysOf(i),
    run: () => go(target),
    usable: target !== route,
  }));
  return [
    ...screens,
    { name: play, keys: "k", run: () => actions.train({ type: "play" }), usable: trains && !next.restarts },
    // A restart ends a run that is under way: by name, never by a letter.
    { name: play, run: () => actions.train({ type: "play" }), usable: trains && next.restarts },
    { name: messages.run.pause, keys: "k", run: actions.pause, usable: running },
    {
      name: messages.run.step,
      keys: "j",
      run: () => actions.train({ type: "step" }),
      usable: trains && !next.restarts,
    },
    { name: messages.run.reset, run: actions.reset, usable: state.run.step > 0 && !running },
    { name: messages.profiler.ask, run: actions.profile, usable: (ready || running) && !state.run.measuring },
    ...THEMES.map((theme) => ({
      name: messages.palette.theme(messages.theme[theme]),
      run: () => actions.chooseTheme(theme),
      usable: state.theme !== theme,
    })),
    {
      name: messages.palette.undo,
      keys: "Ctrl Z",
      run: () => undo.undo() && say(messages.palette.undone),
      usable: undo.canUndo,
    },
    {
      name: messages.palette.redo,
      keys: "Ctrl Shift Z",
      run: () => undo.redo() && say(messages.palette.redone),
      usable: undo.canRedo,
    },
    { name: messages.palette.copyLink, run: copyLink, usable: true },
    { name: messages.keys.help, keys: "?", run: openKeys, usable: true },
  ];
}

/** Every letter of the query occurs in order; earlier and closer matches come first. */
export function matchCommands<T extends { readonly name: string }>(
  commands: readonly T[],
  query: string,
): T[] {
  const wanted = query.toLowerCase().replaceAll(" ", "");
  return commands
    .map((command) => ({ command, score: score(command.name.toLowerCase(), wanted) }))
    .filter(({ score: s }) => s < Infinity)
    .sort((a, b) => a.score - b.score)
    .map(({ command }) => command);
}

function score(name: string, wanted: string): number {
  let at = -1;
  let total = 0;
  for (const letter of wanted) {
    const next = name.indexOf(letter, at + 1);
    if (next < 0) return Infinity;
    total += next - at - 1;
    at = next;
  }
  return total;
}
