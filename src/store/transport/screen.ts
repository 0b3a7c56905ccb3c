// State of the Transport screen: a view (what is asked), and the answers of the text reader and the solver to it.
import { createStore, type StoreApi } from "zustand/vanilla";
import type {
  ReaderClient,
  ReaderEvent,
  ScreenSolution,
  ScreenProblem,
  ScreenSolverClient,
  TokenStates,
  SideText,
} from "../../client";
import type { ReaderRow, TokenLine, TokenPairings } from "../../client";
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
import { NOTHING, type Selection } from "../../figure";
import { tokenMasses } from "./masses";

export const TRANSPORT_LINKS: LinkFormat<TransportView> = {
  presets: TRANSPORT_PRESETS,
  parse: parseTransportView,
};

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
  readonly fit: TokenStates["fit"];
  readonly masses: ScreenProblem["masses"];
  /** Whose marginal may be missed. */
  readonly relaxed: Relaxed;
  readonly solution: ScreenSolution;
}

export interface TransportScreenState {
  readonly view: TransportView;
  readonly rows: readonly ReaderRow[] | undefined;
  /** What the Transport screen is busy with. */
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

export interface TransportScreenStore {
  readonly store: StoreApi<TransportScreenState>;
  /** Start the workers; the first screen that shows the Transport screen calls it. */
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

interface ScreenParts {
  readonly reader: ReaderClient;
  readonly solver: ScreenSolverClient;
  readonly baseUrl: string;
}

export const createTransportScreen = (parts: ScreenParts): TransportScreenStore => new Screen(parts);

/** Lives as long as the page. The workers behind it start with `open`, when the screen is first shown. */
class Screen implements TransportScreenStore {
  readonly store = createStore<TransportScreenState>(() => ({
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
  readonly #parts: ScreenParts;
  #opened = false;
  #modelsReady = false;
  #lastId = 0;
  #asked: { id: number; texts: Texts; features: Features } | undefined;
  #states: { features: Features; states: TokenStates; lines: Lines } | undefined;

  constructor(parts: ScreenParts) {
    this.#parts = parts;
    parts.solver.onReady(() => {
      const by = this.store.getState().solved?.solution.by;
      if (by?.device === "cpu" && by.why === "opening") this.#solve();
    });
    parts.reader.subscribe((event) => this.#onEvent(event));
  }

  open = (): void => {
    if (this.#opened) return;
    this.#opened = true;
    this.#parts.reader.open(this.#parts.baseUrl);
    if (this.store.getState().view.text.from === "own") this.#readAll();
  };

  change = (part: Partial<TransportView>): void => {
    try {
      this.#apply(parseTransportView({ ...this.store.getState().view, ...part }));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.store.setState({ issues: error.issues });
    }
  };

  show = (part: Partial<TransportView["show"]>): void => {
    const { view } = this.store.getState();
    this.store.setState({ view: { ...view, show: { ...view.show, ...part } } });
  };

  choosePreset = (preset: keyof typeof TRANSPORT_PRESETS): void => {
    const chosen = TRANSPORT_PRESETS[preset];
    this.change(Object.fromEntries(SCHEME_FIELDS.map((field) => [field, chosen[field]])));
  };

  select = (selection: Selection, pinned = false): void => {
    const { selection: before, pinned: was } = this.store.getState();
    if (sameSelection(before, selection) && was === pinned) return;
    this.store.setState({ selection, pinned });
  };

  dismissIssues = (): void => this.store.setState({ issues: [] });

  fromLink = (text: string): void => {
    const { value, issues } = decodeLink(TRANSPORT_LINKS, text);
    if (JSON.stringify(value) !== JSON.stringify(this.store.getState().view)) this.#apply(value);
    this.store.setState({ issues });
  };

  toLink = (): string => linkOfView(this.store.getState().view);

  #apply(view: TransportView): void {
    const before = this.store.getState().view;
    this.store.setState({ view, issues: [] });
    const read = (of: TransportView) => JSON.stringify([of.text, of.models, of.features, of.projector]);
    if (JSON.stringify(before.models) !== JSON.stringify(view.models)) this.#modelsReady = false;
    if (read(before) !== read(view)) {
      this.store.setState({ selection: NOTHING, pinned: false });
      this.#readAll();
    } else if (SOLVER_FIELDS.some((field) => before[field] !== view[field])) this.#solve();
  }

  /** Before the models are loaded, bytes alone make a first plan. */
  #readAll(): void {
    this.#read(this.#modelsReady ? this.store.getState().view.features : "bytes");
  }

  #read(features: Features): void {
    const { view, rows } = this.store.getState();
    const texts = textsOf(view, rows);
    if (isBlank(view)) {
      this.#asked = this.#states = undefined;
      this.store.setState({ lines: undefined, solved: undefined, failed: undefined, stage: undefined });
    }
    if (!this.#opened || !texts || isBlank(view)) return;
    const id = ++this.#lastId;
    this.#asked = { id, texts, features };
    const { models, projector } = view;
    this.#parts.reader.read({ id, ...texts, features, models, projector });
  }

  #onEvent(event: ReaderEvent): void {
    switch (event.type) {
      case "rows":
        this.store.setState({ rows: event.rows });
        return this.#readAll();
      case "progress":
        return this.store.setState({ stage: event.stage });
      case "tokens":
        if (event.id !== this.#asked?.id) return;
        return this.store.setState({ lines: linesOf(event, this.#asked.texts) });
      case "states":
        return this.#take(event);
      case "failed":
        return this.store.setState({ failed: event.detail, stage: undefined });
    }
    event satisfies never;
  }

  #take({ id, features, states }: Extract<ReaderEvent, { type: "states" }>): void {
    const { lines, view } = this.store.getState();
    if (id !== this.#asked?.id || !lines) return;
    this.#states = { features, states, lines };
    if (features !== "bytes") this.#modelsReady = true;
    this.store.setState({ stage: undefined, failed: undefined });
    this.#solve();
    if (features !== view.features) this.#read(view.features);
  }

  #solve(): void {
    if (!this.#states) return;
    const { features, lines, states } = this.#states;
    const { fit } = states;
    const { view } = this.store.getState();
    const { cost, scheme, epsilon, relative, maxIterations, tolerance } = view;
    const { gradient, tau, relaxed, solver } = view;
    const masses = {
      student: tokenMasses(lines.student, view.masses),
      teacher: tokenMasses(lines.teacher, view.masses),
    };
    const [n, m] = [lines.student.ids.length, lines.teacher.ids.length];
    this.#parts.solver.solve(
      {
        ...{ n, m, states, masses, cost, scheme, epsilon, relative, maxIterations, tolerance },
        ...{ gradient, tau, relaxed, solver },
      },
      (solution) =>
        this.store.setState({
          solved: { lines, features, fit, masses, relaxed, solution },
          failed: undefined,
        }),
      (failed) => this.store.setState({ failed }),
    );
  }
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
  readonly student: SideText;
  readonly teacher: SideText;
}

function textsOf({ text }: TransportView, rows: readonly ReaderRow[] | undefined): Texts | undefined {
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
