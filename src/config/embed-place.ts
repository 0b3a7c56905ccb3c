// The address of an embedded figure: #/embed/VIEW/WORDS?state. Words are the controls that the reader gets, and how
// the figure starts and looks; if no control is named, all are shown.
//
//   #/embed/sinkhorn/eps+sweeps+click+dark?v=1&epsilon=0.05

/** `plan` is a plan as it ends, `sinkhorn` its sweeps with their readouts, `replay` the recorded run. */
export const EMBED_VIEWS = ["plan", "sinkhorn", "replay"] as const;
export const EMBED_CONTROLS = ["eps", "sweeps", "tabs", "save"] as const;
export const EMBED_STARTS = ["seen", "click"] as const;
export const EMBED_THEMES = ["system", "light", "dark"] as const;

export type EmbedView = (typeof EMBED_VIEWS)[number];
type EmbedControl = (typeof EMBED_CONTROLS)[number];

export interface EmbedPlace {
  readonly view: EmbedView;
  readonly controls: readonly EmbedControl[];
  /** When it begins to compute: as it is scrolled to, or when the reader asks. */
  readonly start: (typeof EMBED_STARTS)[number];
  readonly theme: (typeof EMBED_THEMES)[number];
}

/** What the address asks for, and one line for each word that is none of these. */
export function parseEmbedPlace(view: string, words: string): { place: EmbedPlace; issues: string[] } {
  const all = words.split(/[+, ]|%20/).filter(Boolean);
  const pick = <T extends string>(known: readonly T[]) => known.filter((word) => all.includes(word));
  const controls = pick(EMBED_CONTROLS);
  const known = [...EMBED_CONTROLS, ...EMBED_STARTS, ...EMBED_THEMES] as readonly string[];
  const issues = all
    .filter((word) => !known.includes(word))
    .map((word) => `embed: "${word}" is none of ${known.join(", ")}`);
  const named = EMBED_VIEWS.find((name) => name === view) ?? (view === "transport" ? "sinkhorn" : undefined);
  if (!named) issues.push(`embed: "${view}" is none of ${EMBED_VIEWS.join(", ")}`);
  return {
    place: {
      view: named ?? "sinkhorn",
      controls: controls.length > 0 ? controls : EMBED_CONTROLS,
      start: pick(EMBED_STARTS)[0] ?? "seen",
      theme: pick(EMBED_THEMES)[0] ?? "system",
    },
    issues,
  };
}

/** The hash of a figure; `state` is a link's text. */
export function embedHash({ view, controls, start, theme }: EmbedPlace, state: string): string {
  const words = [
    ...(controls.length === EMBED_CONTROLS.length ? [] : controls),
    ...(start === "seen" ? [] : [start]),
    ...(theme === "system" ? [] : [theme]),
  ];
  return `#/embed/${[view, words.join("+")].filter(Boolean).join("/")}${state ? `?${state}` : ""}`;
}
