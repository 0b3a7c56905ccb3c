// A matrix between two token lines as a picture for papers: vector cells, real text, numbers on the legend.
import {
  figure,
  label,
  MONO,
  round,
  SANS,
  swatches,
  type FigureColors,
  type LegendStop,
} from "../figure/svg";

export interface MatrixSvg {
  readonly title: string;
  readonly rows: readonly string[];
  readonly cols: readonly string[];
  readonly rowTitle: string;
  readonly colTitle: string;
  /** CSS colour of a cell, or undefined where nothing is. */
  readonly color: (row: number, col: number) => string | undefined;
  readonly legend: readonly LegendStop[];
  readonly colors: FigureColors;
}

const CELL = 14;
const FONT = 10;
const CHAR = 6.1;

export function matrixSvg(picture: MatrixSvg): string {
  const { title, rows, cols, colors, legend } = picture;
  const left = 28 + CHAR * longest(rows);
  const top = 44 + CHAR * longest(cols);
  const width = Math.max(left + cols.length * CELL + 12, left + 5 * 58);
  const bottom = top + rows.length * CELL;
  return figure({ title, width, height: bottom + 52, ground: colors.ground }, [
    `<g shape-rendering="crispEdges">${cells(picture, left, top)}</g>`,
    `<rect x="${round(left)}" y="${round(top)}" width="${cols.length * CELL}" height="${rows.length * CELL}" fill="none" stroke="${colors.rule}"/>`,
    `<g ${MONO} font-size="${FONT}">`,
    ...rows.map((token, i) =>
      label(token, left - 4, top + (i + 0.5) * CELL + 3, `text-anchor="end" fill="${colors.student}"`),
    ),
    ...cols.map((token, j) => {
      const x = left + (j + 0.5) * CELL + 3;
      const turn = `transform="rotate(-90 ${round(x)} ${round(top - 4)})"`;
      return label(token, x, top - 4, `${turn} fill="${colors.teacher}"`);
    }),
    `</g><g ${SANS} font-size="11">`,
    label(picture.colTitle, left, 16, `fill="${colors.teacher}" text-decoration="underline"`),
    label(picture.rowTitle, 8, bottom + 16, `fill="${colors.student}"`),
    "</g>",
    swatches(legend, left, bottom + 24, colors),
  ]);
}

/** One path per colour: a plan of 400 tokens has 160,000 cells, but few colours. Equal neighbours are one box. */
function cells({ rows, cols, color }: MatrixSvg, left: number, top: number): string {
  const paths = new Map<string, string>();
  rows.forEach((_, i) => {
    for (let j = 0; j < cols.length;) {
      const fill = color(i, j);
      let end = j + 1;
      while (end < cols.length && color(i, end) === fill) end++;
      if (fill) {
        const box = `M${round(left + j * CELL)} ${round(top + i * CELL)}h${(end - j) * CELL}v${CELL}h${(j - end) * CELL}z`;
        paths.set(fill, (paths.get(fill) ?? "") + box);
      }
      j = end;
    }
  });
  return [...paths].map(([fill, d]) => `<path fill="${fill}" d="${d}"/>`).join("\n");
}

const longest = (texts: readonly string[]): number => texts.reduce((n, t) => Math.max(n, [...t].length), 1);
