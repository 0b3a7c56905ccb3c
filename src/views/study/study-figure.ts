// The study's differences as a picture: a dot with its interval for each comparison, against 0.
import { figure, type FigureColors, label, line, SANS } from "../../figure";
import { excludesZero, points, type StudySummary } from "./summary";

const [WIDTH, LEFT, ROW, TOP] = [640, 24, 46, 44];

/** What cannot be told from 0 is hollow and grey. */
export function studyFigure({ cells, comparisons }: StudySummary, colors: FigureColors): string {
  const titleOf = (id: string) => cells.find((cell) => cell.id === id)?.title ?? id;
  const ends = comparisons.flatMap(({ bootstrap }) => bootstrap);
  // In points, to the next five: 0 is always there, with room on either side of it.
  const low = Math.floor((100 * Math.min(-0.01, ...ends)) / 5) * 5;
  const high = Math.ceil((100 * Math.max(0.01, ...ends)) / 5) * 5;
  const x = (value: number) => LEFT + ((100 * value - low) / (high - low)) * (WIDTH - LEFT - 24);
  const bottom = TOP + ROW * comparisons.length;
  const text = `${SANS} font-size="11" fill="${colors.ink}"`;
  const small = `${SANS} font-size="9.5" fill="${colors.muted}"`;
  const ticks = Array.from({ length: (high - low) / 5 + 1 }, (_, i) => low + i * 5);
  const title = "Paired differences of right answers, in points, with 95 % intervals";
  return figure({ title, width: WIDTH, height: bottom + 32, ground: colors.ground }, [
    label(title, 12, 20, `${SANS} font-size="13" font-weight="600" fill="${colors.ink}"`),
    ...ticks.flatMap((value) => [
      line(
        x(value / 100),
        TOP - 12,
        x(value / 100),
        bottom,
        `stroke="${value === 0 ? colors.muted : colors.rule}"`,
      ),
      label(
        value === 0 ? "0" : points(value / 100).replace(".0", ""),
        x(value / 100),
        bottom + 16,
        `${small} text-anchor="middle"`,
      ),
    ]),
    ...comparisons.flatMap(({ cell, against, mean, bootstrap, seeds }, i) => {
      const y = TOP + ROW * i + 26; // under its name
      const [pair, regime] = cell.split("-");
      const certain = excludesZero(bootstrap);
      const color = certain ? colors.student : colors.muted;
      return [
        label(`${titleOf(cell)} − ${titleOf(against)}`, 12, y - 14, text),
        label(
          `${regime}, ${pair} pair, ${seeds.length} ${seeds.length === 1 ? "seed" : "seeds"}`,
          WIDTH - 12,
          y - 14,
          `${small} text-anchor="end"`,
        ),
        line(x(bootstrap[0]), y, x(bootstrap[1]), y, `stroke="${color}" stroke-width="2"`),
        `<circle cx="${x(mean).toFixed(1)}" cy="${y.toFixed(1)}" r="4" fill="${certain ? color : colors.ground}" stroke="${color}" stroke-width="2"/>`,
      ];
    }),
  ]);
}
