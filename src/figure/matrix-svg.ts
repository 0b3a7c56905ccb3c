// A matrix between two token lines as a picture for papers: vector cells, real text, numbers on the legend.
import { figure, label, MONO, round, SANS, swatches, type FigureColors, type LegendStop } from "./svg";
import { shadeColor, type Shade } from "./color";
import { sizeOf, type Plan, type Side } from "./plan";
import { longest } from "./text";

export interface MatrixSvg {
  readonly title: string;
  readonly plan: Plan;
  /** What is drawn: the plan's masses, or another matrix of its size. */
  readonly values: Float32Array;
  readonly shade: Shade;
  readonly titles: Readonly<Record<Side, string>>;
  readonly legend: readonly LegendStop[];
  readonly colors: FigureColors;
}

const CELL = 14;
const FONT = 10;
const CHAR = 6.1;

export function matrixSvg(picture: MatrixSvg): string {
  const { title, plan, titles, colors, legend } = picture;
  const [rows, cols] = [plan.student.texts, plan.teacher.texts];
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
    label(titles.teacher, left, 16, `fill="${colors.teacher}" text-decoration="underline"`),
    label(titles.student, 8, bottom + 16, `fill="${colors.student}"`),
    "</g>",
    swatches(legend, left, bottom + 24, colors),
  ]);
}

/** One path per colour: a plan of 400 tokens has 160,000 cells, but few colours. Equal neighbours are one box. */
function cells({ plan, values, shade }: MatrixSvg, left: number, top: number): string {
  const [n, m] = sizeOf(plan);
  const color = (i: number, j: number) => shadeColor(shade, shade.at(values[i * m + j] ?? 0));
  const paths = new Map<string, string>();
  for (let i = 0; i < n; i++)
    for (let j = 0; j < m;) {
      const fill = color(i, j);
      let end = j + 1;
      while (end < m && color(i, end) === fill) end++;
      if (fill) {
        const box = `M${round(left + j * CELL)} ${round(top + i * CELL)}h${(end - j) * CELL}v${CELL}h${(j - end) * CELL}z`;
        paths.set(fill, (paths.get(fill) ?? "") + box);
      }
      j = end;
    }
  return [...paths].map(([fill, d]) => `<path fill="${fill}" d="${d}"/>`).join("\n");
}
