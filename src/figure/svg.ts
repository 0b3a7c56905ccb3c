// The little of SVG that the figures need: escaped text, short numbers, a frame that says how large it is.
import type { Palette } from "./palette";

export type FigureColors = Pick<Palette, "ground" | "ink" | "muted" | "rule" | "student" | "teacher">;

/** One decimal: a tenth of a pixel is not seen, and files stay small. */
export const round = (x: number): number => Math.round(x * 10) / 10;

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text for an XML file; control characters, which XML cannot hold at all, become their pictures. */
export const escape = (text: string): string =>
  text
    .replace(/[&<>"]/g, (c) => ENTITIES[c] ?? c)
    // oxlint-disable-next-line no-control-regex -- these are what is looked for
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, (c) =>
      String.fromCharCode(0x2400 + c.charCodeAt(0)),
    );

export const label = (text: string, x: number, y: number, attributes: string): string =>
  `<text x="${round(x)}" y="${round(y)}" ${attributes} xml:space="preserve">${escape(text)}</text>`;

export const line = (x1: number, y1: number, x2: number, y2: number, attributes: string): string =>
  `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" ${attributes}/>`;

export const MONO = `font-family="ui-monospace, Menlo, Consolas, monospace"`;
export const SANS = `font-family="system-ui, sans-serif"`;

export interface FigureFrame {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly ground: string;
}

/** A whole file: as large as it says, on its ground, ending in a newline. */
export function figure({ title, width, height, ground }: FigureFrame, parts: readonly string[]): string {
  const size = `viewBox="0 0 ${round(width)} ${round(height)}" width="${round(width)}" height="${round(height)}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size}>`,
    `<title>${escape(title)}</title>`,
    `<rect width="100%" height="100%" fill="${ground}"/>`,
    ...parts.filter((part) => part !== ""),
    "</svg>\n",
  ].join("\n");
}

export interface LegendStop {
  readonly color: string;
  readonly text: string;
}

/** Swatches with their numbers, side by side from (x, y). */
export const swatches = (stops: readonly LegendStop[], x: number, y: number, colors: FigureColors): string =>
  stops
    .map(({ color, text }, i) => {
      const at = x + i * 58;
      const box = `<rect x="${round(at)}" y="${round(y)}" width="12" height="12" fill="${color}" stroke="${colors.rule}"/>`;
      return box + label(text, at + 15, y + 10, `${SANS} font-size="9" fill="${colors.ink}"`);
    })
    .join("");
