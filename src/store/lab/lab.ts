// The Transport screen's mind: a view (what is asked), and the answers of the lab and the solver to it.
import { createStore, type StoreApi } from "zustand/vanilla";
import type {
  LabClient,
  LabEvent,
  LabSolution,
  LabSolve,
  LabSolverClient,
  LabStates,
  LabText,
} from "../../client";
import type { LabRow, TokenLine, TokenPairings } from "../../client";
import { encodeLink, decodeLink, type LinkFormat } from "../../config/link";
import { ConfigError } from "../../config/run";
import {
  parseTransportView,
  SCHEME_FIELDS,
  TRANSPORT_PRESETS,
  type Features,
  type Relaxed,
  type TransportView,
} from "../../config/transport-view";
import { tokenMasses } from "./masses";

export const TRANSPORT_LINKS: LinkFormat<TransportView> = {
  presets: TRANSPORT_PRESETS,
  parse: parseTransportView,
};

/** The letters of P = exp((f + g − C) / ε). */
export type Term = "P" | "f" | "g" | "C" | "ε";

/** What is pointed at: a token, a pair, and perhaps one term of its formula. */
export interface Selection {
  readonly student: number | undefined;
  readonly teacher: number | undefined;
  readonly term?: Term;
}
export const NOTHING: Selection = { student: undefined, teacher: undefined };

/** Tokens of both sides, and the texts that they cut. */
export interface Lines {
  readonly student: TokenLine;
  readonly teacher: TokenLine;
  readonly sameText: boolean;
  /** How training pairs these tokens. */
  readonly pairings: TokenPairings;
}

export interface Solved {
  readonly lines: Lines;
  /** What the tokens were to the cost: less than asked while the models load. */
  readonly features: Features;
  readonly fit: LabStates["fit"];
  readonly masses: LabSolve["masses"];
  /** Whose marginal may be missed. */
  readonly relaxed: Relaxed;
  readonly solution: LabSolution;
}

export interface LabState {
  readonly view: TransportView;
  readonly rows: readonly LabRow[] | undefined;
  /** What the lab is busy with. */
  readonly stage: string | undefined;
  readonly lines: Lines | undefined;
  readonly solved: Solved | undefined;
  readonly failed: string | undefined;
  /** Why a setting or a link was not taken, one line each. */
  readonly issues: readonly string[];
  readonly selection: Selection;
  /** A selection that stays while the pointer moves on. */
  readonly pinned: boolean;
}

export interface TransportLab {
  readonly store: StoreApi<LabState>;
  /** Start the workers; the first screen that shows the lab calls it. */
  open(): void;
  change(change: Partial<TransportView>): void;
  show(change: Partial<TransportView["show"]>): void;
  choosePreset(preset: keyof typeof TRANSPORT_PRESETS): void;
  select(selection: Selection, pinned?: boolean): void;
  dismissIssues(): void;
  /** Take the state out of a link; what it cannot have is named in `issues`. */
  fromLink(text: string): void;
  toLink(): string;
}

interface LabParts {
  readonly lab: LabClient;
  readonly solver: LabSolverClient;
  readonly baseUrl: string;
}

export function createTransportLab({ lab, solver, baseUrl }: LabParts): TransportLab {
  const store = createStore<LabState>(() => ({
    view: TRANSPORT_PRESETS.intended,
    rows: undefined,
    stage: undefined,
    lines: undefined,
    solved: undefined,
    failed: undefined,
    issues: [],
    selection: NOTHING,
    pinned: false,
  }));
  let opened = false;
  let modelsReady = false;
  let lastId = 0;
  let asked: { id: number; texts: Texts; features: Features } | undefined;
  let states: { features: Features; states: LabStates; lines: Lines } | undefined;

  function read(features: Features): void {
    const { view, rows } = store.getState();
    const texts = textsOf(view, rows);
    if (isBlank(view)) {
      [asked, states] = [undefined, undefined];
      store.setState({ lines: undefined, solved: undefined, failed: undefined, stage: undefined });
    }
    if (!opened || !texts || isBlank(view)) return;
    asked = { id: ++lastId, texts, features };
    const { student, teacher } = texts;
    lab.read({ id: asked.id, student, teacher, features, models: view.models, projector: view.projector });
  }

  /** Before the models are there, bytes alone make a first plan. */
  const readAll = () => read(modelsReady ? store.getState().view.features : "bytes");

  function solve(): void {
    if (!states) return;
    const { view } = store.getState();
    const { features, lines } = states;
    const { fit } = states.states;
    const { cost, scheme, epsilon, relative, maxIterations, tolerance, gradient, tau, relaxed } = view;
    const masses = {
      student: tokenMasses(lines.student, view.masses),
      teacher: tokenMasses(lines.teacher, view.masses),
    };
    solver.solve(
      {
        n: lines.student.ids.length,
        m: lines.teacher.ids.length,
        states: states.states,
        ...{ cost, scheme, epsilon, relative, maxIterations, tolerance, gradient },
        ...{ masses, relaxed, tau, solver: view.solver },
      },
      (solution) =>
        store.setState({ solved: { lines, features, fit, masses, relaxed, solution }, failed: undefined }),
      (failed) => store.setState({ failed }),
    );
  }

  solver.onReady(() => {
    const by = store.getState().solved?.solution.by;
    if (by?.device === "cpu" && by.why === "opening") solve();
  });

  lab.subscribe((event: LabEvent) => {
    switch (event.type) {
      case "rows":
        store.setState({ rows: event.rows });
        return readAll();
      case "progress":
        return store.setState({ stage: event.stage });
      case "tokens":
        if (event.id !== asked?.id) return;
        return store.setState({ lines: linesOf(event, asked.texts) });
      case "states": {
        const { lines, view } = store.getState();
        if (event.id !== asked?.id || !lines) return;
        states = { features: event.features, states: event.states, lines };
        if (event.features !== "bytes") modelsReady = true;
        store.setState({ stage: undefined, failed: undefined });
        solve();
        if (event.features !== view.features) read(view.features);
        return;
      }
      case "failed":
        return store.setState({ failed: event.detail, stage: undefined });
    }
    event satisfies never;
  });

  function apply(view: TransportView): void {
    const before = store.getState().view;
    store.setState({ view, issues: [] });
    const read = (of: TransportView) => JSON.stringify([of.text, of.models, of.features, of.projector]);
    if (JSON.stringify(before.models) !== JSON.stringify(view.models)) modelsReady = false;
    if (read(before) !== read(view)) {
      store.setState({ selection: NOTHING, pinned: false });
      readAll();
    } else if (SOLVER_FIELDS.some((field) => before[field] !== view[field])) solve();
  }
  const change = (part: Partial<TransportView>) => {
    try {
      apply(parseTransportView({ ...store.getState().view, ...part }));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      store.setState({ issues: error.issues });
    }
  };

  return {
    store,
    open() {
      if (opened) return;
      opened = true;
      lab.open(baseUrl);
      if (store.getState().view.text.from === "own") readAll();
    },
    change,
    show: (part) => {
      const { view } = store.getState();
      store.setState({ view: { ...view, show: { ...view.show, ...part } } });
    },
    choosePreset(preset) {
      const chosen = TRANSPORT_PRESETS[preset];
      change(Object.fromEntries(SCHEME_FIELDS.map((field) => [field, chosen[field]])));
    },
    select: (selection, pinned = false) => {
      const { selection: before, pinned: was } = store.getState();
      if (sameSelection(before, selection) && was === pinned) return;
      store.setState({ selection, pinned });
    },
    dismissIssues: () => store.setState({ issues: [] }),
    fromLink(text) {
      const { value, issues } = decodeLink(TRANSPORT_LINKS, text);
      if (JSON.stringify(value) !== JSON.stringify(store.getState().view)) apply(value);
      store.setState({ issues });
    },
    toLink: () => linkOfView(store.getState().view),
  };
}

export const linkOfView = (view: TransportView): string =>
  encodeLink(TRANSPORT_LINKS, presetOf(view) ?? "intended", view);

const SOLVER_FIELDS = [...SCHEME_FIELDS, "gradient", "tau", "solver"] as const;

/** The switch that the solver settings stand at, if they are exactly one of the two. */
export function presetOf(view: TransportView): keyof typeof TRANSPORT_PRESETS | undefined {
  const ids = ["intended", "published"] as const;
  return ids.find((id) => SCHEME_FIELDS.every((field) => view[field] === TRANSPORT_PRESETS[id][field]));
}

/** There is no text to cut. */
export const isBlank = ({ text }: TransportView): boolean => text.from === "own" && text.text.trim() === "";

interface Texts {
  readonly student: LabText;
  readonly teacher: LabText;
}

function textsOf({ text }: TransportView, rows: readonly LabRow[] | undefined): Texts | undefined {
  if (text.from === "own") {
    const own = { prompt: "", response: text.text };
    return { student: own, teacher: own };
  }
  const row = rows?.[text.row];
  return row && { student: row.views[text.student], teacher: row.views[text.teacher] };
}

const linesOf = (
  { student, teacher, pairings }: Pick<Lines, "student" | "teacher" | "pairings">,
  texts: Texts,
): Lines => ({
  ...{ student, teacher, pairings },
  sameText: texts.student.response === texts.teacher.response,
});

const sameSelection = (a: Selection, b: Selection): boolean =>
  a.student === b.student && a.teacher === b.teacher && a.term === b.term;
