// A matrix between two token lines as a picture for papers: vector cells, real text, numbers on the legend.

export interface MatrixSvg {
  readonly title: string;
  readonly rows: readonly string[];
  readonly cols: readonly string[];
  readonly rowTitle: string;
  readonly colTitle: string;
  /** CSS colour of a cell, or undefined where nothing is. */
  readonly color: (row: number, col: number) => string | undefined;
  readonly legend: readonly { readonly color: string; readonly text: string }[];
  readonly colors: Readonly<Record<"ground" | "ink" | "rule" | "student" | "teacher", string>>;
}

const CELL = 14;
const FONT = 10;
const CHAR = 6.1;

export function matrixSvg(picture: MatrixSvg): string {
  const { rows, cols, colors, legend } = picture;
  const left = 28 + CHAR * longest(rows);
  const top = 44 + CHAR * longest(cols);
  const width = Math.max(left + cols.length * CELL + 12, 320);
  const height = top + rows.length * CELL + 52;
  const bottom = top + rows.length * CELL;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${round(height)}" width="${round(width)}" height="${round(height)}">`,
    `<title>${escape(picture.title)}</title>`,
    `<rect width="100%" height="100%" fill="${colors.ground}"/>`,
    `<g shape-rendering="crispEdges">${cells(picture, left, top)}</g>`,
    `<rect x="${round(left)}" y="${round(top)}" width="${cols.length * CELL}" height="${rows.length * CELL}" fill="none" stroke="${colors.rule}"/>`,
    `<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="${FONT}">`,
    ...rows.map((token, i) =>
      label(token, left - 4, top + (i + 0.5) * CELL + 3, `text-anchor="end" fill="${colors.student}"`),
    ),
    ...cols.map((token, j) => {
      const x = left + (j + 0.5) * CELL + 3;
      const turn = `transform="rotate(-90 ${round(x)} ${round(top - 4)})"`;
      return label(token, x, top - 4, `${turn} fill="${colors.teacher}"`);
    }),
    `</g><g font-family="system-ui, sans-serif" font-size="11">`,
    label(picture.colTitle, left, 16, `fill="${colors.teacher}" text-decoration="underline"`),
    label(picture.rowTitle, 8, bottom + 16, `fill="${colors.student}"`),
    ...legend.map(({ color, text }, i) => {
      const x = left + i * 58;
      const swatch = `<rect x="${round(x)}" y="${round(bottom + 24)}" width="12" height="12" fill="${color}" stroke="${colors.rule}"/>`;
      return swatch + label(text, x + 15, bottom + 34, `font-size="9" fill="${colors.ink}"`);
    }),
    "</g></svg>",
  ];
  return `${parts.join("\n")}\n`;
}

function cells({ rows, cols, color }: MatrixSvg, left: number, top: number): string {
  let out = "";
  rows.forEach((_, i) =>
    cols.forEach((_, j) => {
      const fill = color(i, j);
      if (fill)
        out += `<path fill="${fill}" d="M${round(left + j * CELL)} ${round(top + i * CELL)}h${CELL}v${CELL}h-${CELL}z"/>`;
    }),
  );
  return out;
}

const label = (text: string, x: number, y: number, attributes: string): string =>
  `<text x="${round(x)}" y="${round(y)}" ${attributes} xml:space="preserve">${escape(text)}</text>`;

const longest = (texts: readonly string[]): number => texts.reduce((n, t) => Math.max(n, [...t].length), 1);
const round = (x: number): number => Math.round(x * 10) / 10;

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escape = (text: string): string => text.replace(/[&<>"]/g, (c) => ENTITIES[c] ?? c);
