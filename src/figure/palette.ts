// The colours of the two themes, for canvases; styles/tokens.css holds the same values for the page, and a
// test compares the two. Every role of a model or a term has its own mark besides its colour.

export type Scheme = "light" | "dark";

export interface Palette {
  readonly ground: string;
  readonly raised: string;
  readonly ink: string;
  readonly muted: string;
  readonly rule: string;
  readonly control: string;
  readonly bad: string;
  readonly changed: string;
  readonly teacher: string;
  readonly student: string;
  readonly ce: string;
  readonly kd: string;
  readonly "ot-embedding": string;
  readonly "ot-hidden": string;
}

export const PALETTES: Readonly<Record<Scheme, Palette>> = {
  light: {
    ground: "#ffffff",
    raised: "#f3f4f6",
    ink: "#16191d",
    muted: "#555c65",
    rule: "#d9dde2",
    control: "#7f8791",
    bad: "#b3261e",
    changed: "#fff0b3",
    teacher: "#0072b2",
    student: "#b84a00",
    ce: "#00795a",
    kd: "#5f6b7a",
    "ot-embedding": "#a8437b",
    "ot-hidden": "#8f6200",
  },
  dark: {
    ground: "#14161a",
    raised: "#1e2126",
    ink: "#e8eaed",
    muted: "#a3abb5",
    rule: "#31363d",
    control: "#78818c",
    bad: "#ff8a80",
    changed: "#4d4215",
    teacher: "#7cc7f2",
    student: "#ff8a3d",
    ce: "#2fc79a",
    kd: "#a9b4c2",
    "ot-embedding": "#e59ac3",
    "ot-hidden": "#f0b429",
  },
};

/** WCAG 2 contrast ratio of two `#rrggbb` colours. */
export function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05);
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) =>
    linear(Number.parseInt(hex.slice(at, at + 2), 16) / 255),
  );
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const linear = (c: number): number => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
